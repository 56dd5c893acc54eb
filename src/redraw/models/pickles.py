"""Reading PyTorch's pickled weight files without running anything in them.

A pickle is a program. `pickle_machine` finds what it describes without importing or calling anything; what names
code raises `UnsafeFile`. `read_zip` and `read_legacy` return tensors by name; `read_tree` keeps the nesting and the
plain values between them, which embeddings and hypernetworks need.

Two layouts exist: a zip archive with `data.pkl` and one uncompressed member for each storage (torch 1.6 and later),
and the older file of five pickles followed by the raw storages.
"""

from __future__ import annotations

import io
import math
import mmap
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from redraw.errors import ModelError, UnsafeFile
from redraw.models.pickle_machine import PLAIN, Machine, Skipped, Storage, View
from redraw.models.tensors import ITEM_SIZE, TensorSpec

LEGACY_MAGIC: Final = 0x1950A86A20F9469CFC6C
MAX_PICKLE: Final = 256 * 2**20
MAX_ENTRIES: Final = 1_000_000  # a small pickle can name the same table again and again, each in the other
MAX_DEPTH: Final = 8
# Tensors may share a storage, but not so that a small file becomes a large model.
_REPEATED: Final = 16 * 2**20
_SHARED: Final = 4

Locate = Callable[[Storage], int]


def read_zip(path: Path) -> tuple[dict[str, TensorSpec], list[str]]:
    """Return every tensor of a torch zip file, and the names of what was skipped.

    Raises:
        UnsafeFile: it names code, or an entry is compressed (torch never compresses; a bomb would).
        ModelError: it is damaged or no torch file.
    """
    return _bounded(path, *_collect(path.name, *_open_zip(path)))


def read_legacy(path: Path) -> tuple[dict[str, TensorSpec], list[str]]:
    """Return every tensor of a torch file from before 1.6, and the names of what was skipped."""
    return _bounded(path, *_collect(path.name, *_open_legacy(path)))


def is_torch_file(path: Path) -> bool:
    """Return whether a weight file is one of torch's, by its first bytes; else it is safetensors or none at all."""
    with path.open("rb") as file:
        head = file.read(16)
    return head[:4] == b"PK\x03\x04" or (head[:1] == b"\x80" and head[8:9] != b"{")


