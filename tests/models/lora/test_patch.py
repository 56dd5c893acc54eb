"""Patches: worn and taken off without a trace, nested, in every number format, several at once."""

from __future__ import annotations

import gc
import time
from pathlib import Path

import pytest
import torch
from tests.models.lora.conftest import (
    CONV,
    LINEAR,
    SQUARE,
    TEXT,
    Write,
    assert_untouched,
    changed,
    delta,
    every_parameter,
    kohya,
    weight_of,
)

from redraw.errors import ModelError
from redraw.models.loader import load_model
from redraw.models.lora import LoraFile, Use, prepare
from redraw.models.lora.wardrobe import Wardrobe
from redraw.models.model import Model

TE = "lora_te_text_model_" + TEXT.replace(".", "_")


def pair(g: torch.Generator, key: str, out: int, into: int, rank: int = 2) -> dict[str, torch.Tensor]:
    """A LoRA of one linear layer."""
    up, down = torch.randn(out, rank, generator=g), torch.randn(rank, into, generator=g)
    return {f"{key}.lora_up.weight": up, f"{key}.lora_down.weight": down, f"{key}.alpha": torch.tensor(1.0)}


@pytest.fixture
def first(write: Write, g: torch.Generator) -> LoraFile:
    """A LoRA of UNet and text encoder."""
    return write(pair(g, kohya(LINEAR), 32, 16) | pair(g, kohya(SQUARE), 32, 32) | pair(g, TE, 32, 16), name="first")


@pytest.fixture
def second(write: Write, g: torch.Generator) -> LoraFile:
    """A LoRA that shares one layer with the first."""
    up, down = torch.randn(32, 1, 1, 1, generator=g), torch.randn(1, 32, 3, 3, generator=g)
    conv = {f"{kohya(CONV)}.lora_up.weight": up, f"{kohya(CONV)}.lora_down.weight": down}
    return write(pair(g, kohya(LINEAR), 32, 16) | conv, name="second")


@pytest.fixture
def turning(write: Write, g: torch.Generator) -> LoraFile:
    """A network whose change depends on the weight it meets."""
    return write({f"{kohya(LINEAR)}.oft_blocks": torch.randn(4, 8, 8, generator=g)}, name="turning")


def test_wearing_leaves_every_parameter_the_very_same_storage(model: Model, first: LoraFile) -> None:
    before = every_parameter(model)
    parameters = {id(p) for p in model.unet.parameters()}
    patch = prepare(model, [Use(first, 0.8)])
    assert_untouched(model, before)
    for _ in range(3):
        with patch.worn():
            assert sum(a[0] != b[0] for a, b in zip(every_parameter(model).values(), before.values(), strict=True)) == 3
        assert_untouched(model, before)
    assert {id(p) for p in model.unet.parameters()} == parameters


def test_an_error_inside_takes_the_patch_off_too(model: Model, first: LoraFile) -> None:
    before = every_parameter(model)
    with pytest.raises(KeyError), prepare(model, [Use(first)]).worn():
        raise KeyError
    assert_untouched(model, before)


def test_text_and_unet_have_their_own_strength(model: Model, first: LoraFile) -> None:
    patch = prepare(model, [Use(first, text=0.25, unet=0.0)])
    layer = model.text_encoders[0].body.get_submodule(TEXT)
    before = layer.weight.detach().clone()
    tensors = {k: first.parts(x, torch.device("cpu")) for x in first.layers if (k := x.module) == TE}[TE]
    with patch.worn():
        assert torch.allclose(layer.weight - before, 0.25 * tensors["up"] @ tensors["down"] / 2, atol=1e-6)
    assert changed(model, patch, LINEAR).abs().max() == 0
    assert len(patch) == 1


def test_a_strength_of_zero_changes_nothing_but_is_reported(model: Model, first: LoraFile) -> None:
    patch = prepare(model, [Use(first, 0, 0)])
    assert not patch
    assert patch.text_key == ()
    assert patch.report[0].applied == 9


