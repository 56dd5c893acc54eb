"""Keys in every way of writing mean the same module; what means none is listed with its nearest name."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.models.lora.conftest import LINEAR, SQUARE, TEXT, Write, changed, delta, kohya

from redraw.errors import ModelError
from redraw.models.loader import load_model
from redraw.models.lora import Use, open_lora, prepare
from redraw.models.lora.keys import split_key
from redraw.models.lora.names import Names
from redraw.models.model import Model
from redraw.models.text import TextEncoder

UNET = "down_blocks.0.attentions.0.transformer_blocks.0.attn1"
LDM = "input_blocks.1.1.transformer_blocks.0.attn1"
WAYS = [
    ("lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q", "lora_down.weight", "lora_up.weight"),
    ("lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q", "lora_down.weight", "lora_up.weight"),
    ("lycoris_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q", "lora_down.weight", "lora_up.weight"),
    (f"diffusion_model.{LDM}.to_q", "lora_down.weight", "lora_up.weight"),
    (f"model.diffusion_model.{LDM}.to_q", "lora_A.weight", "lora_B.weight"),
    (f"{UNET}.to_q", "lora_A.weight", "lora_B.weight"),
    (f"unet.{UNET}.to_q", "lora_A.weight", "lora_B.weight"),
    (f"unet.{UNET}.to_q", "lora_A.default.weight", "lora_B.default.weight"),
    (f"base_model.model.{UNET}.to_q", "lora_A.weight", "lora_B.weight"),
    (f"base_model.model.unet.{UNET}.to_q", "lora_A.default_0.weight", "lora_B.default_0.weight"),
    (f"unet.base_model.model.{UNET}.to_q", "lora_A.weight", "lora_B.weight"),
    (f"unet.{UNET}.to_q", "lora.down.weight", "lora.up.weight"),
    (f"unet.{UNET}.processor", "to_q_lora.down.weight", "to_q_lora.up.weight"),
    (f"{UNET}.processor", "to_q_lora.down.weight", "to_q_lora.up.weight"),
    (f"unet.{UNET}.to_q", "dyn_down", "dyn_up"),
]
TEXT_WAYS = [
    ("lora_te_text_model_encoder_layers_0_self_attn_q_proj", "lora_down.weight", "lora_up.weight"),
    ("lora_te1_text_model_encoder_layers_0_self_attn_q_proj", "lora_down.weight", "lora_up.weight"),
    ("lycoris_text_model_encoder_layers_0_self_attn_q_proj", "lora_down.weight", "lora_up.weight"),
    ("text_encoder.text_model.encoder.layers.0.self_attn.q_proj", "lora_A.weight", "lora_B.weight"),
    ("text_encoder.encoder.layers.0.self_attn.q_proj", "lora_A.weight", "lora_B.weight"),
    ("base_model.model.text_model.encoder.layers.0.self_attn.q_proj", "lora_A.weight", "lora_B.weight"),
    (
        "text_encoder.text_model.encoder.layers.0.self_attn.q_proj",
        "lora_linear_layer.down.weight",
        "lora_linear_layer.up.weight",
    ),
    ("text_encoder.text_model.encoder.layers.0.self_attn", "to_q_lora.down.weight", "to_q_lora.up.weight"),
    ("clip_l.transformer.text_model.encoder.layers.0.self_attn.q_proj", "lora_A.weight", "lora_B.weight"),
]


@pytest.mark.parametrize(("module", "down", "up"), WAYS, ids=lambda x: x[:60])
def test_every_way_of_writing_means_the_same_layer(
    model: Model, write: Write, g: torch.Generator, module: str, down: str, up: str
) -> None:
    a, b = torch.randn(2, 32, generator=g), torch.randn(32, 2, generator=g)
    file = write({f"{module}.{down}": a, f"{module}.{up}": b})
    assert torch.allclose(delta(model, file, SQUARE), b @ a, atol=1e-5)
    assert prepare(model, [Use(file)]).report[0].unapplied == ()


@pytest.mark.parametrize(("module", "down", "up"), TEXT_WAYS, ids=lambda x: x[:60])
def test_every_way_of_writing_means_the_same_layer_of_the_text_encoder(
    model: Model, write: Write, g: torch.Generator, module: str, down: str, up: str
) -> None:
    a, b = torch.randn(2, 16, generator=g), torch.randn(16, 2, generator=g)
    patch = prepare(model, [Use(write({f"{module}.{down}": a, f"{module}.{up}": b}))])
    weight = model.text_encoder.encoder.layers[0].self_attn.q_proj.weight.detach().clone()
    with patch.worn():
        layer = model.text_encoder.encoder.layers[0].self_attn.q_proj
        assert torch.allclose(layer.weight - weight, b @ a, atol=1e-5)


@pytest.mark.parametrize(
    ("key", "module", "part"),
    [
        ("unet.a.attn1.processor.to_out_lora.up.weight", "unet.a.attn1.to_out.0", "up"),
        ("unet.a.attn1.to_out.0.lora.alpha", "unet.a.attn1.to_out.0", "alpha"),
        (
            "text_encoder.text_model.a.self_attn.to_out_lora.down.weight",
            "text_encoder.text_model.a.self_attn.out_proj",
            "down",
        ),
        ("base_model.model.a.lora_magnitude_vector.default.weight", "base_model.model.a", "dora_scale"),
        ("lora_unet_a.lora_up.bias", "lora_unet_a", "up_bias"),
        ("lora_unet_a.lora_down.bias", "lora_unet_a", ""),
        ("lora_unet_a.weight", "lora_unet_a", "weight"),
        ("lora_unet_a.lora_donw.weight", "lora_unet_a.lora_donw", "weight"),
        ("lora_unet_a.nonsense", "lora_unet_a.nonsense", ""),
        ("weight", "weight", ""),
        ("", "", ""),
    ],
)
def test_keys_are_taken_apart(key: str, module: str, part: str) -> None:
    split = split_key(key)
    assert (split.module, split.part) == (module, part)


def test_every_changeable_layer_is_found_by_its_canonical_name(model: Model) -> None:
    names = Names(model)
    assert len(names.canonical) > 200
    assert all(names.find(name) is target for target, name in names.canonical.items())


def test_names_of_another_encoder_are_not_taken_for_the_first(model: Model) -> None:
    names = Names(model)
    for name in (
        "lora_te2_text_model_",
        "lora_te3_text_model_",
        "text_encoder_2.text_model.",
        "clip_g.transformer.text_model.",
    ):
        assert names.find(f"{name}encoder.layers.0.mlp.fc1") is None


def as_open_clip(model: Model) -> Model:
    """The same model whose text encoder counts as OpenCLIP's (SD2)."""
    encoder = model.text_encoders[0]
    model.text_encoders = (TextEncoder(replace(encoder.rule, name="clip_h"), encoder.network),)
    return model


