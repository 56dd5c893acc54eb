"""`redraw info` and `redraw replay`: the recipe inside a picture, read and followed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from redraw.cli.options import json_option, models_dir_option
from redraw.errors import RequestError
from redraw.settings import Settings

if TYPE_CHECKING:
    from redraw.compat.readback import ReadBack

EXIT_DIFFERENT = 1
TEXTS: Final = frozenset({".txt", ".json"})
LONGEST_TEXT: Final = 8_000_000
"""Bytes."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def info(file: Path, as_json: bool) -> None:
    """Show the recipe a picture carries: Redraw's own, A1111's infotext, or what another program wrote.

    FILE may also be a text: an infotext (.txt), or a graph of ComfyUI or settings of another program (.json).
    """
    from redraw.compat.readback import read_picture, read_text
    from redraw.image.infotext import parse
    from redraw.image.metadata import Metadata, read_metadata

    if file.suffix.lower() in TEXTS:
        found = Metadata(_text_of(file), None, {})
        back = read_text(found.infotext or "")
    else:
        found = read_metadata(file)
        back = read_picture(found)
    if as_json:
        data = {
            "infotext": found.infotext,
            "parameters": parse(found.infotext) if found.infotext else None,
            "recipe": found.recipe,
            "items": dict(found.items),
            "read": vars(back),
        }
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
        return
    if not back.program and not found.infotext:
        click.echo(f"{file} carries no recipe")
    if found.infotext and not found.infotext.lstrip().startswith("{"):
        click.echo(found.infotext)
    if found.recipe:
        click.echo(_summary(found.recipe))
    elif back.program:
        click.echo(_reading(back))


def _text_of(file: Path) -> str:
    """Return a text file's content; raises `RequestError` where it is none, or too long."""
    try:
        if file.stat().st_size > LONGEST_TEXT:
            raise RequestError("file", str(file), f"a text has at most {LONGEST_TEXT:,} bytes")
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError("file", str(file), f"it is a file of text in UTF-8 ({error})") from None


def _reading(back: ReadBack) -> str:
    """Return what was understood of another program's settings, and what was not."""
    kept = {name: value for name, value in back.request.items() if value not in (None, "", ())}
    lines = [f"\nFrom {back.program}, read as {back.kind}:"]
    lines += [f"  {name}: {value}" for name, value in kept.items()]
    lines += [f"Not understood: {name}: {value}" for name, value in back.unknown.items()]
    lines += [f"Note: {note}" for note in back.notes]
    return "\n".join(lines)


def _summary(recipe: dict[str, Any]) -> str:
    """Return the recipe in a few lines."""
    environment = recipe.get("environment", {})
    lines = [
        f"\nMade by {recipe.get('program')} with {recipe.get('model', {}).get('name')}"
        f" on {environment.get('device')} in {environment.get('dtype')}, torch {environment.get('torch')}"
    ]
    for given in recipe.get("inputs", []):
        lines.append(f"From {given.get('name')} (SHA-256 {str(given.get('sha256'))[:12]}...)")
    lines += [f"Note: {note}" for note in recipe.get("notes", [])]
    return "\n".join(lines)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--input",
    "inputs",
    multiple=True,
    type=click.Path(path_type=Path),
    help="File or folder to look for the source picture in; may be repeated.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), default=None, help="Also write the picture here.")
@models_dir_option
@json_option
def replay(
    file: Path, inputs: tuple[Path, ...], output: Path | None, models_dirs: tuple[Path, ...], as_json: bool
) -> None:
    """Make a picture again from its recipe, and say whether it is identical.

    The source is looked for by its hash beside the picture, in the data folder, then in --input. Exit code 0:
    identical; 1: it differs.
    """
    from redraw.image.metadata import read_metadata

    recipe = read_metadata(file).recipe
    if not recipe:
        raise RequestError("file", str(file), "it carries no recipe of Redraw's; `redraw info` shows what it has")
    from redraw.replay import replay_recipe
    from redraw.studio import Studio

    settings = Settings.load()
    studio = Studio(models_dirs or None, settings=settings)
    outcome = replay_recipe(studio, recipe, beside=file, inputs=inputs)
    saved = outcome.result.save(output) if output else None
    if as_json:
        click.echo(
            json.dumps(
                {
                    "identical": outcome.identical,
                    "worst": outcome.worst,
                    "differences": list(outcome.differences),
                    "file": str(saved.path) if saved else None,
                }
            )
        )
    else:
        click.echo(outcome.sentence)
        for line in outcome.differences:
            click.echo(f"  {line}")
        if saved:
            click.echo(f"written to {saved.path}")
    if not outcome.identical:
        raise SystemExit(EXIT_DIFFERENT)
