"""Hypernetworks: small networks that change what a UNet's attention makes its keys and values of.

Keys are made of c + f(c) * strength instead of c, and values of c + g(c) * strength, where c is what is attended to
(the text, or in self-attention the picture) and f, g are two multi-layer perceptrons chosen by the width of c. Several
hypernetworks work one after the other. That is what A1111 does, which introduced their files.

A layer of f is linear, then the activation, then maybe a layer norm; behind the last one the activation is left out
unless `activate_output` says so. Dropout exists only in training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch
from torch import nn

from redraw.errors import ModelError
from redraw.models.attention import AttentionProcessor
from redraw.models.hashes import file_sha256
from redraw.models.hypernetwork_files import Description, Layer, Perceptron, read_description

if TYPE_CHECKING:
    from redraw.models.model import Model

Pair = tuple[nn.Module, nn.Module]
# The names A1111 writes are those of torch's classes in lower case, and "swish", which stands for Hardswish.
_ACTIVATIONS: Final[Mapping[str, Callable[[], nn.Module]]] = {
    "linear": nn.Identity,
    "swish": nn.Hardswish,
    **{
        kind.__name__.lower(): kind
        for kind in (
            *(nn.ReLU, nn.LeakyReLU, nn.ELU, nn.Hardswish, nn.Tanh, nn.Sigmoid, nn.Softsign, nn.RReLU, nn.Hardtanh),
            *(nn.ReLU6, nn.Hardsigmoid, nn.SiLU, nn.Mish, nn.CELU, nn.SELU, nn.GELU, nn.Hardshrink, nn.LogSigmoid),
            *(nn.Softplus, nn.Softshrink, nn.Tanhshrink),
        )
    },
}
_LEARNED: Final = "prelu"  # its slope is among the tensors


@dataclass(frozen=True, eq=False)
class Hypernetwork:
    """A hypernetwork in memory.

    Attributes:
        name: the file's name without its ending.
        pairs: networks for keys and for values, fp32 on the CPU, by the width they take.
        path: the file.
        step: how long it was trained, if the file says so.
        sd_checkpoint, sd_checkpoint_name: hash and name of the model it was trained on, if the file says so.
    """

    name: str
    pairs: Mapping[int, Pair]
    path: Path | None = None
    step: int | None = None
    sd_checkpoint: str | None = None
    sd_checkpoint_name: str | None = None

    @property
    def widths(self) -> tuple[int, ...]:
        """The widths it has networks for, ascending."""
        return tuple(sorted(self.pairs))

    @cached_property
    def hash10(self) -> str:
        """The first 10 hex digits of the file's SHA-256; empty without a file."""
        return file_sha256(self.path)[:10] if self.path is not None else ""


def load_hypernetwork(path: Path) -> Hypernetwork:
    """Return the hypernetwork in a `.pt` or `.safetensors` file.

    Raises:
        ModelError: there is none in it, it is damaged, or uses an activation that no hypernetwork can.
        UnsafeFile: it would run code when loaded, or claims more than it has.
    """
    found = read_description(path)
    pairs = {
        width: (_network(path.name, found, key), _network(path.name, found, value))
        for width, (key, value) in found.pairs.items()
    }
    return Hypernetwork(path.stem, pairs, path, found.step, found.sd_checkpoint, found.sd_checkpoint_name)


def misfits(model: Model, hypernetwork: Hypernetwork) -> tuple[str, ...]:
    """Return remarks for the user on networks in `hypernetwork` that `model` has no place for; empty where all fit.

    Raises:
        ModelError: none fits, so it was made for another family of models.
    """
    text, picture = _widths(model)
    idle = [w for w in hypernetwork.widths if w not in text | picture]
    label, has = hypernetwork.name, " and ".join(map(str, sorted(text)))
    if len(idle) == len(hypernetwork.widths):
        raise ModelError(
            f"the hypernetwork {label} fits nothing in {model.name}: it is for widths {_listed(hypernetwork.widths)}, "
            f"the model's attention has {_listed(sorted(text | picture))}"
        )
    if not idle:
        return ()
    notes = [f"the hypernetwork {label} has networks for widths {_listed(idle)}, which {model.name} does not have"]
    if not text & set(hypernetwork.widths):
        notes.append(f"it does nothing to the text, which is {has} wide here; it seems made for another family")
    return ("; ".join(notes),)


