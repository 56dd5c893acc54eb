"""Runs of one command: each is made, written, told and reported here, whatever the command."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import click

from redraw.cli.output import HERE, Finished, Output, name_values
from redraw.errors import RequestError
from redraw.image.picture import Limits
from redraw.request import Generation
from redraw.settings import Settings

if TYPE_CHECKING:
    from redraw.cli.terminal import Advancing, Bar


class Maker(Protocol):
    """Who makes the pictures: a `Studio`, or a server."""

    limits: Limits

    def load(self, request: Generation) -> object:
        """Raise what is wrong with the model of a request before any work."""
        ...

    def run(self, request: Generation) -> Iterable[Advancing | Finished]:
        """Make a request's pictures, telling how far it is."""
        ...


@dataclass(frozen=True)
class Job:
    """One run of a command.

    Attributes:
        request: what is to be made.
        source: the name of the file it redraws, None if there is none.
        folder: where results go below the folder for results.
        stem: what `[basename]` stands for; None: the source's name without its ending.
        done: indexes of pictures that exist already and are not written again.
    """

    request: Generation
    source: str | None
    folder: Path = HERE
    stem: str | None = None
    done: frozenset[int] = frozenset()

    @property
    def basename(self) -> str:
        """What results may be named after."""
        return self.stem or (Path(self.source).stem if self.source else "img")


@dataclass
class Session:
    """What the runs of a command share.

    Attributes:
        maker: who makes the pictures.
        output: where results go.
        bar: shows how far it is.
        grid: also write an overview of each run.
        save_mask, save_cutout: also write these beside each result.
        report: a line for each picture, for `--json`.
        started: how many runs there were so far.
    """

    maker: Maker
    output: Output
    bar: Bar
    grid: bool = False
    save_mask: bool = False
    save_cutout: bool = False
    report: list[dict[str, Any]] = field(default_factory=list)
    started: int = 0


def open_output(values: dict[str, Any], settings: Settings, pictures: int, **changes: Any) -> Output:
    """Return where results go, as the output options in click's `values` say; it is checked that they can."""
    if values["output"] == "-" and (values.get("save_mask") or values.get("save_cutout")):
        raise RequestError("--output", "-", "masks and cutouts are written beside a file; name one")
    return Output(
        target=values["output"],
        folder=settings.output_dir,
        file_format=values["file_format"],
        usual_format=settings.output_format or "png",
        quality=values["quality"] or settings.output_quality,
        overwrite=values["overwrite"],
        pictures=pictures,
        **{"pattern": values["name_pattern"] or settings.name_pattern or None, **changes},
    )


@contextmanager
def session(values: dict[str, Any], settings: Settings, output: Output, runs: int) -> Iterator[Session]:
    """Give a session with what click's `values` ask for; at its end, however it ends, the report is printed."""
    from redraw.cli.terminal import Bar

    report: list[dict[str, Any]] = []
    try:
        saves = {name: bool(values.get(name)) for name in ("grid", "save_mask", "save_cutout")}
        with _maker(values, settings, saves) as maker, Bar(runs) as bar:
            yield Session(maker, output, bar, report=report, **saves)
    finally:
        output.tidy()
        if values["as_json"]:
            click.echo(json.dumps(report, indent=2, ensure_ascii=False), err=output.to_stdout)


@contextmanager
def _maker(values: dict[str, Any], settings: Settings, saves: dict[str, bool]) -> Iterator[Maker]:
    """Give the server that `--server` names, else a studio; imported after the checks, so that an error is quick."""
    if values.get("server"):
        from redraw.cli.remote import RemoteMaker, connected

        if values["models_dirs"]:
            raise RequestError("--models-dir", str(values["models_dirs"][0]), "the server has folders of its own")
        wanted = [name for name in ("mask", "cutout") if saves[f"save_{name}"]]
        with closing(RemoteMaker(connected(values["server"], settings), settings, wanted)) as maker:
            yield maker
        return
    from redraw.studio import Studio

    yield Studio(values["models_dirs"] or None, settings=settings)


def run_jobs(jobs: Sequence[Job], values: dict[str, Any]) -> None:
    """Make and write everything a command asks for; the first error ends it."""
    settings = Settings.load()
    grids = len(jobs) if values["grid"] else 0
    output = open_output(values, settings, sum(job.request.image_count for job in jobs) + grids)
    with session(values, settings, output, len(jobs)) as work:
        for job in jobs:
            run_job(work, job)


def run_job(work: Session, job: Job) -> list[Finished]:
    """Make one run's pictures, write and report each as it comes, and return them."""
    number, work.started = work.started, work.started + 1
    results: list[Finished] = []
    for event in work.maker.run(job.request):
        if hasattr(event, "stage"):
            work.bar.show(number, cast("Advancing", event))
            continue
        results.append(event)
        if results[-1].index not in job.done:
            _write(work, job, results[-1], results[0].seed)
    if work.grid and len(results) > 1:
        work.report.append({"file": str(write_grid(results, job, work)), "grid": True})
    return results


def _write(work: Session, job: Job, result: Finished, first_seed: int) -> None:
    """Write one result with what goes beside it, and say so."""
    count, output = job.request.image_count, work.output
    seeds = [first_seed + (0 if job.request.variation_strength else i) for i in range(count)]
    values = name_values(result, stem=job.basename, seeds=seeds, images=count, batch=job.request.group_size)
    path = output.write(result, values, job.folder)
    notes = [*result.notes, *output.notes]
    line: dict[str, Any] = {
        "file": str(path) if path else None,
        "source": job.source,
        "seed": result.seed,
        "infotext": result.infotext,
        "recipe": result.recipe,
        "notes": notes,
    }
    told = f"{path if path else 'stdout'}  {result.picture.size}  seed {result.seed}"
    if result.edge is not None:
        edge = result.edge
        line["edge"] = {"seam": edge.seam, "seam_before": edge.seam_before, "ring": edge.ring}
        told += f"  edge: seam {edge.seam:.1f} dE (source {edge.seam_before:.1f})"
    for name, suffix, wanted in (("mask", "mask", work.save_mask), ("cutout", "mask-composite", work.save_cutout)):
        picture = getattr(result, name)
        if wanted and path is not None and picture is not None:
            line[name] = str(output.write_beside(picture, path, suffix, result.infotext))
    for note in notes:
        work.bar.say(f"note: {note}")
    work.bar.say(told)
    work.report.append(line)


def write_grid(results: Sequence[Finished], job: Job, work: Session) -> Path:
    """Write the overview of a run beside its pictures and return its path."""
    import numpy as np

    from redraw.image.grid import grid_shape, image_grid
    from redraw.image.names import grid_stem, next_number
    from redraw.image.save import Extras, save_picture

    output = work.output
    place = output.root / job.folder
    sheet = image_grid([result.image for result in results], grid_shape(len(results), job.request.group_size))
    number = next_number((path.name for path in place.iterdir()), "grid")
    saved = save_picture(
        np.asarray(sheet),
        place / f"{grid_stem(number)}.{output.kind}",
        format=output.file_format,
        extras=Extras(infotext=results[0].infotext),
    )
    work.bar.say(f"{saved.path}  {sheet.width}x{sheet.height}  grid")
    return saved.path
