"""What hypernetwork files hold, checked: tensors in order, and the facts that no tensor tells.

A1111's `.pt` maps each width to two tables of tensors, for keys and for values, beside `activation_func`,
`activate_output`, `name`, `step` and more. The order and kind of layers follow from the tensors' own numbers and
shapes, so `layer_structure`, `is_layer_norm` and dropout need not be believed. Files from the first weeks say
`linear1` and `linear2` and have no activation. A `.safetensors` file has the same tensors as `768.0.linear.0.weight`
and the facts as texts in its metadata.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import torch

from redraw.errors import ModelError, UnsafeFile
from redraw.models.checkpoint import Checkpoint, open_checkpoint
from redraw.models.pickles import is_torch_file, read_tree
from redraw.models.tensors import TensorSpec

MAX_WIDTH: Final = 16384
MAX_LAYERS: Final = 64
_FLAT: Final = re.compile(r"(\d{1,5})\.([01])\.(.+)")
_NUMBERED: Final = re.compile(r"linear\.(\d{1,4})\.(weight|bias)")
_OLD: Final = {f"linear{i + 1}.{part}": f"linear.{i}.{part}" for i in (0, 1) for part in ("weight", "bias")}
_TRUE: Final = {"true": True, "1": True, "false": False, "0": False}
Table = Mapping[str, TensorSpec]


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer: `weight` `[out, in]` and `bias` `[out]`; weight and bias of a norm behind it; a learned slope."""

    weight: torch.Tensor
    bias: torch.Tensor
    norm: tuple[torch.Tensor, torch.Tensor] | None = None
    slope: torch.Tensor | None = None


Perceptron = tuple[Layer, ...]


@dataclass(frozen=True, eq=False)
class Description:
    """A hypernetwork as its file describes it.

    Attributes:
        pairs: for keys and for values, by width.
        activation: its name in lower case; `linear` for none.
        activate_output: whether it stands behind the last layer too. Files that do not say so are from when it did.
        step, sd_checkpoint, sd_checkpoint_name: about its training, if the file says so.
    """

    pairs: Mapping[int, tuple[Perceptron, Perceptron]]
    activation: str
    activate_output: bool
    step: int | None
    sd_checkpoint: str | None
    sd_checkpoint_name: str | None


def read_description(path: Path) -> Description:
    """Return what a hypernetwork file describes, its tensors in fp32 on the CPU.

    Raises:
        ModelError: it is damaged, or holds no hypernetwork.
        UnsafeFile: it would run code when loaded, or claims more than it has.
    """
    opened = open_checkpoint(path)
    tables, facts = _from_torch(path) if is_torch_file(path) else _from_safetensors(opened)
    if not tables:
        raise ModelError(f"{path.name} is no hypernetwork: it has no networks by width")
    read = _reader(path, tables)
    pairs = {
        width: (
            _perceptron(f"{path.name}, width {width}, keys", width, pair[0], read),
            _perceptron(f"{path.name}, width {width}, values", width, pair[1], read),
        )
        for width, pair in sorted(tables.items())
    }
    function, step = facts.get("activation_func"), facts.get("step")
    return Description(
        pairs,
        function.lower() if isinstance(function, str) and function != "None" else "linear",
        _truth(facts.get("activate_output"), True),
        int(step) if isinstance(step, int | str) and str(step).isdecimal() else None,
        _text(facts.get("sd_checkpoint")),
        _text(facts.get("sd_checkpoint_name")),
    )


Tables = dict[int, tuple[Table, Table]]
Read = Callable[[TensorSpec], torch.Tensor]


def _from_torch(path: Path) -> tuple[Tables, Mapping[Any, Any]]:
    tree = read_tree(path)
    tables: Tables = {}
    for key, value in tree.items() if isinstance(tree, dict) else ():
        if str(key).isdecimal() and isinstance(value, tuple | list) and len(value) == 2:
            first, second = (
                {str(k): t for k, t in side.items() if isinstance(t, TensorSpec)} if isinstance(side, dict) else {}
                for side in value
            )
            tables[_width(path, str(key))] = (first, second)
    return tables, tree if isinstance(tree, dict) else {}


