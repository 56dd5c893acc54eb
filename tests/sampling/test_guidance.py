"""Classifier-free guidance."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from redraw.errors import RequestError
from redraw.sampling.denoiser import Cond, Conditioned
from redraw.sampling.guidance import Guided, PerImage, Skips
from redraw.sampling.levels import NoiseLevels

SD = NoiseLevels.scaled_linear()
X, SIGMA = torch.zeros(2, 4, 8, 8), torch.full((2,), 2.0)


class Network:
    """A network whose D is minus sigma times its prompt's mark, and which remembers how it was called."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []  # (batch, tokens)

    def __call__(self, x_in: Tensor, t: Tensor, cond: Cond) -> Tensor:
        self.calls.append((x_in.shape[0], cond.tokens))
        mark = cond.text[:, 0, 0].view(-1, 1, 1, 1)
        return -mark / 2.0 * torch.ones_like(x_in)


def prompt(mark: float, tokens: int = 77, b: int = 1) -> Cond:
    return Cond(torch.full((b, tokens, 8), mark))


def guided(network: Network, *marks: float, weights: tuple[float, ...] = (1.0,), **options: object) -> Guided:
    positive = [(prompt(m), w) for m, w in zip(marks, weights, strict=True)]
    made = Guided(Conditioned(network, SD), lambda n: positive, lambda n: prompt(-1.0), 7.0)
    return replace(made, **options)  # type: ignore[arg-type]


def value(denoise: Guided, sigma: Tensor = SIGMA) -> float:
    D = denoise(X, sigma).value
    assert bool((D[0, 0, 0, 0] == D).all())
    return float(D[0, 0, 0, 0])


@pytest.mark.parametrize("together", [True, False])
def test_guidance_moves_away_from_the_negative_prompt(together: bool) -> None:
    assert value(guided(Network(), 3.0, together=together)) == pytest.approx(-1 + 7 * (3 - -1))


@pytest.mark.parametrize("together", [True, False])
def test_weights_of_and_multiply_the_scale_and_may_be_negative(together: bool) -> None:
    network = Network()
    D = value(guided(network, 3.0, 5.0, weights=(1.2, -0.5), together=together))
    assert pytest.approx(-1 + 7 * 1.2 * 4 - 7 * 0.5 * 6) == D
    assert network.calls == ([(6, 77)] if together else [(2, 77)] * 3)


def test_prompts_of_other_length_are_evaluated_separately_and_unpadded() -> None:
    network = Network()
    denoise = guided(network, 3.0)
    denoise.positive = lambda n: [(prompt(3.0, 154), 1.0)]
    assert value(denoise) == pytest.approx(27)
    assert network.calls == [(2, 154), (2, 77)]


def test_scale_one_leaves_the_negative_prompt_out() -> None:
    network = Network()
    assert value(guided(network, 3.0, scale=1.0)) == 3.0
    assert network.calls == [(2, 77)]


def test_scale_one_evaluates_the_negative_prompt_for_a_sampler_that_reads_it() -> None:
    network = Network()
    out = guided(network, 3.0, scale=1.0, needs_uncond=True)(X, SIGMA)
    assert float(out.uncond[0, 0, 0, 0]) == -1.0
    assert float(out.value[0, 0, 0, 0]) == pytest.approx(3.0)


def test_prompts_follow_the_count_of_evaluations() -> None:
    denoise = guided(Network(), 3.0)
    denoise.positive = lambda n: [(prompt(float(n)), 1.0)]
    assert [value(denoise) for _ in range(3)] == pytest.approx([-1 + 7 * (n + 1) for n in range(3)])
    assert denoise.count == 3


@pytest.mark.parametrize(
    ("skips", "sigma", "with_negative"),
    [
        (Skips(), 0.5, [True, True, True, True]),
        (Skips(ngms=1.0), 0.5, [True, False, True, False]),
        (Skips(ngms=1.0, ngms_all_steps=True), 0.5, [False, False, False, False]),
        (Skips(ngms=1.0, ngms_all_steps=True), 1.0, [True, True, True, True]),
        (Skips(early=0.25, total=4), 0.5, [False, False, True, True]),
        (Skips(early=0.25, total=8), 0.5, [False, False, False, True]),
        (Skips(early=0.0, total=8), 0.5, [True, True, True, True]),
    ],
)
def test_the_negative_prompt_is_left_out_when_asked(skips: Skips, sigma: float, with_negative: list[bool]) -> None:
    network = Network()
    denoise = guided(network, 3.0, skips=skips, together=False)
    for expected in with_negative:
        network.calls.clear()
        D = denoise(X, torch.full((2,), sigma)).value
        assert len(network.calls) == (2 if expected else 1)
        assert float(D[0, 0, 0, 0]) == pytest.approx((27 if expected else 3) * sigma / 2)


def test_the_timestep_family_compares_its_timestep() -> None:
    skips = Skips(ngms=3.0, ngms_all_steps=True, by_timestep=True)
    assert not skips.now(1, torch.tensor([0.5]), torch.tensor([376.0]))
    assert skips.now(1, torch.tensor([0.5]), torch.tensor([1.0]))


def test_a_skipped_negative_prompt_is_stood_in_for_by_the_first_sub_prompt() -> None:
    D = value(guided(Network(), 3.0, 5.0, weights=(1.0, 0.5), skips=Skips(early=0.5, total=4)))
    assert pytest.approx(3 + 0.5 * (5 - 3)) == D


