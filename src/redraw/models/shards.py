"""Weights that lie in several files, or under other names than they are asked for, as one `Checkpoint`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from redraw.errors import ModelError, UnsafeFile
from redraw.models.checkpoint import Checkpoint, open_checkpoint

if TYPE_CHECKING:
    import torch

MAX_INDEX: Final = 32 * 2**20
MAX_SHARDS: Final = 1000
_VARIANTS: Final = ("", "fp16", "bf16", "fp32", "ema", "non_ema")  # full precision first, as the author saved it


class Joined(Checkpoint):
    """Tensors of one or more files under new names.

    Attributes:
        parts: the files, each once.
    """

    def __init__(
        self,
        path: Path,
        entries: Mapping[str, tuple[Checkpoint, str]],
        metadata: Mapping[str, str] | None = None,
        skipped: tuple[str, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> None:
        specs = {name: source[key] for name, (source, key) in entries.items()}
        super().__init__(path, specs, metadata, skipped, notes)
        self._entries = dict(entries)
        self.parts = tuple({id(source): source for source, _ in entries.values()}.values())

    @property
    def size(self) -> int:
        """Bytes of all the files."""
        return sum(part.size for part in self.parts)

    def tensor(self, key: str) -> torch.Tensor:
        """Return the tensor `key` as its file gives it."""
        source, name = self._entries[key]
        return source.tensor(name)


def open_part(folder: Path, stems: tuple[str, ...]) -> Checkpoint:
    """Open the weights in one folder of a diffusers model: one file, or the pieces that an index names.

    safetensors come before torch's files, full precision before fp16, and one file before pieces.

    Args:
        folder: such as `unet/`.
        stems: names without ending that the weights may have, best first.

    Raises:
        ModelError: there are none, or a piece is missing or damaged.
        UnsafeFile: the index leads out of the folder, or a file would run code.
    """
    for path in _candidates(folder, stems):
        if path.is_file():
            return open_shards(path) if ".index." in path.name else open_checkpoint(path)
    raise ModelError(f"{folder}: there is no {stems[0]}.safetensors")


def open_shards(index: Path) -> Joined:
    """Open weights in pieces by their index (`*.index.json`, with a `weight_map` from names to files beside it)."""
    try:
        if index.stat().st_size > MAX_INDEX:
            raise UnsafeFile(f"{index.name} is larger than 32 MiB, which no index is")
        document: Any = json.loads(index.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{index} cannot be read: {error}") from error
    table = document.get("weight_map") if isinstance(document, dict) else None
    if not isinstance(table, dict) or not table or not all(isinstance(v, str) for v in table.values()):
        raise ModelError(f"{index} has no weight_map from names to files")
    names = sorted(set(table.values()))
    if len(names) > MAX_SHARDS:
        raise UnsafeFile(f"{index.name} names {len(names)} files")
    files = {name: open_checkpoint(_beside(index, name)) for name in names}
    missing = [f"{key} in {name}" for key, name in table.items() if key not in files[name]]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ModelError(f"{index.name} promises {missing[0]}{more}, which is not there")
    metadata = {k: v for file in files.values() for k, v in file.metadata.items()}
    return Joined(index, {key: (files[name], key) for key, name in table.items()}, metadata)


def _beside(index: Path, name: str) -> Path:
    if not name or name != Path(name).name or "\\" in name or name in (".", ".."):
        raise UnsafeFile(f"{index.name} leads out of its folder: {name!r}")
    path = index.parent / name
    if not path.is_file():
        raise ModelError(f"{index.parent}: the piece {name} is missing")
    return path


def _candidates(folder: Path, stems: tuple[str, ...]) -> Iterator[Path]:
    """Yield the files that may hold the weights, best first; last come variants nobody has heard of."""
    for ending in ("safetensors", "bin"):
        for stem in stems:
            for variant in _VARIANTS:
                dotted = f".{variant}" if variant else ""
                yield folder / f"{stem}{dotted}.{ending}"
                yield folder / f"{stem}.{ending}.index{dotted}.json"
                if variant:
                    yield folder / f"{stem}{dotted}.{ending}.index.json"
    for ending in ("safetensors", "bin"):
        for stem in stems:
            pieces = "-of-"
            yield from (p for p in sorted(folder.glob(f"{stem}.*.{ending}")) if pieces not in p.name)
            yield from sorted(folder.glob(f"{stem}.{ending}.index.*.json"))
