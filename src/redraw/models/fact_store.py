"""What is known about model files, kept between runs in one SQLite file.

It is only a cache: everything in it can be read off the model files again. So a file that is damaged is replaced, and
one that cannot be written, or is locked for too long, is done without. Several processes may use it at once.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

log = logging.getLogger(__name__)

_VERSION: Final = 1
_PATIENCE: Final = 5.0  # seconds another process may hold it
_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS facts (path TEXT PRIMARY KEY, stamp TEXT NOT NULL, facts TEXT NOT NULL, metadata TEXT)",
    "CREATE TABLE IF NOT EXISTS hashes (path TEXT, kind TEXT, stamp TEXT NOT NULL, digest TEXT NOT NULL, "
    "PRIMARY KEY (path, kind))",
)
T = TypeVar("T")
_Rows = list[tuple[Any, ...]]
_NONE: Final[_Rows] = []


@dataclass(frozen=True)
class Row:
    """What is kept about one file: `stamp` says for which state of the file, `metadata` is JSON."""

    path: str
    stamp: str
    facts: str
    metadata: str = ""


class FactStore:
    """The cache file; without one it remembers nothing. A connection lasts for one call: threads may share it.

    Args:
        file: the SQLite file; made, with its folder, by the first that writes.
    """

    def __init__(self, file: Path | None) -> None:
        self.file = file

    def facts(self, only: str | None = None) -> dict[str, tuple[str, str]]:
        """Return stamp and facts of every file, or of one, by path."""
        query, values = ("SELECT path, stamp, facts FROM facts", [] if only is None else [only])
        query += "" if only is None else " WHERE path = ?"
        rows = self._use(lambda db: _one(db, query, *values), _NONE, read=True)
        return {str(path): (str(stamp), str(facts)) for path, stamp, facts in rows}

    def put_facts(self, rows: Iterable[Row]) -> None:
        """Keep what is known about files."""
        values = [(row.path, row.stamp, row.facts, row.metadata) for row in rows]
        if values:
            self._use(lambda db: db.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?)", values), None)

    def metadata(self, path: str) -> str:
        """Return the metadata of one file, JSON; "" if none is kept."""
        rows = self._use(lambda db: _one(db, "SELECT metadata FROM facts WHERE path = ?", path), _NONE, read=True)
        return str(rows[0][0] or "") if rows else ""

    def forget_facts(self) -> None:
        """Drop what is kept about files, but not their hashes: these hold while size and time are the same."""
        self._use(lambda db: db.execute("DELETE FROM facts"), None)

    def digests(self, kind: str) -> dict[str, tuple[str, str]]:
        """Return stamp and digest of every file whose digest of this kind is known, by path."""
        query = "SELECT path, stamp, digest FROM hashes WHERE kind = ?"
        rows = self._use(lambda db: _one(db, query, kind), _NONE, read=True)
        return {str(path): (str(stamp), str(digest)) for path, stamp, digest in rows}

    def digest(self, path: str, kind: str, stamp: str) -> str | None:
        """Return one digest of a file, None if it is not known for this state of the file."""
        query = "SELECT digest FROM hashes WHERE path = ? AND kind = ? AND stamp = ?"
        rows = self._use(lambda db: _one(db, query, path, kind, stamp), _NONE, read=True)
        return str(rows[0][0]) if rows else None

    def put_digest(self, path: str, kind: str, stamp: str, digest: str) -> None:
        """Keep a digest."""
        values = (path, kind, stamp, digest)
        self._use(lambda db: db.execute("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?)", values), None)

    def _use(self, work: Callable[[sqlite3.Connection], T], otherwise: T, *, read: bool = False) -> T:
        """Do something with the file; where that cannot be done, return `otherwise`. A damaged file is made anew."""
        if self.file is None or (read and not self.file.is_file()):
            return otherwise
        for damaged in (False, True):
            try:
                if damaged:
                    log.warning("%s was damaged and is made anew", self.file)
                    self.file.unlink(missing_ok=True)
                return self._once(self.file, work)
            except sqlite3.OperationalError as error:  # locked, read-only, no room
                log.debug("%s cannot be used: %s", self.file, error)
                return otherwise
            except sqlite3.DatabaseError:
                continue
            except OSError as error:
                log.debug("%s cannot be used: %s", self.file, error)
                return otherwise
        return otherwise

    def _once(self, file: Path, work: Callable[[sqlite3.Connection], T]) -> T:
        file.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(file, timeout=_PATIENCE)) as db, db:
            if _version(db) != _VERSION:
                db.execute("BEGIN IMMEDIATE")
                if _version(db) != _VERSION:  # nobody else made it meanwhile
                    _make_tables(db)
            return work(db)


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _make_tables(db: sqlite3.Connection) -> None:
    for table in ("facts", "hashes"):
        db.execute(f"DROP TABLE IF EXISTS {table}")
    for statement in _TABLES:
        db.execute(statement)
    db.execute(f"PRAGMA user_version = {_VERSION}")


def _one(db: sqlite3.Connection, query: str, *values: str) -> _Rows:
    return db.execute(query, values).fetchall()
