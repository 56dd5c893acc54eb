"""What the server answers: jobs, results and pages of them, typed for the API's schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel, Field

from redraw.jobs.record import JobRecord, ResultRecord, State, Wish

T = TypeVar("T")
API: Final = "/api/v1"
HIDDEN_OPTIONS: Final = frozenset({"fingerprint", "answer"})


class ProblemOut(BaseModel):
    """An error, `application/problem+json`."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    allowed: str | None = None
    near: list[str] | None = Field(None, description="Right names that look like the wrong one.")
    errors: list[dict[str, Any]] | None = Field(None, description="Every complaint about a body.")


class JobOut(BaseModel):
    """A job; see `JobRecord` for its fields."""

    id: str
    kind: str
    state: State
    source: str
    priority: int
    position: float
    created: float = Field(description="Seconds since the epoch.")
    started: float | None
    ended: float | None
    attempts: int
    wish: Wish
    progress: dict[str, Any]
    error: dict[str, Any] | None
    notes: list[str]
    request: dict[str, Any]
    options: dict[str, Any]
    parent: str | None
    favorite: bool
    links: dict[str, str]


class ResultOut(BaseModel):
    """A finished picture; see `ResultRecord` for its fields."""

    id: str
    job: str
    index: int
    sha256: str
    format: str
    width: int
    height: int
    size: int
    seed: int
    infotext: str
    recipe: dict[str, Any]
    edge: dict[str, float] | None
    notes: list[str]
    created: float
    trashed: float | None
    favorite: bool
    kind: str = Field(description="Which request made it.")
    prompt: str = Field(description="Its beginning.")
    sources: list[str] = Field(description="SHA-256 of the pictures it was made from.")
    parent: str | None = Field(description="The result its job was made from.")
    links: dict[str, str]


class LineageOut(BaseModel):
    """Where a result comes from and what came of it."""

    ancestors: list[ResultOut] = Field(description="The first picture first; those in the trash have `trashed`.")
    children: list[ResultOut] = Field(description="Made from it directly, the oldest first.")


class Page(BaseModel, Generic[T]):
    """Some of a list; `next` goes into `after` for the next ones, null at the end."""

    items: list[T]
    next: str | None = None


def job_out(job: JobRecord) -> JobOut:
    """Return a job as clients see it."""
    here = f"{API}/jobs/{job.id}"
    return JobOut(
        **{name: getattr(job, name) for name in _JOB_PLAIN},
        progress=dict(job.progress),
        error=None if job.error is None else dict(job.error),
        notes=list(job.notes),
        request=dict(job.request),
        options={name: value for name, value in job.options.items() if name not in HIDDEN_OPTIONS},
        links={
            "self": here,
            "results": f"{here}/results",
            "events": f"{here}/events",
            "archive": f"{here}/archive.zip",
        },
    )


_JOB_PLAIN: Final = (
    *("id", "kind", "state", "source", "priority", "position", "created", "started", "ended", "attempts", "wish"),
    *("parent", "favorite"),
)
_RESULT_PLAIN: Final = (
    *("id", "job", "index", "format", "width", "height", "size", "seed", "infotext", "created", "trashed", "favorite"),
    "parent",
)
_PROMPT: Final = 300


def result_out(result: ResultRecord) -> ResultOut:
    """Return a result as clients see it."""
    here = f"{API}/results/{result.id}"
    links = {
        "self": here,
        "picture": f"{here}/picture",
        "thumbnail": f"{here}/thumbnail",
        "job": f"{API}/jobs/{result.job}",
        "lineage": f"{here}/lineage",
    }
    request = _mapping(result.recipe.get("request"))
    return ResultOut(
        **{name: getattr(result, name) for name in _RESULT_PLAIN},
        sha256=result.blob,
        recipe=dict(result.recipe),
        edge=None if result.edge is None else dict(result.edge),
        notes=list(result.notes),
        kind=str(result.recipe.get("kind") or ""),
        prompt=_first(request.get("prompt"))[:_PROMPT],
        sources=[str(one["sha256"]) for one in request.get("images") or () if _mapping(one).get("sha256")],
        links=links | {name: f"{here}/{name}" for name in ("mask", "cutout") if name in result.extras},
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _first(texts: Any) -> str:
    """Return a prompt, or the first of several."""
    return str((texts[0] if texts else "") if isinstance(texts, list) else texts or "")


def page_of(records: Sequence[Any], limit: int, out: Any) -> dict[str, Any]:
    """Return one page of `records`, of which one more than `limit` were asked for."""
    shown = records[:limit]
    return {"items": [out(one) for one in shown], "next": shown[-1].id if len(records) > limit else None}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the schema's entries for errors with these statuses."""
    return {status: {"model": ProblemOut, "description": "A problem."} for status in (401, 403, *statuses)}