def test_several_networks_add_up(model: Model, first: LoraFile, second: LoraFile) -> None:
    both = prepare(model, [Use(first, 1, 0.5), Use(second, 1, -2)])
    for module in (LINEAR, SQUARE, CONV):
        alone = changed(model, prepare(model, [Use(first, 1, 0.5)]), module)
        alone = alone + changed(model, prepare(model, [Use(second, 1, -2)]), module)
        assert torch.allclose(changed(model, both, module), alone, atol=1e-5)


def test_the_order_of_adding_networks_does_not_matter_for_a_single_bit(
    model: Model, first: LoraFile, second: LoraFile, write: Write, g: torch.Generator
) -> None:
    third = write({f"{kohya(LINEAR)}.diff": torch.randn(32, 16, generator=g)}, name="third")
    uses = [Use(first, 0.3, 0.3), Use(second, 0.7, 0.7), Use(third, 1.1, 1.1)]
    reference = changed(model, prepare(model, uses), LINEAR)
    for order in ((2, 1, 0), (1, 0, 2), (2, 0, 1)):
        assert torch.equal(changed(model, prepare(model, [uses[i] for i in order]), LINEAR), reference)


def test_the_same_network_twice_counts_twice(model: Model, first: LoraFile) -> None:
    twice = prepare(model, [Use(first, 0.4, 0.4), Use(first, 0.4, 0.4)])
    assert torch.allclose(changed(model, twice, LINEAR), delta(model, first, LINEAR, 0.8), atol=1e-6)


def test_a_network_that_turns_weights_meets_what_stood_before_it(
    model: Model, first: LoraFile, turning: LoraFile
) -> None:
    # as in A1111: networks are applied one after another
    w = weight_of(model, LINEAR)
    add = delta(model, first, LINEAR)
    turned = changed(model, prepare(model, [Use(turning)]), LINEAR) + w
    after = changed(model, prepare(model, [Use(turning), Use(first)]), LINEAR) + w
    assert torch.allclose(after, turned + add, atol=1e-5)
    before = changed(model, prepare(model, [Use(first), Use(turning)]), LINEAR) + w
    assert not torch.allclose(before, after, atol=1e-2)
    assert torch.allclose(torch.linalg.matrix_norm(before), torch.linalg.matrix_norm(w + add), rtol=1e-5)


def test_inside_another_patch_only_the_inner_one_counts(model: Model, first: LoraFile, second: LoraFile) -> None:
    outer, inner, none = (prepare(model, uses) for uses in ([Use(first)], [Use(second)], []))
    w = {m: weight_of(model, m) for m in (LINEAR, SQUARE, CONV)}
    alone = {p: {m: changed(model, p, m) for m in w} for p in (outer, inner)}
    with outer.worn():
        with inner.worn():
            assert all(torch.equal(weight_of(model, m) - w[m], alone[inner][m]) for m in w)
            with none.worn():
                assert all(torch.equal(weight_of(model, m), w[m]) for m in w)
            assert all(torch.equal(weight_of(model, m) - w[m], alone[inner][m]) for m in w)
        assert all(torch.equal(weight_of(model, m) - w[m], alone[outer][m]) for m in w)


def test_patches_are_made_from_the_models_own_weights_whatever_is_worn(
    model: Model, first: LoraFile, second: LoraFile
) -> None:
    expected = delta(model, second, LINEAR, 0.9)
    Wardrobe.of(model).forget()
    with prepare(model, [Use(first)]).worn():
        patch = prepare(model, [Use(second, 0.9, 0.9)])
    assert torch.equal(changed(model, patch, LINEAR), expected)


def test_the_same_wish_again_gives_the_same_patch(model: Model, first: LoraFile) -> None:
    patch = prepare(model, [Use(first, 0.6)])
    assert prepare(model, [Use(first, 0.6)]) is patch
    assert prepare(model, [Use(first, 0.7)]) is not patch


