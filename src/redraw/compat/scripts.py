"""Which of A1111's scripts there are, and how a request that names one is answered (reference 7.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from redraw.compat.masks import SOFT_SCRIPT
from redraw.compat.refusals import Refusal, not_built
from redraw.registry import SAMPLERS, SCHEDULERS
from redraw.request import FieldInfo, Generation, describe_fields
from redraw.request.masks import SoftOptions

_BOTH: Final = ("prompt matrix", "prompts from file or textbox", "x/y/z plot")
_IMG2IMG: Final = ("img2img alternative test", "loopback", "outpainting mk2", "poor man's outpainting", "sd upscale")
SELECTABLE: Final[Mapping[str, tuple[str, ...]]] = {"txt2img": _BOTH, "img2img": (*_BOTH, *_IMG2IMG)}
"""A1111's selectable scripts by endpoint; none is built yet."""

# Their values are taken from the request's own fields, or they only arrange A1111's page.
_FROM_FIELDS: Final = frozenset({"sampler", "seed", "extra options"})
_LATER: Final = frozenset({"refiner", "hypertile"})
CONTROLNET: Final = "controlnet"


def check_script(name: str | None, endpoint: str) -> None:
    """Refuse a selectable script: 501 where A1111 has one of that name, else its own 422."""
    if not name:
        return
    if name.lower() not in SELECTABLE[endpoint]:
        raise Refusal(422, f"Script '{name}' not found")
    raise not_built(f"The script {name!r}")


def usable_scripts(given: Mapping[str, Any], endpoint: str, said: list[str]) -> dict[str, Any]:
    """Return the always-on scripts that are translated; `said` gets a line for each that had something to do.

    Raises:
        Refusal: 422 for a title nobody knows or a selectable script, 501 for ControlNet units that are switched on.
    """
    kept: dict[str, Any] = {}
    for title, wish in given.items():
        name = title.lower()
        args = (wish.get("args") or []) if isinstance(wish, Mapping) else []
        if not isinstance(args, list):
            raise Refusal(422, f"The args of script '{title}' are a list")
        if name == SOFT_SCRIPT and endpoint == "img2img":
            kept[title] = {"args": args}
        elif name == CONTROLNET:
            if any(_unit_is_on(unit) for unit in args if unit):
                raise not_built("ControlNet")
        elif name in _LATER:
            if args and args[0]:
                said.append(f"alwayson_scripts.{title}: not available yet")
        elif name in SELECTABLE[endpoint]:
            raise Refusal(422, "Cannot have a selectable script in the always on scripts params")
        elif name not in _FROM_FIELDS:
            raise Refusal(422, f"Script '{title}' not found")
    return kept


def script_titles() -> dict[str, list[str]]:
    """Return the scripts that work, by endpoint, in lower case as `GET /sdapi/v1/scripts` has them."""
    return {"txt2img": ["sampler", "seed"], "img2img": [SOFT_SCRIPT, "sampler", "seed"]}


def script_info() -> list[dict[str, Any]]:
    """Return the arguments of every script that works, as `GET /sdapi/v1/script-info` has them."""
    arguments = {SOFT_SCRIPT: _soft_arguments(), "sampler": _sampler_arguments(), "seed": _seed_arguments()}
    return [
        {"name": title, "is_alwayson": True, "is_img2img": endpoint == "img2img", "args": arguments[title]}
        for endpoint, titles in script_titles().items()
        for title in titles
    ]


def _unit_is_on(unit: Any) -> bool:
    return bool(unit.get("enabled", True)) if isinstance(unit, Mapping) else True


def _soft_arguments() -> list[dict[str, Any]]:
    return [_argument(field) for field in describe_fields(SoftOptions)]


def _sampler_arguments() -> list[dict[str, Any]]:
    fields = {field.name: field for field in describe_fields(Generation)}
    choices = {"steps": None, "sampler": SAMPLERS.labels(), "scheduler": SCHEDULERS.labels()}
    return [_argument(fields[name]) | {"choices": labels} for name, labels in choices.items()]


def _seed_arguments() -> list[dict[str, Any]]:
    def plain(label: str, value: Any, high: float | None = None, step: float | None = None) -> dict[str, Any]:
        low = None if high is None else 0
        return {"label": label, "value": value, "minimum": low, "maximum": high, "step": step, "choices": None}

    return [
        plain("Seed", -1, step=1),
        plain("Extra", False),
        plain("Variation seed", -1, step=1),
        plain("Variation strength", 0.0, 1, 0.01),
        plain("Resize seed from width", 0, 2048, 8),
        plain("Resize seed from height", 0, 2048, 8),
    ]


def _argument(field: FieldInfo) -> dict[str, Any]:
    low, high, step = field.slider or (field.minimum, field.maximum, None)
    return {
        "label": field.title,
        "value": field.default,
        "minimum": low,
        "maximum": high,
        "step": step,
        "choices": None,
    }