def test_open_clip_names_mean_transformers_layers(tiny_checkpoint: Path, write: Write, g: torch.Generator) -> None:
    model = as_open_clip(load_model(tiny_checkpoint))
    layer = model.text_encoder.encoder.layers[2]
    before = {n: p.detach().clone() for n, p in layer.named_parameters()}
    a, b = torch.randn(2, 16, generator=g), torch.randn(48, 2, generator=g)
    k = "lora_te_model_transformer_resblocks_2_"
    bias = torch.randn(48, generator=g)
    tensors = {
        f"{k}attn_in_proj.lora_down.weight": a,
        f"{k}attn_in_proj.lora_up.weight": b,
        f"{k}attn_in_proj.diff_b": bias,
    }
    tensors |= {f"{k}mlp_c_fc.diff": torch.ones(32, 16), f"{k}ln_2.w_norm": torch.ones(16)}
    patch = prepare(model, [Use(write(tensors))])
    assert patch.report[0].unapplied == ()
    with patch.worn():
        for i, name in enumerate(("q_proj", "k_proj", "v_proj")):
            rows = slice(16 * i, 16 * i + 16)
            projection = getattr(layer.self_attn, name)
            assert torch.allclose(projection.weight - before[f"self_attn.{name}.weight"], b[rows] @ a, atol=1e-5)
            assert torch.allclose(projection.bias - before[f"self_attn.{name}.bias"], bias[rows], atol=1e-5)
        assert torch.allclose(layer.mlp.fc1.weight - before["mlp.fc1.weight"], torch.ones(32, 16))
        assert torch.allclose(layer.layer_norm2.weight - before["layer_norm2.weight"], torch.ones(16))


