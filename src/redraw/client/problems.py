"""Problem data as the errors they were: what the server refused, and why a job failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from redraw.errors import (
    Cancelled,
    ModelError,
    NonFinite,
    OutOfMemory,
    OutputError,
    PictureError,
    RedrawError,
    RequestError,
    UnknownName,
    UnsafeFile,
    UnsupportedModel,
)
from redraw.jobs.errors import QueueFull, UnknownJob, UnknownResult, WrongState


class Refused(RedrawError):
    """The server said no in a way that is no fault of a request's field: no credentials, a bug, ...

    Attributes:
        status: HTTP status.
        title: the problem's title.
    """

    def __init__(self, status: int, title: str, detail: str) -> None:
        self.status, self.title = status, title
        super().__init__(f"the server refused: {detail or title} ({status})")


# Titles of the API's problems, and types of failed jobs (`redraw.jobs.problem`), in lower case without blanks.
_CLASSES: Final[Mapping[str, type[RedrawError]]] = {
    "unknownname": UnknownName,
    "nousablepicture": PictureError,
    "pictureerror": PictureError,
    "nosuchjob": UnknownJob,
    "nosuchresult": UnknownResult,
    "thequeueisfull": QueueFull,
    "notinthisstate": WrongState,
    "notallowed": RequestError,
    "requesterror": RequestError,
    "cannotstore": OutputError,
    "outputerror": OutputError,
    "outofmemory": OutOfMemory,
    "modelcannotbeused": ModelError,
    "modelerror": ModelError,
    "unsupportedmodel": UnsupportedModel,
    "unsafefile": UnsafeFile,
    "nonfinite": NonFinite,
    "cancelled": Cancelled,
}


def error_of(problem: Mapping[str, Any], status: int = 0) -> RedrawError:
    """Return the error that problem data tells of; its text is the problem's `detail`.

    Args:
        problem: `title` or `type`, `detail`, maybe `field`, `allowed` and `near`.
        status: HTTP status of the answer, 0 for the error of a job.
    """
    title, kind = str(problem.get("title", "")), str(problem.get("type", ""))
    detail = str(problem.get("detail") or title or kind)
    words = (word.replace(" ", "").replace("-", "").lower() for word in (title, kind.rpartition("/")[2]))
    found = next((_CLASSES[word] for word in words if word in _CLASSES), None)
    field = str(problem.get("field") or "")
    if found is None:
        if field:
            found = RequestError
        elif status:
            return Refused(status, title, detail)
        else:
            found = RedrawError
    error = found.__new__(found)
    _fill(error, field, str(problem.get("allowed") or ""), tuple(problem.get("near") or ()))
    error.args = (detail,)
    return error


def _fill(error: RedrawError, field: str, allowed: str, near: tuple[str, ...]) -> None:
    """Give an error that was made without its constructor the attributes its class promises."""
    if isinstance(error, RequestError):
        error.field, error.value, error.allowed = field, None, allowed
    if isinstance(error, UnknownName):
        error.kind, error.name, error.near = field, "", near
    if isinstance(error, WrongState):
        error.id, error.state = "", ""
    if isinstance(error, UnsupportedModel):
        error.name, error.reasons = "", ()
    if isinstance(error, OutOfMemory):
        error.needed, error.tried = "", ()
