"""What is known about files is kept: unchanged ones are not opened, changed ones are, and several may share it."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from redraw.errors import UnknownName
from redraw.models import hashes
from redraw.models.catalog import Catalog
from redraw.models.fact_store import FactStore, Row

_watched: list[str] = []
_opened: list[str] = []


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if _watched and event == "open" and str(arguments[0]).startswith(_watched[0]):
        _opened.append(str(arguments[0]))


sys.addaudithook(_hook)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[list[str]]:
    """The model files that were opened."""
    _opened.clear()
    _watched[:] = [str(tmp_path / "models")]
    yield _opened
    _watched.clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for models."""
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def save(path: Path, **metadata: str) -> None:
    """Write a small LoRA."""
    save_file({"x.lora_down.weight": torch.randn(2, 2)}, path, metadata=metadata or None)


def test_two_thousand_unchanged_files_are_listed_without_opening_one(
    folder: Path, tmp_path: Path, opened: list[str]
) -> None:
    save(folder / "0.safetensors")
    for number in range(1, 2000):
        shutil.copy(folder / "0.safetensors", folder / f"{number}.safetensors")
    opened.clear()
    cache = tmp_path / "c.sqlite"
    assert len(Catalog([folder], starter=False, cache=cache).files("lora")) == 2000
    assert len(opened) >= 2000, "the first time all are read, so this test sees what is opened"
    opened.clear()
    catalog = Catalog([folder], starter=False, cache=cache)
    begun = time.perf_counter()
    assert len(catalog.files("lora")) == 2000
    catalog.refresh()
    assert len(catalog.files("lora")) == 2000
    spent = (time.perf_counter() - begun) / 2
    assert opened == []
    assert spent < 5, f"{spent:.2f} s"  # a quarter of a second on a machine that does nothing else


def test_only_what_changed_is_read_again(folder: Path, tmp_path: Path, opened: list[str]) -> None:
    for name in "abc":
        save(folder / f"{name}.safetensors")
    cache = tmp_path / "c.sqlite"
    Catalog([folder], starter=False, cache=cache).files("lora")
    opened.clear()
    save(folder / "b.safetensors", ss_output_name="changed")
    opened.clear()
    assert Catalog([folder], starter=False, cache=cache).find_file("lora", "changed").name == "b"
    assert {Path(path).name for path in opened} == {"b.safetensors"}
    opened.clear()
    (folder / "c.json").write_text(json.dumps({"activation text": "ink, paper"}))
    opened.clear()
    found = Catalog([folder], starter=False, cache=cache).find_file("lora", "c")
    assert found.facts.notes.triggers == ("ink", "paper")
    assert {Path(path).stem for path in opened} == {"c"}


def test_everything_is_read_again_on_request(folder: Path, tmp_path: Path, opened: list[str]) -> None:
    save(folder / "a.safetensors")
    catalog = Catalog([folder], starter=False, cache=tmp_path / "c.sqlite")
    file = catalog.files("lora")[0]
    known = catalog.short_hash(file)
    opened.clear()
    catalog.refresh()
    catalog.files("lora")
    assert opened == []
    catalog.refresh(anew=True)
    catalog.files("lora")
    assert opened
    opened.clear()
    assert catalog.short_hash(file) == known
    assert opened == [], "hashes hold while the file is the same"


def test_new_and_lost_files_are_seen_without_a_refresh(folder: Path) -> None:
    catalog = Catalog([folder], starter=False, look_again=0)
    assert catalog.files("lora") == ()
    save(folder / "a.safetensors")
    assert [f.name for f in catalog.files("lora")] == ["a"]
    (folder / "deep" / "er").mkdir(parents=True)
    save(folder / "deep" / "er" / "b.safetensors")
    assert [f.name for f in catalog.files("lora")] == ["a", "deep/er/b"]
    (folder / "a.safetensors").unlink()
    assert [f.name for f in catalog.files("lora")] == ["deep/er/b"]


def test_folders_that_rest_are_not_searched_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(folder / "a.safetensors")
    old = time.time() - 60
    os.utime(folder, (old, old))
    catalog = Catalog([folder], starter=False, look_again=0)
    catalog.files("lora")
    monkeypatch.setattr("redraw.models.catalog.search", lambda places: pytest.fail("searched again"))
    assert len(catalog.files("lora")) == 1


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + b"\7" * 4096])
def test_a_damaged_cache_is_made_anew(folder: Path, tmp_path: Path, content: bytes) -> None:
    save(folder / "a.safetensors")
    cache = tmp_path / "c.sqlite"
    cache.write_bytes(content)
    for _ in range(2):
        assert len(Catalog([folder], starter=False, cache=cache).files("lora")) == 1
    assert len(FactStore(cache).facts()) == 1