def test_other_kinds_reach_the_fused_attention_of_open_clip(
    tiny_checkpoint: Path, write: Write, g: torch.Generator
) -> None:
    model = as_open_clip(load_model(tiny_checkpoint))
    attention = model.text_encoder.encoder.layers[0].self_attn
    before = attention.k_proj.weight.detach().clone()
    diff = torch.randn(48, 16, generator=g)
    with prepare(model, [Use(write({"lora_te_transformer_resblocks_0_attn_in_proj.diff": diff}), 0.5)]).worn():
        assert torch.allclose(attention.k_proj.weight - before, 0.5 * diff[16:32], atol=1e-6)


def test_a_file_with_a_tenth_of_foreign_keys_lists_exactly_those(model: Model, write: Write) -> None:
    names = [
        n for n in Names(model).canonical.values() if n.endswith(("to_q", "to_k", "to_v", "q_proj", "k_proj", "v_proj"))
    ]
    good: dict[str, torch.Tensor] = {}
    bad: dict[str, torch.Tensor] = {}
    for i, name in enumerate(names):
        target = Names(model).find(name)
        assert target is not None
        out, into = target.modules[0].state_dict()["weight"].shape
        broken = name.replace("attn", "atnt").replace("blocks_0_", "blocks_9_") if i % 10 == 0 else name
        into_table = bad if broken != name else good
        into_table |= {
            f"{broken}.lora_up.weight": torch.zeros(out, 1),
            f"{broken}.lora_down.weight": torch.zeros(1, into),
        }
    bad["lora_unet_conv_in.lora_mistake.weight"] = torch.zeros(1)
    bad["something.else.entirely"] = torch.zeros(1)
    assert len(bad) >= len(good) / 11
    (report,) = prepare(model, [Use(write(good | bad))]).report
    assert report.applied == len(good)
    assert {key for key, _ in report.unapplied} == bad.keys()
    assert dict(report.unapplied)["something.else.entirely"] == ""
    assert dict(report.unapplied)["lora_unet_conv_in.lora_mistake.weight"] == "lora_unet_conv_in"
    assert f"{len(bad)} keys of net.safetensors not applied" in report.notes[0]


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_kk", kohya(LINEAR)),
        ("lora_unet_down_block_0_attentions_0_transformer_blocks_0_attn2_to_k", kohya(LINEAR)),
        (f"unet.{LINEAR}x", f"unet.{LINEAR}"),
        ("lora_te_text_model_encoder_layers_0_mlp_fc3", "lora_te_text_model_" + TEXT.replace(".", "_")),
        ("text_encoder.text_model.encoder.layer.0.mlp.fc1", f"text_encoder.text_model.{TEXT}"),
        ("zzzz", ""),
    ],
)
def test_the_nearest_name_is_in_the_files_own_way_of_writing(model: Model, wrong: str, near: str) -> None:
    assert Names(model).nearest(wrong) == near


def test_naming_two_thousand_unknown_modules_is_quick(model: Model) -> None:
    names = Names(model)
    real = list(names.canonical.values())
    begun = time.process_time()
    for i in range(2000):
        names.nearest(f"{real[i % len(real)]}_{i}_x")
    assert time.process_time() - begun < 10


