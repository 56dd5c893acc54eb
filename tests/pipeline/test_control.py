"""Stopping early and still getting the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from redraw.pipeline import Progress, Result
from redraw.settings import Settings
from redraw.studio import Studio


@pytest.fixture(scope="module")
def studio(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """The random checkpoint."""
    settings = Settings(models_dirs=(tiny_checkpoint.parent,), data_dir=tmp_path_factory.mktemp("data"))
    return Studio(settings=settings, device="cpu", dtype="fp32")


def stop(studio: Studio, wish: str, at: int) -> tuple[list[Result], int]:
    """Ask for three pictures of six steps, wish something after step `at` of the first; results and steps seen."""
    run = studio.txt2img("a", width=32, height=32, steps=6, sampler="Euler", seed=1, batch_count=3)
    results, steps = [], 0
    for event in run:
        if isinstance(event, Progress) and event.stage == "sample":
            steps += 1
            if steps == at:
                getattr(run, wish)()
        elif isinstance(event, Result):
            results.append(event)
    return results, steps


def test_an_interrupted_run_gives_its_picture_and_ends(studio: Studio) -> None:
    results, steps = stop(studio, "interrupt", at=2)
    assert (len(results), steps) == (1, 2)
    assert "stopped at step 2 of 6 as asked" in results[0].notes


def test_a_skipped_picture_is_given_and_the_others_follow(studio: Studio) -> None:
    results, steps = stop(studio, "skip", at=2)
    assert (len(results), steps) == (3, 2 + 6 + 6)
    assert [any("stopped" in note for note in result.notes) for result in results] == [True, False, False]
    whole = studio.txt2img("a", width=32, height=32, steps=6, sampler="Euler", seed=1, batch_count=3).results()
    assert not np.array_equal(results[0].picture.pixels, whole[0].picture.pixels)
    assert np.array_equal(results[2].picture.pixels, whole[2].picture.pixels)
