"""The commands, each imported only when it is called."""

from __future__ import annotations

import importlib
import os
from typing import Any, Final

import click

# command -> (module below redraw.cli, attribute, one line of help)
COMMANDS: Final = {
    "img2img": ("generate", "img2img", "Redraw pictures by a prompt."),
    "inpaint": ("generate", "inpaint", "Redraw a part of pictures, and nothing else."),
    "sketch": ("generate", "sketch", "Redraw pictures with paint laid over them."),
    "inpaint-sketch": ("generate", "inpaint_sketch", "Redraw only what was painted."),
    "batch": ("batch", "batch", "Redraw every picture of a folder."),
    "txt2img": ("generate", "txt2img", "Draw a picture from words alone."),
    "info": ("recipes", "info", "Show the recipe a picture carries."),
    "replay": ("recipes", "replay", "Make a picture again from its recipe and compare."),
    "prompt": ("prompt", "prompt", "Tell what a prompt means, and what looks wrong in it."),
    "models": ("listing", "models", "List models, or tell what a file is."),
    "samplers": ("listing", "samplers", "List samplers."),
    "schedulers": ("listing", "schedulers", "List noise schedules."),
    "serve": ("serve", "serve", "Run the server."),
    "submit": ("submit", "submit", "Hand pictures to a server and go on."),
    "jobs": ("jobs", "jobs", "Look after the jobs of a server."),
    "settings": ("settings", "settings", "Show settings, or take over those of A1111."),
    "doctor": ("doctor", "doctor", "Tell what works here and what is missing."),
    "demo": ("demo", "demo", "Redraw the example picture with the starter model."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, so that `redraw --help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command, or None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(f"redraw.cli.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])


def _show_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"redraw {version('redraw-studio')}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
def app(**_: Any) -> None:
    """Redraw turns a picture you have into the picture you want.

    \b
      redraw img2img cat.png "a fox, flat, on a green background" --strength 0.6
      redraw inpaint cat.png "a red hat" --mask hat.png
      redraw info result.png
      redraw replay result.png
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing is ever fetched behind the user's back
