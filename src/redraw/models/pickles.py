"""Reading PyTorch's pickled weight files without running anything in them.

A pickle is a program. This reader takes it apart with `pickletools.genops`, which only parses, and interprets the
few instructions that build dictionaries, lists and tensor descriptions. Nothing is imported and nothing is called:
the name of a class or function is only ever compared with a short list. A name outside that list raises
`UnsafeFile`.

Two layouts exist: a zip archive with `data.pkl` and one uncompressed member for each storage (torch 1.6 and later),
and the older file of five pickles followed by the raw storages.
"""

from __future__ import annotations

import io
import mmap
import pickletools
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, cast

from redraw.errors import ModelError, UnsafeFile
from redraw.models.tensors import ITEM_SIZE, TensorSpec

LEGACY_MAGIC: Final = 0x1950A86A20F9469CFC6C
MAX_PICKLE: Final = 256 * 2**20

_STORAGE_DTYPES: Final[Mapping[str, str]] = {
    "DoubleStorage": "F64",
    "FloatStorage": "F32",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
}
_REBUILD: Final = {"torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_tensor"}
_PARAMETER: Final = {"torch._utils _rebuild_parameter", "torch.nn.parameter Parameter"}
_DICTS: Final = {"collections OrderedDict", "collections defaultdict", "builtins dict"}
# Things trainers leave beside the weights. They become an inert mark and are reported as skipped.
_HARMLESS: Final = {
    "_codecs encode",
    "torch Size",
    "torch device",
    "torch Tensor",
    "collections Counter",
    "builtins set",
    "builtins frozenset",
    "builtins list",
    "builtins tuple",
    "builtins int",
    "builtins float",
    "builtins complex",
    "builtins bytearray",
    "builtins long",
    "builtins object",
    "copyreg _reconstructor",
    "pathlib PosixPath",
    "pathlib WindowsPath",
    "typing Any",
}
_HARMLESS_ROOTS: Final = {"numpy", "pytorch_lightning", "lightning", "lightning_fabric", "omegaconf", "argparse"}


@dataclass(frozen=True)
class Skipped:
    """Stands for something that is neither a container nor a tensor and was not built."""

    what: str


@dataclass(frozen=True)
class _Global:
    """A class or function by name; never imported."""

    name: str


@dataclass(frozen=True)
class _Storage:
    dtype: str
    key: str
    items: int