def test_half_of_a_pair_is_reported_not_applied(model: Model, write: Write) -> None:
    k = kohya(SQUARE)
    good = {
        f"{kohya(LINEAR)}.lora_up.weight": torch.zeros(32, 1),
        f"{kohya(LINEAR)}.lora_down.weight": torch.zeros(1, 16),
    }
    file = write(good | {f"{k}.lora_up.weight": torch.zeros(32, 1), f"{k}.alpha": torch.tensor(1.0)})
    (report,) = prepare(model, [Use(file)]).report
    assert dict(report.unapplied) == {f"{k}.lora_up.weight": k, f"{k}.alpha": k}
    assert report.applied == 2


def test_parts_another_kind_would_need_are_reported(model: Model, write: Write) -> None:
    k = kohya(LINEAR)
    tensors = {f"{k}.lora_up.weight": torch.zeros(32, 1), f"{k}.lora_down.weight": torch.zeros(1, 16)}
    (report,) = prepare(model, [Use(write(tensors | {f"{k}.hada_t1": torch.zeros(1)}))]).report
    assert dict(report.unapplied) == {f"{k}.hada_t1": k}


PEFT = {f"unet.{LINEAR}.lora_A.weight": (4, 16), f"unet.{LINEAR}.lora_B.weight": (32, 4)}


@pytest.mark.parametrize(
    ("metadata", "scale"),
    [
        ({}, 1.0),
        ({"lora_alpha": "8"}, 2.0),
        ({"lora_adapter_metadata": json.dumps({"unet.lora_alpha": 2, "unet.r": 4})}, 0.5),
        ({"lora_adapter_metadata": json.dumps({"text_encoder.lora_alpha": 2})}, 1.0),
        ({"lora_adapter_metadata": json.dumps({"unet.lora_alpha": 2, "unet.use_rslora": True})}, 1.0),
        ({"lora_adapter_metadata": json.dumps({"unet.lora_alpha": 2, "unet.alpha_pattern": {"attn2.to_k": 12}})}, 3.0),
        ({"network_alphas": json.dumps({f"unet.{LINEAR}.alpha": 6})}, 1.5),
    ],
)
def test_alpha_may_stand_in_the_metadata(
    model: Model, write: Write, g: torch.Generator, metadata: dict[str, str], scale: float
) -> None:
    tensors = {k: torch.randn(shape, generator=g) for k, shape in PEFT.items()}
    down, up = tensors.values()
    assert torch.allclose(delta(model, write(tensors, metadata), LINEAR), scale * up @ down, atol=1e-5)


def test_alpha_may_stand_in_pefts_file_beside(tmp_path: Path, model: Model, write: Write, g: torch.Generator) -> None:
    tensors = {k.replace("unet", "base_model.model"): torch.randn(s, generator=g) for k, s in PEFT.items()}
    (tmp_path / "adapter_config.json").write_text(json.dumps({"lora_alpha": 16, "r": 4, "use_rslora": True}))
    write(tensors, name="adapter_model")
    down, up = tensors.values()
    patch = prepare(model, [Use(open_lora(tmp_path / "adapter_model.safetensors"))])
    assert torch.allclose(changed(model, patch, LINEAR), 8 * up @ down, atol=1e-4)


@pytest.mark.parametrize(
    "metadata",
    [
        {"lora_adapter_metadata": "{"},
        {"lora_adapter_metadata": "[]"},
        {"lora_alpha": "many"},
        {"network_alphas": '{"a": []}'},
    ],
)
def test_broken_alphas_are_said(write: Write, metadata: dict[str, str]) -> None:
    with pytest.raises(ModelError, match=r"net\.safetensors"):
        write({k: torch.zeros(s) for k, s in PEFT.items()}, metadata)
