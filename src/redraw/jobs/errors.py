"""What goes wrong around the queue, as leaves of the tree of `redraw.errors`.

RequestError
├── Missing           a job, result or file nobody knows (any more)
│   ├── UnknownJob
│   ├── UnknownResult
│   └── MissingBlob
├── WrongState        the job exists, but not in a state that allows this
└── QueueFull         as many jobs wait as are allowed to
OutputError
└── StoreError        the database cannot be read or written: locked, full, read-only, damaged, from a newer version
    └── StoreBusy     another process held it for longer than the store is patient
RedrawError
└── LeaseLost         somebody else holds the job now, or nobody does; what this worker makes of it no longer counts
"""

from __future__ import annotations

from redraw.errors import OutputError, RedrawError, RequestError


class Missing(RequestError):
    """Something is asked for by a name nobody knows."""


class UnknownJob(Missing):
    """No job has this id."""

    def __init__(self, id: str) -> None:
        super().__init__("job", id, "no job has this id")


class UnknownResult(Missing):
    """No result has this id."""

    def __init__(self, id: str) -> None:
        super().__init__("result", id, "no result has this id")


class MissingBlob(Missing):
    """No file with this SHA-256 is kept, or what is kept does not have it any more."""

    def __init__(self, sha256: str, why: str = "no file with this SHA-256 is kept") -> None:
        super().__init__("sha256", sha256, why)


class WrongState(RequestError):
    """A job is not in a state that allows what was asked.

    Args:
        id: the job.
        state: the state it is in.
        allowed: what would be right, as a phrase.
    """

    def __init__(self, id: str, state: str, allowed: str) -> None:
        self.id, self.state = id, state
        super().__init__("state", state, allowed)


class QueueFull(RequestError):
    """As many jobs wait as are allowed to."""

    def __init__(self, waiting: int, limit: int) -> None:
        super().__init__("queue", waiting, f"at most {limit} jobs may wait; try again when some are done")


class StoreError(OutputError):
    """The job database cannot be used; the message says why."""


class StoreBusy(StoreError):
    """Another process held the job database for too long."""


class LeaseLost(RedrawError):
    """A worker spoke for a job it does not hold (any more)."""

    def __init__(self, job: str, worker: str) -> None:
        self.job, self.worker = job, worker
        super().__init__(f"job {job} is not held by worker {worker} (any more)")
