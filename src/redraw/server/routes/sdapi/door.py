"""What every route of A1111's API shares: its error bodies, its timing header, its settings."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from redraw.compat.intake import Shelf
from redraw.compat.options import DEFAULTS
from redraw.compat.refusals import Refusal
from redraw.errors import RequestError, UnknownName
from redraw.server.config import MiB
from redraw.server.state import Shared

STORED: Final = "a1111.options"
"""Where the queue keeps the settings that `POST /sdapi/v1/options` changed."""
TAG: Final = "a1111"
SOURCE: Final = "sdapi"
_FOLDERS: Final[Mapping[str, str]] = {"hypernet": "hypernetwork"}
_READ_FOR_A_NETWORK: Final = 512 * MiB


class Said(BaseModel):
    """An error as A1111 answers it: `errors` has the text where an exception was not foreseen there."""

    error: str
    detail: str
    body: str
    errors: str


class Violation(BaseModel):
    """What is wrong with a body: each entry has `loc`, `msg` and `type`."""

    detail: list[dict[str, Any]]


class SdapiRoute(APIRoute):
    """A route that answers a `Refusal` with A1111's body, and says how long it took."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of one request."""
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            begun = time.perf_counter()
            try:
                response = await handler(request)
            except Refusal as refusal:
                response = JSONResponse(refusal.body, refusal.status)
            response.headers["X-Process-Time"] = f"{time.perf_counter() - begun:.4f}"
            return response

        return answer


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that may refuse with these statuses, for the schema."""
    told = {
        404: "not found, as A1111 answers it",
        422: "a wrong value",
        500: "what A1111's clients expect as 500 (see the table in docs/a1111-api.md)",
        501: "not built yet",
    }
    models = {422: Said | Violation}
    return {status: {"model": models.get(status, Said), "description": told[status]} for status in statuses}


def door(prefix: str = "/sdapi/v1") -> APIRouter:
    """Return an empty router of A1111's API."""
    return APIRouter(prefix=prefix, tags=[TAG], route_class=SdapiRoute)


def stored_options(parts: Shared) -> dict[str, Any]:
    """Return the settings that differ from A1111's defaults; the server's own model is put in where none was chosen."""
    found: Mapping[str, Any] = parts.queue.get_setting(STORED) or {}
    stored = {key: value for key, value in found.items() if key in DEFAULTS}
    if not stored.get("sd_model_checkpoint"):
        default = default_model(parts)
        if default is not None:
            stored["sd_model_checkpoint"] = default
    return stored


def default_model(parts: Shared) -> str | None:
    """Return the listed name of the model of requests that name none, None where there is none."""
    try:
        found = parts.library.default()
    except RequestError:
        return None
    return None if found is None else found.name


def shelf_of(parts: Shared) -> Shelf:
    """Return what requests may name."""

    def model(name: str) -> str | None:
        try:
            return parts.library.model(name).name
        except RequestError:  # as A1111 does: the shortest title with this in it, whatever its hash
            found = parts.library.catalog.find_loosely(name)
            return None if found is None else found.name

    def vae(name: str) -> str | None:
        try:
            return parts.library.vae(name).path.name
        except RequestError:
            return None

    def network(kind: str, name: str, digits: str) -> str | None:
        catalog, folder = parts.library.catalog, _FOLDERS.get(kind, kind)
        try:
            named = catalog.find_file(folder, name, paths=False)
        except UnknownName:
            named = None
        except RequestError:  # several have this name, or this alias
            return name
        try:
            same = catalog.find_file(folder, digits, paths=False, read_at_most=_READ_FOR_A_NETWORK) if digits else None
        except RequestError:
            same = None
        if same is None or (named is not None and named.path == same.path):
            return None if named is None else name
        return same.stem if sum(file.stem == same.stem for file in catalog.files(folder)) == 1 else same.name

    return Shelf(model, vae, parts.styles.all(), parts.library.hashes, network)
