"""The real engine behind the worker: the same bytes after any interruption, models, memory."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import redraw.studio
from redraw.errors import OutOfMemory, UnknownName
from redraw.jobs import real as module
from redraw.jobs.engine import Made, Step, Work
from redraw.jobs.fake import squares
from redraw.jobs.options import WorkerOptions
from redraw.jobs.queue import Queue
from redraw.jobs.real import RealEngine, plan_parts
from redraw.jobs.results import Packing, pack
from redraw.jobs.worker import Worker
from redraw.request import Generation, Img2Img, PictureRef, Txt2Img
from redraw.settings import Settings


def png(pixels: Any, name: str = "picture.png") -> PictureRef:
    """A PNG of pixels."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return PictureRef.from_bytes(out.getvalue(), name)


SOURCE, OTHER = png(squares(1, 64, 48)), png(squares(2, 40, 40), "other.png")
MASK = png((np.indices((48, 64))[1] > 20).astype(np.uint8) * 255, "mask.png")
FAST: dict[str, Any] = {"seed": 3, "variation_seed": 4, "steps": 2, "sampler": "Euler", "model": "tiny"}


@pytest.fixture(scope="module")
def options(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> WorkerOptions:
    """A worker with the tiny model on the CPU."""
    data = tmp_path_factory.mktemp("data")
    return WorkerOptions(data, models_dirs=(tiny_checkpoint.parent,), model="tiny", device="cpu", dtype="fp32")


@pytest.fixture(scope="module")
def engine(options: WorkerOptions) -> RealEngine:
    """The engine of that worker."""
    return RealEngine(options)


def files(work: Work, packing: Packing | None = None) -> dict[int, bytes]:
    """The files of a work by index."""
    made = [event for event in work if isinstance(event, Made)]
    return {one.index: pack(one, packing or Packing()).file for one in made}


@pytest.mark.parametrize("done", [{1}], ids=str)
@pytest.mark.parametrize(
    "request_",
    [
        Txt2Img(prompt="a fox", width=64, height=64, batch_count=3, **FAST),
        Txt2Img(prompt=("a", "b", "c"), negative_prompt=("d", "e", "f"), width=64, height=64, **FAST),
        Txt2Img(width=64, height=64, batch_count=3, variation_strength=0.3, **FAST),
        Txt2Img(width=64, height=64, batch_count=3, **{**FAST, "seed": (9, 2, 7)}),
        Img2Img(images=(SOURCE,), batch_count=3, **FAST),
        Img2Img(images=(SOURCE,), mask=MASK, batch_size=3, masked_content="latent-noise", mask_rules="loose", **FAST),
        Img2Img(images=(SOURCE,), mask=MASK, only_masked=True, batch_count=3, **FAST),
        Img2Img(images=(SOURCE, OTHER, SOURCE), **FAST),
    ],
    ids=["prompt", "prompts", "variation", "seeds", "img2img", "latent-noise", "close-up", "sources"],
)
def test_missing_pictures_have_the_bytes_of_a_whole_run(
    engine: RealEngine, request_: Generation, done: set[int]
) -> None:
    whole = files(engine.begin(request_, frozenset()))
    assert len(set(whole.values())) == 3
    assert files(engine.begin(request_, frozenset(done))) == {i: data for i, data in whole.items() if i not in done}


def test_what_a_request_does_not_say_stays_unsaid_in_its_parts() -> None:
    request = Txt2Img(prompt="a fox", seed=3, batch_count=2)
    (part,) = plan_parts(request, frozenset({0}))
    assert part.indexes == (1,)
    assert part.request.seed == 4
    assert "cfg_scale" not in part.request.model_fields_set
    assert "steps" not in part.request.model_fields_set


def test_remarks_about_the_model_stay_with_the_first_picture(engine: RealEngine) -> None:
    request = Txt2Img(width=64, height=64, batch_count=2, **FAST)
    model = engine.studio.load(request)
    model.notes.append("a tensor was left out")
    try:
        whole = files(engine.begin(request, frozenset()))
        assert files(engine.begin(request, frozenset({0}))) == {1: whole[1]}
        assert files(engine.begin(request, frozenset({1}))) == {0: whole[0]}
    finally:
        model.notes.pop()


@pytest.mark.parametrize("done", [set(), {1}], ids=str)
def test_progress_counts_over_the_whole_job(engine: RealEngine, done: set[int]) -> None:
    request = Txt2Img(width=64, height=64, batch_count=3, **FAST)
    events = list(engine.begin(request, frozenset(done)))
    told = [event.progress for event in events if isinstance(event, Step)]
    sampled = [one for one in told if one["stage"] == "sample"]
    made = len(done)
    assert [one["step"] for one in sampled] == list(range(2 * made + 1, 7))
    assert [one["image"] for one in sampled] == [i for i in range(3) if i not in done for _ in range(2)]
    assert {(one["images"], one["steps"]) for one in told} == {(3, 6)}
    fractions = [one["fraction"] for one in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] <= 1
    assert sampled[-1]["remaining"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("done", [set(), {0}], ids=str)
@pytest.mark.parametrize(
    ("ask", "left", "noted"),
    [
        (lambda work: work.cancel(), 0, 0),
        (lambda work: work.interrupt(), 1, 1),
        (lambda work: work.skip(), None, 1),
    ],
    ids=["cancel", "interrupt", "skip"],
)
def test_it_stops_as_asked(
    engine: RealEngine, done: set[int], ask: Callable[[Work], None], left: int | None, noted: int
) -> None:
    request = Txt2Img(width=64, height=64, batch_count=3, **{**FAST, "steps": 4})
    work = engine.begin(request, frozenset(done))
    made, asked = [], False
    for event in work:
        if isinstance(event, Made):
            made.append(event)
        elif event.progress["stage"] == "sample" and not asked:
            asked = True
            ask(work)
    assert len(made) == (3 - len(done) if left is None else left)
    assert sum("stopped" in str(one.notes) for one in made[:1]) == noted


def test_a_model_that_came_later_is_found(options: WorkerOptions, tiny_checkpoint: Path, tmp_path: Path) -> None:
    engine = RealEngine(replace(options, models_dirs=(tmp_path,), model="later"))
    engine.warm_up()  # says that it could not, and that is all
    request = Txt2Img(width=64, height=64, seed=1, steps=1, sampler="Euler")
    with pytest.raises(UnknownName):
        engine.begin(request, frozenset())
    (tmp_path / "later.safetensors").write_bytes(tiny_checkpoint.read_bytes())
    made = [event for event in engine.begin(request, frozenset()) if isinstance(event, Made)]
    assert made[0].recipe["model"]["name"] == "later"


@pytest.mark.parametrize(
    ("free", "said"),
    [(64_000_000_000, "fits"), (200_000_000, "will tile"), (1_000, "refused because")],
)
def test_the_memory_is_estimated_before_the_start(
    engine: RealEngine, monkeypatch: pytest.MonkeyPatch, free: int, said: str
) -> None:
    monkeypatch.setattr(module, "available", lambda device: free)
    request = Img2Img(images=(SOURCE,), width=512, height=512, **FAST)
    if said.startswith("refused"):
        with pytest.raises(OutOfMemory, match=said):
            engine.estimate(request)
    else:
        assert engine.estimate(request).startswith(said)


def test_the_model_of_most_requests_is_loaded_ahead(options: WorkerOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = RealEngine(options)
    engine.warm_up()
    monkeypatch.setattr(redraw.studio, "load_model", None)
    assert len(files(engine.begin(Txt2Img(width=64, height=64, seed=1, steps=1, sampler="Euler"), frozenset()))) == 1


def test_the_worker_makes_real_pictures(options: WorkerOptions, engine: RealEngine, tmp_path: Path) -> None:
    asked = Img2Img(images=(SOURCE,), mask=MASK, **FAST)
    with Queue.open(tmp_path) as queue:
        id = queue.submit(asked, options={"outputs": ["mask", "cutout"]}).id
        job = queue.claim("w")
        assert job is not None
        Worker(queue, engine, "w").work(job)
        assert (queue.get(id).state, queue.get(id).error) == ("done", None)
        (result,) = queue.results(id)
        assert queue.blobs.read(result.blob) == files(engine.begin(asked, frozenset()))[0]
        assert set(result.extras) == {"mask", "cutout"}
        assert set(result.edge or {}) == {"seam", "seam_before", "ring"}


def test_the_settings_of_the_user_hold_where_the_worker_is_told_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings, "load", classmethod(lambda cls: Settings(device="cpu", dtype="fp32")))
    engine = RealEngine(WorkerOptions(tmp_path))
    assert (engine.studio.settings.device, engine.studio.settings.data_dir) == ("cpu", tmp_path)
