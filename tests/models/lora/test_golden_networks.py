"""LoRA, LoCon and LoHa change A1111's tiny model exactly as A1111 does: its contexts and its first step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from redraw.conditioning.editing import Entry
from redraw.conditioning.text import encode_schedule, forget
from redraw.models.lora import Use, open_lora, prepare
from redraw.models.model import Model

pytestmark = pytest.mark.golden


@pytest.mark.parametrize(
    ("case", "name", "text", "unet"),
    [("lora07", "tinylora", 0.7, 0.7), ("lora_te_unet", "tinylora", 0.5, 1.2), ("loha", "tinyloha", 1.0, 1.0)],
)
def test_contexts_and_the_first_step_are_a1111s(
    golden_model: Model, goldens: Path, case: str, name: str, text: float, unet: float
) -> None:
    path = goldens / "debug" / "e_prompts" / f"{case}.npz"
    if not path.is_file():
        pytest.skip(f"{case} is not among the goldens here")
    a1111 = {k: torch.from_numpy(v) for k, v in np.load(path).items()}
    patch = prepare(golden_model, [Use(open_lora(goldens / "model" / f"{name}.safetensors"), text, unet)])
    table = ((1 - golden_model.alphas_cumprod) / golden_model.alphas_cumprod).sqrt()
    x, sigma = a1111["step00_x"], float(a1111["step00_sigma"])
    time = float(np.interp(np.log(sigma), table.log().numpy(), np.arange(1000)))
    forget(golden_model)
    with patch.worn():
        texts = ("a red circle ", "green")
        cond, uncond = (encode_schedule(golden_model, (Entry(1, text),))[0][1].text for text in texts)
        noise = [golden_model.predict(x / (sigma**2 + 1) ** 0.5, torch.tensor(time), c) for c in (uncond, cond)]
    forget(golden_model)
    first = next(k for k in a1111 if k.startswith("cond_"))
    assert (cond[0] - a1111[first]).abs().max() < 1e-5
    denoised = x - sigma * (noise[0] + 7 * (noise[1] - noise[0]))
    assert (denoised - a1111["step00_denoised"]).abs().max() < 2e-3


@pytest.mark.parametrize("name", ["tinylora", "tinylocon", "tinyloha"])
def test_every_key_of_a1111s_files_is_used(golden_model: Model, goldens: Path, name: str) -> None:
    file = open_lora(goldens / "model" / f"{name}.safetensors")
    (report,) = prepare(golden_model, [Use(file)]).report
    assert report.unapplied == ()
    assert report.applied == sum(len(layer.keys) for layer in file.layers)


def test_the_hash_is_the_one_in_a1111s_infotexts(goldens: Path) -> None:
    text = (goldens / "cases" / "e_prompts.json").read_text("utf-8")
    assert f"tinylora: {open_lora(goldens / 'model' / 'tinylora.safetensors').hash12}" in text
