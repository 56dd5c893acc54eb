"""Which options a command has, made from the request's fields."""

from __future__ import annotations

import re

import click
import pytest
from click.testing import CliRunner

from redraw.cli.app import app
from redraw.request import describe_fields
from redraw.request.masks import MaskOptions, PaintOptions, SoftOptions

MASK = {field.name for field in describe_fields(MaskOptions)}
PAINT = {field.name for field in describe_fields(PaintOptions)}
SOFT = {field.name for field in describe_fields(SoftOptions)}
SAVING = {"save_mask", "save_cutout"}


def command(name: str) -> click.Command:
    """Return a command of `redraw`."""
    found = app.get_command(click.Context(app), name)
    assert found is not None
    return found


def options(name: str) -> set[str]:
    """Return the names of a command's options."""
    return {param.name for param in command(name).params if isinstance(param, click.Option) and param.name}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("img2img", set()),
        ("inpaint", MASK - PAINT | SAVING),
        ("sketch", {"paint"}),
        ("inpaint-sketch", MASK - PAINT - {"mask"} | {"paint", "mask_transparency"} | SAVING),
        ("batch", MASK - PAINT | SAVING),
    ],
)
def test_each_command_shows_its_own_options_about_masks(name: str, shown: set[str]) -> None:
    assert options(name) & (MASK | SAVING) == shown
    assert options(name) >= options("img2img")
    assert shown >= SOFT or not shown & SOFT


def test_flags_come_from_field_names() -> None:
    flags = {flag for param in command("inpaint").params for flag in (*param.opts, *param.secondary_opts)}
    assert {"--mask", "--invert-mask", "--no-invert-mask", "--mask-blur-x", "--soft", "--masked-content"} <= flags
    assert {"--mask-folder", "--png-info-props", "--resume", "--no-recursive", "--number"} <= {
        flag for param in command("batch").params for flag in (*param.opts, *param.secondary_opts)
    }


def test_the_help_has_sections_and_everyday_options_first() -> None:
    text = CliRunner().invoke(app, ["inpaint", "--help"]).output
    titles = [line.removesuffix(":") for line in text.splitlines() if line and not line.startswith(" ")]
    assert titles[1:] == [
        "Options",
        "Inpaint",
        "Soft inpainting",
        "Picture",
        "Seed",
        "Prompt",
        "Refiner",
        "Sampler",
        "Machine",
        "Output",
    ]
    assert (
        text.index("--mask FILE|alpha") < text.index("--strength") < text.index("--invert-mask") < text.index("--soft")
    )


def test_the_help_of_img2img_says_nothing_of_masks() -> None:
    text = CliRunner().invoke(app, ["img2img", "--help"]).output
    text = re.sub(r"--region, .*?(?=\n  --)", "", text, flags=re.DOTALL)  # a place for a part of the prompt
    assert "mask" not in text.lower().replace("unmask", "")
    assert "--paint" not in text
