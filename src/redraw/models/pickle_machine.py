"""What a pickle describes, found without running it: an interpreter for the harmless part of Python's pickles.

A pickle is a program. `Machine` takes it apart with `pickletools.genops`, which only parses, and interprets the few
instructions that build dictionaries, lists and tensor descriptions. Nothing is imported and nothing is called: the
name of a class or function is only ever compared with a short list. A name outside that list raises `UnsafeFile`.
"""

from __future__ import annotations

import mmap
import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any, Final, cast

from redraw.errors import ModelError, UnsafeFile
from redraw.models.tensors import DTYPE_NAMES, ITEM_SIZE

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
_BYTES: Final = "U8"
# What `read_tree` hands out as it is.
PLAIN: Final = (str, int, float, bool, type(None))
_REBUILD_UNTYPED: Final = "torch._utils _rebuild_tensor_v3"  # whose storage counts bytes
_REBUILD: Final = {"torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_tensor", _REBUILD_UNTYPED}
_MAX_DIMENSIONS: Final = 64
_PARAMETER: Final = {
    "torch._utils _rebuild_parameter",
    "torch._utils _rebuild_parameter_with_state",
    "torch.nn.parameter Parameter",
}
_PARAMETER_DICT: Final = "torch.nn.modules.container ParameterDict"
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
class Storage:
    """A run of numbers in the file: their format, the name they are stored under, how many there are."""

    dtype: str
    key: str
    items: int


@dataclass(frozen=True)
class View:
    """A tensor as a view of a storage that has not been located in the file yet."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


class _Parameters(dict[Any, Any]):
    """A `ParameterDict` of torch: a module whose state holds the tensors."""


_MARK: Final = object()


class Machine:
    """Interprets one pickle from where `file` stands; `run` leaves it behind the pickle's end."""

    def __init__(self, name: str, file: IO[bytes] | mmap.mmap) -> None:
        self.name, self.file = name, file
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.storages: dict[str, Storage] = {}

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
                if not isinstance(attribute, str) or not isinstance(module, str):
                    raise ValueError("a name is no text")
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
            state = stack.pop()
            if isinstance(stack[-1], _Parameters) and isinstance(state, dict):
                inside = state.get("_parameters")
                stack[-1].update(inside if isinstance(inside, dict) else {})
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
        known = name in _REBUILD | _PARAMETER | _DICTS | _HARMLESS or name == _PARAMETER_DICT
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
            if not isinstance(storage, Storage) or not whole or not len(shape) == len(stride) <= _MAX_DIMENSIONS:
                raise ValueError("a tensor is described wrongly")
            if name == _REBUILD_UNTYPED:
                storage = _typed(storage, arguments[6])
            return View(storage, offset, tuple(shape), tuple(stride))
        if name in _PARAMETER:
            return arguments[0]
        made = arguments[0] if name == "copyreg _reconstructor" and arguments else function
        if made == _Global(_PARAMETER_DICT):
            return _Parameters()
        if name in _DICTS:
            given = arguments[0] if arguments and isinstance(arguments[0], list | dict) else []
            return (
                dict(given)
                if isinstance(given, dict)
                else _pairs([side for key, value in given for side in (key, value)])
            )
        return Skipped(name.replace(" ", "."))

    def _persistent(self, reference: Any) -> Storage | _Global:
        if reference[0] == "module" and isinstance(reference[1], _Global):
            return reference[1]  # old files put a module's source code beside its name
        _, kind, key, _, items = reference[:5]
        dtype = _STORAGE_DTYPES.get(kind.name.partition(" ")[2]) if isinstance(kind, _Global) else None
        dtype = _BYTES if kind == _Global("torch.storage UntypedStorage") else dtype
        if dtype is None or not isinstance(key, str | int) or type(items) is not int or not 0 <= items < 2**48:
            raise ValueError("a storage is described wrongly")
        return self.storages.setdefault(str(key), Storage(dtype, str(key), items))


def _typed(storage: Storage, dtype: object) -> Storage:
    """Return a storage that was counted in bytes as one of numbers."""
    name = dtype.name.partition(" ")[2] if isinstance(dtype, _Global) else ""
    if storage.dtype != _BYTES or name not in DTYPE_NAMES:
        raise ValueError("a tensor is described wrongly")
    return Storage(DTYPE_NAMES[name], storage.key, storage.items // ITEM_SIZE[DTYPE_NAMES[name]])


def _pairs(items: list[Any]) -> dict[Any, Any]:
    """Return alternating keys and values as a dictionary.

    A key that is no plain value becomes a mark: to hash tuples within tuples could take longer than anybody waits.
    """
    for key in items[::2]:
        if isinstance(key, list | dict):
            raise ValueError("a table has a key that no table can have")
    keys = [k if isinstance(k, (*PLAIN, bytes)) and not _endless(k) else Skipped(type(k).__name__) for k in items[::2]]
    return dict(zip(keys, items[1::2], strict=True))


def _endless(key: object) -> bool:
    """Return whether a key is a number that would take ages to write down, which Python refuses."""
    return isinstance(key, int) and key.bit_length() > 4096


_RENAMED: Final = {"__builtin__": "builtins", "copy_reg": "copyreg", "_io": "io"}  # Python 2's names for the same
_TORCH_DTYPES: Final = {*DTYPE_NAMES}
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
