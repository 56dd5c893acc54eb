"""Weight files, opened lazily: the header is read, the tensors stay on disk until somebody asks for one.

safetensors files and torch's own (.ckpt, .pt, .pth, .bin) look the same from here. Tensors are views of the mapped
file: no copy is made until a network converts them, and writing to one never reaches the disk. Nothing in a file is
executed. This module needs no torch to list names, shapes and metadata.
"""

from __future__ import annotations

import json
import mmap
import struct
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from redraw.errors import ModelError, UnsafeFile
from redraw.models.pickles import read_legacy, read_zip
from redraw.models.tensors import ITEM_SIZE, TORCH_NAME, TensorSpec

if TYPE_CHECKING:
    import torch

MAX_HEADER: Final = 100 * 2**20
MAX_DIMENSIONS: Final = 64
WEIGHT_ENDINGS: Final = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")


class Checkpoint(Mapping[str, TensorSpec]):
    """The tensors of one file by name.

    Attributes:
        path: the file.
        metadata: safetensors' string metadata; empty for torch files.
        skipped: names of things in a torch file that are not tensors and were left alone.
        notes: remarks for the user about how the file is read.
    """

    def __init__(
        self,
        path: Path,
        specs: Mapping[str, TensorSpec],
        metadata: Mapping[str, str] | None = None,
        skipped: tuple[str, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> None:
        self.path, self._specs = path, dict(specs)
        self.metadata: Mapping[str, str] = dict(metadata or {})
        self.skipped, self.notes = skipped, notes
        self._map: mmap.mmap | None = None

    def __getitem__(self, key: str) -> TensorSpec:
        return self._specs[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.path.stat().st_size

    def shape(self, key: str) -> tuple[int, ...]:
        """Return the shape of the tensor `key`."""
        return self._specs[key].shape

    def tensor(self, key: str) -> torch.Tensor:
        """Return the tensor `key` as a view of the mapped file (copy-on-write, CPU)."""
        import torch

        spec = self._specs[key]
        dtype: torch.dtype = getattr(torch, TORCH_NAME[spec.dtype])
        if not spec.items:
            return torch.empty(spec.shape, dtype=dtype)
        if spec.start % dtype.itemsize:  # a header of odd length; such a tensor cannot be used in place
            start, end = spec.start, spec.start + spec.extent * dtype.itemsize
            flat = torch.frombuffer(bytearray(self._mapped()[start:end]), dtype=dtype)
        else:
            flat = torch.frombuffer(self._mapped(), dtype=dtype, count=spec.extent, offset=spec.start)
        return flat.view(spec.shape) if spec.stride is None else flat.as_strided(spec.shape, spec.stride)

    def _mapped(self) -> mmap.mmap:
        if self._map is None:
            with self.path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        return self._map


def open_checkpoint(path: Path) -> Checkpoint:
    """Open a weight file of any supported kind; its content decides which, not its ending.

    Raises:
        ModelError: missing, empty, cut short, damaged, or no weight file at all.
        UnsafeFile: it would run code when loaded, or its parts contradict each other.
    """
    if not path.is_file():
        raise ModelError(f"{path}: {'this is a folder' if path.is_dir() else 'there is no such file'}")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(16)
        if head[:4] == b"PK\x03\x04":
            specs, skipped = read_zip(path)
            return Checkpoint(path, specs, skipped=tuple(skipped))
        if head[8:9] == b"{":
            return _open_safetensors(path, size)
        if head[:1] == b"\x80":
            specs, skipped = read_legacy(path)
            return Checkpoint(path, specs, skipped=tuple(skipped))
    except zipfile.BadZipFile as error:
        raise ModelError(f"{path.name} is damaged or cut short: {error}") from error
    except OSError as error:
        raise ModelError(f"{path.name} cannot be read: {error.strerror or error}") from error
    if size == 0:
        raise ModelError(f"{path.name} is empty")
    kind = "text" if head.strip(b"\r\n\t").isascii() and head.decode("ascii").isprintable() else "something else"
    raise ModelError(f"{path.name} is not a weight file; it looks like {kind}")


def _open_safetensors(path: Path, size: int) -> Checkpoint:
    """Read and check a safetensors header: every byte range is inside the file and as long as its shape says."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > MAX_HEADER:
            raise UnsafeFile(f"{path.name}: its header claims to be {length} bytes long")
        text = file.read(length)
    if len(text) < length:
        raise ModelError(f"{path.name} is cut short inside its header")
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path.name} is damaged: its header cannot be read") from error
    if not isinstance(header, dict):
        raise ModelError(f"{path.name} is damaged: its header is no table")
    metadata = header.pop("__metadata__", None) or {}
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ModelError(f"{path.name} is damaged: its metadata is no table of texts")
    base = 8 + length
    specs = {key: _spec(path, key, entry, base, size) for key, entry in header.items()}
    _separate(path, specs)
    return Checkpoint(path, specs, metadata)


def _spec(path: Path, key: str, entry: Any, base: int, size: int) -> TensorSpec:
    """Return one checked header entry."""
    try:
        dtype, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        numbers = (*shape, begin, end)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path.name} is damaged: the entry {key!r} is incomplete") from error
    if dtype not in ITEM_SIZE:
        raise ModelError(f"{path.name}: {key!r} has the number format {dtype!r}, which is not supported")
    if len(shape) > MAX_DIMENSIONS:
        raise UnsafeFile(f"{path.name}: {key!r} has {len(shape)} dimensions")
    if not all(type(n) is int and n >= 0 for n in numbers):
        raise UnsafeFile(f"{path.name}: {key!r} has a shape or place that is no whole number")
    spec = TensorSpec(dtype, shape, base + begin)
    if end - begin != spec.bytes:
        raise UnsafeFile(f"{path.name}: {key!r} says {end - begin} bytes, but its shape needs {spec.bytes}")
    if base + end > size:
        raise ModelError(f"{path.name} is cut short: {key!r} ends beyond the file's {size} bytes")
    return spec


def _separate(path: Path, specs: Mapping[str, TensorSpec]) -> None:
    """Refuse a file in which two tensors lie over each other: writers never do that, and it would grow when loaded."""
    end, before = 0, ""
    for key, spec in sorted(specs.items(), key=lambda item: item[1].start):
        if spec.bytes and spec.start < end:
            raise UnsafeFile(f"{path.name}: {key!r} and {before!r} lie over each other")
        if spec.start + spec.bytes > end:
            end, before = spec.start + spec.bytes, key


def file_metadata_json(checkpoint: Checkpoint, key: str) -> dict[str, Any]:
    """Return the metadata entry `key` read as a JSON object, `{}` where absent; wrong JSON raises `ModelError`."""
    text = checkpoint.metadata.get(key)
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{checkpoint.path.name}: its metadata {key!r} is no JSON") from error
    if not isinstance(value, dict):
        raise ModelError(f"{checkpoint.path.name}: its metadata {key!r} is no JSON object")
    return value
