"""`/api/v1/settings`: what this server was told, and what can be changed while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from redraw.errors import RequestError
from redraw.request import KINDS, PictureRef, describe_fields
from redraw.server.bodies import CHANGES
from redraw.server.state import Parts, Shared
from redraw.server.views import API, problems

router = APIRouter(prefix=API, tags=["settings"])

DEFAULTS: Final = "defaults"
_SHARED: Final = {"rng": "gpu", "size_rule": "floor-8"}
A1111_MEANING: Final[Mapping[str, Mapping[str, Any]]] = {
    "txt2img": _SHARED,
    "img2img": {
        **_SHARED,
        "reading": "plain",
        "mask_rules": "loose",
        "zero_strength": "step",
        "keep_alpha": False,
    },
}
"""What `--compat a1111` expands to at our own doors: the same named options that its own API gets."""


class SettingsOut(BaseModel):
    """The server's settings. What is under `fixed` was said at its start; folders are told by their last name."""

    defaults: dict[str, dict[str, Any]] = Field(description="Fields of requests where a client does not say them.")
    fixed: dict[str, Any]


class SettingsChanges(BaseModel):
    """A merge patch: a field that is null goes back to what it was at the start."""

    model_config = ConfigDict(extra="forbid")

    defaults: dict[str, dict[str, Any]]


@router.get("/settings")
def settings(parts: Parts) -> SettingsOut:
    """Show the settings, without secrets."""
    config = parts.config
    names = ["device", "dtype", "memory", "model", "compat", "max_upload", "max_body", "max_pixels", "queue_limit"]
    names += ["retention_days", "trash_days", "quota", "upload_seconds", "decode_seconds", "webhooks", "engine"]
    fixed = {name: getattr(config, name) for name in names}
    fixed |= {"models_dirs": [folder.name for folder in config.models_dirs], "login": bool(config.auth)}
    return SettingsOut(defaults=defaults_of(parts), fixed=fixed)


@router.patch("/settings", responses=problems(422))
def change(parts: Parts, body: SettingsChanges) -> SettingsOut:
    """Change what fields of requests are where a client does not say them."""
    stored: dict[str, dict[str, Any]] = parts.queue.get_setting(DEFAULTS) or {}
    for kind, changes in body.defaults.items():
        if kind not in KINDS:
            raise RequestError("defaults", kind, "its keys are " + ", ".join(KINDS))
        merged = {**stored.get(kind, {}), **changes}
        stored[kind] = {name: value for name, value in merged.items() if value is not None}
        _check(kind, stored[kind])
        parts.library.named(stored[kind], whole=False)
    parts.queue.set_setting(DEFAULTS, stored)
    return settings(parts)


def defaults_of(parts: Shared) -> dict[str, dict[str, Any]]:
    """Return the defaults of every kind of request: compat's, over them the configuration's, then what was changed."""
    stored: Mapping[str, Any] = parts.queue.get_setting(DEFAULTS) or {}
    meant = A1111_MEANING if parts.config.compat == "a1111" else {}
    told = parts.config.defaults
    return {kind: {**meant.get(kind, {}), **told.get(kind, {}), **stored.get(kind, {})} for kind in KINDS}


def _check(kind: str, values: Mapping[str, Any]) -> None:
    """Raise `RequestError` unless these are fields of that kind with right values; pictures have no default."""
    known = {info.name: info for info in describe_fields(KINDS[kind])}
    for name in values:
        if name not in known or known[name].kind is PictureRef:
            raise RequestError(name, values[name], "it is no field with a default")
    try:
        CHANGES[kind].model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise RequestError(name, first["input"], known[name].allowed) from None
