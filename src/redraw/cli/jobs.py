"""`redraw jobs`: what a server has to do, has done, and is to do instead."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_args

import click

from redraw.cli import EXIT_ERROR
from redraw.cli.options import SectionedCommand, json_option, option
from redraw.errors import OutputError, RequestError
from redraw.jobs.record import JobRecord, State
from redraw.settings import Settings

if TYPE_CHECKING:
    from redraw.client import Client, Job, Result

F = TypeVar("F", bound=Callable[..., Any])
_VERBS: Final = {
    "cancel": "Stop jobs; pictures they have finished stay.",
    "interrupt": "Stop running jobs with the picture at work as it is now.",
    "skip": "Finish the picture at work as it is now and go on with the next.",
    "pause": "Keep waiting jobs from being started.",
    "resume": "Let paused jobs wait again.",
    "retry": "Let ended jobs run again; pictures they have are not made twice.",
    "delete": "Put jobs and their pictures into the trash.",
    "restore": "Take jobs out of the trash.",
}
_PROMPT: Final = 40  # characters of a prompt in a list


@click.group()
def jobs() -> None:
    """Look after the jobs of a server."""


def _server(command: F) -> F:
    """Add `--server`."""
    text = "The server. [REDRAW_SERVER, http://127.0.0.1:7860]"
    return option("--server", default=None, metavar="URL", help=text)(command)


@contextmanager
def _client(server: str | None) -> Iterator[Client]:
    from redraw.cli.remote import connected

    with connected(server, Settings.load()) as client:
        yield client


@jobs.command("list", cls=SectionedCommand)
@option("--state", "states", multiple=True, type=click.Choice(get_args(State)), help="Only these; may be repeated.")
@option("--text", default=None, help="Only those with these words in their prompt.")
@option("--limit", type=click.IntRange(1), default=50, help="At most so many. [50]")
@_server
@json_option
def list_jobs(states: tuple[State, ...], text: str | None, limit: int, server: str | None, as_json: bool) -> None:
    """List jobs, the newest first."""
    with _client(server) as client:
        found = [job.record for job in client.jobs(states=states or None, text=text, limit=limit)]
    if as_json:
        _print_json([asdict(record) for record in found])
        return
    from redraw.cli.listing import print_table

    print_table(["id", "state", "kind", "done", "created", "prompt"], [_row(record) for record in found])


@jobs.command(cls=SectionedCommand)
@click.argument("id")
@_server
@json_option
def show(id: str, server: str | None, as_json: bool) -> None:
    """Show one job and its pictures."""
    with _client(server) as client:
        job = client.job(id)
        results = job.results()
    facts = {**asdict(job.record), "results": [_result_facts(result) for result in results]}
    if as_json:
        _print_json(facts)
        return
    from redraw.cli.listing import print_facts

    record = job.record
    print_facts(
        {
            "id": record.id,
            "state": record.state,
            "kind": record.kind,
            "source": record.source,
            "priority": record.priority,
            "created": _time(record.created),
            "started": _time(record.started),
            "ended": _time(record.ended),
            "attempts": record.attempts,
            "error": (record.error or {}).get("detail", ""),
            "notes": list(record.notes),
            "request": dict(record.request),
            "results": {str(r.index): f"{r.id}  {r.record.width}x{r.record.height}  seed {r.seed}" for r in results},
        }
    )


@jobs.command(cls=SectionedCommand)
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@option("-o", "--output", type=click.Path(path_type=Path), default=None, help="Write the pictures into this folder.")
@option("--timeout", type=click.FloatRange(0), default=None, help="Wait at most so many seconds.")
@_server
@json_option
def wait(ids: tuple[str, ...], output: Path | None, timeout: float | None, server: str | None, as_json: bool) -> None:
    """Wait until jobs have ended. Exit code 2 if one has failed, was cancelled, or has not ended in time."""
    report: list[dict[str, Any]] = []
    with _client(server) as client:
        for id in ids:
            job = client.job(id)
            record = job.wait(timeout)
            files = [str(path) for path in _written(job, output)] if output is not None else []
            report.append({"id": id, "state": record.state, "error": record.error, "files": files})
            if not as_json:
                why = f"  {(record.error or {}).get('detail', '')}" if record.error else ""
                click.echo("\n".join([f"{id}  {record.state}{why}", *files]))
    if as_json:
        _print_json(report)
    if any(line["state"] != "done" for line in report):
        raise SystemExit(EXIT_ERROR)


@jobs.command(cls=SectionedCommand)
@click.argument("id")
@option("--before", default=None, metavar="ID", help="Run it before this job.")
@option("--front", is_flag=True, help="Run it first.")
@option("--back", is_flag=True, help="Run it last.")
@_server
@json_option
def move(id: str, before: str | None, front: bool, back: bool, server: str | None, as_json: bool) -> None:
    """Let a waiting job run earlier or later."""
    if [before is not None, front, back].count(True) != 1:
        raise RequestError("--before", before, "give one of --before ID, --front and --back")
    with _client(server) as client:
        job = client.job(id)
        record = job.move(before=before) if before is not None else job.move(to="front" if front else "back")
    _tell([record], as_json)


def _verb(name: str, text: str) -> click.Command:
    """Return the command that asks one thing of some jobs."""

    def ask(ids: tuple[str, ...], server: str | None, as_json: bool) -> None:
        with _client(server) as client:
            records = []
            for id in ids:
                job = client.job(id) if name != "restore" else client.known(id)
                answer = getattr(job, name)()
                records.append(getattr(answer, "record", answer) or job.record)
        _tell(records, as_json, done="deleted" if name == "delete" else "")

    command = click.command(name, cls=SectionedCommand, help=text)(_server(json_option(ask)))
    command.params.insert(0, click.Argument(["ids"], nargs=-1, required=True, metavar="ID..."))
    return command


for _name, _text in _VERBS.items():
    jobs.add_command(_verb(_name, _text))


def _tell(records: list[JobRecord], as_json: bool, *, done: str = "") -> None:
    if as_json:
        _print_json([asdict(record) for record in records])
        return
    for record in records:
        wish = f" ({record.wish} asked for)" if record.wish else ""
        click.echo(f"{record.id}  {done or record.state}{wish}")


def _row(record: JobRecord) -> list[str]:
    prompt = record.request.get("prompt", "")
    text = " ".join((prompt if isinstance(prompt, str) else " | ".join(prompt)).split())
    short = text if len(text) <= _PROMPT else text[: _PROMPT - 1] + "…"
    fraction = 1.0 if record.state == "done" else float(record.progress.get("fraction", 0.0))
    return [record.id, record.state, record.kind, f"{fraction:.0%}", _time(record.created), short]


def _time(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _result_facts(result: Result) -> dict[str, Any]:
    return {**asdict(result.record), "links": dict(result.links)}


def _written(job: Job, folder: Path) -> Iterator[Path]:
    """Write a job's pictures into a folder as `<id>-<index>` and yield the files."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write to {folder}: {error.strerror or error}") from None
    for result in job.results():
        yield result.save(folder / f"{job.id}-{result.index:05}.{result.format}").path


def _print_json(data: Any) -> None:
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str))
