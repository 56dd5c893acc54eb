"""`redraw models`, `redraw samplers` and `redraw schedulers`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import Console
from rich.table import Table

from redraw.cli.options import json_option, models_dir_option
from redraw.registry import SAMPLERS, SCHEDULERS, Registry
from redraw.settings import Settings

if TYPE_CHECKING:
    from redraw.models.catalog import ModelFile

FILE_KINDS: Final = ("checkpoint", "lora", "embedding", "hypernetwork", "vae", "controlnet", "upscaler", "taesd")


class _ListsByItself(click.Group):
    """A group that lists where no command is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `list` before arguments that begin with no command."""
        known = {*self.commands, *ctx.help_option_names}
        return super().parse_args(ctx, args if args and args[0] in known else ["list", *args])


@click.group(cls=_ListsByItself)
def models() -> None:
    """List models, or tell what a file is."""


@models.command("list")
@click.option("--kind", type=click.Choice(FILE_KINDS), default=None, help="List only files of this kind.")
@click.option("--refresh", is_flag=True, help="Read every file's header again, also of those that look unchanged.")
@click.option("--hash", "hashed", is_flag=True, help="Read files whose hash is not known yet; this may take long.")
@models_dir_option
@json_option
def list_models(kind: str | None, refresh: bool, hashed: bool, models_dirs: tuple[Path, ...], as_json: bool) -> None:
    """List checkpoints, LoRAs, embeddings and all other model files, and why a file is not offered.

    `redraw models` does the same. Names are what requests and prompts take.
    """
    from redraw.models.catalog import KINDS, Catalog
    from redraw.models.places import places

    settings = Settings.load()
    found = places(models_dirs or settings.models_dirs, settings.a1111_dir, settings.comfyui_dir)
    catalog = Catalog(found, cache=settings.models_cache)
    if refresh:
        catalog.refresh(anew=True)
    files = [file for one in ([kind] if kind else KINDS) for file in catalog.files(one)]
    hashes = {f.path: catalog.short_hash(f) if hashed else catalog.known_short_hash(f) for f in files}
    others = [] if kind else [other for other in catalog.others if not other.offered]
    if as_json:
        facts = [_as_json(file, hashes[file.path]) for file in files]
        left = [{"name": o.name, "kind": o.kind, "path": str(o.path), "why": o.why, "offered": False} for o in others]
        click.echo(json.dumps([*facts, *left], indent=2, ensure_ascii=False))
        return
    rows = [[f.kind, _named(f), f.family, _megabytes(f.facts.size), hashes[f.path] or ""] for f in files]
    print_table(["kind", "name", "family", "size", "hash"], rows)
    for number, other in enumerate(others):
        why = other.why if other.why.startswith(other.name) else f"{other.name}: {other.why}"
        click.echo(f"{'' if number else chr(10)}not offered: {why}")


def _named(file: ModelFile) -> str:
    return f"{file.name} ({file.alias})" if file.alias and file.alias != file.stem else file.name


def _as_json(file: ModelFile, short_hash: str | None) -> dict[str, Any]:
    notes = file.facts.notes
    return {
        "name": file.name,
        "kind": file.kind,
        "family": file.family,
        "bytes": file.facts.size,
        "file": file.file,
        "path": str(file.path),
        "alias": file.alias,
        "hash": short_hash,
        "title": notes.title,
        "triggers": list(notes.triggers),
        "offered": True,
    }


@models.command("info")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def model_info(file: Path, as_json: bool) -> None:
    """Tell what a file is, and what Redraw reads off it."""
    from redraw.models.describe import describe

    facts = describe(file, cache=Settings.load().models_cache).as_json()
    if as_json:
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False, default=str))
        return
    print_facts(facts)


@click.command()
@json_option
def samplers(as_json: bool) -> None:
    """List samplers, in the order of A1111's menu."""
    _list_shelf(SAMPLERS, as_json)


@click.command()
@json_option
def schedulers(as_json: bool) -> None:
    """List noise schedules, in the order of A1111's menu."""
    _list_shelf(SCHEDULERS, as_json)


def _list_shelf(shelf: Registry[Any], as_json: bool) -> None:
    if as_json:
        rows = [{"label": e.label, "name": e.name, "aliases": list(e.aliases)} for e in shelf]
        click.echo(json.dumps(rows, indent=2))
        return
    print_table([shelf.kind, "name", "aliases"], [[e.label, e.name, ", ".join(e.aliases)] for e in shelf])


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows of texts below their headings; ids stay in one piece."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column == "id")
    for row in rows:
        table.add_row(*row)
    Console().print(table, highlight=False, markup=False)


def print_facts(facts: dict[str, Any], indent: int = 0) -> None:
    """Print names and values, one a line; what is empty is left out."""
    for key, value in facts.items():
        if isinstance(value, dict):
            click.echo(f"{' ' * indent}{key}:")
            print_facts(value, indent + 2)
        elif value not in (None, "", [], ()):
            shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
            click.echo(f"{' ' * indent}{key}: {shown}")


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
