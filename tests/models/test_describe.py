"""`describe` says what any weight file is from its header."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from redraw.errors import ModelError
from redraw.models.describe import describe
from redraw.models.hashes import file_sha256


def test_a_checkpoint_is_described_in_full(tiny_checkpoint: Path) -> None:
    report = describe(tiny_checkpoint)
    assert (report.kind, report.family, report.usable) == ("checkpoint", "sd1", True)
    assert report.label == "Stable Diffusion 1 checkpoint"
    assert report.sha256 == file_sha256(tiny_checkpoint)
    assert report.dtypes == {"F16": report.parameters["total"]}
    assert report.parameters["total"] == sum(report.parameters[n] for n in ("unet", "vae", "text_encoder"))
    assert report.shape["unet"]["channels"] == (32, 32, 32, 32)
    assert report.facts["native_size"] == 64
    assert report.facts["described_by"] == ["metadata"]
    assert report.metadata["redraw.native_size"] == "64"
    assert json.loads(json.dumps(report.as_json()))["short_hash"] == report.sha256[:10]


def test_hashing_can_be_left_out(tiny_checkpoint: Path) -> None:
    assert describe(tiny_checkpoint, hashed=False).sha256 == ""


@pytest.mark.parametrize(
    ("tensors", "kind", "facts"),
    [
        (
            {"lora_unet_x.lora_down.weight": (4, 8), "lora_unet_x.lora_up.weight": (8, 4)},
            "lora",
            {"rank": [4], "modules": 1},
        ),
        ({"emb_params": (2, 768)}, "embedding", {"vectors": 2, "width": 768}),
        ({"decoder.up.0.block.0.conv1.weight": (4, 4, 3, 3)}, "vae", {}),
        ({"conv_first.weight": (64, 3, 3, 3)}, "upscaler", {}),
        ({"who.knows": (1,)}, "unknown", {}),
    ],
)
def test_other_files_are_named(tmp_path: Path, tensors: dict[str, tuple[int, ...]], kind: str, facts: object) -> None:
    save_file({k: torch.zeros(v) for k, v in tensors.items()}, tmp_path / "a.safetensors")
    report = describe(tmp_path / "a.safetensors")
    assert (report.kind, report.usable, report.facts) == (kind, False, facts)
    assert report.reasons


def test_what_is_no_weight_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_text("words")
    with pytest.raises(ModelError, match="not a weight file"):
        describe(tmp_path / "a.safetensors")
    with pytest.raises(ModelError, match="no such file"):
        describe(tmp_path / "gone.safetensors")