def test_one_image_of_a_batch_has_its_own_prompt_and_count() -> None:
    denoise = guided(Network(), 3.0)
    marks = Cond(torch.tensor([2.0, 4.0]).view(2, 1, 1).expand(2, 77, 8))
    denoise.positive = lambda n: [(marks, 1.0)]
    denoise(X, SIGMA)
    one = denoise.image(1)
    assert one.count == 0
    assert float(one(X[:1], SIGMA[:1]).value[0, 0, 0, 0]) == pytest.approx(-1 + 7 * 5)
    assert denoise.count == 1


def test_images_with_different_prompts_share_a_batch() -> None:
    network = Network()
    denoise = PerImage([guided(network, 3.0), guided(network, 3.0, 5.0, weights=(1.0, 1.0))])
    out = denoise(X, SIGMA, t=torch.tensor([5.0, 5.0]))
    assert out.value[:, 0, 0, 0].tolist() == pytest.approx([27.0, 27.0 + 42.0])
    assert out.uncond.shape == X.shape
    assert float(denoise.image(0)(X[:1], SIGMA[:1]).value[0, 0, 0, 0]) == pytest.approx(27.0)


def test_guidance_is_the_same_bits_together_and_apart() -> None:
    x = torch.randn(2, 4, 8, 8)
    network = Network()
    a = guided(network, 3.0, 5.0, weights=(1.0, 0.3), together=True)(x, SIGMA).value
    b = guided(network, 3.0, 5.0, weights=(1.0, 0.3), together=False)(x, SIGMA).value
    assert torch.equal(a, b)


def editing(network: Network, **options: object) -> Guided:
    """C = 3, C_I = -1 and U = 0.5."""
    return guided(network, 3.0, **({"blank": lambda n: prompt(0.5), "image_scale": 1.5} | options))


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(("scale", "image_scale"), [(7.0, 1.5), (1.0, 1.5), (7.0, 0.0), (1.0, 0.0), (0.0, 3.0)])
def test_an_editing_model_follows_prompt_and_picture_each_by_its_scale(
    together: bool, scale: float, image_scale: float
) -> None:
    network = Network()
    denoise = editing(network, scale=scale, image_scale=image_scale, together=together)
    out = denoise(X, SIGMA)
    assert float(out.value[0, 0, 0, 0]) == pytest.approx(0.5 + scale * (3 - -1) + image_scale * (-1 - 0.5))
    assert float(out.uncond[0, 0, 0, 0]) == 0.5
    assert network.calls == ([(6, 77)] if together else [(2, 77)] * 3)


@pytest.mark.parametrize("image_scale", [None, 1, 1.0])
def test_image_scale_one_is_ordinary_guidance_without_a_third_evaluation(image_scale: float | None) -> None:
    network, ordinary = Network(), Network()
    x = torch.randn(2, 4, 8, 8)
    out, expected = editing(network, image_scale=image_scale)(x, SIGMA), guided(ordinary, 3.0)(x, SIGMA)
    assert torch.equal(out.value, expected.value)
    assert torch.equal(out.uncond, expected.uncond)
    assert network.calls == ordinary.calls


@pytest.mark.parametrize(
    ("skips", "calls"),
    [
        (Skips(early=0.25, total=4), [1, 1, 3, 3]),
        (Skips(ngms=100.0, ngms_all_steps=True), [3, 3, 3, 3]),
        (Skips(ngms=100.0, ngms_all_steps=True, early=0.25, total=8), [1, 1, 1, 3]),
    ],
)
def test_an_editing_model_skips_early_but_never_at_low_levels(skips: Skips, calls: list[int]) -> None:
    network = Network()
    denoise = editing(network, skips=skips, together=False)
    for expected in calls:
        network.calls.clear()
        D = value(denoise)
        assert len(network.calls) == expected
        assert pytest.approx(3.0 if expected == 1 else 0.5 + 7 * 4 - 1.5 * 1.5) == D
    assert denoise.count == len(calls)


def test_an_editing_model_refuses_and_where_its_image_scale_acts() -> None:
    both = {"blank": lambda n: prompt(0.5), "weights": (1.0, 1.0)}
    with pytest.raises(RequestError, match="AND"):
        guided(Network(), 3.0, 5.0, image_scale=1.5, **both)(X, SIGMA)  # type: ignore[arg-type]
    assert value(guided(Network(), 3.0, 5.0, image_scale=1.0, **both)) == pytest.approx(-1 + 7 * (4 + 6))  # type: ignore[arg-type]


def test_an_image_scale_without_the_blank_conditioning_is_refused() -> None:
    with pytest.raises(ValueError, match="without a picture"):
        editing(Network(), blank=None)(X, SIGMA)


def test_an_editing_models_pictures_go_with_their_evaluation_and_image() -> None:
    seen: list[Tensor] = []

    def network(x_in: Tensor, t: Tensor, cond: Cond) -> Tensor:
        seen.append(cond.expand(x_in.shape[0]).extra["concat"][:, 0, 0, 0])
        return x_in

    def of(concat: Tensor) -> Cond:
        return Cond(torch.zeros(1, 77, 8), {"concat": concat})

    pictures, none = (torch.tensor(m).view(2, 1, 1, 1).expand(2, 4, 8, 8) for m in ([5.0, 6.0], [0.0, -1.0]))
    denoise = Guided(
        Conditioned(network, SD),
        lambda n: [(of(pictures), 1.0)],
        lambda n: of(pictures),
        image_scale=1.5,
        blank=lambda n: of(none),
    )
    denoise(X, SIGMA)
    denoise.image(1)(X[:1], SIGMA[:1])
    assert [s.tolist() for s in seen] == [[5, 6, 5, 6, 0, -1], [6, 6, -1]]
