"""A1111's recorded runs, replayed without any network.

The recorded estimates are fed to our samplers, which must ask for them at the same levels with the same latents and
end at the same latent; the noise, the schedule and the start are ours too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from redraw.sampling.denoiser import Denoised
from redraw.sampling.levels import NoiseLevels
from redraw.sampling.masking import Masked, form_for, keep
from redraw.sampling.noise import Noise, Seed
from redraw.sampling.trajectory import Plan, ddim_timesteps, plan, run

pytestmark = pytest.mark.golden

IMG2IMG = (
    "DPMpp_2M",
    "DPMpp_SDE",
    "DPMpp_2M_SDE",
    "DPMpp_2M_SDE_Heun",
    "DPMpp_2S_a",
    "DPMpp_3M_SDE",
    "Euler",
    "LMS",
    "Heun",
    "DPM2",
    "Restart",
    "DDIM_CFGpp",
)
TXT2IMG = (
    "DPMpp_2M",
    "DPMpp_SDE",
    "DPMpp_2M_SDE",
    "DPMpp_2M_SDE_Heun",
    "DPMpp_2S_a",
    "Euler_a",
    "DPM2",
    "DPM_fast",
    "Restart",
    "DDIM_CFGpp",
    "PLMS",
    "UniPC",
    "LCM",
)
SEEDS = ("batch2_Euler_a", "rngCPU_Euler_a", "seedresize_40x72")
ZERO_SNR = (
    "zsnr_t2i_Euler",
    "zsnr_steady_Euler",
    "zsnr_t2i_DPMpp_2M",
    "zsnr_t2i_DDIM",
    "zsnr_steady_DDIM",
    "zsnr_first_Euler",
    "zsnr_first_DPMpp_2M",
)
CASES = [f"a_samplers/{name}__Automatic" for name in IMG2IMG]
CASES += [f"a2_samplers_txt2img/{name}" for name in TXT2IMG]
CASES += [f"f_seeds/{name}" for name in (*SEEDS, *ZERO_SNR)]


MASKED = [
    f"c_inpaint/{name}"
    for name in (
        *(f"only_f{fill}_i0_b4" for fill in range(4)),
        *(f"whole_f{fill}_i{inverted}_b4" for fill, inverted in ((0, 0), (0, 1), (1, 0), (1, 1), (2, 1))),
        "sampler_Euler_a",
    )
]


class Recording:
    """A denoiser that answers what A1111's model answered, and checks that it is asked the same."""

    def __init__(self, arrays: Mapping[str, Tensor], made: Plan) -> None:
        self.arrays, self.plan, self.calls = arrays, made, 0

    def __call__(self, x: Tensor, sigma: Tensor, *, t: Tensor | None = None) -> Denoised:
        x_then, at_then, out = (self.arrays[f"step{self.calls:02d}_{k}"] for k in ("x", "sigma", "denoised"))
        self.calls += 1
        s = sigma.view(-1, 1, 1, 1)
        scale = float(x_then.abs().max())
        if self.plan.sampler.family == "sigma":
            torch.testing.assert_close(sigma, at_then, rtol=2e-6, atol=0)
            torch.testing.assert_close(x, x_then, rtol=0, atol=1e-5 * scale)
            return Denoised(out, out)
        # This family recorded the timestep, the latent as the network gets it, and the predicted noise.
        assert t is not None
        torch.testing.assert_close(t, at_then, rtol=0, atol=1e-4)
        torch.testing.assert_close(x / (s**2 + 1) ** 0.5, x_then, rtol=0, atol=1e-5 * scale)
        return Denoised(x - s * out, x - s * self._noise_without_prompt(x_then, out))

    def image(self, i: int) -> Recording:
        return self

    def _noise_without_prompt(self, x: Tensor, e: Tensor) -> Tensor:
        """Return the noise that CFG++ put back; A1111 recorded only its effect on the next latent."""
        i, s = self.calls - 1, self.plan.sigmas
        following = self.arrays.get(f"step{i + 1:02d}_x", self.arrays["samples"])
        if self.plan.sampler.label != "DDIM CFG++":
            return e
        a, a_next = 1 / (1 + s[i].double() ** 2), 1 / (1 + s[i + 1].double() ** 2)
        x0 = (x - (1 - a).sqrt() * e) / a.sqrt()
        return ((following - a_next.sqrt() * x0) / (1 - a_next).sqrt()).float()


