"""What only PostgreSQL can get wrong; everything else runs on both databases (`database` of conftest.py)."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from redraw.errors import RequestError
from redraw.jobs.errors import StoreBusy, StoreError
from redraw.jobs.queue import Queue, QueueLimits
from redraw.jobs.store import Store
from redraw.request import Txt2Img

pytestmark = pytest.mark.parametrize("database", ["postgres"], indirect=True)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+pg8000"])
def test_every_spelling_of_the_address_works(ram: Path, database: str, scheme: str) -> None:
    with Queue.open(ram, database.replace("postgresql", scheme, 1)) as queue:
        assert queue.store.engine.dialect.name == "postgresql"
        assert queue.submit(Txt2Img()).state == "waiting"


def test_events_become_visible_in_the_order_of_their_ids(ram: Path, database: str) -> None:
    with Queue.open(ram, database) as queue:
        seen: list[int] = []
        stop = threading.Event()

        def follow() -> None:
            while not stop.is_set() or queue.events(seen[-1] if seen else 0):
                seen.extend(event.id for event in queue.events(seen[-1] if seen else 0))

        writers = [threading.Thread(target=lambda: [queue.submit(Txt2Img()) for _ in range(15)]) for _ in range(4)]
        reader = threading.Thread(target=follow)
        for thread in (reader, *writers):
            thread.start()
        for thread in writers:
            thread.join()
        stop.set()
        reader.join()
        assert seen == [event.id for event in queue.events(0)]
        assert len(seen) == 60


def test_a_writer_that_holds_the_lock_for_long_is_an_error_for_others(ram: Path, database: str) -> None:
    with Queue.open(ram, database, limits=QueueLimits(patience=0.3)) as queue:
        other = Store(ram, database)
        with other.writing() as connection:
            connection.execute(text("SELECT 1"))
            began = time.monotonic()
            with pytest.raises(StoreBusy, match=r"more than 0\.3 seconds"):
                queue.submit(Txt2Img())
            assert time.monotonic() - began < 5
            assert queue.count() == 0
        other.close()
        assert queue.submit(Txt2Img()).state == "waiting"


def test_a_writer_that_froze_is_thrown_out(ram: Path, database: str) -> None:
    frozen = Store(ram, database, patience=1)
    with Queue.open(ram, database) as queue:

        def freeze() -> None:
            with frozen.writing() as connection:
                connection.execute(text("SELECT 1"))
                assert queue.submit(Txt2Img()).state == "waiting"
                connection.execute(text("SELECT 1"))

        with pytest.raises(StoreError):
            freeze()
    frozen.close()


def cut_all(address: str) -> None:
    """Let the server end all connections."""
    engine = create_engine(address.replace("postgresql:", "postgresql+pg8000:", 1))
    others = "pid <> pg_backend_pid() AND datname = current_database()"
    with engine.connect() as connection:
        connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
    engine.dispose()


def test_a_connection_that_was_cut_while_it_rested_is_made_anew(ram: Path, database: str) -> None:
    with Queue.open(ram, database) as queue:
        job = queue.submit(Txt2Img())
        cut_all(database)
        time.sleep(0.6)
        assert queue.get(job.id) == job
        assert queue.cancel(job.id).state == "cancelled"


def test_a_connection_that_is_cut_at_work_is_an_error_once(ram: Path, database: str) -> None:
    with Queue.open(ram, database) as queue:
        job = queue.submit(Txt2Img())

        def cut_in_the_middle() -> None:
            with queue.store.writing() as connection:
                connection.execute(text("UPDATE jobs SET state = 'done'"))
                cut_all(database)
                connection.execute(text("SELECT 1"))

        with pytest.raises(StoreError, match="the job database cannot be used"):
            cut_in_the_middle()
        assert queue.get(job.id) == job


def test_a_server_that_is_not_there_is_said_without_the_password(ram: Path, database: str) -> None:
    with pytest.raises(StoreError) as error:
        Queue.open(ram, "postgresql://me:secret@/db?unix_sock=/nowhere/.s.PGSQL.5432")
    assert "secret" not in str(error.value)
    with pytest.raises(RequestError):
        Queue.open(ram, "postgresql+psycopg2://me:secret@host/db")
