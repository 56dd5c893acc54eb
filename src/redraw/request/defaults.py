"""A user's or a server's own defaults laid below what a request says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from redraw.request.fields import describe_fields
from redraw.request.generation import Generation
from redraw.request.masks import MaskOptions

_MASKS: Final = frozenset(field.name for field in describe_fields(MaskOptions))


def with_defaults(
    model: type[Generation], given: Mapping[str, Any], defaults: Mapping[str, Any], *, masked: bool = False
) -> dict[str, Any]:
    """Return the fields that were given, and below them those defaults that fit such a request.

    Fields about masks are left out where there is no mask, a size where a scale was given, and the other way round.

    Args:
        model: which request it is.
        given: fields of it.
        defaults: fields of any request; those `model` does not have are left out.
        masked: whether a mask comes from elsewhere.
    """
    leave = set() if masked or given.get("mask") is not None or given.get("paint_is_mask") else set(_MASKS)
    leave |= {"width", "height"} if given.get("scale") is not None else set()
    leave |= {"scale"} if given.keys() & {"width", "height"} else set()
    known = {field.name for field in describe_fields(model)} - leave
    return {**{name: value for name, value in defaults.items() if name in known}, **given}
