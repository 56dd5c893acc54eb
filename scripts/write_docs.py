"""Write docs/cli.md from the commands themselves: `python scripts/write_docs.py`; a test checks that it is current."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from redraw.cli.app import app

PAGE = Path(__file__).resolve().parents[1] / "docs" / "cli.md"
WIDTH = 110


def commands(group: click.Group, context: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    """Yield every command below a group with the context it is called in."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None:
            continue
        inner = click.Context(
            command, context, info_name=name, terminal_width=WIDTH, max_content_width=WIDTH, **command.context_settings
        )
        if isinstance(command, click.Group):
            yield from commands(command, inner)
        else:
            yield command, inner


def page() -> str:
    """Return the page's text."""
    parts = ["# The command line\n\nWritten by `scripts/write_docs.py` from the commands' own help.\n"]
    for command, context in commands(app, click.Context(app, info_name="redraw", help_option_names=["-h", "--help"])):
        text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
        parts.append(f"## {context.command_path.replace(' [OPTIONS]', '')}\n\n```\n{text}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
