"""Hashes are computed once and again only when a file changes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from redraw.errors import ModelError
from redraw.models.hashes import file_sha256, known_sha256, model_sha256, old_hash


def test_a_hash_is_kept_until_the_file_changes(tmp_path: Path) -> None:
    path, cache = tmp_path / "m.safetensors", tmp_path / "cache.sqlite"
    path.write_bytes(b"one")
    first = file_sha256(path, cache)
    assert first == hashlib.sha256(b"one").hexdigest() == file_sha256(path)
    stat = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert file_sha256(path, cache) == first, "same size and time: not read again"
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert file_sha256(path, cache) == hashlib.sha256(b"two").hexdigest()


def test_a_broken_or_unwritable_cache_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(b"one")
    cache = tmp_path / "cache.sqlite"
    cache.write_text("{broken")
    assert file_sha256(path, cache) == file_sha256(path, path / "no folder") == file_sha256(path, tmp_path)
    assert known_sha256(path, cache) == file_sha256(path), "it was made anew"


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        file_sha256(tmp_path / "gone")


def test_a_folder_is_hashed_by_its_weights(tmp_path: Path) -> None:
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "a.safetensors").write_bytes(b"one")
    before = model_sha256(tmp_path)
    (tmp_path / "unet" / "config.json").write_text("{}")
    assert model_sha256(tmp_path) == before
    (tmp_path / "unet" / "a.safetensors").write_bytes(b"two")
    assert model_sha256(tmp_path) != before


def test_the_old_hash_looks_at_the_second_mebibyte(tmp_path: Path) -> None:
    data = bytes(0x100000) + b"x" * 0x20000
    (tmp_path / "m").write_bytes(data)
    assert old_hash(tmp_path / "m") == hashlib.sha256(b"x" * 0x10000).hexdigest()[:8]