def read_tree(path: Path) -> Any:
    """Return what a torch file of either kind describes, as it is nested.

    That is: dictionaries, lists and tuples of numbers, texts, None, a `TensorSpec` for each tensor, and `Skipped` for
    what was not built. At most eight levels are followed.

    Raises:
        UnsafeFile: it names code, is compressed, or has more entries than any weight file.
        ModelError: it is damaged or no torch file.
    """
    try:
        with path.open("rb") as file:
            zipped = file.read(4) == b"PK\x03\x04"
        content, locate = _open_zip(path) if zipped else _open_legacy(path)
        return _Tree(path.name, _located(path.name, locate)).grown(content)
    except zipfile.BadZipFile as error:
        raise ModelError(f"{path.name} is damaged or cut short: {error}") from error
    except (OSError, ValueError) as error:  # mmap calls an empty file a wrong value
        raise ModelError(f"{path.name} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _open_zip(path: Path) -> tuple[Any, Locate]:
    """Return what the zip's table of contents describes, and how to find a storage in the file."""
    try:
        return _zip_content(path)
    except (EOFError, UnicodeDecodeError, NotImplementedError, struct.error) as error:  # zipfile's, beside BadZipFile
        raise ModelError(f"{path.name} is damaged or cut short: {str(error) or 'an entry ends too early'}") from error


def _zip_content(path: Path) -> tuple[Any, Locate]:
    with zipfile.ZipFile(path) as archive:
        members = {m.filename: m for m in archive.infolist()}
        pickles = [n for n in members if n.endswith("data.pkl") and n.count("/") <= 1]
        if len(pickles) != 1:
            raise ModelError(f"{path.name} is a zip archive, but not one that torch wrote")
        for member in members.values():
            if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 0x1:
                raise UnsafeFile(f"{path.name}: the entry {member.filename!r} is compressed, which torch never does")
        root = pickles[0].removesuffix("data.pkl")
        if members[pickles[0]].file_size > MAX_PICKLE:
            raise UnsafeFile(f"{path.name}: its table of contents is {members[pickles[0]].file_size} bytes long")
        order = members.get(root + "byteorder")
        if order is not None and order.file_size < 16 and archive.read(order).strip() == b"big":
            raise ModelError(f"{path.name} was written on a big-endian machine, which is not supported")
        content = Machine(path.name, io.BytesIO(archive.read(pickles[0]))).run()
    size = path.stat().st_size

    def locate(storage: Storage) -> int:
        member = members.get(f"{root}data/{storage.key}")
        if member is None:
            raise ModelError(f"{path.name} is damaged: the storage {storage.key!r} is missing")
        with path.open("rb") as file:
            file.seek(member.header_offset)
            local = file.read(30)
        if len(local) < 30 or local[:4] != b"PK\x03\x04":
            raise ModelError(f"{path.name} is damaged: the entry {member.filename!r} has no header")
        start = member.header_offset + 30 + sum(struct.unpack("<HH", local[26:30]))
        if storage.items * ITEM_SIZE[storage.dtype] > member.file_size or start + member.file_size > size:
            raise UnsafeFile(f"{path.name}: the storage {storage.key!r} claims more bytes than it has")
        return int(start)

    return content, locate


def _open_legacy(path: Path) -> tuple[Any, Locate]:
    """Return what the third pickle describes, and how to find a storage in the file."""
    name, size = path.name, path.stat().st_size
    starts: dict[str, int] = {}
    # A mapped file, because reading from one never sets memory aside for what a length field merely claims.
    with path.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as file:
        magic = Machine(name, file).run()
        if magic != LEGACY_MAGIC:
            raise ModelError(f"{name} is a pickle, but not one that torch wrote")
        machine = Machine(name, file)
        for _ in range(2):  # protocol version, then facts about the writing machine
            Machine(name, file).run()
        content = machine.run()
        keys = Machine(name, file).run()
        if not isinstance(keys, list):
            raise ModelError(f"{name} is damaged: it has no list of storages")
        for key in keys:
            storage = machine.storages.get(str(key)) if isinstance(key, str | int) else None
            head = file.read(8)
            if storage is None or len(head) < 8:
                raise ModelError(f"{name} is damaged or cut short: a storage is missing")
            (items,) = struct.unpack("<q", head)
            end = file.tell() + max(items, 0) * ITEM_SIZE[storage.dtype]
            if items < storage.items or end > size:
                raise UnsafeFile(f"{name}: the storage {key!r} claims more bytes than it has")
            starts[str(key)] = file.tell()
            file.seek(min(end, size))

    def locate(storage: Storage) -> int:
        if storage.key not in starts:
            raise ModelError(f"{name} is damaged: the storage {storage.key!r} is missing")
        return starts[storage.key]

    return content, locate


def _located(name: str, locate: Locate) -> Callable[[str, View], TensorSpec]:
    """Return what turns a view, called `key` in messages, into its place in the file."""
    starts: dict[str, int] = {}

    def spec(key: str, view: View) -> TensorSpec:
        storage = view.storage
        if storage.key not in starts:
            starts[storage.key] = locate(storage)
        last = view.offset + sum((n - 1) * s for n, s in zip(view.shape, view.stride, strict=True))
        if all(view.shape) and last >= storage.items:
            raise UnsafeFile(f"{name}: the tensor {key!r} reaches beyond its storage")
        claimed = math.prod(view.shape)
        if claimed > storage.items and claimed * ITEM_SIZE[storage.dtype] > _REPEATED:
            raise UnsafeFile(f"{name}: the tensor {key!r} repeats {storage.items} numbers until they are {claimed}")
        start = starts[storage.key] + view.offset * ITEM_SIZE[storage.dtype]
        return TensorSpec(storage.dtype, view.shape, start, view.stride)

    return spec


def _bounded(path: Path, found: dict[str, TensorSpec], skipped: list[str]) -> tuple[dict[str, TensorSpec], list[str]]:
    """Return what was found, unless all tensors together are far larger than the file they lie in."""
    total = sum(spec.bytes for spec in found.values())
    if total > _SHARED * path.stat().st_size + _REPEATED:
        raise UnsafeFile(f"{path.name}: its tensors claim {total} bytes, many times the size of the file")
    return found, skipped


class _Tree:
    """Copies what a pickle describes, with every tensor located."""

    def __init__(self, name: str, spec: Callable[[str, View], TensorSpec]) -> None:
        self.name, self.spec, self.entries = name, spec, 0

    def grown(self, value: object, key: str = "", depth: int = 0) -> Any:
        self.entries += 1
        if self.entries > MAX_ENTRIES:
            raise UnsafeFile(f"{self.name} has more than {MAX_ENTRIES} entries")
        if isinstance(value, View):
            return self.spec(key, value)
        if isinstance(value, PLAIN):
            return value
        if depth >= MAX_DEPTH or not isinstance(value, dict | list | tuple):
            return value if isinstance(value, Skipped) else Skipped(type(value).__name__)
        if isinstance(value, dict):
            return {k: self.grown(v, str(k), depth + 1) for k, v in value.items()}
        return type(value)(self.grown(v, key, depth + 1) for v in value)


def _collect(name: str, content: object, locate: Locate) -> tuple[dict[str, TensorSpec], list[str]]:
    """Flatten nested dictionaries of views into located tensors; a trainer's `state_dict` stands for the whole."""
    skipped: list[str] = []
    for _ in range(MAX_DEPTH):
        if not isinstance(content, dict) or not isinstance(content.get("state_dict"), dict):
            break
        skipped += [str(k) for k in content if k != "state_dict"]
        content = content["state_dict"]
    if isinstance(content, View):
        content = {"tensor": content}
    if not isinstance(content, dict):
        raise ModelError(f"{name} holds no dictionary of tensors")
    found: dict[str, TensorSpec] = {}
    spec = _located(name, locate)
    work: list[tuple[str, object, int]] = [(str(k), v, 0) for k, v in content.items()]
    for key, value, depth in work:  # which grows meanwhile
        if isinstance(value, dict) and depth < 4:
            if len(work) + len(value) > MAX_ENTRIES:
                raise UnsafeFile(f"{name} has more than {MAX_ENTRIES} entries")
            work += [(f"{key}.{k}", v, depth + 1) for k, v in value.items()]
        elif isinstance(value, View):
            found[key] = spec(key, value)
        else:
            skipped.append(key)
    return found, skipped
