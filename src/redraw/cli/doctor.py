"""`redraw doctor`: what works here, what is missing, and what lies in the models folders."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import socket
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, Literal

import click

from redraw.cli.options import json_option, models_dir_option, option
from redraw.errors import RedrawError, RequestError
from redraw.settings import Settings, config_file

EXIT_MISSING: Final = 1
PYTHON: Final = (3, 11)
LITTLE_DISK: Final = 1_000_000_000
DATABASE: Final = "redraw.sqlite"
Mark = Literal["ok", "note", "missing"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        topic: environment, settings, models, data or server.
        name: what was looked at.
        mark: ok; note: it works, but look; missing: something Redraw needs is not there.
        text: what was found, and what to do where something is wrong.
        facts: the same for programs.
    """

    topic: str
    name: str
    mark: Mark
    text: str
    facts: dict[str, Any] = field(default_factory=dict)


@click.command()
@models_dir_option
@option("--data-dir", type=click.Path(path_type=Path), default=None, help="Folder of jobs and results.")
@json_option
def doctor(models_dirs: tuple[Path, ...], data_dir: Path | None, as_json: bool) -> None:
    """Tell what works here and what is missing.

    Looks at Python and its libraries, device and memory, the settings, every file of the models folders, the data
    folder, and the server's port. Exit code 1 if something that is needed is missing.
    """
    findings = list(examine(models_dirs, data_dir))
    if as_json:
        click.echo(json.dumps([asdict(found) for found in findings], indent=2, ensure_ascii=False))
    else:
        topic = ""
        for found in findings:
            if found.topic != topic:
                topic = found.topic
                click.echo(topic)
            sign = {"ok": "  ", "note": "! ", "missing": "X "}[found.mark]
            click.echo(f"  {sign}{found.name}: {found.text}")
    if any(found.mark == "missing" for found in findings):
        raise SystemExit(EXIT_MISSING)


def examine(models_dirs: tuple[Path, ...] = (), data_dir: Path | None = None) -> Iterator[Finding]:
    """Yield everything that was found, topic by topic; wrong settings end it, as nothing else can be known then."""
    yield from _python()
    yield from _libraries()
    try:
        settings = Settings.load()
    except RequestError as error:
        yield Finding("settings", "configuration", "missing", str(error))
        return
    settings = replace(
        settings, models_dirs=models_dirs or settings.models_dirs, data_dir=data_dir or settings.data_dir
    )
    yield from _machine(settings)
    yield from _settings()
    yield from _models(settings)
    yield from _data(settings)
    yield from _database(settings)
    yield from _port(settings)


def _python() -> Iterator[Finding]:
    found = platform.python_version()
    right = sys.version_info >= PYTHON
    text = found if right else f"{found}, and Redraw needs {'.'.join(map(str, PYTHON))} or newer"
    yield Finding("environment", "Python", "ok" if right else "missing", text, {"version": found})
    yield Finding("environment", "Redraw", "ok", version("redraw-studio"), {"version": version("redraw-studio")})


def _libraries() -> Iterator[Finding]:
    for name, module, what in (
        ("torch", "torch", ""),
        ("pi-heif", "pi_heif", "HEIC pictures cannot be opened; install redraw-studio[heic]"),
    ):
        try:
            found = version(name)
        except PackageNotFoundError:
            found = ""
        there = bool(found) and importlib.util.find_spec(module) is not None
        mark: Mark = "ok" if there else "note" if what else "missing"
        yield Finding("environment", name, mark, found if there else what or "it is not installed", {"version": found})


def _machine(settings: Settings) -> Iterator[Finding]:
    """Yield where and how it would compute, and why."""
    try:
        import torch

        from redraw.models.devices import cpu_has_bf16, dtype_name, resolve_device, resolve_dtype
        from redraw.models.memory import available

        device = resolve_device(settings.device)
        dtype = dtype_name(resolve_dtype(settings.dtype, device))
    except ImportError as error:
        yield Finding("environment", "device", "missing", f"torch cannot be imported: {error}")
        return
    except RequestError as error:
        yield Finding("environment", error.field, "missing", str(error))
        return
    here = {
        "cuda": torch.cuda.get_device_name(device) if device.type == "cuda" else "",
        "cpu": "no GPU that torch can use was found" if settings.device == "auto" else "",
    }.get(device.type, "")
    why = here or "as the settings say"
    yield Finding("environment", "device", "ok", f"{device} ({why})", {"device": str(device), "asked": settings.device})
    reason = {
        "bf16": "this CPU computes in it" if cpu_has_bf16() else "",
        "fp32": "this CPU has no bf16 instructions",
        "fp16": "GPUs compute in it, and it is what A1111 takes",
    }
    why = reason.get(dtype, "") if settings.dtype == "auto" else ""
    yield Finding("environment", "dtype", "ok", f"{dtype} ({why or 'as the settings say'})", {"dtype": dtype})
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = torch.get_num_threads()
    yield Finding("environment", "threads", "ok", f"{threads} of {cores} cores", {"threads": threads, "cores": cores})
    free = available(device)
    text = f"{free / 1e9:.1f} GB free ({settings.memory})"
    yield Finding("environment", "memory", "ok", text, {"free": free, "mode": settings.memory})


