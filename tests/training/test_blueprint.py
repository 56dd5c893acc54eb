"""The style of the demonstration LoRA's pictures."""

from __future__ import annotations

import numpy as np
import pytest
from training.blueprint import INK, PAPER, blueprint, composed, lines
from training.scenes import BACKGROUNDS, Placement


def disc(color: tuple[int, int, int]) -> np.ndarray:
    """A render of a disc, uint8 RGBA [192, 192, 4]."""
    drawn = np.zeros((192, 192, 4), np.uint8)
    y, x = np.mgrid[:192, :192] - 96
    drawn[x**2 + y**2 < 80**2] = (*color, 255)
    return drawn


def test_an_empty_picture_is_empty_paper() -> None:
    made = blueprint(np.full((64, 64, 3), 127, np.uint8))
    assert np.abs(made.astype(int) - PAPER).max() <= 2


def test_a_line_is_drawn_where_colors_meet_and_nowhere_else() -> None:
    halves = np.full((64, 64, 3), 40, np.uint8)
    halves[:, 32:] = (200, 40, 40)
    ink = lines(halves)
    assert float(ink[:, 31:33].min()) > 0.9
    assert float(ink[:, :24].max()) == float(ink[:, 40:].max()) == 0
    assert np.abs(blueprint(halves)[32, 32].astype(int) - INK).max() < 20


def test_a_subject_in_its_background_s_color_keeps_its_outline() -> None:
    place, color = Placement(0.8), (214, 40, 40)
    made = composed(disc(color), "red", place, np.random.default_rng(0))
    assert int((made.min(-1) > 200).sum()) > 300


@pytest.mark.parametrize("backdrop", BACKGROUNDS)
def test_every_background_becomes_blue(backdrop: str) -> None:
    made = composed(disc((250, 214, 50)), backdrop, Placement(0.8), np.random.default_rng(0)).astype(int)
    again = composed(disc((250, 214, 50)), backdrop, Placement(0.8), np.random.default_rng(0))
    assert (made[..., 2] >= made[..., 1]).all()
    assert (made[..., 1] >= made[..., 0]).all()
    assert (made == again).all()
