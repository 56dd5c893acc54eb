"""The fake engine: pictures that depend on their own seed alone, and behavior on command."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from redraw.errors import ModelError
from redraw.jobs.engine import Made, Step, Work
from redraw.jobs.fake import FakeEngine, squares
from redraw.jobs.results import Packing, pack
from redraw.request import Generation, Img2Img, PictureRef, Txt2Img

ENGINE = FakeEngine()


def picture(width: int = 40, height: int = 24) -> PictureRef:
    """A plain PNG."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(out, "PNG")
    return PictureRef.from_bytes(out.getvalue(), "red.png")


def made(work: Work) -> list[Made]:
    """The pictures of a work."""
    return [event for event in work if isinstance(event, Made)]


def files(request: Generation, done: frozenset[int] = frozenset()) -> dict[int, bytes]:
    """The files of a request by index."""
    return {one.index: pack(one, Packing()).file for one in made(ENGINE.begin(request, done))}


def test_a_picture_is_a_function_of_its_seed() -> None:
    assert np.array_equal(squares(7, 50, 30), squares(7, 50, 30))
    assert squares(7, 50, 30).shape == (30, 50, 3)
    assert not np.array_equal(squares(7, 50, 30), squares(8, 50, 30))


@pytest.mark.parametrize("done", [{0}, {1}, {0, 2}, {0, 1, 2}])
def test_pictures_have_the_same_bytes_whichever_are_made_with_them(done: set[int]) -> None:
    request = Txt2Img(prompt="a fox", seed=5, steps=2, batch_count=3)
    whole = files(request)
    assert len(set(whole.values())) == 3
    assert files(request, frozenset(done)) == {i: data for i, data in whole.items() if i not in done}


@pytest.mark.parametrize(
    ("request_", "size"),
    [
        (Txt2Img(), (64, 64)),
        (Txt2Img(width=33, height=17), (33, 17)),
        (Img2Img(images=(picture(),)), (40, 24)),
        (Img2Img(images=(picture(),), scale=2), (80, 48)),
        (Img2Img(images=(picture(),), mask=picture(), only_masked=True, width=16), (16, 24)),
    ],
)
def test_sizes_are_those_asked_for(request_: Generation, size: tuple[int, int]) -> None:
    assert made(ENGINE.begin(request_.changed(seed=1, steps=1), frozenset()))[0].picture.size == size


def test_a_masked_request_gives_mask_cutout_and_edge() -> None:
    one = made(ENGINE.begin(Img2Img(images=(picture(),), mask=picture(), seed=1, steps=1), frozenset()))[0]
    assert one.mask is not None
    assert one.cutout is not None
    assert one.cutout.pixels.shape == (24, 40, 4)
    assert set(one.edge or {}) == {"seam", "seam_before", "ring"}


def test_progress_counts_steps_over_the_whole_job() -> None:
    steps = [
        event for event in ENGINE.begin(Txt2Img(seed=1, steps=4, batch_count=2), frozenset()) if type(event) is Step
    ]
    assert [event.progress["step"] for event in steps] == list(range(1, 9))
    assert [event.progress["fraction"] for event in steps] == [i / 8 for i in range(1, 9)]
    assert steps[0].preview is not None
    assert steps[0].preview().shape == (8, 8, 3)


def stopped(ask: Callable[[Work], None]) -> tuple[int, list[Made]]:
    """Steps taken and pictures made of 3 with 5 steps when something is asked at the second step of the second."""
    work = ENGINE.begin(Txt2Img(seed=1, steps=5, batch_count=3), frozenset())
    steps, pictures = 0, []
    for event in work:
        if isinstance(event, Made):
            pictures.append(event)
            continue
        steps += 1
        if steps == 7:
            ask(work)
    return steps, pictures


@pytest.mark.parametrize(
    ("ask", "steps", "indexes"),
    [
        (lambda work: work.cancel(), 7, [0]),
        (lambda work: work.interrupt(), 7, [0, 1]),
        (lambda work: work.skip(), 12, [0, 1, 2]),
    ],
    ids=["cancel", "interrupt", "skip"],
)
def test_it_stops_as_asked_within_a_step(ask: Callable[[Work], None], steps: int, indexes: list[int]) -> None:
    taken, pictures = stopped(ask)
    assert (taken, [one.index for one in pictures]) == (steps, indexes)
    assert [bool(one.notes) for one in pictures] == [index == 1 for index in indexes]


def test_it_fails_on_command() -> None:
    with pytest.raises(ModelError, match="no weights today"):
        made(ENGINE.begin(Txt2Img(prompt="fail: no weights today", seed=1), frozenset()))
    with pytest.raises(RuntimeError):
        made(ENGINE.begin(Txt2Img(prompt="crash", seed=1), frozenset()))


def test_words_that_only_begin_like_a_command_are_none() -> None:
    assert len(made(ENGINE.begin(Txt2Img(prompt="dieselpunk failure", seed=1, steps=1), frozenset()))) == 1


def test_the_fake_worker_needs_no_torch() -> None:
    script = "import sys, redraw.jobs.worker, redraw.jobs.supervisor; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
