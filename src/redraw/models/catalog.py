"""The models there are: folders of files, found by name, never opened further than their header."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from redraw.errors import ModelError, RequestError, UnknownName, UnsupportedModel
from redraw.models.checkpoint import WEIGHT_ENDINGS, open_checkpoint
from redraw.models.detect import detect, kind_of
from redraw.models.folders import is_model_folder, open_folder
from redraw.models.hashes import model_sha256, old_hash
from redraw.starter import weights as starter_weights

UNKNOWN: Final = "unknown"
_HASH: Final = re.compile(r"[0-9a-f]{8,64}")
_TITLE: Final = re.compile(r"(?P<name>.*?)\s*\[(?P<hash>[0-9a-fA-F]{8,64})\]")


@dataclass(frozen=True)
class ModelFile:
    """One model a user can choose.

    Attributes:
        name: what it is listed under: its path below its folder, with `/` and without ending.
        path: the file, or the folder in diffusers' layout.
        file: the same as `name`, with the ending.
        family: the family's label.
    """

    name: str
    path: Path
    file: str
    family: str

    @property
    def stem(self) -> str:
        """The last part of its name; infotexts print it."""
        return self.name.rpartition("/")[2]

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every name it answers to, in lower case, the best first."""
        flat = self.name.replace("/", "_")
        names = (self.name, self.file, self.stem, self.file.rpartition("/")[2], flat)
        return tuple(dict.fromkeys(n.lower() for n in names))


@dataclass(frozen=True)
class OtherFile:
    """A weight file in a models folder that is not offered as a model.

    Attributes:
        name: its path below its folder, with `/` and with ending.
        path: the file.
        kind: what its tensors show (`lora`, `vae`, `embedding`, `sdxl`, ...; see `redraw.models.families.KINDS`), or
            `unknown`: nothing Redraw knows, or a file it cannot read.
        why: a sentence on why it is no model.
        label: the kind with its article ("a LoRA"); "" where it is unknown.
    """

    name: str
    path: Path
    kind: str
    why: str
    label: str = ""


