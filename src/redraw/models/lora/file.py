"""A network file: what it changes, what it is called, and which family it was made for; tensors stay on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from redraw.errors import ModelError
from redraw.models.checkpoint import Checkpoint, open_checkpoint
from redraw.models.detect import kind_of
from redraw.models.hashes import tensors_sha256
from redraw.models.lora.alphas import Alphas
from redraw.models.lora.formulas import Kind, kind_of_parts
from redraw.models.lora.keys import BUNDLE, grouped
from redraw.models.lora.origin import proven_family, said_family

if TYPE_CHECKING:
    from redraw.models.embedding_files import Embedding


@dataclass(frozen=True, eq=False)
class Layer:
    """The change of one module.

    Attributes:
        module: its name as the file spells it.
        kind: which formula makes it.
        keys: the file's keys by part.
    """

    module: str
    kind: Kind
    keys: Mapping[str, str]

    @property
    def key(self) -> str:
        """The key that errors name: the first of the parts that make the change."""
        return next(k for p, k in self.keys.items() if p != "alpha")


class LoraFile:
    """An opened network file.

    Attributes:
        path: the file.
        name: its name without the ending, as prompts name it.
        alias: the name its trainer gave it (`ss_output_name`), else `name`.
        metadata: what its trainer wrote down.
        layers: every module it changes.
        foreign: keys that belong to no change, with the module each speaks of.
        stamp: what tells this version of the file from others.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self.path = checkpoint.path
        self.name = self.path.stem
        self.metadata = checkpoint.metadata
        self.alias = self.metadata.get("ss_output_name") or self.name
        stat = self.path.stat()
        self.stamp = (str(self.path.resolve()), stat.st_size, stat.st_mtime_ns)
        bundled = tuple(k for k in checkpoint if k.startswith(f"{BUNDLE}."))
        self._bundled = bundled
        layers, foreign = [], []
        for module, parts in grouped(k for k in checkpoint if not k.startswith(f"{BUNDLE}.")).items():
            kind = kind_of_parts(frozenset(parts))
            known = frozenset[str]() if kind is None else kind.takes.union(*kind.needs)
            if kind is not None:
                layers.append(Layer(module, kind, {p: k for p, k in parts.items() if p in known}))
            foreign += [(key, module) for part, key in parts.items() if part not in known]
        self.layers, self.foreign = tuple(layers), tuple(foreign)
        self._alphas = Alphas(self.path, self.metadata)

    @cached_property
    def hash12(self) -> str:
        """Twelve hex digits as A1111's infotexts have them ("Lora hashes").

        The hash its trainer wrote down, else SHA-256 of what follows the header; of a torch file, of all of it.
        """
        said = self.metadata.get("sshs_model_hash")
        if said:
            return said[:12]
        return tensors_sha256(self.path)[:12]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of changes in it, as users call them; a kind with learned lengths is also "DoRA"."""
        names = {layer.kind.name for layer in self.layers}
        names |= {"LoCon" for x in self.layers if x.kind.name == "LoRA" and self._is_conv(x)}
        names |= {"DoRA" for x in self.layers if "dora_scale" in x.keys}
        return tuple(sorted(names))

    @cached_property
    def proven_family(self) -> str | None:
        """The family its names and widths prove (`sd1`, `sd2`, `sdxl`, ...), or None."""
        return proven_family(self._checkpoint)

    @cached_property
    def family(self) -> str | None:
        """The family it was made for: as proven, else as its trainer says, else None."""
        return self.proven_family or said_family(self.metadata)

    @cached_property
    def embeddings(self) -> tuple[Embedding, ...]:
        """The textual inversions bundled with it, by name."""
        from redraw.models.embedding_files import embedding_from

        found: dict[str, dict[str, torch.Tensor]] = {}
        for key in self._bundled:
            name, _, entry = key.removeprefix(f"{BUNDLE}.").partition(".")
            found.setdefault(name, {})[entry] = self._checkpoint.tensor(key)
        return tuple(embedding_from(name, content) for name, content in found.items())

    @property
    def bundled(self) -> tuple[str, ...]:
        """The keys of bundled textual inversions."""
        return self._bundled

    def shape(self, key: str) -> tuple[int, ...]:
        """Return the shape of a tensor."""
        return self._checkpoint.shape(key)

    def parts(self, layer: Layer, device: torch.device) -> dict[str, torch.Tensor]:
        """Return a layer's tensors in fp32 on `device`.

        Raises:
            ModelError: one has NaN or infinity.
        """
        found = {}
        for part, key in layer.keys.items():
            tensor = self._checkpoint.tensor(key).to(device, torch.float32)
            if not torch.isfinite(tensor.sum()) and not torch.isfinite(tensor).all():
                raise ModelError(f"{self.path.name}: {key} has NaN or infinity; the file is broken")
            found[part] = tensor
        return found

    def scale(self, layer: Layer, parts: Mapping[str, torch.Tensor]) -> float:
        """Return what a layer's change is multiplied by: `scale`, else alpha / rank, else 1."""
        rank = layer.kind.rank(parts)
        if rank is None:
            return 1.0
        if "scale" in parts:
            return float(parts["scale"])
        if "alpha" in parts:
            return float(parts["alpha"]) / rank
        said = self._alphas.scale(layer.module, rank)
        return 1.0 if said is None else said

    def _is_conv(self, layer: Layer) -> bool:
        shape = self.shape(layer.keys["down"])
        return "mid" in layer.keys or (len(shape) == 4 and shape[2:] != (1, 1))


def open_lora(path: Path) -> LoraFile:
    """Open a network file of any kind (LoRA, LoCon, LoHa, LoKr, GLoRA, IA3, OFT, full, norm; DoRA).

    Raises:
        ModelError: missing, damaged, or something else than a network; says what.
        UnsafeFile: it would run code when loaded.
    """
    checkpoint = open_checkpoint(path)
    file = LoraFile(checkpoint)
    if not file.layers:
        kind = kind_of(checkpoint)
        what = f"this is {kind.label}" if kind is not None else "nothing in it changes a module"
        if file.foreign and kind is not None and kind.name in ("lora", "loha", "lokr"):
            what = f"{file.foreign[0][0]} and {len(file.foreign) - 1} more keys lack their other half"
        raise ModelError(f"{path.name} is no network Redraw can apply: {what}")
    return file
