"""One-shot results of every network equal A1111's (fp32), and so does a whole small img2img."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from redraw.conditioning.editing import Entry
from redraw.conditioning.text import encode_schedule
from redraw.models.loader import load_model
from redraw.models.model import Extras, Model

pytestmark = pytest.mark.golden
TOLERANCE = 1e-5
UNET_CASES = [
    *(f"unet|x|t{t}|cond" for t in ("0", "1", "100", "500", "999", "10.5")),
    *(f"unet|x2|t{t}|uncond" for t in ("0", "1", "100", "500", "999")),
]


@pytest.fixture(scope="module")
def forward(goldens: Path) -> dict[str, torch.Tensor]:
    """A1111's tensors by name."""
    return {k: torch.from_numpy(v) for k, v in np.load(goldens / "pure" / "model_forward.npz").items()}


def _picture(path: Path) -> torch.Tensor:
    return torch.tensor(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1)[None].float() / 255 * 2 - 1


def test_the_schedule_is_a1111s(golden_model: Model, goldens: Path) -> None:
    expected = np.load(goldens / "pure" / "model_schedule.npz")["alphas_cumprod"]
    assert np.array_equal(golden_model.alphas_cumprod.numpy(), expected)


def test_the_hash_is_the_one_in_infotexts(golden_model: Model) -> None:
    assert golden_model.short_hash == "a35f23fa7d"


@pytest.mark.parametrize("name", ["img64x64", "img96x64"])
def test_vae_results_are_a1111s(
    golden_model: Model, goldens: Path, forward: dict[str, torch.Tensor], name: str
) -> None:
    latents = golden_model.encode(_picture(goldens / "inputs" / f"{name}.png"))
    assert (latents - forward[f"vae_encode|{name}"]).abs().max() < TOLERANCE
    assert (golden_model.decode(latents) - forward[f"vae_decode|{name}"]).abs().max() < TOLERANCE


@pytest.mark.parametrize("case", UNET_CASES)
def test_unet_results_are_a1111s(golden_model: Model, forward: dict[str, torch.Tensor], case: str) -> None:
    _, x, t, context = case.split("|")
    out = golden_model.predict(forward[x], torch.tensor(float(t[1:])), forward[context])
    assert (out - forward[case]).abs().max() < TOLERANCE


@pytest.mark.parametrize(
    ("case", "source", "size", "steps"),
    [("f_seeds/size72x64", "img64x64", (72, 64), 8), ("d_resize/80x72_to_72x104_rm0", "img80x72", (72, 104), 4)],
)
def test_sizes_whose_levels_are_odd_give_a1111s_picture(
    golden_model: Model, goldens: Path, case: str, source: str, size: tuple[int, int], steps: int
) -> None:
    found = sorted((goldens / "out" / case.split("/")[0]).glob(f"{case.split('/')[1]}*.png"))
    if not found:
        pytest.skip(f"{case} is not among the goldens here")
    picture = Image.open(goldens / "inputs" / f"{source}.png").convert("RGB").resize(size, Image.Resampling.LANCZOS)
    image = torch.tensor(np.array(picture)).permute(2, 0, 1)[None].float() / 255 * 2 - 1
    texts = ("a red circle on a blue background", "green")
    cond, uncond = (encode_schedule(golden_model, (Entry(1, text),))[0][1].text for text in texts)
    acp = golden_model.alphas_cumprod
    table = ((1 - acp) / acp).sqrt()
    ts = torch.linspace(999, 0, steps)
    low = ts.floor().long()
    logs = table.log()
    sigmas = (logs[low] + (ts - low) * (logs[ts.ceil().long()] - logs[low])).exp()
    sigmas = torch.cat([sigmas, torch.zeros(1)])[steps - int(0.6 * steps) - 1 :]
    noise = torch.randn((4, size[1] // 8, size[0] // 8), generator=torch.Generator().manual_seed(1234))[None]
    x = golden_model.encode(image) + noise * sigmas[0]
    for now, then in pairwise(sigmas):
        t = float(np.interp(float(now.log()), logs.numpy(), np.arange(1000)))
        scaled, time = x / (now**2 + 1).sqrt(), torch.tensor(t)
        plain = golden_model.predict(scaled, time, uncond)
        eps = plain + 7 * (golden_model.predict(scaled, time, cond) - plain)
        x = x + eps * (then - now)
    out = ((golden_model.decode(x)[0].clamp(-1, 1) + 1) / 2 * 255).permute(1, 2, 0).numpy().astype(np.uint8)
    expected = np.array(Image.open(found[0]).convert("RGB"))
    assert np.abs(out.astype(int) - expected.astype(int)).max() <= 1


def test_an_inpainting_model_listens_to_mask_and_picture(goldens: Path, tmp_path: Path) -> None:
    delta = goldens / "model" / "tiny-sd1-inpainting.delta.safetensors"
    path = tmp_path / "tiny-sd1-inpainting.safetensors"
    save_file({**load_file(goldens / "model" / "tiny-sd1.safetensors"), **load_file(delta)}, path)
    (tmp_path / "tiny-sd1-inpainting.json").write_bytes((goldens / "model" / "tiny-sd1-inpainting.json").read_bytes())
    model = load_model(path)
    assert model.in_channels == 9
    data = {k: torch.from_numpy(v) for k, v in np.load(goldens / "debug" / "l_inpaintmodel" / "i2i.npz").items()}
    cond, uncond = (next(v for k, v in data.items() if k.startswith(side))[None] for side in ("cond_", "uncond_"))
    logs = ((1 - model.alphas_cumprod) / model.alphas_cumprod).sqrt().log().numpy()
    extras = Extras(concat=data["image_conditioning"])
    for step in ("step00", "step03"):
        x, sigma = data[f"{step}_x"], data[f"{step}_sigma"][0]
        time = torch.tensor(float(np.interp(float(sigma.log()), logs, np.arange(1000))))
        with_text, without = (model.predict(x / (sigma**2 + 1).sqrt(), time, c, extras) for c in (cond, uncond))
        denoised = x - sigma * (without + 7 * (with_text - without))
        assert (denoised - data[f"{step}_denoised"]).abs().max() < 1e-3
