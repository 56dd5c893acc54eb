"""Compositions and captions of the starter's world."""

from __future__ import annotations

import numpy as np
import pytest
from training.scenes import BACKGROUNDS, COLOURS, Placement, article, background, caption, paste, setting
from training.subjects import Subject


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_every_background_fills_the_picture(name: str) -> None:
    picture = background(name, np.random.default_rng(0))
    assert picture.size == (128, 128)
    assert picture.mode == "RGB"


def test_a_plain_background_stays_within_six_levels_of_its_colour() -> None:
    for name, colour in COLOURS.items():
        pixel = np.asarray(background(name, np.random.default_rng(1)))[0, 0].astype(int)
        assert np.abs(pixel - np.array(colour)).max() <= 6


def test_a_pasted_subject_has_no_dark_fringe() -> None:
    disc = np.zeros((192, 192, 4), np.uint8)
    y, x = np.mgrid[:192, :192] - 96
    disc[x**2 + y**2 < 80**2] = 255
    picture = background("white", np.random.default_rng(0)).point(lambda _: 255)
    assert np.asarray(paste(picture, disc, Placement(0.7))).min() >= 254


@pytest.mark.parametrize(
    ("words", "said"),
    [("dog", "a dog"), ("apple", "an apple"), ("unicorn", "a unicorn"), ("ufo", "a ufo"), ("owl", "an owl")],
)
def test_articles_are_english(words: str, said: str) -> None:
    assert article(words) == said


def test_captions_name_the_subject_and_the_background() -> None:
    rng, fox = np.random.default_rng(0), Subject("fox", "fox", ("animal",))
    for backdrop in BACKGROUNDS:
        text = caption(fox, backdrop, rng)
        assert "fox" in text
        assert setting(backdrop) in text or backdrop in text
