"""What distilled few-step models want, told by a file's name, its metadata or its scheduler: advice, never a setting.

No tensor shows that a model was distilled. A name is a weak witness, so what is found here is shown and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final


@dataclass(frozen=True)
class Advice:
    """How a few-step model is meant to be run.

    Attributes:
        kind: `lcm`, `turbo`, `lightning`, `hyper`, `tcd` or `dmd`.
        label: what people call it.
        steps: fewest and most steps that make sense.
        cfg_scale: least and most guidance.
        samplers: names of samplers that suit, best first.
        scheduler: name of the scheduler that suits.
        source: who said so: `file name`, `metadata` or `scheduler`.
    """

    kind: str
    label: str
    steps: tuple[int, int]
    cfg_scale: tuple[float, float]
    samplers: tuple[str, ...]
    scheduler: str
    source: str = "file name"

    def __str__(self) -> str:
        first, last = self.steps
        low, high = self.cfg_scale
        return (
            f"{self.label} by its {self.source}: made for {first} to {last} steps, CFG {low:g} to {high:g}, "
            f"{' or '.join(self.samplers)}, {self.scheduler}"
        )


_ADVICE: Final = (
    Advice("lcm", "LCM", (2, 8), (1.0, 2.0), ("LCM", "Euler a"), "SGM Uniform"),
    Advice("lightning", "Lightning", (1, 8), (1.0, 2.0), ("Euler", "DPM++ SDE"), "SGM Uniform"),
    Advice("hyper", "Hyper-SD", (1, 8), (1.0, 1.5), ("Euler", "DDIM"), "SGM Uniform"),
    Advice("tcd", "TCD", (2, 8), (1.0, 1.5), ("Euler a", "LCM"), "SGM Uniform"),
    Advice("dmd", "DMD2", (1, 8), (1.0, 1.0), ("LCM", "Euler a"), "SGM Uniform"),
    Advice("turbo", "Turbo", (1, 8), (1.0, 2.5), ("Euler a", "DPM++ SDE"), "SGM Uniform"),
)
_WORDS: Final[Mapping[str, str]] = {"dmd": r"dmd2?"}
_SPOKEN: Final = ("modelspec.title", "modelspec.tags", "modelspec.description", "modelspec.usage_hint")
_SCHEDULERS: Final[Mapping[str, str]] = {"LCMScheduler": "lcm", "TCDScheduler": "tcd"}


def advice_for(name: str, metadata: Mapping[str, str] = {}, scheduler: Mapping[str, Any] = {}) -> Advice | None:
    """Return what a model of this name wants if it was distilled, None if nothing says so.

    Args:
        name: of the file, without folder.
        metadata: safetensors' string metadata.
        scheduler: a diffusers scheduler configuration.
    """
    told = _SCHEDULERS.get(str(scheduler.get("_class_name")))
    if told is not None:
        return next(replace(a, source="scheduler") for a in _ADVICE if a.kind == told)
    spoken = " ".join(metadata.get(key, "")[:2000] for key in _SPOKEN)
    return _named(name, "file name") or _named(spoken, "metadata")


def _named(text: str, source: str) -> Advice | None:
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)  # a capital letter begins a word
    for advice in _ADVICE:
        word = _WORDS.get(advice.kind, advice.kind)
        if re.search(rf"(?<![a-z]){word}(?![a-z])", text, re.IGNORECASE):
            return replace(advice, source=source)
    return None
