"""The database under the queue: SQLite in a file, or PostgreSQL by address, through the same code.

There is one writer at a time. SQLite has it so (`BEGIN IMMEDIATE`); on PostgreSQL every writing transaction first takes
one advisory lock. So events get their ids in the order in which they become visible, and nobody who follows them
misses one.
"""

from __future__ import annotations

import contextlib
import math
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, Row, bindparam, create_engine, event, insert, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, NoSuchModuleError, SQLAlchemyError

from redraw.errors import OutputError, RequestError
from redraw.jobs import schema
from redraw.jobs.blobs import Blobs
from redraw.jobs.errors import StoreBusy, StoreError, UnknownJob, UnknownResult
from redraw.jobs.record import EventKind, JobRecord, ResultRecord

FILE: Final = "redraw.sqlite"
AnyRow = Row[*tuple[Any, ...]]
_LOCK: Final = 0x7265_6472_6177  # "redraw": the advisory lock of PostgreSQL that stands for being the writer
_DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, lower case
_WRITES: Final = "redraw_writes"
_RESTS: Final = "redraw_rests"
_REST: Final = 0.5  # seconds without use after which a connection to a server is tried before it is relied on
_REASONS: Final = (
    ("database or disk is full", "the disk is full"),
    ("could not extend file", "the disk of the database server is full"),
    ("readonly database", "it is read-only"),
    ("unable to open database file", "it cannot be opened; is the folder there and writable?"),
    ("not a database", "the file is damaged or no database"),
    ("malformed", "the file is damaged"),
    ("disk i/o error", "reading or writing the disk failed"),
)
_BUSY: Final = ("database is locked", "database table is locked", "55P03", "57014")


_NEW_EVENT: Final = insert(schema.events)
ONE_JOB: Final = select(schema.jobs).where(schema.jobs.c.id == bindparam("wanted"))
"""The job of the id `wanted`."""
RESULTS: Final = select(schema.results, schema.jobs.c.parent).join(schema.jobs)
"""Results, each with the parent of its job."""


@dataclass(frozen=True)
class Retention:
    """What is thrown away by itself, by `Queue.sweep`.

    Attributes:
        keep_days: results and jobs older than this go to the trash; None keeps them for ever.
        keep_results: only this many newest results stay; None keeps all.
        trash_days: what is in the trash for longer is removed for good; None keeps it.
        event_days: what happened to jobs that ended longer ago is forgotten; the jobs are not.
        grace_hours: files nobody refers to stay this long: an upload waits for its job.
    """

    keep_days: float | None = None
    keep_results: int | None = None
    trash_days: float | None = 30.0
    event_days: float = 30.0
    grace_hours: float = 24.0


@dataclass(frozen=True)
class QueueLimits:
    """How much the queue takes.

    Attributes:
        waiting: jobs that may wait or be paused.
        disk: bytes all pictures together may have; None for any number.
        deaths: so many workers may die over a job, one after another without a new result, before it fails.
        patience: seconds a database held by another process is waited for.
        retention: what is thrown away by itself.
    """

    waiting: int = 1000
    disk: int | None = None
    deaths: int = 3
    patience: float = 15.0
    retention: Retention = Retention()


@dataclass(frozen=True)
class Clocks:
    """What time it is: `now` for people, seconds since the epoch, which may jump; `steady` never jumps."""

    now: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic


