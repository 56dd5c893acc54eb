"""Files are whole or not there, named by what is in them, and never by what somebody says."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

import pytest

from redraw.errors import OutputError
from redraw.jobs.blobs import Blobs, shown_size
from redraw.jobs.errors import MissingBlob


@pytest.fixture
def blobs(ram: Path) -> Blobs:
    return Blobs(ram / "blobs")


def everything(blobs: Blobs) -> list[str]:
    return sorted(path.name for path in blobs.root.rglob("*") if path.is_file())


def test_same_bytes_are_the_same_file(blobs: Blobs) -> None:
    digest = blobs.put(b"cat")
    assert digest == hashlib.sha256(b"cat").hexdigest() == blobs.put(b"cat")
    assert blobs.path(digest) == blobs.root / digest[:2] / digest
    assert (blobs.read(digest), blobs.has(digest), blobs.size()) == (b"cat", True, 3)
    assert everything(blobs) == [digest]


def test_a_file_is_copied(blobs: Blobs, tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(b"cat" * 1_000_000)
    digest = blobs.put_file(path)
    assert blobs.read(digest) == path.read_bytes()
    with pytest.raises(OutputError, match=r"dog\.png cannot be read: No such file"):
        blobs.put_file(tmp_path / "dog.png")


@pytest.mark.parametrize(
    "name",
    ["", "..", "../../etc/passwd", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "a" * 64 + "\n", "../" + "a" * 61, "٠" * 64],
)
def test_only_sixty_four_hexadecimal_digits_are_a_name(blobs: Blobs, name: str) -> None:
    assert not blobs.has(name)
    for act in (blobs.path, blobs.read, blobs.remove):
        with pytest.raises(MissingBlob):
            act(name)


def test_a_missing_or_damaged_file_is_said(blobs: Blobs) -> None:
    digest = blobs.put(b"cat")
    blobs.path(digest).write_bytes(b"dog")
    with pytest.raises(MissingBlob, match="damaged"):
        blobs.read(digest)
    blobs.remove(digest)
    blobs.remove(digest)
    for act in (blobs.path, blobs.read):
        with pytest.raises(MissingBlob, match="is kept"):
            act(digest)
    assert (blobs.size(), list(blobs.listing()), blobs.has(digest)) == (0, [], False)


def test_the_quota_is_kept(ram: Path) -> None:
    blobs = Blobs(ram / "blobs", quota=10)
    first = blobs.put(b"12345")
    blobs.put(b"67890")
    blobs.put(b"12345")
    with pytest.raises(OutputError, match="the disk quota of 10 bytes is used up"):
        blobs.put(b"x")
    blobs.remove(first)
    blobs.put(b"x")
    assert blobs.size() == 6
    with pytest.raises(OutputError, match="quota"):
        Blobs(ram / "blobs", quota=10).put(b"abcde")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EROFS, "the disk is read-only"),
        (errno.EACCES, "it is read-only for this user"),
        (errno.EDQUOT, "the disk quota of this user is used up"),
        (errno.EIO, "Input/output error"),
    ],
)
@pytest.mark.parametrize("at", ["fsync", "replace", "mkdir"])
def test_a_failing_disk_is_an_error_and_leaves_nothing_half_written(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch, number: int, said: str, at: str
) -> None:
    def fail(*_: Any, **__: Any) -> NoReturn:
        raise OSError(number, os.strerror(number))

    kept = blobs.put(b"kept")
    with monkeypatch.context() as patch:
        patch.setattr(*(("os.fsync", fail) if at == "fsync" else (Path, at, fail)))
        with pytest.raises(OutputError, match=f"a picture cannot be kept in the data folder: {said}"):
            blobs.put(b"new")
    assert everything(blobs) == [kept]
    assert blobs.read(blobs.put(b"new")) == b"new"


def test_what_crashes_left_is_swept_after_an_hour(blobs: Blobs) -> None:
    digest = blobs.put(b"cat")
    left = blobs.path(digest).parent / ".0123456789abcdef.tmp"
    left.write_bytes(b"ca")
    assert next(iter(blobs.listing()))[0] == digest
    assert len(list(blobs.listing())) == 1
    assert blobs.sweep() == 0
    os.utime(left, (1, 1))
    os.utime(blobs.path(digest), (1, 1))
    assert blobs.sweep() == 1
    assert everything(blobs) == [digest]


def test_a_temporary_that_was_swept_too_early_is_written_again(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    swept: list[int] = []
    flush = os.fsync

    def sweep_first(handle: int) -> None:
        flush(handle)
        if not swept and any(blobs.root.rglob(".*.tmp")):
            swept.append(blobs.sweep(older_than=-10))

    monkeypatch.setattr("os.fsync", sweep_first)
    assert blobs.read(blobs.put(b"cat")) == b"cat"
    assert swept == [1]


def test_putting_again_makes_a_file_young(blobs: Blobs) -> None:
    digest = blobs.put(b"cat")
    os.utime(blobs.path(digest), (1, 1))
    blobs.put(b"cat")
    assert blobs.path(digest).stat().st_mtime > 1e9


def test_many_threads_put_the_same_file(blobs: Blobs) -> None:
    data = b"cat" * 100_000
    threads = [threading.Thread(target=blobs.put, args=(data,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert everything(blobs) == [blobs.put(data)]


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (2_000_000_000, "2.0 GB")]
)
def test_sizes_are_for_people(size: int, text: str) -> None:
    assert shown_size(size) == text


# Runs in a mount namespace of its own: a disk of 1 MB is filled, then made read-only.
SMALL_DISK = """
import json, os, subprocess, sys
from pathlib import Path
from redraw.errors import OutputError
from redraw.jobs.queue import Queue
from redraw.request import Img2Img, PictureRef, Txt2Img
disk = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=True)
said, accepted = {}, []
def temporaries(): return [path.name for path in disk.rglob("*.tmp")]
with Queue.open(disk) as queue:
    try:
        while True:
            picture = PictureRef.from_bytes(os.urandom(50_000), "noise.png")
            accepted.append(queue.submit(Img2Img(images=(picture,), prompt="x")).id)
    except OutputError as error:
        said["blob"] = str(error)
    try:
        while True:
            accepted.append(queue.submit(Txt2Img(prompt=os.urandom(5_000).hex())).id)
    except OutputError as error:
        said["database"] = str(error)
    kept = [job.id for job in queue.find(limit=10_000, newest_first=False)]
    whole = [len(queue.request_of(queue.get(id)).prompt) > 0 for id in kept]
    claimed = queue.find(limit=1)[0].id
    left = temporaries()
    try:
        queue.delete(claimed); queue.empty_trash()
        said["emptied"] = "yes"
    except OutputError as error:
        said["emptied"] = str(error)
subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
try:
    Queue.open(disk)
except OutputError as error:
    said["read-only"] = str(error)
print(json.dumps([said, accepted == kept, all(whole), left, len(accepted)]))
"""


def test_a_full_or_read_only_disk_loses_nothing_that_was_accepted(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    allowed = unshare and subprocess.run([unshare, "-m", "true"], capture_output=True).returncode == 0
    if not allowed:
        pytest.skip("a small disk needs `unshare -m`, which this user may not run")
    command = ["unshare", "-m", sys.executable, "-c", SMALL_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said, same, whole, left, count = json.loads(done.stdout)
    assert said["blob"] == "a picture cannot be kept in the data folder: the disk is full"
    assert said["database"] == "the job database cannot be used: the disk is full"
    assert "read-only" in said["read-only"]
    assert (same, whole, left, count > 5) == (True, True, [], True)


def test_a_folder_without_the_right_to_write_is_said(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_bytes(b"a file in the way")
    with pytest.raises(OutputError, match="cannot be kept"):
        Blobs(tmp_path / "blobs").put(b"cat")
