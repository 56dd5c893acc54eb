"""`redraw submit`: hand pictures to a server and go on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from redraw.cli import EXIT_ERROR
from redraw.cli.generate import picture_jobs
from redraw.cli.options import INPAINT, SectionedCommand, json_option, option, prompt_option, request_options
from redraw.errors import RedrawError
from redraw.request import Img2Img
from redraw.settings import Settings

if TYPE_CHECKING:
    from redraw.client import Job


@click.command(cls=SectionedCommand)
@click.argument("words", nargs=-1, required=True, metavar="INPUT... PROMPT")
@option("--server", default=None, metavar="URL", help="The server. [REDRAW_SERVER, http://127.0.0.1:7860]")
@option("--wait", is_flag=True, help="Wait until everything has ended; exit code 2 if something failed.")
@option("--priority", type=click.IntRange(-1000, 1000), default=0, help="Higher runs first. [0]")
@prompt_option
@request_options(Img2Img, INPAINT)
@json_option
def submit(words: tuple[str, ...], prompt: str | None, **values: Any) -> None:
    """Hand pictures to a server, one job for each, and print the jobs' ids.

    INPUT, PROMPT and options are those of img2img and inpaint. `redraw jobs` tells what becomes of them.
    """
    example = "redraw submit cat.png 'a fox'"
    work = picture_jobs(words, prompt, values, example, prompt_needed=values["mask"] is None)
    from redraw.cli.remote import connected

    jobs: list[Job] = []
    with connected(values["server"], Settings.load()) as client:
        try:
            for one in work:
                jobs.append(client.submit(one.request, source="cli", priority=values["priority"]))
                if not (values["as_json"] or values["wait"]):
                    click.echo(jobs[-1].id)
            if values["wait"]:
                for job in jobs:
                    job.wait()
                    if not values["as_json"]:
                        click.echo(f"{job.id}  {job.record.state}")
        finally:
            if values["as_json"]:
                click.echo(json.dumps([_facts(job) for job in jobs], indent=2, ensure_ascii=False))
    if values["wait"]:
        _complain(jobs)


def _facts(job: Job) -> dict[str, Any]:
    return {"id": job.id, "state": job.record.state, "error": job.record.error}


def _complain(jobs: list[Job]) -> None:
    """Say on stderr why jobs gave nothing, and end with an error if any did."""
    bad = False
    for job in jobs:
        try:
            job.check()
        except RedrawError as error:
            bad = True
            click.echo(f"redraw: error: {job.id}: {error}", err=True)
    if bad:
        raise SystemExit(EXIT_ERROR)
