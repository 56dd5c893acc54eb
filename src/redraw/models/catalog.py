"""The files there are to choose from, by kind and by name: checkpoints, LoRAs, embeddings, VAEs, ...

Folders are searched, files are told apart by their headers, and what was read is kept in a cache: a search of files
that have not changed opens none of them.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache as once
from pathlib import Path
from typing import Any, Final

from redraw.errors import ModelError
from redraw.models.catalog_names import Named, clear_names, find_loosely, find_named
from redraw.models.fact_store import FactStore, Row
from redraw.models.facts import CHECKPOINT, KINDS, UNKNOWN, Facts, read_facts
from redraw.models.hashes import FILE, TENSORS, digest_stamp, known_digest, known_sha256, model_sha256, tensors_sha256
from redraw.models.places import Candidate, Place, Search, candidate, search
from redraw.starter import networks as starter_networks
from redraw.starter import weights as starter_weights

__all__ = ["KINDS", "UNKNOWN", "Catalog", "ModelFile", "OtherFile"]

_HASH_DIGITS: Final[Mapping[str, int]] = {"lora": 12, "embedding": 12}
_LOOK_AGAIN: Final = 1.0  # seconds between looks at the folders' times
_SAME_MOMENT: Final = 50_000_000  # ns; a folder that changed so shortly before the search may change unseen


@dataclass(frozen=True)
class ModelFile(Named):
    """One file a user can choose, or a folder in diffusers' layout.

    Attributes:
        name: what it is listed under: its path below its folder, with `/` and without ending.
        path: the file, or the folder.
        file: the same as `name`, with the ending.
        family: of a checkpoint, the family's label; of others sd1, sd2, sdxl, or "" where nothing tells.
        kind: one of `KINDS`.
        facts: what is known about it.
        place: what the folder that was searched is called in names.
        long: its path below that folder, with ending.
        preview: a picture of what it does, or None.
    """

    family: str = ""
    kind: str = CHECKPOINT
    facts: Facts = field(default_factory=Facts, repr=False, compare=False)
    preview: Path | None = field(default=None, compare=False)

    @property
    def alias(self) -> str:
        """The name a LoRA's trainer gave it, or ""."""
        return self.facts.alias


@dataclass(frozen=True)
class OtherFile:
    """A weight file in a models folder that is no checkpoint.

    Attributes:
        name: its path below its folder, with `/` and with ending.
        path: the file.
        kind: what its tensors show (`lora`, `vae`, `embedding`, `sdxl`, ...; see `redraw.models.families.KINDS`), or
            `unknown`: nothing Redraw knows, or a file it cannot read.
        why: a sentence on why it is no checkpoint.
        label: the kind with its article ("a LoRA"); "" where it is unknown.
        offered: whether it can be chosen as something else than a checkpoint.
    """

    name: str
    path: Path
    kind: str
    why: str
    label: str = ""
    offered: bool = False


