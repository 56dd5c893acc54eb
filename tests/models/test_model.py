"""A loaded model gives the same bits for a picture whatever stands beside it, and heals its VAE."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from redraw.errors import ModelError, NonFinite
from redraw.models import model as model_module
from redraw.models.loader import load_model
from redraw.models.model import Extras, Model


def _noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("batch", [2, 4])
def test_neighbours_in_a_batch_change_no_bit(tiny_checkpoint: Path, dtype: torch.dtype, batch: int) -> None:
    model = load_model(tiny_checkpoint, dtype=dtype)
    x, context = _noise(batch, 4, 6, 5), _noise(batch, 77, 16, seed=1)
    t = torch.linspace(0, 999, batch)
    together = model.predict(x, t, context)
    pictures = model.decode(x)
    latents = model.encode(pictures.clamp(-1, 1))
    for i in range(batch):
        one = slice(i, i + 1)
        assert torch.equal(together[one], model.predict(x[one], t[one], context[one]))
        assert torch.equal(pictures[one], model.decode(x[one]))
        assert torch.equal(latents[one], model.encode(pictures[one].clamp(-1, 1)))
    assert together.dtype == pictures.dtype == latents.dtype == torch.float32


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 8), (13, 9), (1, 1), (3, 17)])
def test_every_latent_size_works(tiny: Model, height: int, width: int) -> None:
    x = _noise(1, 4, height, width)
    assert tiny.predict(x, torch.tensor(10.5), _noise(1, 154, 16)).shape == x.shape
    assert tiny.decode(x).shape == (1, 3, 8 * height, 8 * width)


def test_one_time_and_one_context_serve_the_whole_batch(tiny: Model) -> None:
    x, context = _noise(3, 4, 4, 4), _noise(1, 77, 16)
    a = tiny.predict(x, torch.tensor(300.0), context)
    b = tiny.predict(x, torch.tensor([300.0] * 3), context.repeat(3, 1, 1))
    assert torch.equal(a, b)


def test_encoding_gives_the_scaled_mean_without_noise(tiny: Model) -> None:
    image = _noise(1, 3, 16, 16).clamp(-1, 1)
    moments = tiny.vae.quant_conv(tiny.vae.encoder(image))
    assert torch.equal(tiny.encode(image), moments[:, :4] * 0.18215)
    assert torch.equal(tiny.encode(image), tiny.encode(image))


def test_a_latent_with_the_wrong_channels_is_refused(tiny: Model) -> None:
    with pytest.raises(ModelError, match="takes 4 latent channels; 9 were given"):
        tiny.predict(_noise(1, 4, 4, 4), torch.tensor(1.0), _noise(1, 77, 16), Extras(concat=_noise(1, 5, 4, 4)))


def test_tiling_wraps_every_convolution_and_is_put_back(tiny: Model) -> None:
    x, context = _noise(1, 4, 8, 8), _noise(1, 77, 16)
    plain = tiny.predict(x, torch.tensor(500.0), context)
    with tiny.tiling(False):
        assert torch.equal(tiny.predict(x, torch.tensor(500.0), context), plain)
    with tiny.tiling():
        wrapped = tiny.decode(x)
        moved = tiny.decode(x.roll(4, dims=3))
        assert not torch.equal(tiny.predict(x, torch.tensor(500.0), context), plain)
    assert torch.allclose(wrapped.roll(32, dims=3), moved, atol=1e-4)
    assert torch.equal(tiny.predict(x, torch.tensor(500.0), context), plain)
    with pytest.raises(RuntimeError), tiny.tiling():
        raise RuntimeError
    modes = {m.padding_mode for net in (tiny.unet, tiny.vae) for m in net.modules() if isinstance(m, nn.Conv2d)}
    assert modes == {"zeros"}


class _Overflowing(nn.Module):
    """Gives NaN in half precision, like some VAEs."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * math.nan if x.dtype is torch.float16 else x