@contextmanager
def applied(model: Model, uses: Sequence[tuple[Hypernetwork, float]]) -> Iterator[tuple[str, ...]]:
    """While inside, let hypernetworks change the attention of the model's UNet, in order, each with its strength.

    Yields remarks for the user on networks that found no place; see `misfits`. No weight of the model is touched, and
    after it, whatever happened inside, the model is as before.

    Raises:
        ModelError: one of them fits nothing in this model.
    """
    notes = tuple(note for hypernetwork, _ in uses for note in misfits(model, hypernetwork))
    at_work = [(h.pairs, strength) for h, strength in uses if strength]
    processors = {id(p): p for p in model.unet.attn_processors.values()}.values()
    if not all(isinstance(p, AttentionProcessor) for p in processors):
        raise ModelError(f"the attention of {model.name} is of a kind that hypernetworks cannot change")
    before = [(p, p.sources) for p in processors]
    try:
        if at_work:
            chain = _Chain(at_work)
            for processor, _ in before:
                processor.sources = chain
        yield notes
    finally:
        for processor, sources in before:
            processor.sources = sources


class _Chain:
    """Several hypernetworks after each other, as `AttentionProcessor.sources`; they compute in fp32."""

    def __init__(self, uses: Sequence[tuple[Mapping[int, Pair], float]]) -> None:
        self.uses = uses
        self.widths = {width for pairs, _ in uses for width in pairs}
        self.placed: dict[tuple[torch.device, int], list[tuple[Pair, float]]] = {}
        self.text: torch.Tensor | None = None  # every layer of one call attends to the same text
        self.made: tuple[torch.Tensor, torch.Tensor] | None = None

    def __call__(self, context: torch.Tensor, is_text: bool) -> tuple[torch.Tensor, torch.Tensor]:
        if context.shape[-1] not in self.widths:
            return context, context
        if is_text and self.made is not None and context is self.text:
            return self.made
        keys = values = context.float()
        for (key, value), strength in self._here(context):
            keys, values = keys + key(keys) * strength, values + value(values) * strength
        made = keys.to(context.dtype), values.to(context.dtype)
        if is_text:
            self.text, self.made = context, made
        return made

    def _here(self, context: torch.Tensor) -> list[tuple[Pair, float]]:
        """Return the networks for this width on this device."""
        place, width = context.device, context.shape[-1]
        if (place, width) not in self.placed:
            self.placed[place, width] = [
                ((_moved(pairs[width][0], place), _moved(pairs[width][1], place)), strength)
                for pairs, strength in self.uses
                if width in pairs
            ]
        return self.placed[place, width]


def _moved(network: nn.Module, place: torch.device) -> nn.Module:
    """Return the network, or a copy of it, on a device."""
    if next(network.parameters()).device == place:
        return network
    return deepcopy(network).to(place)


def _network(label: str, found: Description, perceptron: Perceptron) -> nn.Sequential:
    """Return the network that some tensors and the file's facts describe."""
    steps: list[nn.Module] = []
    for i, layer in enumerate(perceptron):
        steps.append(_linear(layer))
        if i + 1 < len(perceptron) or found.activate_output:
            steps.append(_activation(label, found.activation, layer))
        if layer.norm is not None:
            steps.append(_norm(*layer.norm))
    return nn.Sequential(*steps).requires_grad_(False).eval()


def _linear(layer: Layer) -> nn.Linear:
    with torch.device("meta"):
        linear = nn.Linear(layer.weight.shape[1], layer.weight.shape[0])
    linear.weight, linear.bias = nn.Parameter(layer.weight, False), nn.Parameter(layer.bias, False)
    return linear


def _norm(weight: torch.Tensor, bias: torch.Tensor) -> nn.LayerNorm:
    with torch.device("meta"):
        norm = nn.LayerNorm(len(weight))
    norm.weight, norm.bias = nn.Parameter(weight, False), nn.Parameter(bias, False)
    return norm


def _activation(label: str, name: str, layer: Layer) -> nn.Module:
    if name == _LEARNED and layer.slope is not None:
        learned = nn.PReLU(len(layer.slope))
        learned.weight = nn.Parameter(layer.slope, False)
        return learned
    if name not in _ACTIVATIONS:
        known = ", ".join(sorted({*_ACTIVATIONS, _LEARNED}))
        raise ModelError(f"{label}: the activation {name[:40]!r} is not one hypernetworks can use; these are: {known}")
    return _ACTIVATIONS[name]()


def _widths(model: Model) -> tuple[set[int], set[int]]:
    """Return the widths of what the UNet's cross-attention and its self-attention attend to."""
    text: set[int] = set()
    picture: set[int] = set()
    for name, module in model.unet.named_modules():
        if isinstance(getattr(module, "to_k", None), nn.Linear):
            (text if name.endswith("attn2") else picture).add(module.to_k.in_features)
    return text, picture


def _listed(widths: Sequence[int]) -> str:
    return ", ".join(map(str, widths))
