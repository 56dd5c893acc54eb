"""Repainting a part: the two blends, the two forms, and the last blend."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from redraw.registry import SAMPLERS
from redraw.sampling.denoiser import Denoised
from redraw.sampling.levels import NoiseLevels
from redraw.sampling.masking import Blend, Form, Masked, SoftBlend, form_for, hard_blend, keep
from redraw.sampling.noise import Noise, Seed
from redraw.sampling.samplers.ddim import alpha_bar
from redraw.sampling.trajectory import plan, run

SHAPE = (2, 4, 8, 8)
LEVEL = torch.tensor(2.0)


def draw(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape or SHAPE, generator=torch.Generator().manual_seed(seed))


def half() -> Tensor:
    """A mask [1, 1, 8, 8] that repaints the left half."""
    return torch.cat([torch.ones(1, 1, 8, 4), torch.zeros(1, 1, 8, 4)], dim=3)


def soft() -> Tensor:
    """A mask [1, 1, 8, 8] from 0 to 1."""
    return torch.linspace(0, 1, 64).view(1, 1, 8, 8)


def guess(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """A network's noise with and without the prompt: curved in x, and dependent on the timestep."""
    late = t.view(-1, 1, 1, 1) / 1000
    return torch.tanh(x) + 0.3 * late * x.flip(3), torch.sin(x) - 0.2 * late


class Model:
    """`guess` as a denoiser; it remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Tensor] = []

    def __call__(self, x: Tensor, sigma: Tensor, *, t: Tensor | None = None) -> Denoised:
        assert t is not None
        self.asked.append(x)
        s = sigma.view(-1, 1, 1, 1)
        e, e_uncond = guess(x / (s**2 + 1) ** 0.5, t)
        return Denoised(x - s * e, x - s * e_uncond)

    def image(self, i: int) -> Model:
        return Model()


def masked(form: Form, blend: Blend = hard_blend, repaint: Tensor | None = None) -> Masked:
    return Masked(Model(), draw(1, 1, 4, 8, 8), half() if repaint is None else repaint, blend, form)


@pytest.mark.parametrize("repaint", [half(), half().expand(2, 4, 8, 8)], ids=["shared", "own"])
def test_the_output_form_answers_the_source_where_it_is_kept_and_leaves_the_rest_alone(repaint: Tensor) -> None:
    denoise = masked("output", repaint=repaint)
    x, sigma, t = draw(2), torch.full((2,), 3.0), torch.full((2,), 500.0)
    plain, got = Model()(x, sigma, t=t), denoise(x, sigma, t=t)
    assert torch.equal(got.value[..., :4], plain.value[..., :4])
    assert torch.equal(got.value[..., 4:], denoise.kept.expand(SHAPE)[..., 4:])
    assert torch.equal(got.uncond, plain.uncond)


def test_the_input_form_asks_about_the_blended_latent_and_keeps_its_noise() -> None:
    denoise = masked("input")
    x, s, t = draw(2), 3.0, torch.full((2,), 500.0)
    root = math.sqrt(1 + s**2)
    x_in = keep(x / root, denoise.kept, denoise.repaint)
    got = denoise(x, torch.full((2,), s), t=t)
    e, e_uncond = guess(x_in, t)
    assert isinstance(denoise.denoiser, Model)
    torch.testing.assert_close(denoise.denoiser.asked[0] / root, x_in)
    torch.testing.assert_close((x - got.value) / s, e, rtol=0, atol=2e-6)
    torch.testing.assert_close((x - got.uncond) / s, e_uncond, rtol=0, atol=2e-6)


def test_the_input_form_says_that_it_needs_the_timestep() -> None:
    with pytest.raises(ValueError, match="timestep"):
        masked("input")(draw(2), torch.ones(2))


@pytest.mark.parametrize(("form", "level"), [("output", 3.0), ("input", 500.0)])
def test_the_level_of_image_0_is_sigma_or_in_the_input_form_the_timestep(form: Form, level: float) -> None:
    heard: list[Tensor] = []

    def listen(value: Tensor, kept: Tensor, repaint: Tensor, level: Tensor) -> Tensor:
        heard.append(level)
        return value

    masked(form, listen)(draw(2), torch.tensor([3.0, 4.0]), t=torch.tensor([500.0, 600.0]))
    assert [x.shape for x in heard] == [()]
    assert float(heard[0]) == level


@pytest.mark.parametrize("form", ["output", "input"])
def test_one_image_of_a_batch_has_its_own_source_and_mask(form: Form) -> None:
    whole = replace(masked(form), kept=draw(1), repaint=torch.stack([half()[0], 1 - half()[0]]))
    x, sigma, t = draw(2), torch.full((2,), 3.0), torch.full((2,), 500.0)
    both = whole(x, sigma, t=t)
    for i in range(2):
        one = whole.image(i)(x[i : i + 1], sigma[:1], t=t[:1])
        assert torch.equal(one.value, both.value[i : i + 1])
        assert torch.equal(one.uncond, both.uncond[i : i + 1])


NAMES = [entry.name for entry in SAMPLERS]


@pytest.mark.parametrize("name", NAMES)
def test_the_timestep_family_blends_the_input_and_all_others_the_output(name: str) -> None:
    sampler = SAMPLERS.get(name)
    takes_input = sampler.label in {"DDIM", "DDIM CFG++", "PLMS", "UniPC"}
    assert form_for(sampler) == ("input" if takes_input else "output")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("repaint", [0.0, 1.0])
def test_with_any_sampler_a_black_mask_gives_the_source_and_a_white_one_what_no_mask_gives(
    sd: NoiseLevels, name: str, repaint: float
) -> None:
    z = draw(1, 1, 4, 8, 8)
    made = plan(name, sd, 6, strength=0.7)
    mask = torch.full((1, 1, 1, 1), repaint)

    def result(denoiser: Any) -> Tensor:
        *_, last = run(made, denoiser, z, Noise.from_seeds((4, 8, 8), [Seed(5)], "cpu"))
        return last.x

    class Timed(Model):
        def __call__(self, x: Tensor, sigma: Tensor, *, t: Tensor | None = None) -> Denoised:
            return super().__call__(x, sigma, t=sd.t(sigma) if t is None else t)

        def image(self, i: int) -> Timed:
            return Timed()

    got = keep(result(Masked(Timed(), z, mask, form=form_for(made.sampler))), z, mask)
    if repaint == 0:
        assert torch.equal(got, z)
    else:
        torch.testing.assert_close(got, result(Timed()), rtol=1e-3, atol=1e-3)


def ddim_by_noise(noise_at: Callable[[Tensor, float], tuple[Tensor, Tensor]], x: Tensor, a: list[float]) -> Tensor:
    """DDIM written in noises, where `noise_at` is A1111's model call; the direction is that without the prompt."""
    for k in range(len(a) - 1):
        e, e_uncond = noise_at(x, k)
        x0 = (x - math.sqrt(1 - a[k]) * e) / math.sqrt(a[k])
        x = math.sqrt(a[k + 1]) * x0 + math.sqrt(1 - a[k + 1]) * e_uncond
    return x


