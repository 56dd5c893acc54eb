"""The models there are: folders of files, found by name, never opened further than their header."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ModelFile:
    """One model a user can choose.

    Attributes:
        name: the name it is listed under: the path below its folder, with `/`.
        path: where it is.
    """

    name: str
    path: Path
    family: str = ""

    @property
    def stem(self) -> str:
        """The file's name without its ending."""
        return self.path.stem


class Catalog:
    """Every model below some folders, and the starter model.

    Args:
        folders: searched recursively, in this order.
        starter: also offer the model inside the package, if it is there.
        cache: a folder that keeps file hashes between runs.
    """

    def __init__(self, folders: Sequence[Path] = (), *, starter: bool = True, cache: Path | None = None) -> None:
        self.folders, self.starter, self.cache = tuple(folders), starter, cache

    def __iter__(self) -> Iterator[ModelFile]:
        raise NotImplementedError

    def find(self, name: str) -> ModelFile:
        """Return the model `name` means, or raise `UnknownName` / `RequestError` when it could mean several."""
        raise NotImplementedError

    def sha256(self, model: ModelFile) -> str:
        """Return the file's SHA-256, from the cache while size and time of the file are unchanged."""
        raise NotImplementedError
