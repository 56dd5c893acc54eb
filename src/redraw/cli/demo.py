"""`redraw demo`: the shortest way to see what Redraw does."""

from __future__ import annotations

import json
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import click

from redraw.errors import ModelError
from redraw.request import Img2Img, PictureRef
from redraw.settings import Settings


@click.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), default=None, help="Folder for the pictures.")
def demo(output: Path | None) -> None:
    """Redraw the example picture with the starter model and put before and after side by side."""
    from redraw.cli.output import Output
    from redraw.cli.session import Job, Session, run_job
    from redraw.cli.terminal import Bar
    from redraw.studio import Studio

    starter = files("redraw.starter")
    if not starter.joinpath("demo.json").is_file():
        raise ModelError("this installation has no starter model")
    plan: dict[str, Any] = json.loads(starter.joinpath("demo.json").read_text(encoding="utf-8"))
    settings = Settings.load()
    folder = output or settings.output_dir / "demo"
    studio = Studio((), settings=settings)
    with as_file(starter.joinpath(plan["input"])) as path, Bar() as bar:
        request = Img2Img(images=(PictureRef.from_path(path).hashed(),), **plan["request"])
        writer = Output(str(folder), folder, overwrite=True)
        result = run_job(Session(studio, writer, bar), Job(request, plan["input"]))[0]
        before_after = _side_by_side(path, writer.written[0], folder / "before-after.png")
    click.echo(f'"{request.prompt}", strength {request.strength}, seed {result.seed}')
    click.echo(f"before | after: {before_after}")


def _side_by_side(before: Path, after: Path, target: Path) -> Path:
    """Write both pictures next to each other, enlarged so that the small starter can be seen."""
    from PIL import Image

    from redraw.image.io import open_picture
    from redraw.image.profile import model_rgb
    from redraw.image.save import save_picture

    left, right = (model_rgb(open_picture(path)).convert("RGB") for path in (before, after))
    factor = max(1, 512 // right.height)
    size = (right.width * factor, right.height * factor)
    gap = 16
    sheet = Image.new("RGB", (2 * size[0] + gap, size[1]), "white")
    sheet.paste(left.resize(size, Image.Resampling.LANCZOS), (0, 0))
    sheet.paste(right.resize(size, Image.Resampling.LANCZOS), (size[0] + gap, 0))
    import numpy as np

    return save_picture(np.asarray(sheet), target, overwrite=True).path
