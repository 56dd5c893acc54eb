"""`redraw models`, `redraw samplers` and `redraw schedulers`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from redraw.cli.options import json_option, models_dir_option
from redraw.registry import SAMPLERS, SCHEDULERS, Registry
from redraw.settings import Settings


@click.group()
def models() -> None:
    """List models, or tell what a file is."""


@models.command("list")
@models_dir_option
@json_option
def list_models(models_dirs: tuple[Path, ...], as_json: bool) -> None:
    """List every model below the models folders, and the starter."""
    from redraw.models.catalog import Catalog

    settings = Settings.load()
    catalog = Catalog(models_dirs or settings.models_dirs, cache=settings.models_cache)
    rows = [(m.name, m.family, _bytes(m.path)) for m in catalog]
    if as_json:
        facts = [{"name": name, "family": family, "bytes": size} for name, family, size in rows]
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    print_table(["name", "family", "size"], [[name, family, _megabytes(size)] for name, family, size in rows])


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


def _bytes(path: Path) -> int:
    if path.is_dir():
        return sum(part.stat().st_size for part in path.rglob("*") if part.is_file())
    return path.stat().st_size


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