class Catalog:
    """Every model file below some folders, and the starter model; may be used by several threads.

    Everything may lie in one folder: files are told apart by what is in them; where that does not tell, by the name of
    their folder. New and lost files are seen at the next use; `refresh` also sees files that were overwritten.

    Args:
        folders: searched with all their subfolders, in this order. A folder that does not exist is empty.
        starter: also offer the model inside the package and its networks, if they are there.
        cache: a SQLite file that keeps what was read between runs; made where it is missing.
        look_again: seconds for which the folders are taken to be unchanged.
    """

    def __init__(
        self,
        folders: Sequence[Path | Place] = (),
        *,
        starter: bool = True,
        cache: Path | None = None,
        look_again: float = _LOOK_AGAIN,
    ) -> None:
        self.places = tuple(f if isinstance(f, Place) else Place(f) for f in folders)
        self.starter, self.cache, self.look_again = starter, cache, look_again
        self._store = FactStore(cache)
        self._lock = threading.Lock()
        self._listing: _Listing | None = None

    def __iter__(self) -> Iterator[ModelFile]:
        return iter(self.files(CHECKPOINT))

    def __len__(self) -> int:
        return len(self.files(CHECKPOINT))

    def files(self, kind: str) -> tuple[ModelFile, ...]:
        """Return every file of a kind (one of `KINDS`), in the order they were found; the starter model first."""
        return self._listed().files.get(kind, ())

    @property
    def others(self) -> tuple[OtherFile, ...]:
        """The weight files that are no checkpoint, in the order they were found."""
        return self._listed().others

    @property
    def rejected(self) -> dict[Path, str]:
        """Files that look like weights but are no checkpoint, with the reason."""
        return {other.path: other.why for other in self.others}

    def refresh(self, *, anew: bool = False) -> None:
        """Forget what was found, so that the next use searches the folders again.

        Args:
            anew: read every file's header again, also of files whose size and time are as they were.
        """
        with self._lock:
            self._listing = None
            if anew:
                self._store.forget_facts()

    def find(self, name: str, *, paths: bool = True, read_at_most: int | None = None) -> ModelFile:
        """Return the checkpoint that `name` means; see `find_file`."""
        return self.find_file(CHECKPOINT, name, paths=paths, read_at_most=read_at_most)

    def find_file(self, kind: str, name: str, *, paths: bool = True, read_at_most: int | None = None) -> ModelFile:
        """Return the file of a kind that `name` means.

        A name is, tried in this order, as it is written and then in any case: a listed name, with or without ending
        or folder; a LoRA's alias; a title `name [hash]`; a hash (8 digits or more of the SHA-256, of LoRAs also of
        that of the tensors, of checkpoints also A1111's old eight); a path, if `paths`; of checkpoints, a part of a
        name that only one has. A title whose hash is another file's is not answered with a namesake.

        Args:
            kind: one of `KINDS`.
            name: what a user wrote.
            paths: take paths to files outside the folders; never do this with names from the network.
            read_at_most: bytes of files that may be read to compute hashes that are not known yet; None for any.

        Raises:
            UnknownName: nothing matches; says the nearest names.
            RequestError: several files match; says which.
            ModelError: a path to something that is no such file.
        """
        return find_named(self, kind, name, paths=paths, read_at_most=read_at_most)

    def find_loosely(self, name: str) -> ModelFile | None:
        """Return the checkpoint with the shortest title that contains `name`, else `name` without its `[hash]`.

        So A1111 finds models whose name is not one; nothing of ours does. None where no title contains it.
        """
        files = self.files(CHECKPOINT)
        return find_loosely(files, [self.known_title(f) for f in files], name)

    def at_path(self, kind: str, path: Path) -> ModelFile:
        """Return a file of a kind by its path, in the folders or not; raises `ModelError` if it is none."""
        found = next((f for f in self.files(kind) if f.path == path), None)
        if found is not None:
            return found
        facts = self.facts_of(path)
        if facts.kind != kind:
            raise ModelError(facts.why or f"{path.name}: this is {facts.label or facts.kind}, not a {kind}")
        return _model_file(candidate(path), facts)

    def facts_of(self, path: Path) -> Facts:
        """Return what is known about any file, in the folders or not; raises `ModelError` if it cannot be read."""
        try:
            return self._facts([candidate(path)])[0]
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error

    def sha256(self, file: ModelFile) -> str:
        """Return the file's SHA-256, from the cache while its size and time are unchanged."""
        return model_sha256(file.path, self.cache)

    def known_sha256(self, file: ModelFile) -> str | None:
        """Return the same if it was computed before, else None; the file is not read."""
        return known_sha256(file.path, self.cache)

    def short_hash(self, file: ModelFile) -> str:
        """Return the hash A1111's infotexts print: of LoRAs 12 digits of their tensors', of embeddings 12, else 10."""
        known = self.known_short_hash(file)
        if known is not None:
            return known
        compute = tensors_sha256 if file.kind == "lora" else model_sha256
        return compute(file.path, self.cache)[: _HASH_DIGITS.get(file.kind, 10)]

    def known_short_hash(self, file: ModelFile) -> str | None:
        """Return the same if it is known without reading the file, else None."""
        digits = _HASH_DIGITS.get(file.kind, 10)
        if file.kind == "lora" and file.facts.said_hash:
            return file.facts.said_hash[:digits]
        known = known_digest(file.path, TENSORS, self.cache) if file.kind == "lora" else self.known_sha256(file)
        return None if known is None else known[:digits]

    def known_digests(self, files: Sequence[ModelFile]) -> list[dict[str, str]]:
        """Return for each file its hashes that are known, of its bytes (`FILE`) and tensors; no file is read."""
        kept = {kind: self._store.digests(kind) for kind in (FILE, TENSORS)}
        found = []
        for file in files:
            digests = {TENSORS: file.facts.said_hash} if file.facts.said_hash else {}
            whole = self.known_sha256(file) if file.path.is_dir() else None
            digests |= {FILE: whole} if whole else {}
            for kind, known in kept.items():
                stamp, digest = known.get(str(file.path.resolve()), ("", ""))
                digests |= {kind: digest} if digest and stamp == digest_stamp(file.path) else {}
            found.append(digests)
        return found

    def title(self, file: ModelFile) -> str:
        """Return A1111's title, `file.safetensors [0123456789]`."""
        return f"{file.file} [{self.sha256(file)[:10]}]"

    def known_title(self, file: ModelFile) -> str:
        """Return the same, without the brackets while the hash is not known."""
        known = self.known_sha256(file)
        return f"{file.file} [{known[:10]}]" if known else file.file

    def metadata(self, file: ModelFile) -> dict[str, str]:
        """Return what a safetensors file says about itself; {} for others."""
        kept = self._store.metadata(str(file.path))
        if self.cache is None or not kept:
            return dict(read_facts(candidate(file.path))[1])
        value = json.loads(kept)
        return value if isinstance(value, dict) else {}

    def _listed(self) -> _Listing:
        with self._lock:
            now, listing = time.monotonic(), self._listing
            if listing is None or (now - listing.looked >= self.look_again and listing.is_old()):
                listing = self._listing = self._read()
            elif now - listing.looked >= self.look_again:
                listing.looked = now
            return listing

    def _read(self) -> _Listing:
        shipped = [path for path in (starter_weights(), *starter_networks()) if path and self.starter]
        began, labels = time.time_ns(), self._labels()
        found = search(self.places)
        wanted = [*map(candidate, shipped), *found.candidates]
        listing = _Listing(found, began, time.monotonic())
        files: dict[str, list[ModelFile]] = {}
        others = []
        for seen, facts in zip(wanted, self._facts(wanted), strict=True):
            if facts.offered:
                files.setdefault(facts.kind, []).append(_model_file(seen, facts, labels.get(seen.place)))
            if facts.kind != CHECKPOINT and facts.content != "picture" and seen.path not in shipped:
                others.append(_other_file(seen, facts))
        listing.files = {kind: clear_names(some) for kind, some in files.items()}
        listing.others = tuple(others)
        return listing

    def _labels(self) -> dict[Path, str]:
        """Return what each place is called where names alone are not clear: its folder's name, numbered if needed."""
        labels: dict[Path, str] = {}
        for place in self.places:
            name, same = place.root.name, sum(root.name == place.root.name for root in labels)
            labels.setdefault(place.root, f"{name}({same + 1})" if same else name)
        return labels

    def _facts(self, wanted: Sequence[Candidate]) -> list[Facts]:
        """Return what is known about each, from the cache where nothing has changed; what had to be read is kept."""
        kept = self._store.facts(str(wanted[0].path) if len(wanted) == 1 else None)
        rows, found = [], []
        for seen in wanted:
            stamp = f"{_reader()};{seen.hint};{seen.stamp}"
            old_stamp, text = kept.get(str(seen.path), ("", ""))
            try:
                found.append(Facts.of_json(text if old_stamp == stamp else ""))
                continue
            except (ValueError, TypeError):
                pass
            try:
                facts, metadata = read_facts(seen)
                rows.append(Row(str(seen.path), stamp, facts.as_json(), json.dumps(dict(metadata))))
            except OSError as error:
                facts = Facts(why=f"{seen.path.name} cannot be read: {error.strerror or error}")
            found.append(facts)
        self._store.put_facts(rows)
        return found