class Catalog:
    """Every model below some folders, and the starter model.

    Folders are searched once, at the first use; `refresh` looks again. Everything may lie in one folder: files are told
    apart by what is in them, not by name or place. What is no model (LoRAs, VAEs, families that cannot run, damaged
    files) is never offered; `others` says what it is.

    Args:
        folders: searched with all their subfolders, in this order. A folder that does not exist is empty.
        starter: also offer the model inside the package, if it is there.
        cache: a folder that keeps file hashes between runs.
    """

    def __init__(self, folders: Sequence[Path] = (), *, starter: bool = True, cache: Path | None = None) -> None:
        self.folders, self.starter, self.cache = tuple(folders), starter, cache
        self._models: list[ModelFile] | None = None
        self._others: list[OtherFile] = []

    def __iter__(self) -> Iterator[ModelFile]:
        return iter(self._scanned())

    def __len__(self) -> int:
        return len(self._scanned())

    @property
    def others(self) -> tuple[OtherFile, ...]:
        """The weight files that are no model, in the order they were found."""
        self._scanned()
        return tuple(self._others)

    @property
    def rejected(self) -> dict[Path, str]:
        """Files that look like weights but are no model, with the reason."""
        return {other.path: other.why for other in self.others}

    def refresh(self) -> None:
        """Forget what was found, so that the next use searches the folders again."""
        self._models = None

    def find(self, name: str, *, paths: bool = True) -> ModelFile:
        """Return the model that `name` means.

        A name is, tried in this order and in any case: a listed name, with or without ending or folder; a title
        `name [hash]`; a hash (SHA-256, its first ten digits, or A1111's old eight); a path, if `paths`; or a part of a
        name that only one model has. A title whose hash is another file's is not answered with a namesake.

        Raises:
            UnknownName: nothing matches; says the nearest names.
            RequestError: several models match; says which.
            ModelError: a path to something that is no model.
        """
        wanted = name.strip()
        if not wanted:
            raise UnknownName("model", name, [m.name for m in self])
        models = self._scanned()
        for level in range(max((len(m.spellings) for m in models), default=0)):
            hits = [m for m in models if level < len(m.spellings) and m.spellings[level] == wanted.lower()]
            if hits:
                return self._one(name, hits)
        title = _TITLE.fullmatch(wanted)
        if title is not None or _HASH.fullmatch(wanted.lower()):
            found = self._by_hash(wanted, title)
            if found is not None:
                return found
        if paths and Path(wanted).expanduser().exists():
            return self._from_path(Path(wanted).expanduser())
        if title is None:
            parts = [m for m in models if wanted.lower() in m.name.lower()]
            if len(parts) == 1:
                return parts[0]
            if parts:
                raise self._ambiguous(name, parts)
        raise UnknownName("model", name, [m.name for m in models])

    def sha256(self, model: ModelFile) -> str:
        """Return the model's SHA-256, from the cache while size and time of the file are unchanged."""
        return model_sha256(model.path, self.cache)

    def title(self, model: ModelFile) -> str:
        """Return A1111's title, `file.safetensors [0123456789]`."""
        return f"{model.file} [{self.sha256(model)[:10]}]"

    def _by_hash(self, wanted: str, title: re.Match[str] | None) -> ModelFile | None:
        """Return the model with this hash, or with this name and hash; the namesakes are hashed first."""
        digits = (title["hash"] if title else wanted).lower()
        named = title["name"].strip().lower() if title else ""
        models = sorted(self._scanned(), key=lambda m: named not in m.spellings)
        for model in models:
            if self.sha256(model).startswith(digits) or (len(digits) == 8 and old_hash(model.path) == digits):
                return model
        return None

    def _one(self, name: str, hits: Sequence[ModelFile]) -> ModelFile:
        if len(hits) > 1:
            raise self._ambiguous(name, hits)
        return hits[0]

    def _ambiguous(self, name: str, hits: Iterable[ModelFile]) -> RequestError:
        places = ", ".join(str(m.path) for m in hits)
        return RequestError("model", name, f"it could be any of {places}; give more of the name or the path")

    def _from_path(self, path: Path) -> ModelFile:
        model = _understood(path, path.parent)
        if isinstance(model, OtherFile):
            raise ModelError(model.why)
        return model

    def _scanned(self) -> list[ModelFile]:
        if self._models is None:
            self._models, self._others = [], []
            starter = starter_weights() if self.starter else None
            for path, root in [*([(starter, starter.parent)] if starter else []), *_candidates(self.folders)]:
                found = _understood(path, root)
                if isinstance(found, ModelFile):
                    self._models.append(found)
                else:
                    self._others.append(found)
        return self._models


def _candidates(folders: Iterable[Path]) -> Iterator[tuple[Path, Path]]:
    """Yield every file and folder that may be a model, each with the folder it is listed below."""
    seen: set[str] = set()
    for root in folders:
        for here, inner, files in os.walk(root, followlinks=True):
            real = os.path.realpath(here)
            if real in seen:
                inner.clear()
                continue
            seen.add(real)
            inner.sort()
            if Path(here) != root and is_model_folder(Path(here)):
                inner.clear()
                yield Path(here), root
                continue
            for file in sorted(files):
                if file.lower().endswith(WEIGHT_ENDINGS):
                    yield Path(here, file), root


def _understood(path: Path, root: Path) -> ModelFile | OtherFile:
    """Return the model at `path`, or what else it is."""
    relative = path.relative_to(root).as_posix()
    try:
        if path.is_dir():
            return ModelFile(relative, path, relative, open_folder(path).family.label)
        checkpoint = open_checkpoint(path)
    except ModelError as error:
        return OtherFile(relative, path, UNKNOWN, str(error))
    try:
        return ModelFile(relative.removesuffix(path.suffix), path, relative, detect(checkpoint).family.label)
    except ModelError as error:
        known = kind_of(checkpoint) if isinstance(error, UnsupportedModel) else None
        if known is None:
            return OtherFile(relative, path, UNKNOWN, str(error))
        return OtherFile(relative, path, known.name, str(error), known.label)