def test_kept_patches_go_when_memory_is_short(
    model: Model, first: LoraFile, second: LoraFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("redraw.models.lora.wardrobe.available", lambda device: 0)
    old = prepare(model, [Use(first)])
    assert prepare(model, [Use(first)]) is old
    prepare(model, [Use(second)])
    assert prepare(model, [Use(first)]) is not old


def test_memory_is_used_again_only_when_nothing_looks_at_it(model: Model, first: LoraFile) -> None:
    wardrobe = Wardrobe.of(model)
    wardrobe.forget()
    gc.collect()
    wardrobe.blocks.drop()
    with prepare(model, [Use(first, 0.11, 0.11)]).worn():
        looked_at = model.unet.get_submodule(SQUARE).weight.detach()
    values = looked_at.clone()
    wardrobe.forget()
    gc.collect()
    assert wardrobe.blocks.bytes == 0
    prepare(model, [Use(first, 0.12, 0.12)])
    assert torch.equal(looked_at, values)
    del looked_at
    wardrobe.forget()
    gc.collect()
    assert wardrobe.blocks.bytes > 0
    assert prepare(model, [Use(first, 0.13, 0.13)])
    assert wardrobe.blocks.bytes == 0


def test_a_changed_file_is_read_anew(model: Model, write: Write, g: torch.Generator) -> None:
    before = delta(model, write(pair(g, kohya(LINEAR), 32, 16)), LINEAR)
    after = delta(model, write(pair(g, kohya(LINEAR), 32, 16, rank=3)), LINEAR)
    assert not torch.equal(before, after)


def test_switching_between_patches_moves_pointers_only(model: Model, first: LoraFile, second: LoraFile) -> None:
    patches = [prepare(model, uses) for uses in ([Use(first)], [Use(second)], [])]
    addresses = []
    begun = time.perf_counter()
    for turn in range(300):
        with patches[turn % 3].worn():
            addresses.append(model.unet.get_submodule(LINEAR).weight.data_ptr())
    assert len(set(addresses)) == 3
    assert time.perf_counter() - begun < 2


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_rounded_once_from_fp32(
    tiny_checkpoint: Path, first: LoraFile, second: LoraFile, dtype: torch.dtype
) -> None:
    exact, model = load_model(tiny_checkpoint), load_model(tiny_checkpoint, dtype=dtype)
    exact.unet.load_state_dict({k: v.float() for k, v in model.unet.state_dict().items()})
    uses = [Use(first, 0.3, 0.3), Use(second, 0.7, 0.7)]
    before = every_parameter(model)
    with prepare(exact, uses).worn(), prepare(model, uses).worn():
        for module in (LINEAR, SQUARE, CONV):
            assert torch.equal(weight_of(model, module), weight_of(exact, module).to(dtype))
    assert_untouched(model, before)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_network_converted_inside_keeps_its_own_values(
    tiny_checkpoint: Path, first: LoraFile, second: LoraFile, dtype: torch.dtype
) -> None:
    model = load_model(tiny_checkpoint, dtype=dtype)
    before = every_parameter(model)
    patch, other = prepare(model, [Use(first)]), prepare(model, [Use(second)])
    with patch.worn():
        inside = weight_of(model, SQUARE)
        assert model.raise_precision("unet")
        assert all(p.dtype is torch.float32 for p in model.unet.parameters())
        assert torch.equal(weight_of(model, SQUARE), inside.float())
        with other.worn():
            assert all(p.dtype is torch.float32 for p in model.unet.parameters())
    assert all(p.dtype is torch.float32 for p in model.unet.parameters())
    assert all(torch.equal(v, before[k][1].to(v.dtype)) for k, (_, v) in every_parameter(model).items())
    model.restore()
    assert all(p.dtype is dtype for p in model.unet.parameters())
    assert all(torch.equal(v, before[k][1]) for k, (_, v) in every_parameter(model).items())
    with patch.worn():
        assert weight_of(model, SQUARE).dtype is dtype
        assert torch.equal(weight_of(model, SQUARE), inside)


def test_weights_stored_in_eight_bits_get_their_changes_in_full(tiny_checkpoint: Path, first: LoraFile) -> None:
    model = load_model(tiny_checkpoint, dtype=torch.bfloat16)
    model.store_fp8(True)
    before = every_parameter(model)
    patch = prepare(model, [Use(first, 0.01, 0.01)])
    assert weight_of(model, SQUARE).dtype is torch.float8_e4m3fn
    with patch.worn():
        assert weight_of(model, SQUARE).dtype is torch.bfloat16
        model.predict(torch.zeros(1, 4, 8, 8), torch.tensor(5.0), torch.zeros(1, 77, 16))
    assert changed(model, patch, SQUARE).abs().max() > 0
    assert_untouched(model, before)
    with patch.worn():
        assert model.raise_precision("unet")
        assert weight_of(model, SQUARE).dtype is torch.float32
        model.predict(torch.zeros(1, 4, 8, 8), torch.tensor(5.0), torch.zeros(1, 77, 16))
    assert weight_of(model, SQUARE).dtype is torch.float8_e4m3fn
    model.predict(torch.zeros(1, 4, 8, 8), torch.tensor(5.0), torch.zeros(1, 77, 16))


def test_a_patch_follows_a_network_that_was_moved_before(tiny_checkpoint: Path, first: LoraFile) -> None:
    model = load_model(tiny_checkpoint, dtype=torch.bfloat16)
    patch = prepare(model, [Use(first)])
    model.to(dtype=torch.float32)
    with patch.worn():
        assert weight_of(model, LINEAR).dtype is torch.float32
    assert prepare(model, [Use(first)]) is not patch


def test_preparing_works_in_inference_mode(model: Model, first: LoraFile) -> None:
    expected = delta(model, first, LINEAR, 0.35)
    Wardrobe.of(model).forget()
    with torch.inference_mode():
        patch = prepare(model, [Use(first, 0.35, 0.35)])
        with patch.worn():
            model.predict(torch.zeros(1, 4, 8, 8), torch.tensor(5.0), torch.zeros(1, 77, 16))
    assert torch.equal(changed(model, patch, LINEAR), expected)


def test_the_text_key_tells_which_networks_text_encoders_wear(model: Model, first: LoraFile, second: LoraFile) -> None:
    plain = prepare(model, [])
    assert plain.text_key == prepare(model, [Use(second)]).text_key == ()
    keys = {prepare(model, [Use(first, t)]).text_key for t in (0.5, 1.0)}
    assert len(keys) == 2
    assert () not in keys


def test_broken_numbers_are_said_with_their_key(model: Model, write: Write, g: torch.Generator) -> None:
    tensors = pair(g, kohya(LINEAR), 32, 16)
    tensors[f"{kohya(LINEAR)}.lora_down.weight"][1, 2] = float("nan")
    before = every_parameter(model)
    with pytest.raises(ModelError, match=rf"{kohya(LINEAR)}\.lora_down\.weight has NaN or infinity"):
        prepare(model, [Use(write(tensors))])
    assert_untouched(model, before)


@pytest.mark.parametrize("channels", [8, 9])
def test_a_first_layer_for_pictures_gets_zeros_for_more_channels(
    tiny_checkpoint: Path, write: Write, g: torch.Generator, channels: int
) -> None:
    model = load_model(tiny_checkpoint)
    model.unet.conv_in = torch.nn.Conv2d(channels, 32, 3, padding=1)
    up, down = torch.randn(32, 2, 1, 1, generator=g), torch.randn(2, 4, 3, 3, generator=g)
    a, b = torch.randn(32, 1, generator=g), torch.randn(1, 36, generator=g)
    k = kohya("conv_in")
    plain = (up.flatten(1) @ down.flatten(1)).reshape(32, 4, 3, 3)
    hada = dict(zip(("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"), (a, b, a, b), strict=True))
    files = (
        (write({f"{k}.lora_up.weight": up, f"{k}.lora_down.weight": down}, name="lora"), plain),
        (write({f"{k}.diff": plain}, name="full"), plain),
        (write({f"{k}.{n}": t for n, t in hada.items()}, name="loha"), ((a @ b) ** 2).reshape(32, 4, 3, 3)),
    )
    for file, expected in files:
        got = delta(model, file, "conv_in")
        assert torch.allclose(got[:, :4], expected, atol=1e-5)
        assert got.shape == (32, channels, 3, 3)
        assert got[:, 4:].abs().max() == 0