@dataclass
class _Listing:
    """One search's result; `looked` is when the folders were last looked at, by the monotonic clock."""

    found: Search
    began: int
    looked: float
    files: Mapping[str, tuple[ModelFile, ...]] = field(default_factory=dict)
    others: tuple[OtherFile, ...] = ()

    def is_old(self) -> bool:
        """Whether the folders have changed since, or may have without showing it."""
        times = [time for time in self.found.folders.values() if time is not None]
        return self.found.changed or any(time > self.began - _SAME_MOMENT for time in times)


def _names(seen: Candidate) -> dict[str, Any]:
    file = seen.path.relative_to(seen.base).as_posix()
    return {
        "name": file if seen.path.is_dir() else file.removesuffix(seen.path.suffix),
        "path": seen.path,
        "file": file,
        "long": seen.path.relative_to(seen.place).as_posix(),
    }


def _model_file(seen: Candidate, facts: Facts, place: str | None = None) -> ModelFile:
    names = {**_names(seen), "place": place if place is not None else seen.place.name}
    return ModelFile(**names, family=facts.family, kind=facts.kind, facts=facts, preview=seen.preview)


def _other_file(seen: Candidate, facts: Facts) -> OtherFile:
    why = facts.why or f"{seen.path.name} is not a checkpoint: this is {facts.label}"
    name = seen.path.relative_to(seen.base).as_posix()
    return OtherFile(name, seen.path, facts.content or facts.kind, why, facts.label, facts.offered)


@once
def _reader() -> str:
    """Return a mark of the code that reads files: what another version found out is read anew."""
    return str(max(file.stat().st_mtime_ns for file in Path(__file__).parent.glob("*.py")))
