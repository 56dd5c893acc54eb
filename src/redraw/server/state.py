"""What the routes of one application share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import Depends, Path, Query, Request

from redraw.server.bodies import SHA256

if TYPE_CHECKING:
    from redraw.jobs.queue import Queue
    from redraw.server.config import ServeConfig
    from redraw.server.events import Feed
    from redraw.server.library import Library
    from redraw.server.page import StaticPage
    from redraw.server.pictures import Desk
    from redraw.server.shown import Shown
    from redraw.server.styles import StyleBook


@dataclass(frozen=True)
class Shared:
    """The parts of a server: queue, models, incoming pictures, events, page, views, styles, the worker's supervisor."""

    config: ServeConfig
    queue: Queue
    library: Library
    desk: Desk
    feed: Feed
    page: StaticPage
    shown: Shown
    styles: StyleBook
    supervisor: Any = None


def shared(request: Request) -> Shared:
    """Return the parts of the application that answers `request`."""
    found: Shared = request.app.state.shared
    return found


ID: Final = r"^[0-9a-z]{1,32}$"
Parts = Annotated[Shared, Depends(shared)]
JobId = Annotated[str, Path(pattern=ID, description="A job's id.")]
ResultId = Annotated[str, Path(pattern=ID, description="A result's id.")]
Sha256Path = Annotated[str, Path(pattern=SHA256, description="SHA-256 of a picture file.")]
After = Annotated[str | None, Query(pattern=ID, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=500, description="Entries of a page.")]
Words = Annotated[str | None, Query(max_length=500, description="Words of the prompt.")]
