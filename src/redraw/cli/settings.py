"""`redraw settings`: what is in force, and A1111's settings taken over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from redraw.cli.options import json_option
from redraw.errors import OutputError, RequestError
from redraw.settings import Settings, config_file, read_file


@click.group()
def settings() -> None:
    """Show settings, or take over those of A1111."""


@settings.command("list")
@json_option
def list_settings(as_json: bool) -> None:
    """Show every setting that is in force; of secrets only whether there is one."""
    values = Settings.load().shown()
    if as_json:
        click.echo(json.dumps(values, indent=2, ensure_ascii=False))
        return
    click.echo(to_toml({name: value for name, value in values.items() if value not in ("", [], {})}), nl=False)


@settings.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--save", is_flag=True, help="Merge it into your configuration file; the old one is kept as .bak.")
@json_option
def import_settings(files: tuple[Path, ...], save: bool, as_json: bool) -> None:
    """Take over A1111's config.json and ui-config.json.

    What differs from A1111's own defaults and has a counterpart here is printed as a configuration file; what has none
    is listed on stderr.
    """
    from redraw.compat.config import SHARED, is_form, read_config, read_form

    values: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    left: list[str] = []
    for file in files:
        data = _read(file)
        found = read_form(data) if is_form(data) else read_config(data)
        values |= found.settings
        left += found.left
        for kind, fields in found.defaults.items():
            (defaults if kind == SHARED else defaults.setdefault(kind, {})).update(fields)
    table = {**values, **({"defaults": defaults} if defaults else {})}
    Settings().changed(table)  # a value that is wrong here is told now
    if as_json:
        click.echo(json.dumps({"settings": table, "left": left}, indent=2, ensure_ascii=False))
    elif not save:
        click.echo(to_toml(table), nl=False)
    if save:
        _save(table)
    if not as_json:
        for line in left:
            click.echo(f"left: {line}", err=True)


def to_toml(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> str:
    """Return texts, numbers, lists of them and tables as TOML."""
    plain = {key: value for key, value in table.items() if not isinstance(value, Mapping) and value is not None}
    lines = [f"\n[{'.'.join(path)}]"] if path and plain else []
    lines += [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    text = "".join(f"{line}\n" for line in lines)
    for key, value in table.items():
        if isinstance(value, Mapping):
            text += to_toml(value, (*path, _key(key)))
    return text


def _key(key: str) -> str:
    return key if key and all(c.isascii() and (c.isalnum() or c in "-_") for c in key) else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")  # JSON's escapes are TOML's


def _read(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise RequestError("file", str(file), f"it must be readable ({error.strerror or error})") from None
    except ValueError as error:
        raise RequestError("file", str(file), f"it must be JSON ({error})") from None
    if not isinstance(data, dict):
        raise RequestError("file", str(file), "it is A1111's config.json or ui-config.json")
    return data


def _save(table: Mapping[str, Any]) -> None:
    """Merge a table into the user's configuration file."""
    file = config_file()
    old = read_file(file)
    merged = _merged(old, table)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if old:
            file.with_name(f"{file.name}.bak").write_bytes(file.read_bytes())
        file.write_text(to_toml(merged), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{file} cannot be written: {error.strerror or error}") from None
    click.echo(f"written to {file}")


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(old)
    for key, value in new.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both else value
    return merged