class Store:
    """Transactions on the job database, safe from many threads and processes.

    Args:
        data_dir: where the SQLite file lies, if there is no `url`.
        url: a PostgreSQL address (`postgresql://user:password@host/name`), or None.
        patience: seconds a held database is waited for.

    Raises:
        RequestError: the address is none of PostgreSQL.
        StoreError: the database cannot be opened, or is of a newer version.
    """

    def __init__(self, data_dir: Path, url: str | None = None, *, patience: float = 15.0) -> None:
        self.patience = patience
        _check_folder(data_dir)
        self.engine = _postgres(url, patience) if url else _sqlite(data_dir, patience)
        try:
            if not url:
                self._write_ahead()
            with self.writing() as connection:
                schema.upgrade(connection)
        except (OutputError, RequestError):
            self.close()
            raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database and changes nothing; raises `StoreError`."""
        with self._explained(), self.engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[Connection]:
        """A transaction as the only writer: all of it happens or none; raises `StoreError`, `StoreBusy`.

        Args:
            durable: it is on the disk afterwards. Without, a power cut (not a crash) may undo it, but never without
                also undoing what was written after it.
        """
        with self._explained(), self.engine.connect() as plain:
            connection = plain.execution_options(**{_WRITES: "FULL" if durable else "NORMAL"})
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self._complaint(str(error.orig)) from error
        except SQLAlchemyError as error:
            raise self._complaint(str(error)) from error
        except ConnectionError as error:  # pg8000 does not make an error of its own of a cut connection
            raise self._complaint(f"the connection to it was cut ({error.strerror or error})") from error

    def _complaint(self, text: str) -> StoreError:
        if any(word in text for word in _BUSY):
            return StoreBusy(f"the job database is held by another process for more than {self.patience:g} seconds")
        lower = text.lower()
        why = next((said for word, said in _REASONS if word in lower), text.splitlines()[0] if text else "no reason")
        return StoreError(f"the job database cannot be used: {why}")

    def _write_ahead(self) -> None:
        """Set SQLite to write-ahead logging, once for the file; SQLite itself does not wait for others here."""
        until = time.monotonic() + self.patience
        while True:
            try:
                with self._explained(), contextlib.closing(self.engine.raw_connection()) as raw:
                    raw.cursor().execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.Error as error:
                if "locked" not in str(error) or time.monotonic() > until:
                    raise self._complaint(str(error)) from error
                time.sleep(0.02)


class Desk:
    """What all parts of the queue share.

    Args:
        store: the database.
        blobs: the files.
        limits: how much the queue takes.
        clocks: what time it is.
    """

    def __init__(self, store: Store, blobs: Blobs, limits: QueueLimits, clocks: Clocks) -> None:
        self.store, self.blobs, self.limits, self.clocks = store, blobs, limits, clocks

    def _job(self, connection: Connection, id: str) -> AnyRow:
        row = connection.execute(ONE_JOB, {"wanted": id}).first()
        if row is None:
            raise UnknownJob(id)
        return row

    def _result(self, connection: Connection, id: str) -> AnyRow:
        row = connection.execute(RESULTS.where(schema.results.c.id == id)).first()
        if row is None:
            raise UnknownResult(id)
        return row

    def _tell(self, connection: Connection, job: str, kind: EventKind, data: Mapping[str, Any]) -> None:
        connection.execute(_NEW_EVENT, {"job": job, "kind": kind, "data": data, "at": self.clocks.now()})

    def _need(self, connection: Connection, owner: str, digests: set[str]) -> None:
        """Write down that a job or result needs files."""
        if digests:
            rows = [{"owner": owner, "blob": digest} for digest in sorted(digests)]
            connection.execute(insert(schema.uses), rows)


def new_id(now: float, after: str | None = None) -> str:
    """Return 26 characters that sort after `after`, and after those of earlier milliseconds if no clock jumped back."""
    number = (int(now * 1000) << 80) | secrets.randbits(80)
    last = sum(_DIGITS.index(c) << (5 * i) for i, c in enumerate(reversed(after))) if after else 0
    if number >> 80 <= last >> 80:
        number = last + 1 + secrets.randbits(32)
    return "".join(_DIGITS[number >> shift & 31] for shift in range(125, -1, -5))


def job_record(row: AnyRow) -> JobRecord:
    """Return a row of `jobs` as a record."""
    values = {field.name: row._mapping[field.name] for field in fields(JobRecord)}
    return JobRecord(**{**values, "notes": tuple(values["notes"])})


def result_record(row: AnyRow) -> ResultRecord:
    """Return a row of `results` as a record."""
    values = {field.name: row._mapping[field.name] for field in fields(ResultRecord) if field.name in row._mapping}
    return ResultRecord(**{**values, "notes": tuple(values["notes"])})


def _check_folder(data_dir: Path) -> None:
    """Make the data folder; a read-only one is refused here, where SQLite would only fail at the first change."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the data folder {data_dir} cannot be made: {error.strerror or error}") from error
    if not os.access(data_dir, os.W_OK | os.X_OK):
        raise StoreError(f"the data folder {data_dir} is read-only for this user")


def _sqlite(data_dir: Path, patience: float) -> Engine:
    url = URL.create("sqlite", database=str(data_dir / FILE))
    arguments = {"timeout": patience, "check_same_thread": False}
    engine = create_engine(url, connect_args=arguments, pool_size=8, max_overflow=64)

    @event.listens_for(engine, "connect")
    def _connected(raw: sqlite3.Connection, record: object) -> None:
        raw.isolation_level = None  # transactions begin where we say so
        raw.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        flush = connection.get_execution_options().get(_WRITES)
        if flush:
            connection.connection.cursor().execute(f"PRAGMA synchronous={flush}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if flush else "BEGIN")

    return engine


def _postgres(url: str, patience: float) -> Engine:
    allowed = "it is an address like postgresql://user:password@host/name"
    try:
        address = make_url(url)
    except ArgumentError:
        raise RequestError("database_url", "...", allowed) from None
    if address.drivername not in ("postgres", "postgresql", "postgresql+pg8000"):
        raise RequestError("database_url", address.render_as_string(hide_password=True), allowed)
    try:
        address = address.set(drivername="postgresql+pg8000")
        engine = create_engine(address, pool_size=8, max_overflow=24)
    except (ModuleNotFoundError, NoSuchModuleError):
        raise RequestError(
            "database_url", address.drivername, "PostgreSQL needs `pip install redraw-studio[postgres]`"
        ) from None
    wait = int(patience * 1000)

    @event.listens_for(engine, "connect")
    def _connected(raw: Any, record: object) -> None:
        cursor = raw.cursor()
        cursor.execute(f"SET lock_timeout = {wait}")
        # A writer that froze in the middle (a laptop's lid, a cut network) does not hold up the others for ever.
        cursor.execute(f"SET idle_in_transaction_session_timeout = {max(wait, 1000)}")
        raw.commit()

    @event.listens_for(engine, "checkin")
    def _rests(raw: Any, record: Any) -> None:
        record.info[_RESTS] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _still_there(raw: Any, record: Any, proxy: object) -> None:
        if time.monotonic() - record.info.get(_RESTS, math.inf) > _REST:
            try:
                raw.cursor().execute("SELECT 1")
                raw.rollback()
            except (OSError, engine.dialect.loaded_dbapi.Error) as error:
                raise DisconnectionError from error  # the pool makes another

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        if connection.get_execution_options().get(_WRITES):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")

    return engine
