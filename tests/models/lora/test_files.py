"""Opening network files: names, hashes, kinds, families, bundled embeddings; broken and dangerous ones."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.models.lora.conftest import CONV, LINEAR, SQUARE, Write, assert_untouched, every_parameter, kohya

from redraw.errors import ModelError, UnsafeFile
from redraw.models.lora import Use, open_lora, prepare
from redraw.models.lora.names import Names
from redraw.models.model import Model

PAIR = {f"{kohya(LINEAR)}.lora_up.weight": torch.ones(32, 1), f"{kohya(LINEAR)}.lora_down.weight": torch.ones(1, 16)}


def keys(module: str, out: int, into: int) -> dict[str, torch.Tensor]:
    """A LoRA of rank 1 of one module of any size."""
    return {f"{module}.lora_up.weight": torch.zeros(out, 1), f"{module}.lora_down.weight": torch.zeros(1, into)}


def test_a_file_says_its_name_alias_and_kinds(write: Write) -> None:
    plain = write(PAIR, name="plain")
    assert (plain.name, plain.alias, plain.kinds, plain.family) == ("plain", "plain", ("LoRA",), None)
    k = kohya(CONV)
    conv = {f"{k}.lora_up.weight": torch.zeros(32, 1, 1, 1), f"{k}.lora_down.weight": torch.zeros(1, 32, 3, 3)}
    norm = {"lora_unet_conv_norm_out.w_norm": torch.zeros(32)}
    named = write(PAIR | conv | norm, {"ss_output_name": "my style"}, name="v3")
    assert (named.name, named.alias, named.kinds) == ("v3", "my style", ("LoCon", "LoRA", "norm"))


def test_the_hash_is_the_trainers_or_that_of_the_tensors(write: Write) -> None:
    file = write(PAIR)
    data = file.path.read_bytes()
    assert file.hash12 == hashlib.sha256(data[8 + int.from_bytes(data[:8], "little") :]).hexdigest()[:12]
    assert write(PAIR, {"other": "metadata"}, name="b").hash12 == file.hash12
    assert write(PAIR, {"sshs_model_hash": "0123456789abcdef0123"}, name="c").hash12 == "0123456789ab"


@pytest.mark.parametrize(
    ("tensors", "metadata", "family"),
    [
        (keys("lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k", 320, 768), {}, "sd1"),
        (keys("lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k", 320, 1024), {}, "sd2"),
        (keys("lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_v", 640, 2048), {}, "sdxl"),
        (keys("lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_v", 768, 1280), {}, "sdxl-refiner"),
        (keys("unet.down_blocks.1.attentions.0.transformer_blocks.1.attn1.to_k", 640, 640), {}, "sdxl"),
        (keys("lora_te2_text_model_encoder_layers_0_mlp_fc1", 5120, 1280), {}, "sdxl"),
        (keys("lora_te_text_model_encoder_layers_0_self_attn_q_proj", 1024, 1024), {}, "sd2"),
        (keys("lora_te_text_model_encoder_layers_0_self_attn_q_proj", 768, 768), {}, None),
        (keys("transformer.single_transformer_blocks.0.attn.to_q", 3072, 3072), {}, "flux"),
        (keys("lora_unet_double_blocks_0_img_attn_proj", 3072, 3072), {}, "flux"),
        (keys("transformer.transformer_blocks.0.attn.to_q", 1536, 1536), {}, "sd3"),
        (PAIR, {"ss_base_model_version": "sdxl_base_v1-0"}, "sdxl"),
        (PAIR, {"ss_base_model_version": "sd_v1"}, "sd1"),
        (PAIR, {"modelspec.architecture": "stable-diffusion-v2-768-v/lora"}, "sd2"),
        (PAIR, {"modelspec.architecture": "stable-diffusion-xl-v1-base/lora"}, "sdxl"),
    ],
)
def test_the_family_follows_from_names_widths_or_metadata(
    write: Write, tensors: dict[str, torch.Tensor], metadata: dict[str, str], family: str | None
) -> None:
    assert write(tensors, metadata).family == family


WRONG = [
    (keys("lora_te2_text_model_encoder_layers_0_mlp_fc1", 5120, 1280), "Stable Diffusion XL"),
    (keys("lora_unet_input_blocks_4_1_transformer_blocks_1_attn1_to_k", 640, 640), "Stable Diffusion XL"),
    (keys("lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k", 320, 1024), "Stable Diffusion 2"),
    (keys("lora_unet_double_blocks_0_img_attn_proj", 3072, 3072), "Flux"),
]


@pytest.mark.parametrize(("tensors", "label"), WRONG, ids=[label for _, label in WRONG])
def test_a_network_for_another_family_is_refused_with_both_names(
    model: Model, write: Write, tensors: dict[str, torch.Tensor], label: str
) -> None:
    with pytest.raises(ModelError, match=rf"net\.safetensors was made for {label}; tiny is Stable Diffusion 1$"):
        prepare(model, [Use(write(tensors))])


def test_what_a_trainer_says_counts_only_where_nothing_fits(model: Model, write: Write) -> None:
    metadata = {"ss_base_model_version": "sdxl_base_v1-0"}
    assert prepare(model, [Use(write(PAIR, metadata))])
    with pytest.raises(ModelError, match="made for Stable Diffusion XL"):
        prepare(model, [Use(write(keys("lora_unet_nowhere", 2, 2), metadata, name="other"))])


def test_a_file_that_fits_nowhere_is_an_error(model: Model, write: Write) -> None:
    file = write(keys("lora_unet_nowhere_at_all", 2, 2))
    with pytest.raises(
        ModelError, match=r"changes nothing in tiny: no key fits, for example lora_unet_nowhere_at_all\."
    ):
        prepare(model, [Use(file)])


def test_sd1_networks_on_sdxl_are_refused(sdxl: Model, write: Write) -> None:
    file = write(keys("lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k", 640, 768))
    with pytest.raises(ModelError, match="made for Stable Diffusion 1; tiny-xl is Stable Diffusion XL"):
        prepare(sdxl, [Use(file)])


def test_every_sdxl_layer_is_reached_by_kohyas_and_by_diffusers_names(
    sdxl: Model, write: Write, g: torch.Generator
) -> None:
    names = Names(sdxl)
    before = every_parameter(sdxl)
    for dotted in (False, True):
        tensors: dict[str, torch.Tensor] = {}
        for target, name in names.canonical.items():
            module = target.modules[0]
            if not isinstance(module, torch.nn.Linear):
                continue
            if dotted:
                part = {"unet": "unet", "clip_l": "text_encoder.text_model", "clip_g": "text_encoder_2.text_model"}
                pair = keys(f"{part[target.network]}.{target.name}", module.out_features, module.in_features)
            else:
                pair = keys(_as_kohya(name), module.out_features, module.in_features)
            tensors |= {k: torch.randn(v.shape, generator=g) for k, v in pair.items()}
        assert len(tensors) > 500
        patch = prepare(sdxl, [Use(write(tensors, name=f"x{dotted}"))])
        assert patch.report[0].unapplied == ()
        assert len(patch) == len(tensors) // 2
        with patch.worn():
            q = sdxl.text_encoders[1].body.encoder.layers[3].self_attn.q_proj.weight
            assert q.data_ptr() not in {address for address, _ in before.values()}
        assert_untouched(sdxl, before)


def _as_kohya(name: str) -> str:
    """The original UNet's names, which kohya's SDXL trainer uses."""
    for ours, theirs in (
        ("down_blocks_1_attentions_0", "input_blocks_4_1"),
        ("down_blocks_1_attentions_1", "input_blocks_5_1"),
        ("down_blocks_2_attentions_0", "input_blocks_7_1"),
        ("down_blocks_2_attentions_1", "input_blocks_8_1"),
        ("mid_block_attentions_0", "middle_block_1"),
        ("up_blocks_0_attentions_0", "output_blocks_0_1"),
        ("up_blocks_0_attentions_1", "output_blocks_1_1"),
        ("up_blocks_0_attentions_2", "output_blocks_2_1"),
        ("up_blocks_1_attentions_0", "output_blocks_3_1"),
        ("up_blocks_1_attentions_1", "output_blocks_4_1"),
        ("up_blocks_1_attentions_2", "output_blocks_5_1"),
        ("time_embedding_linear_1", "time_embed_0"),
        ("time_embedding_linear_2", "time_embed_2"),
        ("add_embedding_linear_1", "label_emb_0_0"),
        ("add_embedding_linear_2", "label_emb_0_2"),
    ):
        name = name.replace(ours, theirs)
    return name


def test_each_text_encoder_of_sdxl_gets_its_own_layers(sdxl: Model, write: Write) -> None:
    layer = "text_model_encoder_layers_0_self_attn_q_proj"
    file = write({f"lora_te1_{layer}.diff": torch.ones(16, 16), f"lora_te2_{layer}.diff": torch.ones(24, 24)})
    weights = [e.body.encoder.layers[0].self_attn.q_proj.weight.detach().clone() for e in sdxl.text_encoders]
    with prepare(sdxl, [Use(file, 0.5)]).worn():
        for encoder, weight in zip(sdxl.text_encoders, weights, strict=True):
            now = encoder.body.encoder.layers[0].self_attn.q_proj.weight
            assert torch.allclose(now - weight, torch.full_like(weight, 0.5), atol=1e-6)


def test_bundled_embeddings_are_found_and_are_no_unapplied_keys(model: Model, write: Write, g: torch.Generator) -> None:
    vectors = torch.randn(2, 768, generator=g)
    pair = {"clip_l": torch.randn(3, 768, generator=g), "clip_g": torch.randn(3, 1280, generator=g)}
    bundled = {"bundle_emb.fancy.string_to_param.*": vectors} | {f"bundle_emb.big.{n}": v for n, v in pair.items()}
    file = write(PAIR | bundled)
    found = {e.name: e.vectors for e in file.embeddings}
    assert torch.equal(found["fancy"]["clip_l"], vectors)
    assert all(torch.equal(found["big"][n], v) for n, v in pair.items())
    (report,) = prepare(model, [Use(file)]).report
    assert report.unapplied == ()
    assert report.notes == ("net.safetensors brings the embeddings big, fancy",)


def test_tensors_of_a_torch_file_mean_the_same(model: Model, write: Write, tmp_path: Path) -> None:
    torch.save({"state_dict": PAIR}, tmp_path / "net.pt")
    file = open_lora(tmp_path / "net.pt")
    assert file.hash12 == hashlib.sha256(file.path.read_bytes()).hexdigest()[:12]
    with prepare(model, [Use(file)]).worn():
        inside = model.unet.get_submodule(LINEAR).weight.detach().clone()
    with prepare(model, [Use(write(PAIR, name="same"))]).worn():
        assert torch.equal(model.unet.get_submodule(LINEAR).weight, inside)


class _Touch:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return open, (str(self.mark), "w")


class _Exec:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return exec, (f"open({str(self.mark)!r}, 'w')",)


@pytest.mark.parametrize("attack", [_Touch, _Exec])
@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_a_file_with_code_is_refused_and_the_code_does_not_run(
    tmp_path: Path, attack: Any, old: bool, ending: str
) -> None:
    mark, path = tmp_path / "executed", tmp_path / f"bad.{ending}"
    torch.save(PAIR | {"extra": attack(mark)}, path, _use_new_zipfile_serialization=not old)
    with pytest.raises(UnsafeFile, match="would run code"):
        open_lora(path)
    assert not mark.exists()


def test_files_that_are_no_networks_are_refused_with_what_they_are(tmp_path: Path, write: Write) -> None:
    with pytest.raises(ModelError, match="this is an embedding"):
        write({"emb_params": torch.zeros(1, 768)})
    with pytest.raises(ModelError, match="nothing in it changes a module"):
        write({"a.weight": torch.zeros(1)})
    with pytest.raises(ModelError, match="lack their other half"):
        write({k: v for k, v in PAIR.items() if "up" in k} | {"b.lora_up.weight": torch.zeros(1, 1)})
    with pytest.raises(ModelError, match="there is no such file"):
        open_lora(tmp_path / "none.safetensors")


@pytest.mark.parametrize("cut", [4, 40, 300, -3])
def test_a_file_that_is_cut_short_is_an_error(tmp_path: Path, write: Write, cut: int) -> None:
    whole = write(PAIR).path.read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[:cut])
    with pytest.raises(ModelError, match=r"cut\.safetensors"):
        open_lora(tmp_path / "cut.safetensors")


def test_random_damage_to_the_header_is_an_error_or_harmless(model: Model, tmp_path: Path, write: Write) -> None:
    whole = write(PAIR | {f"{kohya(SQUARE)}.oft_blocks": torch.zeros(4, 8, 8)}).path.read_bytes()
    g = torch.Generator().manual_seed(1)
    path = tmp_path / "damaged.safetensors"
    said = []
    for _ in range(60):
        at, value = (int(torch.randint(n, (1,), generator=g)) for n in (min(400, len(whole)), 256))
        path.write_bytes(whole[:at] + bytes([value]) + whole[at + 1 :])
        try:
            prepare(model, [Use(open_lora(path))])
        except ModelError as error:
            said.append(str(error))
    assert said
    assert all("damaged.safetensors" in message for message in said)
