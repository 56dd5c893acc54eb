"""What a prompt's author probably meant where the grammar reads something else."""

from __future__ import annotations

from redraw.conditioning.editing import Timeline
from redraw.conditioning.tags import Tag


def advice(
    text: str, plain: str, tags: tuple[Tag, ...], timeline: Timeline, *, negative: bool = False, comments: bool = True
) -> tuple[str, ...]:
    """Return warnings about a prompt."""
    return ()
