"""`redraw serve`: the server, from settings and options."""

from __future__ import annotations

import threading
import webbrowser
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from redraw.cli.options import SectionedCommand, models_dir_option, option
from redraw.errors import RequestError
from redraw.request import KINDS, describe_fields
from redraw.settings import DEFAULTS_FOR, Settings

if TYPE_CHECKING:
    from redraw.server.config import ServeConfig

F = TypeVar("F", bound=Callable[..., Any])
MEGA: Final = 1_000_000
MIB: Final = 1024 * 1024


def serve_options(command: F) -> F:
    """Add the options that say how a server runs."""
    words = ["auto", "cpu", "cuda", "mps"]
    for one in reversed(
        (
            option("--host", default=None, help="Address to listen on. [127.0.0.1]"),
            option("--port", type=click.IntRange(0, 65535), default=None, help="Port; 0 takes a free one. [7860]"),
            option("--open-browser", is_flag=True, help="Open the page."),
            option("--model", default=None, help="Model of requests that name none. [the starter]"),
            option("--data-dir", type=click.Path(path_type=Path), default=None, help="Folder of jobs and results."),
            option("--database", "database_url", default=None, help="PostgreSQL instead of a file in it (a URL)."),
            option("--listen", is_flag=True, section="Access", help="Let other machines in; needs --api-auth."),
            option(
                "--api-auth",
                multiple=True,
                section="Access",
                metavar="USER:PASSWORD",
                help="Who may come in; may be repeated. [REDRAW_API_AUTH, which others on this machine cannot see]",
            ),
            option("--insecure", is_flag=True, section="Access", help="Let other machines in without a password."),
            option(
                "--compat", type=click.Choice(["a1111"]), default=None, section="Access", help="Mean what A1111 means."
            ),
            option("--api-server-stop", is_flag=True, section="Access", help="Let /sdapi/v1/server-* stop it."),
            option("--device", type=click.Choice(words), default=None, section="Machine", help="Where to compute."),
            option(
                "--dtype",
                type=click.Choice(["auto", "fp32", "bf16", "fp16"]),
                default=None,
                section="Machine",
                help="Number format.",
            ),
            option("--medvram", is_flag=True, section="Machine", help="Keep only the network at work on the device."),
            option("--lowvram", is_flag=True, section="Machine", help="The same, and one picture at a time."),
            click.option("--engine", type=click.Choice(["real", "fake"]), default="real", hidden=True),
        )
    ):
        command = one(command)
    return models_dir_option(command)


@click.command(cls=SectionedCommand)
@serve_options
def serve(open_browser: bool, **values: Any) -> None:
    """Run the server: a queue of jobs, our API, A1111's API.

    It answers this machine only unless --listen is said. Ctrl-C stops it; jobs that wait or run go on at the next
    start.
    """
    from redraw.server.run import serve as run

    run(serve_config(Settings.load(), values), opened=_announce(open_browser))


def serve_config(settings: Settings, values: dict[str, Any]) -> ServeConfig:
    """Return how the server is to run: the settings, and over them what the command line said.

    Raises:
        RequestError: a value is wrong, or two contradict each other.
    """
    from redraw.server.config import ServeConfig

    if values["medvram"] and values["lowvram"]:
        raise RequestError("--medvram", True, "give one of --medvram and --lowvram")
    memory = "medvram" if values["medvram"] else "lowvram" if values["lowvram"] else None
    said = {name: values[name] for name in ("host", "data_dir", "database_url", "model", "device", "dtype")}
    said |= {"port": values["port"], "api_auth": list(values["api_auth"]) or None, "memory": memory}
    said["models_dirs"] = [str(folder) for folder in values["models_dirs"]] or None
    said["data_dir"] = None if said["data_dir"] is None else str(said["data_dir"])
    settings = settings.changed({name: value for name, value in said.items() if value is not None})
    config = ServeConfig(
        data_dir=settings.data_dir,
        host=settings.host,
        port=settings.port,
        database_url=settings.database_url or None,
        models_dirs=settings.models_dirs,
        a1111_dir=settings.a1111_dir,
        comfyui_dir=settings.comfyui_dir,
        model=settings.model or None,
        device=settings.device,
        dtype=settings.dtype,
        memory=settings.memory,
        auth=tuple(_pair(text) for text in settings.api_auth),
        listen=values["listen"],
        insecure=values["insecure"],
        compat=values["compat"] or "",
        api_server_stop=values["api_server_stop"],
        defaults={kind: _defaults(settings, kind) for kind in DEFAULTS_FOR},
        engine=values["engine"],
    )
    return replace(config, **_limits(settings)).check()


def _limits(settings: Settings) -> dict[str, Any]:
    """Return how much the server takes, keeps and tells, as its configuration counts it."""
    return {
        "hosts": settings.hosts,
        "cors_origins": settings.cors_origins,
        "max_upload": int(settings.max_upload_megabytes * MIB),
        "max_body": int(settings.max_body_megabytes * MIB),
        "max_pixels": int(settings.max_upload_megapixels * MEGA),
        "queue_limit": settings.queue_limit,
        "retention_days": settings.retention_days or None,
        "trash_days": settings.trash_days or None,
        "quota": int(settings.quota_gigabytes * 1000 * MEGA) or None,
        "webhooks": bool(settings.webhook_secret),
        "webhook_secret": settings.webhook_secret,
        "webhook_private": settings.webhook_private,
        "log_prompts": settings.log_prompts,
    }


def _defaults(settings: Settings, kind: str) -> dict[str, Any]:
    """Return the configuration's defaults for a kind of request, checked; the model goes its own way."""
    names = {field.name for field in describe_fields(KINDS[kind])}
    every = {field.name for model in KINDS.values() for field in describe_fields(model)}
    found = {name: value for name, value in settings.defaults_of(kind).items() if name != "model"}
    for name in found.keys() - every:
        raise RequestError("defaults", name, "no request has such a field")
    return {name: value for name, value in found.items() if name in names}


def _pair(text: str) -> tuple[str, str]:
    user, _, password = text.partition(":")
    return user, password


def _announce(browser: bool) -> Callable[[str], None]:
    """Return what is called with the server's address once its port is open."""

    def opened(url: str) -> None:
        click.echo(f"Redraw is at {url}")
        if browser:
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

    return opened
