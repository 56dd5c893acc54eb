"""What every request model shares: freezing, checking, and describing its fields to the entrances."""

from __future__ import annotations

import types
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from redraw.errors import RequestError
from redraw.request.picture import PictureRef

Number = int | float
ADVANCED_GROUPS: Final = frozenset({"Machine", "Sampler"})


def option(
    default: Any,
    title: str,
    help: str,
    *,
    group: str = "Picture",
    infotext: str | None = None,
    flags: tuple[str, ...] = (),
    span: tuple[int, int] | None = None,
    slider: tuple[float, float, float] | None = None,
    labels: tuple[str, ...] = (),
    advanced: bool | None = None,
    multiline: bool = False,
    **bounds: Any,
) -> Any:
    """Return a pydantic field with everything an entrance needs to offer it.

    Args:
        default: value when nothing is given.
        title: label of the form control.
        help: one sentence for people.
        group: section it belongs to.
        infotext: its key in A1111's infotext, if it has one.
        flags: extra spellings on the command line (`-n`).
        span: inclusive bounds that a validator of the model checks, for descriptions only.
        slider: lowest, highest and step of a form's slider, where it shows less than what is allowed.
        labels: what a form writes for each choice, or for off and on.
        advanced: a form shows it only when asked; None goes by the section.
        multiline: a text of several lines.
        bounds: pydantic's `ge`, `le`, `gt`, `lt`, `min_length`.
    """
    extra: dict[str, Any] = {"group": group, "infotext": infotext, "flags": list(flags)}
    if span:
        extra |= {"minimum": span[0], "maximum": span[1]}
    extra |= {"advanced": group in ADVANCED_GROUPS if advanced is None else advanced}
    extra |= {"slider": list(slider)} if slider else {}
    extra |= {"labels": list(labels)} if labels else {}
    extra |= {"multiline": True} if multiline else {}
    return Field(default, title=title, description=help, json_schema_extra=extra, **bounds)


class Request(BaseModel):
    """A frozen model whose construction raises `RequestError` with the field, the value and what is allowed."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=False)

    def __init__(self, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise _as_request_error(error, type(self)) from None

    def changed(self, **changes: Any) -> Self:
        """Return a copy with some fields replaced, checked like a new request."""
        return type(self)(**{**{name: getattr(self, name) for name in type(self).model_fields}, **changes})


def _as_request_error(error: ValidationError, model: type[BaseModel]) -> RequestError:
    """Turn pydantic's first complaint into ours."""
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else model.__name__
    if first["type"] == "extra_forbidden":
        return RequestError(name, first["input"], f"{model.__name__} has no such field")
    if first["type"] == "missing":
        return RequestError(name, None, "it must be given")
    info = next((f for f in describe_fields(model) if f.name == name), None)
    return RequestError(name, first["input"], info.allowed if info else str(first["msg"]))


@dataclass(frozen=True)
class FieldInfo:
    """One field as an entrance sees it.

    Attributes:
        name: attribute name (`cfg_scale`).
        title: label ("CFG scale").
        help: one sentence.
        group: section.
        kind: the plain type: int, float, bool, str, tuple for a size, or PictureRef.
        choices: the allowed words of a Literal, else empty.
        optional: whether None is a value.
        default: the default.
        minimum, maximum: inclusive bounds, or None.
        flags: extra command line spellings.
        infotext: key in A1111's infotext, or None.
        slider: lowest, highest and step of a slider, or None.
        labels: for people: of each of `choices`, or of off and on; empty where the values say it themselves.
        advanced: whether a form hides it until it is asked for.
        multiline: whether a text has several lines.
        many: whether it holds any number of values of its kind.
    """

    name: str
    title: str
    help: str
    group: str
    kind: type
    choices: tuple[str, ...]
    optional: bool
    default: Any
    minimum: float | None
    maximum: float | None
    flags: tuple[str, ...]
    infotext: str | None
    slider: tuple[float, float, float] | None = None
    labels: tuple[str, ...] = ()
    advanced: bool = False
    multiline: bool = False
    many: bool = False

    @property
    def allowed(self) -> str:
        """What a right value looks like, as a phrase."""
        if self.many:
            return f"it is a list, and {replace(self, many=False).allowed.replace('it is', 'each is')}"
        if self.choices:
            return "it is one of " + ", ".join(self.choices)
        noun = {int: "a whole number", float: "a number", bool: "yes or no", str: "a text"}.get(
            self.kind, "a picture" if self.kind is PictureRef else "a value"
        )
        if self.minimum is not None and self.maximum is not None:
            return f"it is {noun} between {_spelled(self.minimum)} and {_spelled(self.maximum)}"
        if self.minimum is not None:
            return f"it is {noun} of at least {_spelled(self.minimum)}"
        return f"it is {noun}"


