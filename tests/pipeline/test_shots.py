"""Seeds, prompts and sizes of a run."""

from __future__ import annotations

import pytest

from redraw.errors import RequestError
from redraw.geometry import Size
from redraw.pipeline.shots import plan_canvas, plan_shots
from redraw.request import Img2Img, Txt2Img
from redraw.request.advanced import LAST_RANDOM_SEED


def test_pictures_of_a_run_count_their_seeds_up() -> None:
    shots = plan_shots(Txt2Img(prompt="a", seed=5, batch_size=2, batch_count=2))
    assert [shot.seed for shot in shots] == [5, 6, 7, 8]


def test_variations_share_the_seed_and_count_the_variation_seed_up() -> None:
    shots = plan_shots(Txt2Img(seed=5, variation_seed=9, variation_strength=0.3, batch_count=3))
    assert [(shot.seed, shot.variation_seed) for shot in shots] == [(5, 9), (5, 10), (5, 11)]


def test_minus_one_draws_a_seed_that_a1111_could_have_drawn() -> None:
    (shot,) = plan_shots(Txt2Img())
    assert 0 <= shot.seed <= LAST_RANDOM_SEED


def test_a_list_of_prompts_is_the_run() -> None:
    shots = plan_shots(Txt2Img(prompt=("a", "b", "c"), negative_prompt="x", seed=1))
    assert [(s.prompt, s.negative_prompt, s.seed) for s in shots] == [("a", "x", 1), ("b", "x", 2), ("c", "x", 3)]


def test_lists_of_the_wrong_length_are_refused() -> None:
    with pytest.raises(RequestError, match="seed"):
        plan_shots(Txt2Img(seed=(1, 2, 3), batch_size=2))
    with pytest.raises(RequestError, match="negative_prompt"):
        Txt2Img(prompt=("a", "b"), negative_prompt=("x",))


def test_several_sources_are_one_batch() -> None:
    shots = plan_shots(Img2Img(images=[b"a", b"b"], batch_count=2, seed=0))
    assert [shot.source for shot in shots] == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("fields", "source", "size", "padded"),
    [
        ({}, (100, 70), (100, 70), (104, 72)),
        ({}, (131, 97), (131, 97), (136, 104)),
        ({"width": 50}, (100, 70), (50, 35), (56, 40)),
        ({"height": 35}, (100, 70), (50, 35), (56, 40)),
        ({"width": 64, "height": 96}, (100, 70), (64, 96), (64, 96)),
        ({"scale": 1.5}, (101, 77), (151, 115), (152, 120)),
        ({"size_rule": "floor-8"}, (100, 70), (96, 64), (100, 70)),
    ],
)
def test_the_result_has_exactly_the_size_asked_for(
    fields: dict[str, object], source: tuple[int, int], size: tuple[int, int], padded: tuple[int, int]
) -> None:
    canvas = plan_canvas(Img2Img(images=[b"x"], **fields), 512, Size(*source))
    assert (canvas.size, canvas.padded) == (size, padded)
    assert canvas.latent == (padded[0] // 8, padded[1] // 8)


def test_a_source_of_more_than_four_native_areas_is_reduced_and_this_is_said() -> None:
    canvas = plan_canvas(Img2Img(images=[b"x"]), 128, Size(4000, 3000))
    assert canvas.size.area <= 128 * 128
    assert "4000x3000" in canvas.note
    assert plan_canvas(Img2Img(images=[b"x"]), 128, Size(256, 256)).note == ""


def test_words_alone_give_the_native_size() -> None:
    assert plan_canvas(Txt2Img(), 128, None).size == (128, 128)
