"""The database under the queue: versions, locks, addresses, and errors that say what to do."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.exc import OperationalError

from redraw.errors import OutputError, RequestError
from redraw.jobs import schema
from redraw.jobs.errors import StoreBusy, StoreError
from redraw.jobs.queue import Queue, QueueLimits
from redraw.jobs.store import FILE, Store, new_id
from redraw.request import Txt2Img

LOCK = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
connection.execute("COMMIT")
"""


@pytest.fixture
def store(ram: Path, database: str | None) -> Iterator[Store]:
    store = Store(ram, database, patience=5)
    yield store
    store.close()


def hold(folder: Path, seconds: float) -> subprocess.Popen[str]:
    """Let another process hold the database for a time."""
    command = [sys.executable, "-c", LOCK, str(folder / FILE), str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_database_that_is_locked_for_two_seconds_is_waited_for(ram: Path) -> None:
    with Queue.open(ram) as queue, hold(ram, 2):
        began = time.monotonic()
        assert queue.submit(Txt2Img()).state == "waiting"
        assert 1 < time.monotonic() - began < 10


def test_a_database_that_stays_locked_is_an_error_and_can_still_be_read(ram: Path) -> None:
    with Queue.open(ram, limits=QueueLimits(patience=0.2)) as queue:
        job = queue.submit(Txt2Img())
        with hold(ram, 60) as process:
            with pytest.raises(StoreBusy, match=r"held by another process for more than 0\.2 seconds"):
                queue.claim("w")
            with pytest.raises(StoreBusy):
                Queue.open(ram, limits=QueueLimits(patience=0.2))
            assert queue.get(job.id).state == "waiting"
            process.kill()
        assert queue.claim("w") is not None


def test_a_new_database_has_the_newest_version_and_is_opened_again(ram: Path, database: str | None) -> None:
    for _ in range(2):
        store = Store(ram, database)
        with store.reading() as connection:
            version = connection.execute(select(schema.meta.c.value).where(schema.meta.c.name == "version")).scalar()
        store.close()
        assert version == len(schema.MIGRATIONS) + 1


def test_a_newer_database_is_refused_and_left_alone(ram: Path, database: str | None, store: Store) -> None:
    with store.writing() as connection:
        connection.execute(update(schema.meta).values(value=99))
    with pytest.raises(StoreError, match="newer Redraw \\(version 99"):
        Store(ram, database)
    with store.writing() as connection:
        connection.execute(update(schema.meta).values(value="x"))
    with pytest.raises(StoreError, match="not Redraw's"):
        Store(ram, database)


def test_an_older_database_is_brought_up_to_date_step_by_step(store: Store) -> None:
    done: list[int] = []

    def step(number: int) -> schema.Migration:
        def migrate(connection: Connection) -> None:
            done.append(number)
            connection.execute(text(f"ALTER TABLE jobs ADD COLUMN extra{number} INTEGER"))

        return migrate

    with store.writing() as connection:
        schema.upgrade(connection, [step(1)])
    with store.writing() as connection:
        schema.upgrade(connection, [step(1), step(2), step(3)])
        schema.upgrade(connection, [step(1), step(2), step(3)])
        connection.execute(text("SELECT extra1, extra2, extra3 FROM jobs"))
    assert done == [1, 2, 3]


def test_a_step_that_fails_undoes_all(ram: Path, database: str | None, store: Store) -> None:
    def first(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE jobs ADD COLUMN extra INTEGER"))

    def second(connection: Connection) -> None:
        connection.execute(text("SELECT nothing FROM nowhere"))

    with pytest.raises(StoreError), store.writing() as connection:
        schema.upgrade(connection, [first, second])
    with pytest.raises(StoreError), store.reading() as connection:
        connection.execute(text("SELECT extra FROM jobs"))
    Store(ram, database).close()


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    def fail() -> None:
        with store.writing() as connection:
            connection.execute(insert(schema.settings).values(name="a", value=1))
            raise KeyError("stop")

    with pytest.raises(KeyError):
        fail()
    with store.reading() as connection:
        assert connection.execute(select(schema.settings)).all() == []


def test_numbers_and_texts_come_back_exactly(store: Store) -> None:
    value = {"seed": 2**64 - 1, "int": 7, "float": 7.0, "text": "a\0\ud800é", "none": None}
    with store.writing() as connection:
        connection.execute(insert(schema.settings).values(name="a", value=value))
    with store.reading() as connection:
        back = connection.execute(select(schema.settings.c.value)).scalar_one()
    assert repr(back) == repr(value)


@pytest.mark.parametrize(
    ("content", "said"), [(b"no database at all" * 100, "damaged or no database"), (None, "cannot be opened")]
)
def test_what_is_no_database_is_said(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is None:
        (tmp_path / FILE).mkdir()
    else:
        (tmp_path / FILE).write_bytes(content)
    with pytest.raises(StoreError, match=said):
        Store(tmp_path, patience=0.2)


def test_a_data_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be made"):
        Queue.open(tmp_path / "file" / "data")


@pytest.mark.parametrize(
    "url", ["mysql://me:secret@host/db", "sqlite:///x", "postgresql+asyncpg://me:secret@h/d", "secret nonsense"]
)
def test_only_postgres_has_an_address_and_no_password_is_shown(tmp_path: Path, url: str) -> None:
    with pytest.raises(RequestError, match="postgresql://user:password@host/name") as error:
        Queue.open(tmp_path, url)
    assert "secret" not in str(error.value)


def test_many_processes_make_the_same_database_at_once(ram: Path, database: str | None) -> None:
    script = (
        "import sys; from pathlib import Path; from redraw.jobs.store import Store;"
        "Store(Path(sys.argv[1]), sys.argv[2] or None)"
    )
    command = [sys.executable, "-W", "ignore", "-c", script, str(ram), database or ""]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate()[1] for process in processes] == [""] * 4
    assert [process.returncode for process in processes] == [0] * 4


def test_sqlite_is_set_up_to_survive(ram: Path) -> None:
    Store(ram).close()
    with closing(sqlite3.connect(ram / FILE)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    store = Store(ram)
    with store.writing() as connection_:
        assert connection_.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection_.execute(text("PRAGMA foreign_keys")).scalar() == 1
    store.close()


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("database or disk is full", "the disk is full"),
        ("attempt to write a readonly database", "it is read-only"),
        ("disk I/O error", "reading or writing the disk failed"),
        ("something else\nsecond line", "something else$"),
    ],
)
def test_the_databases_complaints_are_sentences(store: Store, reason: str, said: str) -> None:
    with pytest.raises(StoreError, match=said), store.reading():
        raise OperationalError("SELECT 1", {}, Exception(reason))


def test_ids_grow_within_a_millisecond_and_over_a_clock_that_stands() -> None:
    ids = [new_id(1000.0)]
    for _ in range(1000):
        ids.append(new_id(1000.0, ids[-1]))
    assert ids == sorted(set(ids))
    assert new_id(1000.001) > ids[-1]
    assert new_id(5.0, ids[-1]) > ids[-1]
