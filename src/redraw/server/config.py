"""How one server is to run: everything that is decided before its port opens."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from redraw.errors import RequestError
from redraw.image.picture import Limits

LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "::1")
MiB: Final = 1024 * 1024


@dataclass(frozen=True)
class ServeConfig:
    """What `redraw serve` was told.

    Attributes:
        data_dir: the database, pictures, caches.
        host: address to listen on.
        port: 0 takes a free one.
        database_url: PostgreSQL instead of the file in `data_dir`.
        models_dirs: folders with checkpoints.
        a1111_dir, comfyui_dir: folders of other programs whose models are offered too.
        model: the checkpoint of requests that name none.
        device, dtype, memory: for the worker.
        auth: users and their passwords; empty asks nobody.
        listen: other machines may come in.
        insecure: they may without a password.
        hosts: names besides the loopback ones under which this server may be addressed.
        compat: "a1111" makes its meaning the default of our own doors.
        api_server_stop: /sdapi/v1/server-* may stop and restart.
        cors_origins: web pages of other origins that may call ("https://example.org"); never "*".
        max_upload: bytes of one picture file.
        max_body: bytes of one JSON body, pictures inside.
        max_pixels: width times height of one picture.
        upload_seconds: time for a client to send a body.
        decode_seconds: time to decode one picture.
        queue_limit: jobs that may wait.
        retention_days, trash_days: days until ended jobs go to the trash, and until the trash is emptied; None never.
        quota: bytes all pictures together may take, None any.
        defaults: what fields of requests are where a client does not say: kind -> field -> value.
        failures: wrong passwords from one address in a minute before it has to wait.
        webhooks: jobs may name a URL that is called at their end.
        webhook_secret: signs these calls; needed for them.
        webhook_private: they may go to private addresses.
        log_prompts: log what is asked for.
        engine: "fake" makes pictures of noise without torch, for tests.
    """

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 7860
    database_url: str | None = None
    models_dirs: tuple[Path, ...] = ()
    a1111_dir: Path | None = None
    comfyui_dir: Path | None = None
    model: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    memory: Literal["auto", "medvram", "lowvram"] = "auto"
    auth: tuple[tuple[str, str], ...] = ()
    listen: bool = False
    insecure: bool = False
    hosts: tuple[str, ...] = ()
    compat: Literal["", "a1111"] = ""
    api_server_stop: bool = False
    cors_origins: tuple[str, ...] = ()
    max_upload: int = 64 * MiB
    max_body: int = 256 * MiB
    max_pixels: int = 64_000_000
    upload_seconds: float = 120.0
    decode_seconds: float = 20.0
    queue_limit: int = 1000
    retention_days: float | None = None
    trash_days: float | None = 30.0
    quota: int | None = None
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    failures: int = 10
    webhooks: bool = False
    webhook_secret: str = ""
    webhook_private: bool = False
    log_prompts: bool = False
    engine: Literal["real", "fake"] = "real"

    @property
    def address(self) -> str:
        """Where to bind: every address if it listens and no other was named."""
        return "0.0.0.0" if self.listen and self.host in LOOPBACK_NAMES else self.host

    @property
    def is_public(self) -> bool:
        """Whether other machines can reach it."""
        return not is_loopback(self.address)

    @property
    def limits(self) -> Limits:
        """What a picture may be at most."""
        return Limits(max_bytes=self.max_upload, max_pixels=self.max_pixels)

    def check(self) -> ServeConfig:
        """Return itself, or raise `RequestError` for what is unsafe or makes no sense."""
        if self.is_public and not self.listen:
            raise RequestError("--host", self.host, "an address other machines can reach needs --listen too")
        if self.is_public and not self.auth and not self.insecure:
            raise RequestError("--listen", True, "it needs --api-auth user:password, or --insecure spelled out")
        for user, password in self.auth:
            if not user or not password or ":" in user:
                raise RequestError("--api-auth", f"{user}:***", "it is user:password, neither of them empty")
        if self.webhooks and len(self.webhook_secret) < 16:
            raise RequestError("webhook_secret", "***", "webhooks are signed with a secret of 16 characters or more")
        for origin in self.cors_origins:
            parts = urlsplit(origin)
            if (
                parts.scheme not in ("http", "https")
                or not parts.netloc
                or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise RequestError("cors_origins", origin, "it is an origin like https://example.org")
        for name in ("max_upload", "max_body", "max_pixels", "queue_limit", "failures"):
            if getattr(self, name) < 1:
                raise RequestError(name, getattr(self, name), "it is a whole number of at least 1")
        return self


def is_loopback(name: str) -> bool:
    """Return whether `name`, a host name or an address, means this machine and is not reached from others."""
    if name.lower() == "localhost":
        return True
    address = as_address(name)
    return address is not None and address.is_loopback


def as_address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return `name` as an IP address, None if it is a name."""
    try:
        return ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return None