@dataclass(frozen=True)
class _View:
    """A tensor as a view of a storage that has not been located in the file yet."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


_MARK: Final = object()


def read_zip(path: Path) -> tuple[dict[str, TensorSpec], list[str]]:
    """Return every tensor of a torch zip file, and the names of what was skipped.

    Raises:
        UnsafeFile: it names code, or an entry is compressed (torch never compresses; a bomb would).
        ModelError: it is damaged or no torch file.
    """
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
        content = _Machine(path.name, io.BytesIO(archive.read(pickles[0]))).run()
    size = path.stat().st_size

    def locate(storage: _Storage) -> int:
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

    return _collect(path.name, content, locate)


def read_legacy(path: Path) -> tuple[dict[str, TensorSpec], list[str]]:
    """Return every tensor of a torch file from before 1.6, and the names of what was skipped."""
    name, size = path.name, path.stat().st_size
    starts: dict[str, int] = {}
    # A mapped file, because reading from one never sets memory aside for what a length field merely claims.
    with path.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as file:
        magic = _Machine(name, file).run()
        if magic != LEGACY_MAGIC:
            raise ModelError(f"{name} is a pickle, but not one that torch wrote")
        machine = _Machine(name, file)
        for _ in range(2):  # protocol version, then facts about the writing machine
            _Machine(name, file).run()
        content = machine.run()
        keys = _Machine(name, file).run()
        if not isinstance(keys, list):
            raise ModelError(f"{name} is damaged: it has no list of storages")
        for key in keys:
            storage = machine.storages.get(str(key))
            head = file.read(8)
            if storage is None or len(head) < 8:
                raise ModelError(f"{name} is damaged or cut short: the storage {key!r} is missing")
            (items,) = struct.unpack("<q", head)
            end = file.tell() + max(items, 0) * ITEM_SIZE[storage.dtype]
            if items < storage.items or end > size:
                raise UnsafeFile(f"{name}: the storage {key!r} claims more bytes than it has")
            starts[str(key)] = file.tell()
            file.seek(min(end, size))

    def locate(storage: _Storage) -> int:
        if storage.key not in starts:
            raise ModelError(f"{name} is damaged: the storage {storage.key!r} is missing")
        return starts[storage.key]

    return _collect(name, content, locate)


def _collect(name: str, content: object, locate: Callable[[_Storage], int]) -> tuple[dict[str, TensorSpec], list[str]]:
    """Flatten nested dictionaries of views into located tensors; a trainer's `state_dict` stands for the whole."""
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        others = [str(k) for k in content if k != "state_dict"]
        found, skipped = _collect(name, content["state_dict"], locate)
        return found, others + skipped
    if isinstance(content, _View):
        content = {"tensor": content}
    if not isinstance(content, dict):
        raise ModelError(f"{name} holds no dictionary of tensors")
    found, skipped = {}, []
    starts: dict[str, int] = {}
    work: list[tuple[str, object, int]] = [(str(k), v, 0) for k, v in content.items()]
    while work:
        key, value, depth = work.pop(0)
        if isinstance(value, dict) and depth < 4:
            work += [(f"{key}.{k}", v, depth + 1) for k, v in value.items()]
        elif isinstance(value, _View):
            storage = value.storage
            if storage.key not in starts:
                starts[storage.key] = locate(storage)
            last = value.offset + sum((n - 1) * s for n, s in zip(value.shape, value.stride, strict=True))
            if all(value.shape) and last >= storage.items:
                raise UnsafeFile(f"{name}: the tensor {key!r} reaches beyond its storage")
            start = starts[storage.key] + value.offset * ITEM_SIZE[storage.dtype]
            found[key] = TensorSpec(storage.dtype, value.shape, start, value.stride)
        else:
            skipped.append(key)
    return found, skipped


