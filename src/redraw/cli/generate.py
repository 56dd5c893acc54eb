"""`redraw img2img` and `redraw txt2img`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redraw.cli.options import chosen, json_option, models_dir_option, output_options, request_options
from redraw.cli.output import Output, expand_inputs, name_values
from redraw.errors import RequestError
from redraw.request import Generation, Img2Img, PictureRef, Txt2Img
from redraw.settings import Settings

if TYPE_CHECKING:
    from redraw.cli.terminal import Bar
    from redraw.pipeline import Result
    from redraw.studio import Studio


@dataclass(frozen=True)
class Job:
    """One run of a command: a request, and the name of the file it redraws."""

    request: Generation
    source: str | None


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="INPUT... PROMPT")
@click.option("--prompt", "prompt", default=None, help="The prompt; every argument is then an input.")
@request_options(Img2Img)
@output_options
@models_dir_option
@json_option
def img2img(words: tuple[str, ...], prompt: str | None, **values: Any) -> None:
    """Redraw pictures by a prompt.

    INPUT is a file, a glob or - for stdin; several are redrawn one after another. PROMPT comes last. Results go to the
    folder redraw-output unless -o says otherwise; each carries its recipe.
    """
    if prompt is None:
        if len(words) < 2:
            raise RequestError("prompt", None, "give an input and a prompt: redraw img2img cat.png 'a fox'")
        *words_list, prompt = words
    else:
        words_list = list(words)
    inputs = list(expand_inputs(words_list))
    fields = chosen(Img2Img, values)
    jobs = [
        Job(Img2Img(images=(_read(name),), prompt=prompt, **fields), "stdin" if name == "-" else name)
        for name in inputs
    ]
    _run(jobs, values)


@click.command()
@click.argument("prompt")
@request_options(Txt2Img)
@output_options
@models_dir_option
@json_option
def txt2img(prompt: str, **values: Any) -> None:
    """Draw a picture from words alone."""
    _run([Job(Txt2Img(prompt=prompt, **chosen(Txt2Img, values)), None)], values)


def _read(name: str) -> PictureRef:
    """Return an input as a reference whose bytes are known to be there: a wrong name fails before any work."""
    if name == "-":
        return PictureRef.from_bytes(sys.stdin.buffer.read(), name="stdin")
    return PictureRef.from_path(name).hashed()


def _run(jobs: Sequence[Job], values: dict[str, Any]) -> None:
    """Make and write everything, telling how far it is."""
    settings = Settings.load()
    output = Output(
        target=values["output"],
        folder=settings.output_dir,
        file_format=values["file_format"],
        quality=values["quality"],
        pattern=values["name_pattern"],
        overwrite=values["overwrite"],
        pictures=sum(job.request.image_count for job in jobs) + (len(jobs) if values["grid"] else 0),
    )
    from redraw.cli.terminal import Bar  # after the checks, so that an error is quick
    from redraw.studio import Studio

    studio = Studio(values["models_dirs"] or None, settings=settings)
    report: list[dict[str, Any]] = []
    try:
        with Bar(len(jobs)) as bar:
            for number, job in enumerate(jobs):
                report += run_job(studio, job, output, bar, number, grid=values["grid"])
    finally:
        output.tidy()
        if values["as_json"]:
            click.echo(json.dumps(report, indent=2, ensure_ascii=False), err=output.to_stdout)


def run_job(
    studio: Studio, job: Job, output: Output, bar: Bar, number: int, *, grid: bool = False
) -> list[dict[str, Any]]:
    """Make one run's pictures, write each as it comes, and return a report line for each."""
    from redraw.pipeline import Progress

    report: list[dict[str, Any]] = []
    results: list[Result] = []
    for event in studio.run(job.request):
        if isinstance(event, Progress):
            bar.show(number, event)
            continue
        results.append(event)
        first = results[0].seed
        count = job.request.image_count
        seeds = [first] * count if job.request.variation_strength else [first + i for i in range(count)]
        path = output.write(
            event,
            name_values(event, source=job.source, seeds=seeds, images=count, batch=job.request.group_size),
        )
        for note in (*event.notes, *output.notes):
            bar.say(f"note: {note}")
        bar.say(f"{path if path else 'stdout'}  {event.picture.size}  seed {event.seed}")
        report.append(
            {
                "file": str(path) if path else None,
                "seed": event.seed,
                "infotext": event.infotext,
                "recipe": event.recipe,
                "notes": [*event.notes, *output.notes],
            }
        )
    if grid and len(results) > 1:
        report.append({"file": str(write_grid(results, job, output, bar)), "grid": True})
    return report


def write_grid(results: Sequence[Result], job: Job, output: Output, bar: Bar) -> Path:
    """Write the overview of a run beside its pictures and return its path."""
    import numpy as np

    from redraw.image.grid import grid_shape, image_grid
    from redraw.image.names import grid_stem, next_number
    from redraw.image.save import Extras, save_picture

    sheet = image_grid([result.image for result in results], grid_shape(len(results), job.request.group_size))
    number = next_number((path.name for path in output.root.iterdir()), "grid")
    saved = save_picture(
        np.asarray(sheet),
        output.root / f"{grid_stem(number)}.{output.file_format or 'png'}",
        format=output.file_format,
        extras=Extras(infotext=results[0].infotext),
    )
    bar.say(f"{saved.path}  {sheet.width}x{sheet.height}  grid")
    return saved.path
