"""Sizes and transforms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraw.geometry import Box, Size, Transform

sides = st.integers(1, 5000)
sizes = st.builds(Size, sides, sides)


@given(sizes, st.sampled_from([8, 16, 64]))
def test_snapping_gives_multiples_on_the_right_side(size: Size, step: int) -> None:
    up, down = size.ceil(step), size.floor(step)
    assert all(side % step == 0 for side in (*up, *down))
    assert all(0 <= u - s < step for u, s in zip(up, size, strict=True))
    assert all(d <= s or d == step for d, s in zip(down, size, strict=True))


@given(sizes, sizes)
def test_a_transform_and_its_inverse_cancel(source: Size, target: Size) -> None:
    for make in (Transform.stretch, Transform.cover, Transform.fit):
        way = make(source, target)
        there_and_back = way.then(way.invert())
        assert there_and_back == pytest.approx((1, 1, 0, 0), abs=1e-6)


@given(sizes, sizes)
def test_fit_stays_inside_and_cover_covers(source: Size, target: Size) -> None:
    whole = Box(0, 0, *source)
    inside, over = Transform.fit(source, target).apply(whole), Transform.cover(source, target).apply(whole)
    assert inside.x1 >= 0
    assert inside.y1 >= 0
    assert inside.x2 <= target.width
    assert inside.y2 <= target.height
    assert over.x1 <= 0
    assert over.y1 <= 0
    assert over.x2 >= target.width
    assert over.y2 >= target.height


def test_a_crop_maps_its_box_onto_the_target() -> None:
    box = Box(100, 40, 300, 140)
    assert Transform.crop(box, Size(512, 256)).apply(box) == Box(0, 0, 512, 256)


def test_a_large_size_is_reduced_to_an_area_with_its_aspect_kept() -> None:
    assert Size(4000, 2000).within_area(512 * 512) == Size(724, 362)
    assert Size(500, 500).within_area(512 * 512) == Size(500, 500)


def test_resize_by_truncates_as_a1111_does() -> None:
    assert Size(101, 77).scaled(1.5) == Size(151, 115)


@pytest.mark.golden
def test_every_only_masked_box_equals_a1111s(goldens: Path) -> None:
    rows = json.loads((goldens / "pure/crop_regions.json").read_text())
    assert len(rows) == 300
    for row in rows:
        image, aspect = Size(*row["image"]), Size(*row["proc"])
        padded = Box(*row["rect"]).padded(row["pad"], image)
        assert list(padded) == row["crop"], row
        assert list(padded.expanded(aspect, image)) == row["expanded"], row


@given(sizes, sizes, st.data(), st.integers(0, 10_000))
def test_a_box_grows_and_stays_in_the_picture(picture: Size, aspect: Size, data: st.DataObject, padding: int) -> None:
    x1, y1 = data.draw(st.integers(0, picture.width - 1)), data.draw(st.integers(0, picture.height - 1))
    x2, y2 = data.draw(st.integers(x1 + 1, picture.width)), data.draw(st.integers(y1 + 1, picture.height))
    box = Box(x1, y1, x2, y2)
    for grown in (box.padded(padding, picture), box.expanded(aspect, picture)):
        assert 0 <= grown.x1 <= box.x1 < box.x2 <= grown.x2 <= picture.width
        assert 0 <= grown.y1 <= box.y1 < box.y2 <= grown.y2 <= picture.height


def test_padding_larger_than_the_picture_gives_the_picture() -> None:
    assert Box(3, 4, 5, 6).padded(1000, Size(31, 17)) == Box(0, 0, 31, 17)


def test_one_box_maps_onto_another_edge_to_edge() -> None:
    source, target = Box(3, 5, 40, 12), Box(-7, 2, 60, 90)
    assert Transform.onto(source, target).apply(source) == target
    assert Transform.onto(target, source).apply(target) == source
