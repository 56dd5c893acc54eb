"""`redraw info` and `redraw replay`: the recipe inside a picture, read and followed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from redraw.cli.options import json_option, models_dir_option
from redraw.errors import RequestError
from redraw.settings import Settings

EXIT_DIFFERENT = 1


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def info(file: Path, as_json: bool) -> None:
    """Show the recipe a picture carries: A1111's infotext and Redraw's own."""
    from redraw.image.infotext import parse
    from redraw.image.metadata import read_metadata

    found = read_metadata(file)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "infotext": found.infotext,
                    "parameters": parse(found.infotext) if found.infotext else None,
                    "recipe": found.recipe,
                    "items": dict(found.items),
                },
                indent=2,
                ensure_ascii=False,
            )
        )
        return
    if not found.infotext and not found.recipe:
        click.echo(f"{file} carries no recipe")
    if found.infotext:
        click.echo(found.infotext)
    if found.recipe:
        click.echo(_summary(found.recipe))


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
