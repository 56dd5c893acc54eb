"""Sampler names as A1111 writes them, where the scheduler may be part of the name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redraw.registry import SAMPLERS, SCHEDULERS

if TYPE_CHECKING:
    from redraw.sampling.sampler import Sampler


def split_scheduler(name: str) -> tuple[str, str | None]:
    """Split "DPM++ 2M Karras" into ("DPM++ 2M", "Karras"): the sampler's name, and the scheduler's label or None.

    The suffix counts in the spelling of a scheduler's label, internal name or alias, in that case. The rest is not
    looked up.
    """
    for entry in SCHEDULERS:
        for spelling in (entry.label, entry.name, *entry.aliases):
            if name.endswith(f" {spelling}"):
                return name.removesuffix(f" {spelling}"), entry.label
    return name, None


def resolve(sampler: str, scheduler: str | None = None) -> tuple[str, str]:
    """Return the labels of the sampler and scheduler that two names from A1111 stand for.

    A scheduler in the sampler's name wins over `scheduler`. [Q] One that is the sampler's own becomes "Automatic",
    which is how A1111 writes it.

    Raises:
        UnknownName: no such sampler or scheduler; who speaks A1111's API chooses its silent fallbacks.
    """
    name, suffix = split_scheduler(sampler)
    found = SAMPLERS.entry(name)
    chosen: Sampler = found.loaded
    schedule = SCHEDULERS.entry(suffix or scheduler or "automatic")
    own = schedule.name == chosen.default_scheduler
    return found.label, "Automatic" if own else schedule.label