def plms_by_noise(noise_at: Callable[[Tensor, float], tuple[Tensor, Tensor]], x: Tensor, a: list[float]) -> Tensor:
    """PLMS written in noises."""

    def move(x: Tensor, e: Tensor, k: int) -> Tensor:
        x0 = (x - math.sqrt(1 - a[k]) * e) / math.sqrt(a[k])
        return math.sqrt(a[k + 1]) * x0 + math.sqrt(1 - a[k + 1]) * e

    old: list[Tensor] = []
    for k in range(len(a) - 1):
        e = noise_at(x, k)[0]
        if not old:
            e_bar = (e + noise_at(move(x, e, k), k + 1)[0]) / 2
        elif len(old) == 1:
            e_bar = (3 * e - old[-1]) / 2
        elif len(old) == 2:
            e_bar = (23 * e - 16 * old[-1] + 5 * old[-2]) / 12
        else:
            e_bar = (55 * e - 59 * old[-1] + 37 * old[-2] - 9 * old[-3]) / 24
        x = move(x, e_bar, k)
        old.append(e)
    return x


@pytest.mark.parametrize(
    ("name", "by_noise", "uncond"),
    [("ddim", ddim_by_noise, False), ("ddim_cfgpp", ddim_by_noise, True), ("plms", plms_by_noise, False)],
)
@pytest.mark.parametrize("blend", [hard_blend, SoftBlend()], ids=["hard", "soft"])
def test_a_masked_run_uses_the_noise_of_the_blended_latent_at_the_loops_own_latent(
    sd: NoiseLevels, name: str, by_noise: Any, uncond: bool, blend: Blend
) -> None:
    z, mask = draw(1, 1, 4, 8, 8), soft()
    made = plan(name, sd, 10, strength=0.75)
    assert made.timesteps is not None
    T = made.timesteps.tolist()

    def noise_at(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
        e, e_uncond = guess(blend(x, z, mask, torch.tensor(float(T[k]))), torch.tensor([float(T[k])]))
        return e, e_uncond if uncond else e

    first = Noise.from_seeds((4, 8, 8), [Seed(5)], "cpu")()
    expected = by_noise(noise_at, z * made.signal + first * made.noise, [alpha_bar(s) for s in made.sigmas.tolist()])
    denoise = Masked(Model(), z, mask, blend, form_for(made.sampler))
    *_, last = run(made, denoise, z, Noise.from_seeds((4, 8, 8), [Seed(5)], "cpu"))
    assert len(T) > 5
    torch.testing.assert_close(last.x, expected, rtol=0, atol=5e-5 * float(expected.abs().max()))


def test_unipc_predicts_the_clean_latent_from_its_own_latent_and_the_noise_of_the_blended_one(sd: NoiseLevels) -> None:
    z, mask = draw(1, 1, 4, 8, 8), half()

    class ByNoise:
        """What A1111's UniPC takes for its model: the clean latent from the loop's own x and the network's noise."""

        def __call__(self, x: Tensor, sigma: Tensor, *, t: Tensor | None = None) -> Denoised:
            assert t is not None
            s = sigma.view(-1, 1, 1, 1)
            alpha = 1 / (1 + s**2).sqrt()
            e, _ = guess(keep(x * alpha, z, mask), t)
            x0 = (x * alpha - s * alpha * e) / alpha
            return Denoised(x0, x0)

        def image(self, i: int) -> ByNoise:
            return self

    made = plan("unipc", sd, 10, strength=0.75)
    a, b = (
        list(run(made, denoise, z, Noise.from_seeds((4, 8, 8), [Seed(5)], "cpu")))[-1].x
        for denoise in (ByNoise(), Masked(Model(), z, mask, form=form_for(made.sampler)))
    )
    torch.testing.assert_close(a, b, rtol=0, atol=5e-5 * float(a.abs().max()))


def by_the_book(blend: SoftBlend, value: Tensor, kept: Tensor, repaint: Tensor, level: float) -> Tensor:
    """Soft inpainting's blend as its formula reads: shares in fp32, powers in fp64."""
    t = (repaint ** (torch.tensor(level) ** blend.bias * blend.preservation)).double()
    value, kept = value.double(), kept.double()
    v, p = kept * (1 - t) + value * t, blend.contrast
    norm = torch.linalg.vector_norm
    M = (norm(kept, dim=1, keepdim=True) ** p * (1 - t) + norm(value, dim=1, keepdim=True) ** p * t) ** (1 / p)
    return (v * M / (norm(v, dim=1, keepdim=True) + 1e-5)).float()


@pytest.mark.parametrize("level", [0.03, 1.0, 14.6])
@pytest.mark.parametrize("contrast", [1.0, 4.0, 32.0])
@pytest.mark.parametrize(("bias", "preservation"), [(1.0, 0.5), (0.0, 0.5), (8.0, 8.0), (0.5, 0.0)])
def test_the_soft_blend_follows_its_formula(level: float, contrast: float, bias: float, preservation: float) -> None:
    blend = SoftBlend(bias, preservation, contrast)
    value, kept = draw(1), 5 * draw(2)
    got = blend(value, kept, soft(), torch.tensor(level))
    torch.testing.assert_close(got, by_the_book(blend, value, kept, soft(), level), rtol=2e-4, atol=2e-4)


def test_the_soft_blend_is_finite_and_kept_in_length_at_its_ends() -> None:
    value, kept = 300 * draw(1), 0.001 * draw(2)
    for mask, end in ((torch.ones(1, 1, 8, 8), value), (torch.zeros(1, 1, 8, 8), kept)):
        got = SoftBlend(contrast=32.0)(value, kept, mask, LEVEL)
        torch.testing.assert_close(got, end, rtol=2e-2, atol=1e-5)
    nothing = torch.zeros(SHAPE)
    assert torch.equal(SoftBlend()(nothing, nothing, soft(), LEVEL), nothing)
    assert bool(torch.isfinite(SoftBlend(8.0, 8.0, 32.0)(value, kept, soft(), torch.tensor(999.0))).all())


def test_mixing_opposites_softly_does_not_wash_out() -> None:
    value, kept, mask = draw(1), draw(2), torch.full((1, 1, 8, 8), 0.5)
    mean = hard_blend(value, kept, mask, LEVEL)
    got = SoftBlend(0.0, 1.0, 4.0)(value, kept, mask, LEVEL)
    assert float(got.norm()) > 1.2 * float(mean.norm())


def test_preservation_0_repaints_everything_also_where_the_mask_is_black() -> None:
    value = draw(1)
    got = SoftBlend(0.5, 0.0, 2.0)(value, draw(2), half(), LEVEL)
    torch.testing.assert_close(got, value, rtol=1e-4, atol=1e-5)


def test_the_last_blend_puts_the_source_back() -> None:
    x, z = draw(1), draw(2, 1, 4, 8, 8)
    got = keep(x, z, half())
    assert torch.equal(got[..., :4], x[..., :4])
    assert torch.equal(got[..., 4:], z.expand(SHAPE)[..., 4:])
    torch.testing.assert_close(keep(x, z, torch.full((1, 1, 1, 1), 0.25)), 0.25 * x + 0.75 * z)
