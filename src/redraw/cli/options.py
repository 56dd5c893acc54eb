"""Command line options made from the request's own fields, and the few every command shares."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from redraw.errors import RequestError
from redraw.request import KINDS, FieldInfo, Generation, PictureRef, Request, describe_fields
from redraw.request.defaults import with_defaults
from redraw.request.masks import MaskOptions, PaintOptions
from redraw.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])
POSITIONAL: Final = frozenset({"prompt", "images"})
# What people reach for stands first in the help; the rest follows by section.
EVERYDAY: Final = (
    *("mask", "paint", "mask_transparency", "negative_prompt", "strength", "steps", "sampler", "scheduler"),
    *("cfg_scale", "seed", "width", "height", "scale", "resize_mode", "batch_size", "batch_count", "model", "vae"),
)
SECTIONS: Final = (
    *("Batch", "Inpaint", "Paint", "Soft inpainting", "Picture", "Seed", "Prompt", "Refiner", "Sampler", "Machine"),
)
OUTPUT: Final = "Output"

_PAINT: Final = frozenset(field.name for field in describe_fields(PaintOptions))
_MASKS: Final = frozenset(field.name for field in describe_fields(MaskOptions))
# Which fields about masks and paint a command shows.
PLAIN: Final = frozenset[str]()
INPAINT: Final = _MASKS - _PAINT
SKETCH: Final = frozenset({"paint"})
INPAINT_SKETCH: Final = INPAINT - {"mask"} | {"paint", "mask_transparency"}
# How a picture is named on the command line, where a word stands for one too.
_PICTURE_WORDS: Final = {"mask": "FILE|alpha"}


class SectionedOption(click.Option):
    """An option that knows under which heading of the help it stands."""

    def __init__(self, *names: Any, section: str = "Options", **settings: Any) -> None:
        super().__init__(*names, **settings)
        self.section = section


class SectionedCommand(click.Command):
    """A command whose help lists its options under headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each section, in the order of its first option."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and isinstance(param, click.Option):
                sections.setdefault(getattr(param, "section", "Options"), []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


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


class WordsType(click.ParamType[frozenset[str]]):
    """Several words with commas between."""

    name = "words"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> frozenset[str]:
        """Return the words; which are right the request knows."""
        return value if isinstance(value, frozenset) else frozenset(word.strip() for word in str(value).split(","))


def request_options(model: type[Request], show: Collection[str] = PLAIN) -> Callable[[F], F]:
    """Return a decorator that adds one option for each field of `model`; of those about masks, only for `show`."""

    def add(command: F) -> F:
        for field in sorted(describe_fields(model), key=_place)[::-1]:
            if field.name not in POSITIONAL and (field.name in show or field.name not in _MASKS):
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
    place: dict[str, Any] = {"cls": SectionedOption, "section": "Options" if field.name in EVERYDAY else field.group}
    text = field.help
    if field.kind is bool:
        names: tuple[str, ...] = (f"{flag}/--no-{flag[2:]}",)
        text += f" [{'on' if field.default else 'off'}]"
        return click.option(*names, field.name, default=None, help=text, **place)
    if field.kind is PictureRef:
        place["metavar"] = _PICTURE_WORDS.get(field.name, "FILE")
    if field.many:
        place["multiple"] = True
    default = "" if field.default in (None, "", ()) or field.kind is frozenset else f" [{field.default}]"
    return click.option(*field.flags, flag, field.name, type=_type(field), default=None, help=text + default, **place)


def _type(field: FieldInfo) -> Any:
    """Return click's type for a field's values."""
    if field.choices:
        return click.Choice(field.choices, case_sensitive=False)
    kinds: dict[type, Any] = {
        tuple: SizeType(),
        float: NumberType(),
        int: click.INT,
        frozenset: WordsType(),
        PictureRef: click.Path(allow_dash=True),
        Path: click.Path(path_type=Path),
    }
    return kinds.get(field.kind, click.STRING)


def chosen(model: type[Request], values: dict[str, Any]) -> dict[str, Any]:
    """Return those of click's values that are fields of `model` and were given."""
    names = {field.name for field in describe_fields(model)} - POSITIONAL
    return {name: values[name] for name in names if values.get(name) not in (None, ())}


def filled(
    model: type[Generation], given: dict[str, Any], settings: Settings, *, masked: bool = False
) -> dict[str, Any]:
    """Return the fields that were given, and below them what the user's configuration says for such requests.

    Args:
        model: which request it is.
        given: fields of it.
        settings: whose `defaults` are taken.
        masked: whether a mask comes from elsewhere; without any, fields about masks are left out.
    """
    defaults = settings.defaults_of(model.kind)
    every = {field.name for kind in KINDS.values() for field in describe_fields(kind)} - POSITIONAL
    for name in defaults:
        if name not in every | set(KINDS):
            raise RequestError("defaults", name, "no request has such a field")
    return with_defaults(model, given, defaults, masked=masked)


def option(*names: str, **settings: Any) -> Callable[[F], F]:
    """Return click's option with a place in the help's sections."""
    return click.option(*names, cls=SectionedOption, **settings)


def prompt_option(command: F) -> F:
    """Add `--prompt`."""
    return option("--prompt", "prompt", default=None, help="The prompt; every argument is then an input.")(command)


def saving_options(command: F) -> F:
    """Add the options that write what a mask gives beside the result."""
    for name, what in (
        ("cutout", "the repainted part alone, as -mask-composite.png"),
        ("mask", "the mask as it was used, as -mask.png"),
    ):
        text = f"Also write {what} beside the result."
        command = option(f"--save-{name}", f"save_{name}", is_flag=True, section=OUTPUT, help=text)(command)
    return command


def models_dir_option(command: F) -> F:
    """Add `--models-dir`."""
    return option(
        "--models-dir",
        "models_dirs",
        multiple=True,
        type=click.Path(path_type=Path),
        section="Machine",
        help="Folder with checkpoints; may be repeated. [REDRAW_MODELS_DIR]",
    )(command)


def server_option(command: F) -> F:
    """Add `--server`."""
    text = "Let this server do it (http://host:port, with user:password@ if it asks). [REDRAW_SERVER_AUTH]"
    return option("--server", "server", default=None, metavar="URL", section="Machine", help=text)(command)


def json_option(command: F) -> F:
    """Add `--json`."""
    text = "Print machine-readable JSON on stdout."
    return option("--json", "as_json", is_flag=True, section=OUTPUT, help=text)(command)


def output_options(command: F) -> F:
    """Add the options that say where and how results are written."""
    add = partial(option, section=OUTPUT)
    for one in reversed(
        (
            add("-o", "--output", default=None, help="File or folder for the results; - is stdout."),
            add(
                "--format",
                "file_format",
                type=click.Choice(["png", "jpg", "webp", "avif", "tiff"]),
                default=None,
                help="File format; else by the file's ending, else png.",
            ),
            add("--quality", type=click.IntRange(1, 100), default=None, help="Quality of jpg, webp and avif."),
            add("--name-pattern", default=None, help="File name with A1111's patterns, as [seed]-[prompt_words<3>]."),
            add("--overwrite", is_flag=True, help="Replace existing files instead of adding a number."),
            add("--grid", is_flag=True, help="Also write a grid of all pictures of a run."),
        )
    ):
        command = one(command)
    return command
