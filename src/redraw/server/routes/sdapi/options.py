"""A1111's settings: all are known and kept; those that mean something here act (reference 7.2 and 8.1)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body
from fastapi.responses import JSONResponse
from pydantic import BeforeValidator

from redraw.compat.bodies import check_plain
from redraw.compat.options import DEFAULTS, as_answered, checked
from redraw.compat.refusals import Refusal
from redraw.errors import RequestError
from redraw.server.routes.sdapi.door import door, refusals, stored_options
from redraw.server.routes.sdapi.generate import keep_options
from redraw.server.routes.sdapi.models import title_of
from redraw.server.state import Parts, Shared

router = door()


@router.get("/options")
def options(parts: Parts) -> JSONResponse:
    """Show every setting."""
    values = {**DEFAULTS, **stored_options(parts)}
    title, sha256 = _current(parts, values["sd_model_checkpoint"])
    values |= {"sd_model_checkpoint": title, "sd_checkpoint_hash": sha256}
    return JSONResponse({key: as_answered(value) for key, value in values.items()})


@router.post("/options", responses=refusals(422, 500))
def set_options(parts: Parts, body: Annotated[dict[str, Any], BeforeValidator(check_plain), Body()]) -> None:
    """Change settings and keep them; a key nobody knows changes nothing and is a KeyError, as in A1111."""
    changes = checked(body)
    changes.pop("sd_checkpoint_hash", None)
    name = changes.get("sd_model_checkpoint")
    if name:
        try:
            changes["sd_model_checkpoint"] = parts.library.model(str(name)).name
        except RequestError:
            raise Refusal(500, error="RuntimeError", errors=f"model {name!r} not found") from None
    elif name is not None:
        changes["sd_model_checkpoint"] = None
    keep_options(parts, changes)


def _current(parts: Shared, name: str | None) -> tuple[str | None, str]:
    """Return title and SHA-256 of the model in use, as far as they are known."""
    if not name:
        return None, ""
    try:
        model = parts.library.model(name)
    except RequestError:
        return name, ""
    return title_of(parts, model), parts.library.catalog.known_sha256(model) or ""
