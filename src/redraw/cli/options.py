"""Command line options made from the request's own fields, and the few every command shares."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from redraw.request import FieldInfo, Generation, describe_fields

F = TypeVar("F", bound=Callable[..., Any])
POSITIONAL: Final = frozenset({"prompt", "images"})
# What people reach for stands first in the help; the rest follows by section.
EVERYDAY: Final = (
    *("negative_prompt", "strength", "steps", "sampler", "scheduler", "cfg_scale", "seed", "width", "height", "scale"),
    *("resize_mode", "batch_size", "batch_count", "model", "vae"),
)
SECTIONS: Final = ("Picture", "Seed", "Prompt", "Sampler", "Machine")


class SizeType(click.ParamType[tuple[int, int]]):
    """A size as `WIDTHxHEIGHT`."""

    name = "WxH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Return (width, height), or fail with what was expected."""
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"\s*(\d+)\s*[xX]\s*(\d+)\s*", str(value))
        if not match:
            self.fail(f"{value!r} is no size; write 512x768", param, ctx)
        return int(match[1]), int(match[2])


class NumberType(click.ParamType[int | float]):
    """A number that keeps its spelling: 7 is an int, 7.0 a float."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | float:
        """Return the number, or fail."""
        try:
            return int(value)
        except ValueError:
            pass
        try:
            return float(value)
        except ValueError:
            self.fail(f"{value!r} is no number", param, ctx)


def request_options(model: type[Generation]) -> Callable[[F], F]:
    """Return a decorator that adds one option for each field of `model`."""

    def add(command: F) -> F:
        for field in sorted(describe_fields(model), key=_place)[::-1]:
            if field.name not in POSITIONAL:
                command = _option(field)(command)
        return command

    return add


def _place(field: FieldInfo) -> tuple[int, int]:
    """Return where a field stands in the help: everyday ones in their order, then the sections in theirs."""
    if field.name in EVERYDAY:
        return 0, EVERYDAY.index(field.name)
    return 1 + SECTIONS.index(field.group), 0


def _option(field: FieldInfo) -> Callable[[F], F]:
    """Return click's option for one field; what is not given on the command line stays None."""
    flag = "--" + field.name.replace("_", "-")
    text = field.help
    if field.kind is bool:
        names: tuple[str, ...] = (f"{flag}/--no-{flag[2:]}",)
        return click.option(*names, field.name, default=None, help=f"{text} [{'on' if field.default else 'off'}]")
    if field.choices:
        kind: Any = click.Choice(field.choices, case_sensitive=False)
    elif field.kind is tuple:
        kind = SizeType()
    elif field.kind is float:
        kind = NumberType()
    else:
        kind = click.INT if field.kind is int else click.STRING
    default = "" if field.default in (None, "") else f" [{field.default}]"
    return click.option(*field.flags, flag, field.name, type=kind, default=None, help=text + default)


def chosen(model: type[Generation], values: dict[str, Any]) -> dict[str, Any]:
    """Return those of click's values that are fields of `model` and were given."""
    names = {field.name for field in describe_fields(model)} - POSITIONAL
    return {name: values[name] for name in names if values.get(name) is not None}


def models_dir_option(command: F) -> F:
    """Add `--models-dir`."""
    return click.option(
        "--models-dir",
        "models_dirs",
        multiple=True,
        type=click.Path(path_type=Path),
        help="Folder with checkpoints; may be repeated. [REDRAW_MODELS_DIR]",
    )(command)


def json_option(command: F) -> F:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print machine-readable JSON on stdout.")(command)


def output_options(command: F) -> F:
    """Add the options that say where and how results are written."""
    for add in reversed(
        (
            click.option("-o", "--output", default=None, help="File or folder for the results; - is stdout."),
            click.option(
                "--format",
                "file_format",
                type=click.Choice(["png", "jpg", "webp", "avif", "tiff"]),
                default=None,
                help="File format; else by the file's ending, else png.",
            ),
            click.option("--quality", type=click.IntRange(1, 100), default=None, help="Quality of jpg, webp and avif."),
            click.option(
                "--name-pattern", default=None, help="File name with A1111's patterns, as [seed]-[prompt_words<3>]."
            ),
            click.option("--overwrite", is_flag=True, help="Replace existing files instead of adding a number."),
            click.option("--grid", is_flag=True, help="Also write a grid of all pictures of a run."),
        )
    ):
        command = add(command)
    return command
