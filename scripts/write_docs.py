"""Write docs/cli.md from the commands themselves: `python scripts/write_docs.py`; a test checks that it is current."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from redraw.cli.app import app

PAGE = Path(__file__).resolve().parents[1] / "docs" / "cli.md"
WIDTH = 110
LONG = 6  # lines of a section that is not printed twice


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
    """Return the page's text; a section of options that an earlier command has too is only referred to."""
    parts = ["# The command line\n\nWritten by `scripts/write_docs.py` from the commands' own help.\n"]
    shown: dict[str, str] = {}
    for command, context in commands(app, click.Context(app, info_name="redraw", help_option_names=["-h", "--help"])):
        name = context.command_path.replace(" [OPTIONS]", "")
        text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
        sections = [_once(section, name, shown) for section in text.split("\n\n")]
        help_text = "\n\n".join(sections)
        parts.append(f"## {name}\n\n```\n{help_text}\n```\n")
    return "\n".join(parts)


def _once(section: str, name: str, shown: dict[str, str]) -> str:
    """Return a section of a command's help, or if it is long, where it stands already."""
    title, *lines = section.split("\n")
    if len(lines) < LONG or shown.setdefault(section, name) == name:
        return section
    return f"{title} those of {shown[section]}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
