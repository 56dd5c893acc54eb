"""A1111's reading of sampler and scheduler names, silent fallback included."""

from __future__ import annotations

from redraw.compat.facts import default_scheduler
from redraw.registry import SAMPLERS, SCHEDULERS
from redraw.sampling.naming import split_scheduler

FALLBACK_SAMPLER = "DPM++ 2M"


def resolve_sampler(name: str, scheduler: str | None, said: list[str]) -> tuple[str, str]:
    """Return the labels A1111 would use for a sampler and a scheduler name.

    "DPM++ 2M Karras" is a sampler and a scheduler; an unknown sampler becomes DPM++ 2M, an unknown scheduler Automatic,
    and `said` gets a line for it. [Q] A scheduler that is the sampler's own default becomes Automatic. Names match with
    their case, as there: `k_euler_a` is no sampler's name in the API.
    """
    sampler, trailing = split_scheduler(name)
    if sampler not in SAMPLERS.labels():
        said.append(f"sampler {name!r} is unknown; {FALLBACK_SAMPLER} was used, as A1111 does")
        sampler = FALLBACK_SAMPLER
    wanted = trailing or scheduler or "Automatic"
    entry = next((e for e in SCHEDULERS if wanted in e.spellings), None)
    if entry is None:
        said.append(f"scheduler {wanted!r} is unknown; Automatic was used, as A1111 does")
        return sampler, "Automatic"
    return sampler, "Automatic" if default_scheduler(sampler) == entry.name else entry.label
