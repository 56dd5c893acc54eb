"""Every family runs every path, and gives the numbers diffusers gives for the same tiny weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from redraw.errors import ModelError, UnsupportedModel
from redraw.models.architecture import TextShape, UNetShape, read_text, read_unet, with_waves
from redraw.models.checkpoint import open_checkpoint
from redraw.models.describe import describe
from redraw.models.detect import detect
from redraw.models.families import FAMILIES, family_named
from redraw.models.keymap import unet_keys
from redraw.models.loader import load_model
from redraw.models.model import Extras, Model
from redraw.models.networks import build_text_encoder, build_unet, guidance_waves, quietly
from redraw.models.openclip import to_openclip, transformers_shapes

if TYPE_CHECKING:
    from tests.conftest import TinyFamily

Make = Callable[[str], "TinyFamily"]
ALL = ("sd2", "sd2-v", "sd2-inpainting", "sdxl", "sdxl-v", "sdxl-inpainting", "sdxl-edit", "sdxl-refiner")
WITH_SIZES = tuple(name for name in ALL if name.startswith("sdxl"))
EOS = 49407


def _noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _tokens(pad: int) -> torch.Tensor:
    """Two rows: a short one, filled with `pad` behind its first EOS, and a full one."""
    rows = torch.randint(1, 49000, (2, 77), generator=torch.Generator().manual_seed(5))
    rows[:, 0] = 49406
    rows[0, 9], rows[0, 10:], rows[1, 76] = EOS, pad, EOS
    return rows


def _told(model: Model, b: int = 1) -> Extras:
    """What the UNet of a model wants to be told."""
    others = model.in_channels - 4
    return Extras(
        concat=_noise(b, others, 6, 5, seed=2) if others else None,
        pooled=_noise(b, model.pooled_width, seed=3) if model.sizes else None,
        sizes=torch.tensor([[64.0, 48, 3, 1, 64, 48][: model.sizes]] * b) if model.sizes else None,
    )


def _theirs(parts: Mapping[str, Any], x: torch.Tensor, t: float, text: torch.Tensor, told: Extras) -> torch.Tensor:
    full = x if told.concat is None else torch.cat([x, told.concat], 1)
    added = None if told.pooled is None else {"text_embeds": told.pooled, "time_ids": told.sizes}
    with torch.no_grad():
        out: torch.Tensor = parts["unet"](full, t, encoder_hidden_states=text, added_cond_kwargs=added).sample
    return out


@pytest.mark.parametrize("layout", ["file", "folder"])
@pytest.mark.parametrize("name", ALL)
def test_text_and_unet_agree_with_diffusers(tiny_family: Make, name: str, layout: str) -> None:
    made = tiny_family(name)
    model = load_model(getattr(made, layout))
    assert model.family.name == name.removesuffix("-v").removesuffix("-inpainting").removesuffix("-edit")
    assert model.prediction == ("v" if name.endswith("-v") else "eps")
    assert model.facts.prediction_from == "what is said about it"
    assert model.notes == []
    contexts, pooled = [], None
    for slot, encoder in zip(model.family.text, model.text_encoders, strict=True):
        states, sentence = encoder.states(_tokens(EOS))
        with torch.no_grad():
            theirs = made.parts[slot.part](_tokens(encoder.pad), output_hidden_states=True)
        sd2 = model.family.name == "sd2"
        expected = theirs.last_hidden_state if sd2 else theirs.hidden_states[-2]
        assert torch.allclose(states, expected, atol=1e-4)
        assert (sentence is None) != encoder.rule.pooled
        if sentence is not None:
            assert torch.allclose(sentence, theirs.text_embeds, atol=1e-4)
            pooled = sentence
        contexts.append(states)
    assert (pooled is None) == (model.sizes == 0)
    text = torch.cat(contexts, -1)[:1]
    told, x = _told(model), _noise(1, 4, 6, 5, seed=1)
    for t in (0.0, 500.0, 999.0):
        ours = model.predict(x, torch.tensor(t), text, told)
        # 6x5 is odd at the coarser level, where diffusers resizes before its convolution: compare on an even size too.
        assert ours.shape == x.shape
    x = _noise(1, 4, 6, 8, seed=1)
    told = Extras(_noise(1, model.in_channels - 4, 6, 8) if told.concat is not None else None, told.pooled, told.sizes)
    for t in (0.0, 500.0, 999.0):
        ours = model.predict(x, torch.tensor(t), text, told)
        assert torch.allclose(ours, _theirs(made.parts, x, t, text, told), atol=1e-4)


@pytest.mark.parametrize("name", ALL)
def test_the_vae_agrees_with_diffusers(tiny_family: Make, name: str) -> None:
    made = tiny_family(name)
    model = load_model(made.file)
    scale = 0.13025 if name in WITH_SIZES else 0.18215
    assert model.scale_factor == scale
    picture = _noise(1, 3, 16, 24).clamp(-1, 1)
    with torch.no_grad():
        latents = made.parts["vae"].encode(picture).latent_dist.mean * scale
        assert torch.allclose(model.encode(picture), latents, atol=1e-4)
        assert torch.allclose(model.decode(latents), made.parts["vae"].decode(latents / scale).sample, atol=1e-4)


@pytest.mark.parametrize("name", ["sdxl", "sdxl-refiner"])
def test_names_agree_with_the_converter_of_diffusers(tiny_family: Make, name: str) -> None:
    with quietly():
        from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_open_clip_checkpoint
    made = tiny_family(name)
    state = load_file(made.file)
    unet = convert_ldm_unet_checkpoint(dict(state), made.parts["unet"].config)
    expected = made.parts["unet"].state_dict()
    assert unet.keys() == expected.keys()
    assert all(torch.equal(unet[k], expected[k]) for k in expected)
    prefix = family_named(name).text[-1].prefixes[0]
    text = convert_open_clip_checkpoint(made.parts["text_encoder_2"], state, prefix)
    expected = made.parts["text_encoder_2"].state_dict()
    wanted = {k.removeprefix("text_model."): v for k, v in expected.items()}
    found = {k.removeprefix("text_model."): v for k, v in text.items()}
    assert wanted.keys() - found.keys() == set()
    assert all(torch.equal(found[k], wanted[k]) for k in wanted)


def test_the_rows_of_a_batch_are_told_their_own_sizes(tiny_family: Make) -> None:
    model = load_model(tiny_family("sdxl").file)
    x, text, told = _noise(2, 4, 4, 4), _noise(2, 77, 32), _told(model, 2)
    assert told.sizes is not None
    assert told.pooled is not None
    told.sizes[1, 0] = 999
    both = model.predict(x, torch.tensor(9.0), text, told)
    for i in range(2):
        r = slice(i, i + 1)
        alone = model.predict(x[r], torch.tensor(9.0), text[r], Extras(pooled=told.pooled[r], sizes=told.sizes[r]))
        assert torch.equal(both[r], alone)
    one = Extras(pooled=told.pooled[:1], sizes=told.sizes[:1])
    assert torch.equal(model.predict(x, torch.tensor(9.0), text, one)[:1], both[:1])
    assert not torch.equal(model.predict(x, torch.tensor(9.0), text, one)[1:], both[1:])


def test_a_unet_that_wants_sizes_does_not_run_without(tiny_family: Make, tiny: Model) -> None:
    model = load_model(tiny_family("sdxl").file)
    x, text = _noise(1, 4, 4, 4), _noise(1, 77, 32)
    with pytest.raises(ModelError, match="takes 24 numbers as pooled; none were given"):
        model.predict(x, torch.tensor(9.0), text)
    with pytest.raises(ModelError, match="takes 6 numbers as sizes; 5 were given"):
        model.predict(x, torch.tensor(9.0), text, Extras(pooled=torch.zeros(1, 24), sizes=torch.zeros(1, 5)))
    with pytest.raises(ModelError, match="takes 0 numbers as pooled; 24 were given"):
        tiny.predict(x, torch.tensor(9.0), _noise(1, 77, 16), Extras(pooled=torch.zeros(1, 24)))


def test_clip_skip_moves_only_the_encoders_that_allow_it(tiny_family: Make) -> None:
    first, second = load_model(tiny_family("sdxl").file).text_encoders
    tokens = _tokens(EOS)
    assert torch.equal(first.states(tokens, 3)[0], first.states(tokens)[0])
    assert not torch.equal(first.states(tokens, 3, by_option=True)[0], first.states(tokens)[0])
    assert torch.equal(first.states(tokens, 2, by_option=True)[0], first.states(tokens)[0]), (
        "its layer is the last but one"
    )
    assert torch.equal(second.states(tokens, 3, by_option=True)[0], second.states(tokens)[0])
    (only,) = load_model(tiny_family("sd2").file).text_encoders
    assert torch.equal(only.states(tokens, 3)[0], only.states(tokens)[0])
    assert (first.name, second.name, only.name) == ("clip_l", "clip_g", "clip_h")
    assert (first.pad, second.pad, only.pad) == (EOS, 0, 0)


def test_facts_of_each_family(tiny_family: Make) -> None:
    sizes = {name: load_model(tiny_family(name).file).native_size for name in ALL}
    assert sizes == {name: 1024 if "sdxl" in name else 768 if name == "sd2-v" else 512 for name in ALL}
    model = load_model(tiny_family("sdxl").file)
    assert (model.sizes, model.pooled_width, model.takes_guidance) == (6, 24, False)
    assert model.facts.zeros_for_empty
    assert load_model(tiny_family("sdxl-refiner").file).sizes == 5
    assert not load_model(tiny_family("sd2").file).facts.zeros_for_empty


def test_an_sdxl_vae_stays_in_fp32_unless_told_otherwise(tiny_family: Make) -> None:
    made = tiny_family("sdxl")
    assert load_model(made.file, dtype=torch.float16).vae_dtype is torch.float32
    assert load_model(made.file, dtype=torch.bfloat16).vae_dtype is torch.bfloat16
    assert load_model(made.file, dtype=torch.float16, vae_dtype=torch.float16).vae_dtype is torch.float16
    assert load_model(tiny_family("sd2").file, dtype=torch.float16).vae_dtype is torch.float16


def test_a_folder_can_say_that_its_vae_is_good_in_fp16_and_that_empty_prompts_are_read(
    tiny_family: Make, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_family("sdxl").folder, tmp_path / "m")
    config = folder / "vae" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "force_upcast": False}))
    (folder / "model_index.json").write_text('{"force_zeros_for_empty_prompt": false}')
    model = load_model(folder, dtype=torch.float16)
    assert model.vae_dtype is torch.float16
    assert not model.facts.zeros_for_empty


def test_offloading_takes_every_text_encoder_along(tiny_family: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[str] = []
    model = load_model(tiny_family("sdxl").file)
    monkeypatch.setattr("redraw.models.model._place", lambda network, device: moved.append(type(network).__name__))
    monkeypatch.setattr(model, "_rest", torch.device("meta"))
    model.save_memory("medvram")
    moved.clear()
    model.text_encoders[1].states(_tokens(0))
    assert moved == ["UNet2DConditionModel", "AutoencoderKL", "CLIPTextModel", "CLIPTextModelWithProjection"]


def _without(source: Path, target: Path, *prefixes: str, metadata: Mapping[str, str] | None = None) -> Path:
    state = {k: v for k, v in load_file(source).items() if not k.startswith(prefixes)}
    given = open_checkpoint(source).metadata if metadata is None else metadata
    save_file(state, target, metadata=dict(given))
    return target


@pytest.mark.parametrize(
    ("name", "gone", "says"),
    [
        ("sdxl", "conditioner.embedders.1.model.text_projection", "text_projection is missing"),
        ("sdxl", "conditioner.embedders.1.model.transformer.resblocks.2.attn.in_proj_bias", "clip_g.*q_proj.bias"),
        ("sdxl", "conditioner.embedders.1.", "this is a part of a Stable Diffusion XL checkpoint"),
        ("sdxl", "model.diffusion_model.label_emb.0.2.", "add_embedding.linear_2.weight"),
        ("sdxl-refiner", "conditioner.", "it has no text encoder"),
        ("sd2", "cond_stage_model.model.token_embedding", "part of a Stable Diffusion 2 checkpoint"),
        ("sd2", "cond_stage_model.model.ln_final.bias", "final_layer_norm.bias missing"),
        ("sd2", "first_stage_model.", "VAE|first_stage_model"),
    ],
)
def test_a_file_with_something_missing_says_what(
    tiny_family: Make, tmp_path: Path, name: str, gone: str, says: str
) -> None:
    with pytest.raises(ModelError, match=says):
        load_model(_without(tiny_family(name).file, tmp_path / "part.safetensors", gone))


def test_a_file_of_odd_shape_names_the_numbers(tiny_family: Make, tmp_path: Path) -> None:
    made = tiny_family("sdxl")
    state, metadata = load_file(made.file), open_checkpoint(made.file).metadata
    state["model.diffusion_model.label_emb.0.0.weight"] = torch.zeros(128, 25)
    save_file(state, tmp_path / "a.safetensors", metadata=dict(metadata))
    with pytest.raises(ModelError, match="told 25 numbers, which a sentence of 24 and 6 sizes are not"):
        load_model(tmp_path / "a.safetensors")
    state = load_file(made.file)
    state["model.diffusion_model.input_blocks.0.0.weight"] = torch.zeros(32, 5, 3, 3)
    save_file(state, tmp_path / "b.safetensors", metadata=dict(metadata))
    with pytest.raises(UnsupportedModel, match=r"for Stable Diffusion XL: .*has 5 where 4 or 8 or 9"):
        load_model(tmp_path / "b.safetensors")


@pytest.mark.parametrize(
    ("name", "part", "field", "value", "says"),
    [
        ("sdxl", "unet", "projection_class_embeddings_input_dim", 33, "sentence of 24 and 6 sizes"),
        (
            "sdxl",
            "unet",
            "addition_embed_type",
            None,
            "for Stable Diffusion XL: the UNet's addition_embed_type is None",
        ),
        ("sdxl", "unet", "cross_attention_dim", 99, "the text encoders together give 32"),
        ("sdxl", "unet", "in_channels", 5, "the UNet takes 5 channels"),
        ("sdxl", "unet", "transformer_layers_per_block", [[1, 2], [3, 4]], "blocks of one level differ"),
        ("sdxl-refiner", "text_encoder_2", "vocab_size", 99, "knows 99 tokens"),
        ("sd2", "text_encoder", "hidden_act", "relu", "text_encoder with the activation relu"),
    ],
)
def test_a_folder_that_fits_no_family_says_why(
    tiny_family: Make, tmp_path: Path, name: str, part: str, field: str, value: object, says: str
) -> None:
    folder = shutil.copytree(tiny_family(name).folder, tmp_path / "m")
    config = folder / part / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), field: value}))
    with pytest.raises(UnsupportedModel, match=says):
        load_model(folder)


def test_known_tensors_that_nobody_needs_are_not_reported(tiny_family: Make, tmp_path: Path) -> None:
    extra = {
        "sd2": {
            "cond_stage_model.model.logit_scale": torch.zeros(()),
            "cond_stage_model.model.attn_mask": torch.zeros(77, 77),
            "cond_stage_model.model.text_projection": torch.zeros(16, 16),
        },
        "sdxl": {
            "conditioner.embedders.1.model.logit_scale": torch.zeros(()),
            "conditioner.embedders.0.transformer.text_model.embeddings.position_ids": torch.arange(77)[None],
        },
    }
    for name, more in extra.items():
        made = tiny_family(name)
        metadata = dict(open_checkpoint(made.file).metadata)
        save_file({**load_file(made.file), **more}, tmp_path / f"{name}.safetensors", metadata=metadata)
        assert load_model(tmp_path / f"{name}.safetensors").notes == []


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("layout", ["file", "folder"])
def test_every_family_is_described(tiny_family: Make, name: str, layout: str) -> None:
    made = tiny_family(name)
    report = describe(getattr(made, layout), hashed=False)
    assert report.usable
    assert report.family == detect(open_checkpoint(made.file)).family.name
    assert report.parameters["total"] == sum(n for part, n in report.parameters.items() if part != "total")
    assert report.parameters.keys() == {*made.parts, "total"}
    tasks = {4: "text and image to image", 8: "instructed editing", 9: "inpainting"}
    assert report.facts["task"] == tasks[made.parts["unet"].config.in_channels]
    json.dumps(report.as_json())


def test_every_family_has_a_preview_for_its_vae() -> None:
    for family in FAMILIES:
        assert family.preview is not None
        assert all(len(row) == 3 for row in family.preview)
    assert family_named("sdxl").preview != family_named("sd1").preview


def test_a_model_with_another_noise_is_refused(tiny_family: Make, tmp_path: Path) -> None:
    made = tiny_family("sdxl")
    state = {**load_file(made.file), "edm_mean": torch.zeros(1, 4, 1, 1)}
    save_file(state, tmp_path / "a.safetensors", metadata=dict(open_checkpoint(made.file).metadata))
    with pytest.raises(UnsupportedModel, match="edm_mean is there, which this family does not have"):
        load_model(tmp_path / "a.safetensors")


def test_a_unet_that_takes_the_guidance_scale_agrees_with_diffusers(tiny_family: Make, tmp_path: Path) -> None:
    made = tiny_family("sd2")
    folder = shutil.copytree(made.folder, tmp_path / "lcm")
    with quietly():
        torch.manual_seed(3)
        config = {k: v for k, v in made.parts["unet"].config.items() if not k.startswith("_")}
        unet = type(made.parts["unet"])(**{**config, "time_cond_proj_dim": 16}).eval()
        unet.save_pretrained(folder / "unet")
    (folder / "scheduler" / "scheduler_config.json").write_text('{"_class_name": "LCMScheduler"}')
    model = load_model(folder)
    assert model.takes_guidance
    assert model.notes == ["the UNet takes the CFG scale itself; the negative prompt has no effect"]
    assert model.facts.advice is not None
    assert model.facts.advice.kind == "lcm"
    x, text = _noise(2, 4, 4, 4), _noise(2, 77, 16)
    guidance = torch.tensor([1.0, 8.0])
    ours = model.predict(x, torch.tensor(9.0), text, Extras(guidance=guidance))
    with torch.no_grad():
        theirs = unet(x, 9, encoder_hidden_states=text, timestep_cond=guidance_waves(guidance, 16)).sample
    assert torch.allclose(ours, theirs, atol=1e-4)
    assert "guidance" in describe(folder, hashed=False).facts


REAL: dict[str, tuple[UNetShape, int]] = {
    "sd2": (
        UNetShape(
            *(4, 4, (320, 640, 1280, 1280), (2, 2, 2, 2), (1, 1, 1, 0), 1, 1024, True, 1280, (5, 10, 20, 20)),
        ),
        865_910_724,
    ),
    "sdxl": (
        UNetShape(
            *(4, 4, (320, 640, 1280), (2, 2, 2), (0, 2, 10), 10, 2048, True, 1280, (5, 10, 20)),
            vector=2816,
            waves=256,
        ),
        2_567_463_684,
    ),
    "sdxl-refiner": (
        UNetShape(
            *(4, 4, (384, 768, 1536, 1536), (2, 2, 2, 2), (0, 4, 4, 0), 4, 1280, True, 1536, (6, 12, 24, 24)),
            vector=2560,
            waves=256,
        ),
        2_259_526_660,
    ),
}


@pytest.mark.parametrize("name", REAL)
def test_the_real_unet_has_its_known_size_and_is_read_off_its_names(name: str) -> None:
    shape, parameters = REAL[name]
    state = build_unet(shape).state_dict()
    assert sum(v.numel() for v in state.values()) == parameters
    family = family_named(name)
    ldm = unet_keys(shape).to_ldm(state)
    assert len(ldm) == len(state)
    found = read_unet({k: tuple(v.shape) for k, v in ldm.items()}, 1)
    heads = tuple(c // family.head_width for c in found.channels)
    texts = [TextShape(1280, 32, 5120, 77, 49408, 20, projection=1280 if shape.vector else 0)]
    assert with_waves(replace(found, heads=heads), texts, family.sizes) == shape


def test_the_real_text_encoder_of_sdxl_has_its_known_size() -> None:
    shape = TextShape(1280, 32, 5120, 77, 49408, 20, "gelu", projection=1280)
    state = build_text_encoder(shape).state_dict()
    weights = {k.removeprefix("text_model."): v for k, v in state.items() if not k.endswith("position_ids")}
    assert sum(v.numel() for v in weights.values()) == 694_659_840
    joined = to_openclip(weights)
    assert joined["transformer.resblocks.31.attn.in_proj_weight"].shape == (3840, 1280)
    shapes = transformers_shapes({k: tuple(v.shape) for k, v in joined.items()})
    assert read_text(shapes) == replace(shape, activation="quick_gelu")
