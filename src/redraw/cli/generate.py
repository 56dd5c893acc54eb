"""The commands that make pictures: from a picture, from a part of one, from paint, from words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import click

from redraw.cli.inputs import expand_inputs, read_picture, read_pictures, split_words
from redraw.cli.options import (
    INPAINT,
    INPAINT_SKETCH,
    PLAIN,
    SKETCH,
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
from redraw.cli.session import Job, run_jobs
from redraw.errors import RequestError
from redraw.request import Img2Img, Txt2Img
from redraw.settings import Settings

Values = dict[str, Any]
NO_MASK: Final = (
    "say what is to be redrawn: --mask FILE, white where, or --mask alpha for what is transparent in the picture"
)


def picture_command(name: str, show: frozenset[str] = PLAIN) -> Callable[[Callable[..., None]], click.Command]:
    """Return a decorator that makes a function a command that redraws pictures, with `show` of the mask's options."""

    def wrap(function: Callable[..., None]) -> click.Command:
        for add in (json_option, *([saving_options] if show >= INPAINT - {"mask"} else []), output_options):
            function = add(function)
        function = request_options(Img2Img, show)(models_dir_option(server_option(function)))
        words = click.argument("words", nargs=-1, required=True, metavar="INPUT... PROMPT")
        return click.command(name, cls=SectionedCommand)(words(prompt_option(function)))

    return wrap


@picture_command("img2img")
def img2img(words: tuple[str, ...], prompt: str | None, **values: Any) -> None:
    """Redraw pictures by a prompt.

    INPUT is a file, a glob or - for stdin; several are redrawn one after another. PROMPT comes last. Results go to the
    folder redraw-output unless -o says otherwise; each carries its recipe.
    """
    redraw(words, prompt, values, "redraw img2img cat.png 'a fox'")


@picture_command("inpaint", INPAINT)
def inpaint(words: tuple[str, ...], prompt: str | None, **values: Any) -> None:
    """Redraw a part of pictures: what is white in the mask. Every other pixel stays as it is.

    INPUT is a file, a glob or - for stdin; several share the mask. PROMPT comes last and may be left out.
    """
    if values["mask"] is None:
        raise RequestError("mask", None, NO_MASK)
    redraw(words, prompt, values, "redraw inpaint cat.png 'a red hat' --mask hat.png", prompt_needed=False)


@picture_command("sketch", SKETCH)
def sketch(words: tuple[str, ...], prompt: str | None, **values: Any) -> None:
    """Lay paint over pictures, then redraw the whole of them.

    PAINT is a layer with transparency, or the finished drawing. INPUT and PROMPT are those of img2img.
    """
    _need_paint(values)
    redraw(words, prompt, values, "redraw sketch cat.png 'a red hat' --paint paint.png")


@picture_command("inpaint-sketch", INPAINT_SKETCH)
def inpaint_sketch(words: tuple[str, ...], prompt: str | None, **values: Any) -> None:
    """Lay paint over pictures, then redraw only what was painted.

    PAINT is a layer with transparency, or the finished drawing. INPUT and PROMPT are those of inpaint.
    """
    _need_paint(values)
    example = "redraw inpaint-sketch cat.png 'a red hat' --paint paint.png"
    redraw(words, prompt, {**values, "paint_is_mask": True}, example, prompt_needed=False)


@click.command(cls=SectionedCommand)
@click.argument("prompt")
@request_options(Txt2Img)
@models_dir_option
@server_option
@output_options
@json_option
def txt2img(prompt: str, **values: Any) -> None:
    """Draw a picture from words alone."""
    fields = filled(Txt2Img, chosen(Txt2Img, values), Settings.load())
    run_jobs([Job(Txt2Img(prompt=prompt, **fields), None)], values)


def redraw(
    words: tuple[str, ...], prompt: str | None, values: Values, example: str, *, prompt_needed: bool = True
) -> None:
    """Run an `Img2Img` for every input with the fields that were given."""
    run_jobs(picture_jobs(words, prompt, values, example, prompt_needed=prompt_needed), values)


def picture_jobs(
    words: tuple[str, ...], prompt: str | None, values: Values, example: str, *, prompt_needed: bool = True
) -> list[Job]:
    """Return the `Img2Img` of every input with the fields that were given."""
    patterns, text = split_words(words, prompt, example=example, prompt_needed=prompt_needed)
    inputs = list(expand_inputs(patterns))
    fields = filled(Img2Img, read_pictures(chosen(Img2Img, values), inputs), Settings.load())
    return [
        Job(Img2Img(images=(read_picture(name),), prompt=text, **fields), "stdin" if name == "-" else name)
        for name in inputs
    ]


def _need_paint(values: Values) -> None:
    if values["paint"] is None:
        raise RequestError("paint", None, "give --paint FILE: a layer with transparency, or the finished drawing")
