"""What a model says about its noise schedule reaches the sampler."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from redraw.models.loader import load_model
from redraw.pipeline.stages import make_plan
from redraw.request import Txt2Img

METADATA = {"redraw.text_encoder": '{"num_attention_heads": 2}', "redraw.native_size": "64"}


@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.parametrize("marked", [False, True])
def test_a_model_trained_down_to_pure_noise_starts_there_unasked(
    tiny_checkpoint: Path, tmp_path: Path, marked: bool, asked: bool
) -> None:
    marks = {"ztsnr": torch.tensor([])} if marked else {}
    save_file({**load_file(tiny_checkpoint), **marks}, tmp_path / "m.safetensors", metadata=METADATA)
    model = load_model(tmp_path / "m.safetensors")
    levels = make_plan(model, Txt2Img(prompt="", zero_terminal_snr=asked)).levels
    highest = 4518.76 if marked or asked else 14.6146
    assert levels.sigma_max == pytest.approx(highest, rel=1e-4)