def _spelled(number: float) -> str:
    """Return whole numbers with all their digits."""
    return str(int(number)) if number == int(number) else f"{number:g}"


def describe_fields(model: type[BaseModel]) -> list[FieldInfo]:
    """Return every field of `model` that was declared with `option`, in order."""
    found = []
    for name, field in model.model_fields.items():
        extra = field.json_schema_extra
        if not isinstance(extra, dict) or "group" not in extra:
            continue
        one = _element(field.annotation)
        kind, choices, optional = _plain_type(field.annotation if one is None else one)
        low, high = _bounds(field.metadata)
        key = extra.get("infotext")
        found.append(
            FieldInfo(
                name=name,
                title=field.title or name,
                help=field.description or "",
                group=str(extra["group"]),
                kind=kind,
                choices=choices,
                optional=optional,
                default=field.get_default(call_default_factory=True),
                minimum=_number(extra.get("minimum", low)),
                maximum=_number(extra.get("maximum", high)),
                flags=_words(extra.get("flags")),
                infotext=str(key) if key is not None else None,
                slider=_slider(extra.get("slider")),
                labels=_words(extra.get("labels")),
                advanced=bool(extra.get("advanced")),
                multiline=bool(extra.get("multiline")),
                many=one is not None,
            )
        )
    return found


def _element(annotation: Any) -> Any:
    """Return the type of the members of a tuple of any length; None for other annotations."""
    parts = get_args(annotation)
    return parts[0] if get_origin(annotation) is tuple and len(parts) == 2 and parts[1] is Ellipsis else None


def _plain_type(annotation: Any) -> tuple[type, tuple[str, ...], bool]:
    """Return (plain type, Literal's words, whether None is allowed) of a field's annotation."""
    parts = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    optional = type(None) in parts
    parts = tuple(p for p in parts if p is not type(None))
    if PictureRef in parts:
        return PictureRef, (), optional
    for part in parts:
        if get_origin(part) is Literal:
            return str, tuple(str(word) for word in get_args(part)), optional
    if float in parts:
        return float, (), optional
    first = parts[0] if parts else str
    origin = get_origin(first) or first
    return (origin if isinstance(origin, type) else str), (), optional


def _bounds(metadata: list[Any]) -> tuple[float | None, float | None]:
    """Return the inclusive bounds among a field's annotated-types markers."""
    low = next((m.ge for m in metadata if hasattr(m, "ge")), None)
    high = next((m.le for m in metadata if hasattr(m, "le")), None)
    return low, high


def _number(value: Any) -> float | None:
    """Return `value` if it is a number, else None."""
    return value if isinstance(value, int | float) else None


def _words(value: Any) -> tuple[str, ...]:
    """Return `value` if it is a list of words, else none."""
    return tuple(str(word) for word in value) if isinstance(value, list) else ()


def _slider(value: Any) -> tuple[float, float, float] | None:
    """Return `value` if it is lowest, highest and step, else None."""
    return (value[0], value[1], value[2]) if isinstance(value, list) else None
