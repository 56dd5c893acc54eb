"""`redraw batch`: a folder of pictures, one after another, each as `redraw img2img` and `redraw inpaint` make it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click

from redraw.cli import EXIT_ERROR
from redraw.cli.inputs import read_pictures, split_words
from redraw.cli.options import (
    INPAINT,
    SectionedCommand,
    chosen,
    filled,
    json_option,
    models_dir_option,
    output_options,
    prompt_option,
    request_options,
    saving_options,
    server_option,
)
from redraw.cli.output import SUFFIXES
from redraw.cli.session import Job, Session, open_output, run_job, session
from redraw.errors import Cancelled, OutputError, RedrawError, RequestError
from redraw.request import Img2Img
from redraw.settings import Settings
from redraw.workflows.batch import (
    NAME_PATTERN,
    BatchItem,
    BatchOptions,
    BatchPlan,
    Failed,
    Skipped,
    not_made,
    plan_batch,
)


@click.command(cls=SectionedCommand)
@click.argument("words", nargs=-1, required=True, metavar="FOLDER... PROMPT")
@prompt_option
@request_options(BatchOptions)
@request_options(Img2Img, INPAINT)
@models_dir_option
@server_option
@output_options
@saving_options
@json_option
def batch(words: tuple[str, ...], prompt: str | None, **values: Any) -> None:
    """Redraw every picture of a folder.

    Results have the names of their sources and stand in the same sub-folders below -o (redraw-output if nothing is
    said). A seed of -1 is drawn once for all pictures. A picture that cannot be read or has no mask is left out; one
    that fails does not stop the others. Exit code 2 if any failed or nothing was made.
    """
    folders, text = split_words(words, prompt, example="redraw batch photos 'a fox' -o foxes", prompt_needed=False)
    settings = Settings.load()
    target = Path(values["output"] or settings.output_dir)
    if values["output"] == "-" or (target.suffix.lower() in SUFFIXES and not target.is_dir()):
        raise RequestError("--output", values["output"], "a batch is written to a folder")
    given = read_pictures(chosen(Img2Img, values), ())
    fields = filled(Img2Img, given, settings, masked=values["mask_folder"] is not None)
    plan = plan_batch(folders, {"prompt": text, **fields}, BatchOptions(**chosen(BatchOptions, values)), output=target)
    pattern = values["name_pattern"] or NAME_PATTERN
    output = open_output(values, settings, len(plan), pattern=pattern, number=plan.options.number)
    counts: Counter[str] = Counter()
    with session(values, settings, output, len(plan)) as work:
        try:
            _run(plan, work, counts)
        finally:
            work.bar.say(_summary(counts, len(plan)))
    if counts["failed"] or not (counts["made"] or counts["made before"]):
        raise SystemExit(EXIT_ERROR)


def _run(plan: BatchPlan, work: Session, counts: Counter[str]) -> None:
    """Work through the plan, counting what came of each source."""
    work.maker.load(plan.template)  # a wrong model ends the batch; it is not every picture's own error
    for step in plan:
        outcome = step if isinstance(step, Skipped) else _attempt(work, step)
        if outcome is None:
            counts["made"] += 1
            continue
        word = "failed" if isinstance(outcome, Failed) else "made before" if outcome.finished else "skipped"
        counts[word] += 1
        work.bar.say(f"{'skipped' if word == 'made before' else word}: {outcome.path}: {outcome.why}")
        work.report.append({"source": str(outcome.path), word.replace(" ", "_"): outcome.why})


def _attempt(work: Session, item: BatchItem) -> Skipped | Failed | None:
    """Run one item; return why nothing came of it, None if something did."""
    for note in item.notes:
        work.bar.say(f"note: {item.path}: {note}")
    try:
        run_job(work, Job(item.request, str(item.path), item.folder, item.stem, item.done))
    except (Cancelled, OutputError):
        raise
    except RedrawError as error:
        return not_made(item, error, work.maker.limits)
    return None


def _summary(counts: Counter[str], planned: int) -> str:
    """Return what came of a batch in one line."""
    left = planned - counts.total()
    parts = [f"{counts[word]} {word}" for word in ("made", "skipped", "failed")]
    parts += [f"{counts['made before']} made before"] if counts["made before"] else []
    return ", ".join([*parts, *([f"{left} left"] if left else [])])