class Heard(Noise):
    """Noise that checks every draw against A1111's."""

    def __init__(self, noise: Noise, arrays: Mapping[str, Tensor]) -> None:
        super().__init__(noise.images)
        self.arrays, self.draws = arrays, 0

    def __call__(self) -> Tensor:
        x = super().__call__()
        key = f"rng.{self.draws}" if self.draws else "rng"
        assert torch.equal(x, self.arrays[key])
        self.draws += 1
        return x


def seeds_of(request: Mapping[str, Any], b: int) -> list[Seed]:
    strength = request.get("subseed_strength", 0)
    resize = None
    if request.get("seed_resize_from_h"):
        resize = (request["seed_resize_from_h"] // 8, request["seed_resize_from_w"] // 8)
    first, variation = request["seed"], request.get("subseed", 0)
    return [Seed(first + (0 if strength else i), max(variation, 0) + i, strength, resize) for i in range(b)]


@pytest.mark.parametrize("case", CASES)
def test_a_recorded_run_is_repeated_step_by_step(
    recorded: Callable[[str], tuple[Mapping[str, Any], dict[str, Tensor]]], sd: NoiseLevels, case: str
) -> None:
    request, arrays = recorded(case)
    # A1111's first img2img after switching to zero terminal SNR still runs the k-diffusion samplers without it.
    levels = sd.zero_terminal_snr() if "zsnr" in case and "first" not in case else sd
    latent = arrays.get("init_latent")
    strength = None if latent is None else request["denoising_strength"]
    made = plan(request["sampler_name"], levels, request["steps"], strength=strength, scheduler=request["scheduler"])
    if made.sampler.family == "sigma":
        torch.testing.assert_close(made.full, arrays["sigmas_full"], rtol=1e-6, atol=0)
    else:
        assert ddim_timesteps(made.steps).tolist() == arrays["timesteps_full"].tolist()
    model = Recording(arrays, made)
    noise = Heard(Noise.from_seeds((4, 8, 8), seeds_of(request, len(arrays["rng"])), "cpu"), arrays)
    *_, last = run(made, model, latent, noise)
    assert model.calls == sum(key.endswith("_x") for key in arrays)
    assert noise.draws == sum(key.startswith("rng") for key in arrays)
    torch.testing.assert_close(last.x, arrays["samples"], rtol=0, atol=2e-5)


class Spoiled(Recording):
    """A recorded model that answers nonsense where the source is kept: only the blend can make that good."""

    def __call__(self, x: Tensor, sigma: Tensor, *, t: Tensor | None = None) -> Denoised:
        out = super().__call__(x, sigma, t=t)
        value = out.value + 5 * self.arrays["latmask_keep"]
        return Denoised(value, value)

    def image(self, i: int) -> Spoiled:
        return self


@pytest.mark.parametrize("case", MASKED)
def test_a_recorded_inpainting_is_repeated_step_by_step(
    recorded: Callable[[str], tuple[Mapping[str, Any], dict[str, Tensor]]], sd: NoiseLevels, case: str
) -> None:
    request, arrays = recorded(case)
    made = plan(request["sampler_name"], sd, request["steps"], strength=request["denoising_strength"])
    latent, repaint = arrays["init_latent"], arrays["latmask_noise"][None]
    assert 0 < float(repaint.mean()) < 1
    model = Spoiled(arrays, made)
    noise = Noise.from_seeds((4, 8, 8), [Seed(request["seed"])], "cpu")
    if request["inpainting_fill"] == 2:  # the first draw of this seed went into the source
        arrays = {f"rng.{i - 1}" if i > 1 else "rng": arrays[f"rng.{i}"] for i in range(1, 7)}
    *_, last = run(made, Masked(model, latent, repaint, form=form_for(made.sampler)), latent, Heard(noise, arrays))
    got = keep(last.x + 5 * (1 - repaint), latent, repaint)
    assert model.calls == made.steps_run
    torch.testing.assert_close(got, model.arrays["samples"], rtol=0, atol=2e-5)
