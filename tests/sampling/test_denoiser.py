"""Networks as denoisers."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from redraw.sampling.denoiser import Cond, Conditioned, Prediction
from redraw.sampling.levels import NoiseLevels

COND = Cond(torch.zeros(1, 77, 8))


@pytest.mark.parametrize(
    ("prediction", "sigma"),
    [("eps", 0.05), ("eps", 0.6), ("eps", 8.0), ("v", 0.05), ("v", 0.6), ("v", 8.0), ("flow", 0.05), ("flow", 0.95)],
)
def test_a_network_that_knows_the_answer_gives_the_clean_latent(
    sd: NoiseLevels, prediction: Prediction, sigma: float
) -> None:
    x0, eps = torch.randn(2, 4, 8, 8), torch.randn(2, 4, 8, 8)
    alpha, sigma_vp = 1 / math.sqrt(1 + sigma**2), sigma / math.sqrt(1 + sigma**2)
    answer = {"eps": eps, "v": alpha * eps - sigma_vp * x0, "flow": eps - x0}[prediction]
    x = x0 * (1 - sigma) + eps * sigma if prediction == "flow" else x0 + sigma * eps
    denoise = Conditioned(lambda x_in, t, cond: answer, sd, prediction)
    D = denoise(x, torch.full((2,), sigma), COND)
    torch.testing.assert_close(D, x0, rtol=0, atol=1e-5)


def test_the_network_sees_a_latent_scaled_as_in_ddpm_and_the_interpolated_timestep(sd: NoiseLevels) -> None:
    seen: list[Tensor] = []

    def network(x_in: Tensor, t: Tensor, cond: Cond) -> Tensor:
        seen.extend((x_in, t))
        return x_in

    sigma = sd.sigma(torch.tensor([300.25, 700.75]))
    x = torch.randn(2, 4, 8, 8)
    Conditioned(network, sd)(x, sigma, COND)
    torch.testing.assert_close(seen[0], x / (sigma.view(-1, 1, 1, 1) ** 2 + 1) ** 0.5)
    torch.testing.assert_close(seen[1], torch.tensor([300.25, 700.75]), rtol=0, atol=2e-2)
    Conditioned(network, sd, quantize=True)(x, sigma, COND)
    assert seen[3].tolist() == [300.0, 701.0]
    Conditioned(network, sd)(x, sigma, COND, torch.tensor([5.0, 6.0]))
    assert seen[5].tolist() == [5.0, 6.0]


def test_a_half_precision_answer_becomes_a_single_precision_estimate(sd: NoiseLevels) -> None:
    D = Conditioned(lambda x_in, t, cond: x_in.bfloat16(), sd)(torch.randn(1, 4, 8, 8), torch.ones(1), COND)
    assert D.dtype == torch.float32


def test_conditions_are_joined_and_taken_apart_image_by_image() -> None:
    shared = Cond(torch.randn(1, 77, 8), {"pooled": torch.randn(1, 5)})
    own = Cond(torch.randn(3, 77, 8), {"pooled": torch.randn(3, 5)})
    joint = Cond.join([shared, own], 3)
    assert joint.text.shape == (6, 77, 8)
    assert joint.extra["pooled"].shape == (6, 5)
    assert torch.equal(joint.text[2], shared.text[0])
    assert torch.equal(own.image(1).text, own.text[1:2])
    assert torch.equal(shared.image(2).text, shared.text)
    assert shared.tokens == 77


@pytest.mark.parametrize("rows", [1, 3])
def test_a_picture_beside_the_prompt_may_be_shared_or_each_images_own(rows: int) -> None:
    concat = torch.randn(rows, 5, 8, 8)
    cond = Cond(torch.randn(1, 77, 8), {"concat": concat})
    for i in range(3):
        assert torch.equal(cond.image(i).extra["concat"], concat[min(i, rows - 1)][None])
        assert cond.image(i).text.shape == (1, 77, 8)
    wide = cond.expand(3)
    assert (wide.text.shape, wide.extra["concat"].shape) == ((3, 77, 8), (3, 5, 8, 8))
    assert torch.equal(Cond.join([cond, cond], 3).extra["concat"], torch.cat([concat.expand(3, 5, 8, 8)] * 2))


def test_rows_that_do_not_fit_the_batch_are_refused_instead_of_repeated_or_lost() -> None:
    cond = Cond(torch.zeros(1, 77, 8), {"concat": torch.zeros(2, 5, 8, 8)})
    with pytest.raises(ValueError, match="2 rows of conditioning do not fit 3 images"):
        cond.expand(3)
    with pytest.raises(ValueError, match="do not fit"):
        Cond.join([cond], 1)
    with pytest.raises(IndexError, match="2 images, not 3"):
        cond.image(2)


@pytest.mark.parametrize("order", [1, -1])
def test_conditions_with_other_tensors_are_not_joined(order: int) -> None:
    plain, more = Cond(torch.zeros(1, 77, 8)), Cond(torch.zeros(1, 77, 8), {"concat": torch.zeros(1, 5, 8, 8)})
    with pytest.raises(ValueError, match="concat"):
        Cond.join([plain, more][::order], 1)
