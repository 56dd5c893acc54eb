"""Noise that belongs to an image."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from redraw.errors import RequestError
from redraw.sampling.noise import Noise, Seed, Source, slerp

SOURCES: dict[str, Source] = {"GPU": "gpu", "CPU": "cpu", "NV": "nv"}
SMALL = (4, 8, 8)


@pytest.mark.golden
@pytest.mark.parametrize("source", SOURCES)
def test_plain_draws_equal_a1111s(pure: Callable[[str], Any], source: str) -> None:
    whole, first8 = pure("noise.npz"), pure("noise_first8.json")
    keys = [key for key in first8 if key.startswith(f"{source}|seed")]
    assert len(keys) == 45
    for key in keys:
        _, seed, shape, draw = key.split("|")
        c, h, w = (int(v) for v in shape.strip("()").split(","))
        noise = Noise.from_seeds((c, h, w), [int(seed.removeprefix("seed"))], SOURCES[source])
        x = [noise() for _ in range(int(draw) + 1)][-1]
        assert x.flatten()[:8].tolist() == first8[key][:8]
        assert float(x.sum()) == pytest.approx(first8[key][8], abs=1e-3)
        assert float((x**2).sum()) == pytest.approx(first8[key][9], rel=1e-5)
        if key in whole:
            assert torch.equal(x, whole[key])


@pytest.mark.golden
@pytest.mark.parametrize("source", SOURCES)
def test_variations_equal_a1111s(pure: Callable[[str], Any], source: str) -> None:
    golden = pure("noise.npz")
    seeds = [Seed(1234, 777, 0.3), Seed(1235, 778, 0.3)]
    x = Noise.from_seeds(SMALL, seeds, SOURCES[source])()
    torch.testing.assert_close(x, golden[f"{source}|sub"], rtol=0, atol=1e-6)
    x = Noise.from_seeds(SMALL, [Seed(1234, 777, 1.0)], SOURCES[source])()
    torch.testing.assert_close(x, golden[f"{source}|sub1"], rtol=0, atol=1e-6)


@pytest.mark.golden
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("size", [(32, 32), (64, 128), (128, 64), (72, 40)])
def test_resized_seeds_equal_a1111s(pure: Callable[[str], Any], source: str, size: tuple[int, int]) -> None:
    golden, (h, w) = pure("noise.npz"), size
    latent = (h // 8, w // 8)
    plain = Noise.from_seeds(SMALL, [Seed(1234, resize_from=latent)], SOURCES[source])()
    torch.testing.assert_close(plain, golden[f"{source}|resize_from_h{h}w{w}"], rtol=0, atol=1e-6)
    mixed = Noise.from_seeds(SMALL, [Seed(1234, 5, 0.4, latent)], SOURCES[source])()
    torch.testing.assert_close(mixed, golden[f"{source}|resize_sub_from_h{h}w{w}"], rtol=0, atol=1e-6)


@pytest.mark.golden
@pytest.mark.parametrize("source", SOURCES)
def test_a_seed_offset_acts_after_the_first_draw_as_in_a1111(pure: Callable[[str], Any], source: str) -> None:
    golden = pure("noise.npz")
    noise = Noise.from_seeds(SMALL, [Seed(1234, offset=31337)], SOURCES[source])
    for i in range(3):
        assert torch.equal(noise(), golden[f"{source}|ensd{i}"])


@pytest.mark.golden
@pytest.mark.parametrize("source", SOURCES)
def test_brownian_increments_equal_a1111s(pure: Callable[[str], Any], source: str) -> None:
    golden = pure("noise.npz")
    noise = Noise.from_seeds(SMALL, [1234, 1235], SOURCES[source])
    noise.span(0.03, 14.6)
    for a, b in [(14.6, 7.0), (7.0, 3.0), (3.0, 1.0), (1.0, 0.1), (0.1, 0.03)]:
        assert torch.equal(noise.between(a, b), golden[f"{source}|brownian|{a}->{b}"])


@pytest.mark.parametrize("source", SOURCES.values())
def test_an_image_gets_the_same_noise_alone_and_anywhere_in_a_batch(source: Source) -> None:
    seeds = [Seed(7), Seed(8, 3, 0.25), Seed(9, offset=5), Seed(10, resize_from=(4, 20))]
    batch = Noise.from_seeds((4, 9, 13), seeds, source)
    turned = Noise.from_seeds((4, 9, 13), seeds[::-1], source)
    alone = [Noise.from_seeds((4, 9, 13), [s], source) for s in seeds]
    for noise in (batch, turned, *alone):
        noise.span(0.03, 14.6)
    for draw in (Noise.__call__, lambda n: n.between(5.0, 2.0), Noise.__call__):
        x = draw(batch)
        assert torch.equal(x, draw(turned).flip(0))
        assert torch.equal(x, torch.cat([draw(n) for n in alone]))


def test_one_image_of_a_batch_continues_its_own_stream() -> None:
    noise = Noise.from_seeds(SMALL, [1, 2])
    noise()
    second = noise.image(1)()
    same = Noise.from_seeds(SMALL, [2])
    same()
    assert torch.equal(second, same())


@pytest.mark.parametrize("source", SOURCES.values())
def test_the_global_generators_are_left_alone(source: Source) -> None:
    torch.manual_seed(0)
    np.random.seed(0)
    expected = torch.rand(4), np.random.rand()
    torch.manual_seed(0)
    np.random.seed(0)
    noise = Noise.from_seeds(SMALL, [Seed(5, 6, 0.5, (4, 4), 9)], source)
    noise.span(0.03, 14.6)
    noise(), noise(), noise.between(3.0, 1.0)
    assert torch.equal(torch.rand(4), expected[0])
    assert np.random.rand() == expected[1]


def test_threads_do_not_disturb_each_other() -> None:
    results: dict[int, torch.Tensor] = {}

    def work(i: int) -> None:
        noise = Noise.from_seeds(SMALL, [i % 2], ("nv", "cpu")[i % 2])
        noise.span(0.03, 14.6)
        results[i] = torch.cat([noise(), noise.between(7.0, 3.0), noise.between(3.0, 1.0)])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(results[i], results[i % 2]) for i in range(8))


def test_the_brownian_path_needs_its_range_first() -> None:
    with pytest.raises(RuntimeError, match="span"):
        Noise.from_seeds(SMALL, [1]).between(2.0, 1.0)


def test_brownian_increments_have_variance_one() -> None:
    noise = Noise.from_seeds((4, 64, 64), [1])
    noise.span(0.03, 14.6)
    for a, b in [(14.6, 7.0), (1.0, 0.1)]:
        assert float(noise.between(a, b).std()) == pytest.approx(1, abs=0.03)
        assert torch.equal(noise.between(a, b), -noise.between(b, a))


def test_nearly_equal_noises_are_mixed_with_the_ends_swapped() -> None:
    a = torch.ones(4, 8, 8)
    b = a * (1 + torch.linspace(0, 1e-4, 8)[None, :, None])
    assert torch.equal(slerp(0.25, a, b), a * 0.25 + b * 0.75)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    with pytest.raises(RequestError, match="seed"):
        Seed(seed)