def _settings() -> Iterator[Finding]:
    file = config_file()
    text = str(file) if file.is_file() else f"{file} is not there; every setting has its default"
    yield Finding("settings", "configuration", "ok", text, {"file": str(file), "exists": file.is_file()})


def _models(settings: Settings) -> Iterator[Finding]:
    """Yield the models folders with every file in them."""
    from redraw.models.catalog import UNKNOWN, Catalog
    from redraw.models.places import places

    for folder in (*settings.models_dirs, *filter(None, (settings.a1111_dir, settings.comfyui_dir))):
        if not folder.is_dir():
            yield Finding("models", str(folder), "missing", "there is no such folder", {"folder": str(folder)})
    kept = settings.models_cache if settings.data_dir.is_dir() else None  # looking makes no folders
    catalog = Catalog(places(settings.models_dirs, settings.a1111_dir, settings.comfyui_dir), cache=kept)
    for model in catalog:
        facts = {"path": str(model.path), "kind": "checkpoint", "family": model.family, "offered": True}
        yield Finding("models", model.name, "ok", model.family, facts)
    for other in catalog.others:
        facts = {"path": str(other.path), "kind": other.kind, "why": other.why, "offered": False}
        mark: Mark = "note" if other.kind == UNKNOWN else "ok"
        text = f"{other.label}, not offered as a model" if other.label else f"not offered: {other.why}"
        yield Finding("models", other.name, mark, text, facts)
    if not len(catalog):
        text = "there is none, not even the starter; name a folder with --models-dir"
        yield Finding("models", "models", "missing", text)
    elif settings.model:
        try:
            found = catalog.find(settings.model)
            yield Finding("models", "default model", "ok", found.name, {"model": found.name})
        except RedrawError as error:
            yield Finding("models", "default model", "missing", str(error), {"model": settings.model})


def _data(settings: Settings) -> Iterator[Finding]:
    """Yield whether the data folder can be used; nothing is left in it, and it is not made."""
    folder = settings.data_dir
    there = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    name, facts = "data folder", {"folder": str(folder), "exists": folder.is_dir()}
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        yield Finding("data", name, "missing", f"{folder} cannot be written: {error.strerror or error}", facts)
        return
    yield Finding("data", name, "ok", str(folder) if folder.is_dir() else f"{folder} will be made", facts)
    free = shutil.disk_usage(there).free
    text = f"{free / 1e9:.1f} GB free" + (", which is little" if free < LITTLE_DISK else "")
    yield Finding("data", "disk", "note" if free < LITTLE_DISK else "ok", text, {"free": free})


def _database(settings: Settings) -> Iterator[Finding]:
    """Yield what the job database is; it is opened for reading only."""
    if settings.database_url:
        if importlib.util.find_spec("pg8000") is None:
            text = "PostgreSQL is asked for, and its driver is missing; install redraw-studio[postgres]"
            yield Finding("data", "database", "missing", text)
        else:
            yield Finding("data", "database", "ok", "PostgreSQL, by the address in the settings")
        return
    file = settings.data_dir / DATABASE
    if not file.is_file():
        yield Finding("data", "database", "ok", "it is made at the first start of the server", {"exists": False})
        return
    facts: dict[str, Any] = {"file": str(file), "exists": True, "bytes": file.stat().st_size}
    try:
        connection = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=5)
        try:
            ask: Callable[[str], Any] = lambda query: connection.execute(query).fetchone()[0]  # noqa: E731
            facts["version"] = json.loads(str(ask("SELECT value FROM meta WHERE name = 'version'")))
            facts["jobs"] = ask("SELECT count(*) FROM jobs")
            sound = ask("PRAGMA quick_check(1)") == "ok"
        finally:
            connection.close()
    except (sqlite3.Error, ValueError, TypeError) as error:
        yield Finding("data", "database", "missing", f"{file} cannot be read: {error}", facts)
        return
    text = f"version {facts['version']}, {facts['jobs']} jobs, {facts['bytes'] / 1e6:.1f} MB"
    yield Finding("data", "database", "ok" if sound else "missing", text if sound else f"{file} is damaged", facts)


def _port(settings: Settings) -> Iterator[Finding]:
    """Yield whether a server could listen, or already does."""
    place = f"{settings.host}:{settings.port}"
    facts = {"host": settings.host, "port": settings.port}
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            taken = _who_answers(settings)
            text = taken or f"{place} cannot be used: {error.strerror or error}; choose another with --port"
            yield Finding("server", "port", "note", text, {**facts, "free": False})
            return
    yield Finding("server", "port", "ok", f"{place} is free", {**facts, "free": True})


def _who_answers(settings: Settings) -> str:
    """Return a sentence if a server of ours has the port, else nothing."""
    from redraw.client import Client

    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{host}:{settings.port}"
    try:
        with Client(url, timeout=2.0) as client:
            client.alive()
    except RedrawError:
        return ""
    return f"a server of Redraw's answers at {url}"