class _Machine:
    """Interprets one pickle from where `file` stands; `run` leaves it behind the pickle's end."""

    def __init__(self, name: str, file: IO[bytes] | mmap.mmap) -> None:
        self.name, self.file = name, file
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.storages: dict[str, _Storage] = {}

    def run(self) -> Any:
        """Return what the pickle describes."""
        try:
            for opcode, argument, _ in pickletools.genops(cast(IO[bytes], self.file)):
                if opcode.name == "STOP":
                    return self.stack.pop()
                self._step(opcode.name, argument)
        except (ValueError, IndexError, TypeError, KeyError, AttributeError, UnicodeError, OverflowError) as error:
            raise ModelError(f"{self.name} is damaged or cut short: {error}") from error
        raise ModelError(f"{self.name} is cut short")

    def _step(self, code: str, argument: Any) -> None:
        stack = self.stack
        if code in _PUSH:
            stack.append(_PUSH[code](argument))
        elif code in _LITERALS:
            stack.append(argument)
        elif code in ("PROTO", "FRAME"):
            return
        elif code in ("PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[argument] = stack[-1]
        elif code == "MEMOIZE":
            self.memo[len(self.memo)] = stack[-1]
        elif code in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(self.memo[argument])
        elif code in ("POP", "POP_MARK"):
            stack.pop() if code == "POP" else self._items()
        elif code == "DUP":
            stack.append(stack[-1])
        elif code in ("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"):
            count = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}.get(code)
            stack.append(tuple(self._items() if count is None else [stack.pop() for _ in range(count)][::-1]))
        elif code in ("APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS"):
            self._fill(code)
        elif code in ("LIST", "DICT", "FROZENSET"):
            items = self._items()
            stack.append(items if code == "LIST" else _pairs(items) if code == "DICT" else Skipped("frozenset"))
        else:
            self._construct(code, argument)

    def _fill(self, code: str) -> None:
        """Put what is on top of the stack into the container below it."""
        count = {"APPEND": 1, "SETITEM": 2}.get(code)
        items = self._items() if count is None else [self.stack.pop() for _ in range(count)][::-1]
        target = self.stack[-1]
        if isinstance(target, list) and code.startswith("APPEND"):
            target.extend(items)
        elif isinstance(target, dict) and code.startswith("SETITEM"):
            target.update(_pairs(items))
        elif not isinstance(target, Skipped):
            raise ValueError("an item is put into something that holds none")

    def _construct(self, code: str, argument: Any) -> None:
        """Names, calls and object states: where a pickle would run code."""
        stack = self.stack
        if code in ("GLOBAL", "STACK_GLOBAL"):
            if code == "STACK_GLOBAL":
                attribute, module = stack.pop(), stack.pop()
                argument = f"{module} {attribute}"
            stack.append(self._named(argument))
        elif code in ("REDUCE", "NEWOBJ", "NEWOBJ_EX"):
            if code == "NEWOBJ_EX":
                stack.pop()
            arguments, function = stack.pop(), stack.pop()
            stack.append(self._built(function, arguments))
        elif code in ("INST", "OBJ"):
            arguments = self._items()
            function = self._named(argument) if code == "INST" else arguments.pop(0)
            stack.append(self._built(function, tuple(arguments)))
        elif code == "BUILD":
            stack.pop()
        elif code == "BINPERSID":
            stack.append(self._persistent(stack.pop()))
        else:
            raise UnsafeFile(f"{self.name} would run code when loaded: it uses the pickle instruction {code}")

    def _items(self) -> list[Any]:
        """Take everything above the topmost mark off the stack, and the mark."""
        at = len(self.stack) - 1
        while self.stack[at] is not _MARK:
            at -= 1
            if at < 0:
                raise ValueError("a mark is missing")
        items = self.stack[at + 1 :]
        del self.stack[at:]
        return items

    def _named(self, name: str) -> _Global:
        module, _, attribute = name.partition(" ")
        module = _RENAMED.get(module, module)
        name = f"{module} {attribute}"
        known = name in _REBUILD or name in _PARAMETER or name in _DICTS or name in _HARMLESS
        storage = module in ("torch", "torch.storage") and attribute in {*_STORAGE_DTYPES, "UntypedStorage"}
        dtype = module == "torch" and attribute in _TORCH_DTYPES
        if known or storage or dtype or module.split(".")[0] in _HARMLESS_ROOTS:
            return _Global(name)
        raise UnsafeFile(f"{self.name} would run code when loaded: it names {module}.{attribute}")

    def _built(self, function: object, arguments: Any) -> Any:
        name = function.name if isinstance(function, _Global) else ""
        if name in _REBUILD:
            storage, offset, shape, stride = arguments[:4]
            numbers = (offset, *shape, *stride)
            whole = all(type(n) is int and 0 <= n < 2**48 for n in numbers)
            if not isinstance(storage, _Storage) or not whole or len(shape) != len(stride):
                raise ValueError("a tensor is described wrongly")
            return _View(storage, offset, tuple(shape), tuple(stride))
        if name in _PARAMETER:
            return arguments[0]
        if name in _DICTS:
            given = arguments[0] if arguments and isinstance(arguments[0], list | dict) else []
            return dict(given)
        return Skipped(name.replace(" ", "."))

    def _persistent(self, reference: Any) -> _Storage:
        _, kind, key, _, items = reference[:5]
        dtype = _STORAGE_DTYPES.get(kind.name.partition(" ")[2]) if isinstance(kind, _Global) else None
        if dtype is None or type(items) is not int or not 0 <= items < 2**48:
            raise ValueError("a storage is described wrongly")
        return self.storages.setdefault(str(key), _Storage(dtype, str(key), items))


def _pairs(items: list[Any]) -> dict[Any, Any]:
    """Return alternating keys and values as a dictionary."""
    return dict(zip(items[::2], items[1::2], strict=True))


_RENAMED: Final = {"__builtin__": "builtins", "copy_reg": "copyreg", "_io": "io"}  # Python 2's names for the same
_TORCH_DTYPES: Final = {"float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"}
_PUSH: Final[Mapping[str, Callable[[Any], Any]]] = {
    "MARK": lambda _: _MARK,
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "EMPTY_DICT": lambda _: {},
    "EMPTY_LIST": lambda _: [],
    "EMPTY_TUPLE": lambda _: (),
    "EMPTY_SET": lambda _: Skipped("set"),
}
_LITERALS: Final = {
    *("INT", "LONG", "LONG1", "LONG4", "BININT", "BININT1", "BININT2", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
