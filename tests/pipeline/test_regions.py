"""Parts of a prompt that count only somewhere."""

from __future__ import annotations

import pytest
import torch

from redraw.conditioning.tags import Tag
from redraw.errors import RequestError
from redraw.geometry import Size
from redraw.pipeline.regions import part_areas

SIZE = Size(8, 4)


def tag(name: str) -> Tag:
    return Tag("region", name)


def test_a_prompt_without_regions_counts_everywhere() -> None:
    assert part_areas([None, None], [], SIZE) == (None, None)


def test_halves_lie_where_they_are_called_and_a_plain_part_has_the_rest() -> None:
    left, rest = part_areas([tag("left"), None], [], SIZE)
    assert left is not None
    assert rest is not None
    assert left[0, 0, :, :4].eq(1).all()
    assert left[0, 0, :, 4:].eq(0).all()
    assert torch.equal(rest, 1 - left)


def test_all_is_everywhere_beside_regions() -> None:
    assert part_areas([tag("all"), tag("top")], [], SIZE)[0] is None


def test_where_areas_overlap_they_share() -> None:
    a, b = part_areas([tag("left"), tag("0,0,1,1")], [], SIZE)
    assert a is not None
    assert b is not None
    assert torch.allclose(a + b, torch.ones_like(a))
    assert a[0, 0, 0, 0] == 0.5


def test_a_cell_that_a_box_covers_in_part_counts_in_part() -> None:
    (area,) = part_areas([tag("0,0,0.3125,1")], [], SIZE)
    assert area is not None
    assert area[0, 0, 0].tolist() == pytest.approx([1, 1, 0.5, 0, 0, 0, 0, 0])


def test_a_mask_is_named_by_its_number_and_brought_to_the_latent() -> None:
    mask = torch.zeros(32, 64)
    mask[:, 32:] = 1
    (area,) = part_areas([tag("1")], [mask], SIZE)
    assert area is not None
    assert area.shape == (1, 1, 4, 8)
    assert area[0, 0, 0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize("name", ["2", "0", "middle-ish", "0,0,1", "0,0,0,1", "-1,0,1,1", ""])
def test_what_is_no_place_is_refused(name: str) -> None:
    with pytest.raises(RequestError, match="prompt"):
        part_areas([tag(name)], [torch.ones(4, 4)], SIZE)