def _from_safetensors(opened: Checkpoint) -> tuple[Tables, Mapping[Any, Any]]:
    sides: dict[int, tuple[dict[str, TensorSpec], dict[str, TensorSpec]]] = {}
    for name, spec in opened.items():
        found = _FLAT.fullmatch(name)
        if found:
            pair = sides.setdefault(_width(opened.path, found[1]), ({}, {}))
            pair[int(found[2])][found[3]] = spec
    return {**sides}, opened.metadata


def _width(path: Path, text: str) -> int:
    width = int(text) if len(text) <= 5 else MAX_WIDTH + 1
    if not 0 < width <= MAX_WIDTH:
        raise ModelError(f"{path.name}: a width of {text[:20]} is not one a model has")
    return width


def _reader(path: Path, tables: Tables) -> Read:
    """Return what reads a tensor, once all of them together are no larger than the file could hold."""
    specs = [spec for pair in tables.values() for table in pair for spec in table.values()]
    size = path.stat().st_size
    if sum(spec.bytes for spec in specs) > 4 * size:  # some may stand for each other, but hardly four times
        raise UnsafeFile(f"{path.name}: its tensors claim more than its {size} bytes")

    def read(spec: TensorSpec) -> torch.Tensor:
        tensor = Checkpoint(path, {"one": spec}).tensor("one")
        if not tensor.is_floating_point():
            raise ModelError(f"{path.name}: its tensors are {str(tensor.dtype).removeprefix('torch.')}, not fractions")
        tensor = tensor.to(torch.float32, copy=True).contiguous()
        if not torch.isfinite(tensor).all():
            raise ModelError(f"{path.name}: its tensors hold NaN or infinity")
        return tensor

    return read


def _perceptron(label: str, width: int, table: Table, read: Read) -> Perceptron:
    """Return the layers in order; raises `ModelError` where they do not lead from `width` back to `width`."""
    rows: dict[int, dict[str, TensorSpec]] = {}
    for name, spec in table.items():
        found = _NUMBERED.fullmatch(_OLD.get(name, name))
        if not found:
            raise ModelError(f"{label}: nobody knows what the tensor {name[:60]!r} is for")
        rows.setdefault(int(found[1]), {})[found[2]] = spec
    layers: list[Layer] = []
    at = width
    for number in sorted(rows):
        shapes = {part: spec.shape for part, spec in rows[number].items()}
        tensors = {part: read(spec) for part, spec in rows[number].items()}
        weight, bias = shapes.get("weight", ()), shapes.get("bias", ())
        if len(weight) == 2 and weight[1] == at and bias == (weight[0],):
            layers.append(Layer(tensors["weight"], tensors["bias"]))
            at = weight[0]
        elif layers and layers[-1].norm is None and weight == bias == (at,):
            layers[-1] = replace(layers[-1], norm=(tensors["weight"], tensors["bias"]))
        elif layers and layers[-1].slope is None and weight in ((1,), (at,)) and "bias" not in shapes:
            layers[-1] = replace(layers[-1], slope=tensors["weight"])
        else:
            said = ", ".join(f"{part} {list(shape)}" for part, shape in shapes.items())
            raise ModelError(f"{label}: layer {number} ({said}) does not fit behind {at} numbers")
    if at != width or not 0 < len(layers) <= MAX_LAYERS:
        raise ModelError(f"{label}: its {len(layers)} layers lead from {width} numbers to {at}")
    return tuple(layers)


def _truth(value: object, default: bool) -> bool:
    if isinstance(value, str):
        return _TRUE.get(value.lower(), default)
    return value if isinstance(value, bool) else default


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