def test_a_cache_of_another_version_is_made_anew(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "c.sqlite"
    with sqlite3.connect(cache) as db:
        db.execute("CREATE TABLE facts (something TEXT)")
        db.execute("PRAGMA user_version = 99")
    db.close()
    save(folder / "a.safetensors")
    assert len(Catalog([folder], starter=False, cache=cache).files("lora")) == 1
    assert len(FactStore(cache).facts()) == 1


def test_strange_rows_are_read_anew(folder: Path, tmp_path: Path) -> None:
    save(folder / "a.safetensors")
    cache = tmp_path / "c.sqlite"
    Catalog([folder], starter=False, cache=cache).files("lora")
    store = FactStore(cache)
    ((path, (stamp, _)),) = store.facts().items()
    for text in ("{", "[]", '{"kind": 1}'):
        store.put_facts([Row(path, stamp, text)])
        assert len(Catalog([folder], starter=False, cache=cache).files("lora")) == 1


def test_a_cache_that_cannot_be_written_is_done_without(folder: Path, tmp_path: Path) -> None:
    save(folder / "a.safetensors")
    (tmp_path / "file").write_text("")
    for cache in (tmp_path / "file" / "c.sqlite", tmp_path):
        assert len(Catalog([folder], starter=False, cache=cache).files("lora")) == 1


WRITER = """
import sys
from pathlib import Path
from redraw.models.catalog import Catalog
folder, cache = map(Path, sys.argv[1:])
for _ in range(5):
    catalog = Catalog([folder], starter=False, cache=cache)
    catalog.refresh(anew=True)
    files = catalog.files("lora")
    assert len(files) == 20, len(files)
    for file in files:
        catalog.short_hash(file)
"""


def test_several_processes_share_a_cache(folder: Path, tmp_path: Path) -> None:
    for number in range(20):
        save(folder / f"{number}.safetensors")
    command = [sys.executable, "-c", WRITER, str(folder), str(tmp_path / "c.sqlite")]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for process in running:
        _, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, "")
    store = FactStore(tmp_path / "c.sqlite")
    assert len(store.digests(hashes.TENSORS)) == 20


def test_a_file_that_cannot_be_read_now_is_looked_at_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(folder / "a.safetensors")
    real = Path.open

    def broken(self: Path, *arguments: object, **options: object) -> object:
        if self.name == "a.safetensors":
            raise PermissionError(13, "Permission denied")
        return real(self, *arguments, **options)  # type: ignore[arg-type]

    cache = tmp_path / "c.sqlite"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", broken)
        catalog = Catalog([folder], starter=False, cache=cache)
        assert [o.why for o in catalog.others] == ["a.safetensors cannot be read: Permission denied"]
    assert len(Catalog([folder], starter=False, cache=cache).files("lora")) == 1


def test_a_wrong_hash_reads_only_what_it_must(folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in "abc":
        save(folder / f"{name}.safetensors")
    catalog = Catalog([folder], starter=False, cache=tmp_path / "c.sqlite")
    with pytest.raises(UnknownName):
        catalog.find_file("lora", "b [0123456789]")
    assert set(map(Path, FactStore(tmp_path / "c.sqlite").digests(hashes.FILE))) == {folder / "b.safetensors"}
    with caplog.at_level(logging.INFO, "redraw"), pytest.raises(UnknownName):
        catalog.find_file("lora", "0123456789ab")
    assert "reading c, 2 of 2" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.INFO, "redraw"), pytest.raises(UnknownName):
        catalog.find_file("lora", "0123456789ab")
    assert "reading" not in caplog.text, "all are known by now"


def test_a_look_up_from_the_network_reads_no_more_than_it_may(folder: Path, tmp_path: Path) -> None:
    for name in "abc":
        save(folder / f"{name}.safetensors")
    catalog = Catalog([folder], starter=False, cache=tmp_path / "c.sqlite")
    size = catalog.files("lora")[0].facts.size
    with pytest.raises(UnknownName):
        catalog.find_file("lora", "0123456789ab", paths=False, read_at_most=2 * size)
    assert len(FactStore(tmp_path / "c.sqlite").digests(hashes.FILE)) == 2


def test_hashing_does_not_hold_up_other_look_ups(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(folder / "a.safetensors")
    catalog = Catalog([folder], starter=False, cache=tmp_path / "c.sqlite")
    at_it, go_on = threading.Event(), threading.Event()
    real = hashes.hashlib.file_digest

    def slow(*arguments: object) -> object:
        at_it.set()
        assert go_on.wait(30)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(hashes.hashlib, "file_digest", slow)
    thread = threading.Thread(target=lambda: catalog.sha256(catalog.files("lora")[0]))
    thread.start()
    assert at_it.wait(30)
    assert catalog.find_file("lora", "a").name == "a"
    catalog.refresh()
    assert len(catalog.files("lora")) == 1
    go_on.set()
    thread.join()


def test_of_two_that_want_a_hash_one_reads_the_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(folder / "a.safetensors")
    calls, real = [], hashes.hashlib.file_digest

    def counted(*arguments: object) -> object:
        calls.append(1)
        time.sleep(0.2)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(hashes.hashlib, "file_digest", counted)
    cache = tmp_path / "c.sqlite"
    threads = [threading.Thread(target=hashes.file_sha256, args=(folder / "a.safetensors", cache)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1


def test_metadata_is_kept_whole(folder: Path, tmp_path: Path, opened: list[str]) -> None:
    save(folder / "a.safetensors", ss_network_dim="4", ssmd_x="y")
    for cache in (tmp_path / "c.sqlite", None):
        catalog = Catalog([folder], starter=False, cache=cache)
        assert catalog.metadata(catalog.files("lora")[0]) == {"ss_network_dim": "4", "ssmd_x": "y"}