@pytest.mark.parametrize("direction", ["encode", "decode"])
def test_a_vae_that_overflows_goes_on_in_fp32_and_says_so(tiny_checkpoint: Path, direction: str) -> None:
    good, bad = load_model(tiny_checkpoint), load_model(tiny_checkpoint, vae_dtype=torch.float16)
    bad.vae.decoder.conv_act = nn.Sequential(bad.vae.decoder.conv_act, _Overflowing())
    bad.vae.encoder.conv_act = nn.Sequential(bad.vae.encoder.conv_act, _Overflowing())
    x = _noise(2, 3, 16, 16) if direction == "encode" else _noise(2, 4, 2, 2)
    healed = getattr(bad, direction)(x)
    assert torch.allclose(healed, getattr(good, direction)(x), atol=1e-3)
    assert bad.notes == ["the VAE gave NaN or infinity in float16; it went on in float32"]
    assert bad.vae_dtype is torch.float32


def test_numbers_that_stay_wrong_are_an_error(tiny: Model) -> None:
    nan = torch.full((1, 4, 2, 2), math.nan)
    with pytest.raises(NonFinite, match="VAE gave NaN or infinity while decoding"):
        tiny.decode(nan)
    with pytest.raises(NonFinite, match="UNet gave NaN or infinity in float32"):
        tiny.predict(nan, torch.tensor(1.0), _noise(1, 77, 16))


