"""The tables of the job database, their version, and how an older database becomes a newer one."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.types import TypeDecorator

from redraw.jobs.errors import StoreError


class Json(TypeDecorator[Any]):
    """JSON as ASCII text: any number keeps its digits (7 and 7.0, seeds of 64 bits), any text its characters."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Return what is stored."""
        return None if value is None else json.dumps(value, separators=(",", ":"))

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return what was stored."""
        return None if value is None else json.loads(value)


class Large(TypeDecorator[int]):
    """A whole number of any size, as digits: seeds go to 2^64 - 1, further than a database's integers."""

    impl = String(24)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        """Return what is stored."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> int | None:
        """Return what was stored."""
        return None if value is None else int(value)


_ID: Final = String(26).with_variant(String(26, collation="C"), "postgresql")
_COUNTER: Final = BigInteger().with_variant(Integer(), "sqlite")
tables: Final = MetaData()

meta: Final = Table("meta", tables, Column("name", String(100), primary_key=True), Column("value", Json))
settings: Final = Table("settings", tables, Column("name", String(200), primary_key=True), Column("value", Json))

jobs: Final = Table(
    "jobs",
    tables,
    Column("id", _ID, primary_key=True),
    Column("kind", String(50), nullable=False),
    Column("request", Json, nullable=False),
    Column("state", String(20), nullable=False),
    Column("source", String(50), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("position", Double, nullable=False),
    Column("created", Double, nullable=False),
    Column("started", Double),
    Column("ended", Double),
    Column("attempts", Integer, nullable=False),
    Column("wish", String(20), nullable=False),
    Column("worker", String(200)),
    Column("leased_until", Double),
    Column("progress", Json, nullable=False),
    Column("error", Json),
    Column("notes", Json, nullable=False),
    Column("options", Json, nullable=False),
    Column("parent", String(26)),
    Column("favorite", Boolean, nullable=False),
    Column("trashed", Double),
    Column("idempotency_key", String(255), unique=True),
    Column("words", Text, nullable=False),  # prompts in lower case, to search in
    Column("lease", Double, nullable=False),  # seconds its worker promised to speak up within
    Column("beats", Integer, nullable=False),  # how often its worker has spoken up
    Column("deaths", Integer, nullable=False),  # how many workers died over it since its last result
    Index("jobs_in_line", "state", "priority", "position"),
    Index("jobs_by_position", "position"),
)

results: Final = Table(
    "results",
    tables,
    Column("id", _ID, primary_key=True),
    Column("job", _ID, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("index", Integer, nullable=False),
    Column("blob", String(64), nullable=False),
    Column("thumbnail", String(64), nullable=False),
    Column("format", String(20), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("seed", Large, nullable=False),
    Column("infotext", Json, nullable=False),
    Column("recipe", Json, nullable=False),
    Column("extras", Json, nullable=False),
    Column("edge", Json),
    Column("notes", Json, nullable=False),
    Column("created", Double, nullable=False),
    Column("trashed", Double),
    Column("favorite", Boolean, nullable=False),
    UniqueConstraint("job", "index", name="one_result_for_each_place"),
)

events: Final = Table(
    "events",
    tables,
    Column("id", _COUNTER, primary_key=True, autoincrement=True),
    Column("job", _ID, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("data", Json, nullable=False),
    Column("at", Double, nullable=False),
    Index("events_of_a_job", "job", "id"),
    sqlite_autoincrement=True,  # an id is never used again, whatever was deleted
)

uses: Final = Table(  # which job or result needs which file
    "uses",
    tables,
    Column("owner", _ID, primary_key=True),
    Column("blob", String(64), primary_key=True),
    Index("uses_of_a_blob", "blob"),
)

Migration = Callable[[Connection], None]
MIGRATIONS: Final[list[Migration]] = []
"""Step i turns a database of version i + 1 into one of version i + 2."""


def upgrade(connection: Connection, migrations: Sequence[Migration] | None = None) -> None:
    """Make the tables, or bring those of an older version up to date, inside the caller's transaction.

    Raises:
        StoreError: the database was written by a newer version, or is not ours.
    """
    steps = MIGRATIONS if migrations is None else migrations
    newest = len(steps) + 1
    if not inspect(connection).has_table("meta"):
        tables.create_all(connection)
        connection.execute(insert(meta).values(name="version", value=newest))
        return
    version = connection.execute(select(meta.c.value).where(meta.c.name == "version")).scalar()
    if not isinstance(version, int) or version < 1:
        raise StoreError("the database has a table `meta`, but not Redraw's; give Redraw a database of its own")
    if version > newest:
        raise StoreError(
            f"the job database was written by a newer Redraw (version {version} of its tables; this one knows {newest})"
        )
    for step in steps[version - 1 :]:
        step(connection)
    if version < newest:
        connection.execute(update(meta).where(meta.c.name == "version").values(value=newest))


def count_of(connection: Connection, *conditions: Any) -> int:
    """Return how many jobs meet all conditions."""
    return int(connection.execute(select(func.count()).select_from(jobs).where(*conditions)).scalar_one())