def test_clip_skip_leaves_layers_out_and_keeps_the_norm(tiny: Model) -> None:
    tokens = torch.randint(0, 49408, (2, 77), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        states = tiny.text_encoder(tokens, output_hidden_states=True)
        for skip in (1, 2, 12):
            expected = tiny.text_encoder.final_layer_norm(states.hidden_states[-skip])
            assert torch.allclose(tiny.text_states(tokens, skip), expected, atol=1e-5)
    with pytest.raises(ModelError, match="has 12 layers"):
        tiny.text_states(tokens, 13)
    with pytest.raises(ModelError, match="clip skip 0"):
        tiny.text_states(tokens, 0)


def test_moving_and_casting_changes_the_networks_in_place(tiny_checkpoint: Path) -> None:
    model = load_model(tiny_checkpoint)
    assert model.to(dtype=torch.bfloat16) is model
    assert model.dtype is torch.bfloat16
    assert {p.dtype for p in model.vae.parameters()} == {torch.bfloat16}
    model.to(dtype=torch.float32)
    assert {p.dtype for p in model.unet.parameters()} == {torch.float32}


@pytest.mark.parametrize("direction", ["encode", "decode"])
def test_pictures_larger_than_a_tile_are_tiled_and_give_the_same(
    tiny_checkpoint: Path, direction: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tiled = load_model(tiny_checkpoint), []
    real = getattr(model_module, f"{direction}_tiled")
    monkeypatch.setattr(model_module, f"{direction}_tiled", lambda *args: tiled.append(args[2]) or real(*args))
    x = _noise(2, 3, 16, 40) if direction == "encode" else _noise(2, 4, 2, 5)
    whole = getattr(model, direction)(x)
    model.vae_tile = 40
    assert torch.equal(getattr(model, direction)(x), whole)
    assert tiled == []
    model.vae_tile = 16
    assert torch.allclose(getattr(model, direction)(x), whole, atol=1e-4)
    assert tiled == [16, 16]


@pytest.mark.parametrize("part", ["vae", "unet"])
def test_raising_the_precision_is_done_once_noted_and_taken_back(tiny_checkpoint: Path, part: str) -> None:
    model = load_model(tiny_checkpoint, dtype=torch.bfloat16)
    network = getattr(model, part)
    assert model.raise_precision(part, "was black")
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    assert (model.vae_dtype if part == "vae" else model.dtype) is torch.float32
    assert model.notes == [f"the {'VAE' if part == 'vae' else 'UNet'} was black in bfloat16; it went on in float32"]
    assert not model.raise_precision(part)
    assert len(model.notes) == 1
    x = _noise(1, 4, 2, 2)
    assert torch.isfinite(model.decode(model.predict(x, torch.tensor(5.0), _noise(1, 77, 16)))).all()
    model.vae_tile = 64
    model.restore()
    assert model.vae_tile is None
    assert (model.dtype, model.vae_dtype) == (torch.bfloat16, torch.bfloat16)
    assert {p.dtype for net in (model.unet, model.vae) for p in net.parameters()} == {torch.bfloat16}


def test_restoring_keeps_what_was_chosen_with_to(tiny_checkpoint: Path) -> None:
    model = load_model(tiny_checkpoint, dtype=torch.bfloat16, vae_dtype=torch.float32)
    model.to(dtype=torch.bfloat16, vae_dtype=torch.float16)
    assert model.raise_precision("vae")
    model.restore()
    assert (model.dtype, model.vae_dtype) == (torch.bfloat16, torch.float16)


class _Storage:
    """Plays a second memory: a network moved to `meta` has no weights until it is moved back."""

    def __init__(self) -> None:
        self.stored: dict[int, dict[str, torch.Tensor]] = {}
        self.moves: list[tuple[str, str]] = []

    def place(self, network: nn.Module, device: torch.device) -> None:
        if next(network.parameters()).device == device:
            return
        self.moves.append((type(network).__name__, device.type))
        if device.type == "meta":
            self.stored[id(network)] = {k: v.clone() for k, v in _tensors(network).items()}
            nn.Module.to(network, device)
            return
        nn.Module.to_empty(network, device=device)
        for name, tensor in _tensors(network).items():
            tensor.copy_(self.stored[id(network)][name])


def _tensors(network: nn.Module) -> dict[str, torch.Tensor]:
    return {**dict(network.named_parameters()), **dict(network.named_buffers())}


def test_offloading_keeps_only_the_network_at_work_on_the_device(
    tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, model, storage = load_model(tiny_checkpoint), load_model(tiny_checkpoint), _Storage()
    monkeypatch.setattr(model_module, "_place", storage.place)
    monkeypatch.setattr(model, "_rest", torch.device("meta"))

    def there() -> set[str]:
        parts = ("unet", "vae", "text_encoder")
        return {part for part in parts if next(getattr(model, part).parameters()).device.type == "cpu"}

    x, t, tokens = _noise(1, 4, 2, 2), torch.tensor(5.0), torch.zeros(1, 77, dtype=torch.long)
    assert model.offload(True)
    assert not model.offload(True)
    assert there() == set()
    assert torch.equal(model.decode(x), plain.decode(x))
    assert there() == {"vae"}
    storage.moves.clear()
    for _ in range(3):
        assert torch.equal(model.predict(x, t, _noise(1, 77, 16)), plain.predict(x, t, _noise(1, 77, 16)))
    assert there() == {"unet"}
    assert storage.moves == [("AutoencoderKL", "meta"), ("UNet2DConditionModel", "cpu")]
    assert torch.equal(model.text_states(tokens), plain.text_states(tokens))
    assert there() == {"text_encoder"}
    model.encode(_noise(1, 3, 16, 16))
    model.restore()
    assert there() == {"unet", "vae", "text_encoder"}
    assert torch.equal(model.decode(x), plain.decode(x))


def test_a_model_that_saves_memory_still_does_after_a_run(
    tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, storage = load_model(tiny_checkpoint), _Storage()
    monkeypatch.setattr(model_module, "_place", storage.place)
    monkeypatch.setattr(model, "_rest", torch.device("meta"))
    model.save_memory("medvram")
    storage.moves.clear()
    model.restore()
    assert storage.moves == []
    model.save_memory("auto")
    assert {to for _, to in storage.moves} == {"cpu"}


def test_lowvram_takes_prompts_one_by_one_on_a_gpu_only(tiny_checkpoint: Path) -> None:
    model = load_model(tiny_checkpoint)
    model.save_memory("lowvram")
    assert model.prompts_together
    model.device = torch.device("cuda")
    assert not model.prompts_together


def test_on_a_cpu_offloading_moves_nothing(tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, moves = load_model(tiny_checkpoint), []
    monkeypatch.setattr(nn.Module, "to", lambda self, *args, **kwargs: moves.append(args))
    assert not model.offload(True)
    model.decode(_noise(1, 4, 2, 2))
    assert not model.offload(False)
    assert moves == []
