"""Which file a name means: names, aliases, titles and hashes as A1111 takes them, and never less than a clear one."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from redraw.errors import RequestError, UnknownName
from redraw.models.hashes import FILE, TENSORS, old_hash

if TYPE_CHECKING:
    from redraw.models.catalog import Catalog, ModelFile

log = logging.getLogger(__name__)

_HASH: Final = re.compile(r"[0-9a-f]{8,64}")
_TITLE: Final = re.compile(r"(?P<name>.*?)\s*\[(?P<hash>[0-9a-fA-F]{8,64})\]")
_NO_ALIAS: Final = ("none", "addams")
"""Names trainers give without meaning them."""


@dataclass(frozen=True)
class Named:
    """The names of a file; see `redraw.models.catalog.ModelFile`."""

    name: str
    path: Path
    file: str
    place: str = field(default="", kw_only=True, repr=False, compare=False)
    long: str = field(default="", kw_only=True, repr=False, compare=False)

    @property
    def stem(self) -> str:
        """The last part of its name; infotexts print it."""
        return self.name.rpartition("/")[2]

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every name it answers to, the best first; places of the same kind are at the same index for every file."""
        long, bare = self.long or self.file, self.without_ending(self.long or self.file)
        short = self.without_ending(self.file)
        last = self.file.rpartition("/")[2]
        placed = (f"{self.place}/{bare}", f"{self.place}/{long}")
        stem, flat = self.without_ending(last), short.replace("/", "_")
        return (self.name, self.file, short, bare, long, stem, last, *placed, flat)

    def without_ending(self, text: str) -> str:
        """Return a spelling of the file without its ending."""
        return text if self.path.is_dir() else text.removesuffix(self.path.suffix)


def clear_names(files: Sequence[ModelFile]) -> tuple[ModelFile, ...]:
    """Return files of one kind with every listed name meaning one file: namesakes get more of their place in it."""
    for longer in ("file", "place"):
        count = Counter(f.name for f in files)
        files = [f if count[f.name] == 1 else replace(f, name=_longer(f, longer)) for f in files]
    return tuple(files)


def _longer(file: ModelFile, what: str) -> str:
    return file.file if what == "file" else f"{file.place}/{file.long}"


def find_loosely(files: Sequence[ModelFile], titles: Sequence[str], name: str) -> ModelFile | None:
    """Return the file with the shortest title that contains `name`, else `name` without its `[hash]`, as A1111 does."""
    for wanted in (name.strip(), re.sub(r"\s*\[[^\]]*\]\s*$", "", name.strip())):
        hits = [(len(title), n) for n, title in enumerate(titles) if wanted and wanted.lower() in title.lower()]
        if hits:
            return files[min(hits)[1]]
    return None


def find_named(catalog: Catalog, kind: str, name: str, *, paths: bool, read_at_most: int | None) -> ModelFile:
    """Return the file of a kind that `name` means; see `Catalog.find_file`."""
    wanted, files = name.strip(), catalog.files(kind)
    what = "model" if kind == "checkpoint" else kind
    if not wanted:
        raise UnknownName(what, name, _names(files))
    hits = _by_name(files, wanted) or _by_alias(what, name, files, wanted)
    if hits:
        return _one(catalog, what, name, hits, paths)
    title = _TITLE.fullmatch(wanted)
    if title is not None or _HASH.fullmatch(wanted.lower()):
        found = _Hashes(catalog, files, read_at_most).find(wanted, title)
        if found is not None:
            return found
    path = _path(wanted) if paths else None
    if path is not None:
        return catalog.at_path(kind, path)
    parts = [f for f in files if wanted.lower() in f.name.lower()] if kind == "checkpoint" else []
    if parts:
        return _one(catalog, what, name, parts, paths)
    raise UnknownName(what, name, _names(files))


def _names(files: Sequence[ModelFile]) -> list[str]:
    """Return the names a wrong one is compared with."""
    return list(
        dict.fromkeys([*(f.name for f in files), *(f.stem for f in files), *(f.alias for f in files if f.alias)])
    )


def _path(wanted: str) -> Path | None:
    """Return the file or folder at a path that was written, None if there is none."""
    try:
        path = Path(wanted).expanduser()
        return path if path.exists() else None
    except (OSError, RuntimeError, ValueError):  # too long, nobody's home, or no path at all
        return None


def _by_name(files: Sequence[ModelFile], wanted: str) -> list[ModelFile]:
    """Return the files of this name: of the best kind of spelling that has any, letters as they are before any case."""
    spelled = [(f, f.spellings) for f in files]
    folds: tuple[Callable[[str], str], ...] = (str, str.lower)
    for fold in folds:
        for level in range(len(spelled[0][1]) if spelled else 0):
            hits = [f for f, names in spelled if fold(names[level]) == fold(wanted)]
            if hits:
                return hits
    return []


def _by_alias(what: str, name: str, files: Sequence[ModelFile], wanted: str) -> list[ModelFile]:
    """Return the file with this alias; an alias several files have means none of them."""
    if wanted.lower() in _NO_ALIAS:
        return []
    folds: tuple[Callable[[str], str], ...] = (str, str.lower)
    for fold in folds:
        hits = [f for f in files if f.alias and fold(f.alias) == fold(wanted)]
        if len(hits) > 1:
            names = ", ".join(f.name for f in hits)
            raise RequestError(what, name, f"several files have this alias; write the name of one: {names}")
        if hits:
            return hits
    return []


def _one(catalog: Catalog, what: str, name: str, hits: Sequence[ModelFile], paths: bool) -> ModelFile:
    """Return the only hit; copies of one file count once."""
    if len({f.path.resolve() for f in hits}) == 1:
        return hits[0]
    known = {catalog.known_sha256(f) for f in hits}
    if len(known) == 1 and None not in known:
        return hits[0]
    shown = [str(f.path) if paths else f"{f.place}/{f.long}" for f in hits]
    raise RequestError(what, name, f"it could be any of {', '.join(shown)}; give more of the name or the path")


class _Hashes:
    """A look-up by hash: what is known first, then what is cheap, then file by file."""

    def __init__(self, catalog: Catalog, files: Sequence[ModelFile], read_at_most: int | None) -> None:
        self.catalog, self.files, self.left = catalog, files, read_at_most

    def find(self, wanted: str, title: re.Match[str] | None) -> ModelFile | None:
        """Return the file with this hash, or with this name and hash."""
        digits = (title["hash"] if title else wanted).lower()
        namesakes = _by_name(self.files, title["name"].strip()) if title else []
        order = [*namesakes, *(f for f in self.files if f not in namesakes)]
        known = self.catalog.known_digests(order)
        for file, digests in zip(order, known, strict=True):
            if any(digest.startswith(digits) for digest in digests.values()):
                return file
        if len(digits) == 8:
            old = next((f for f in order if f.kind == "checkpoint" and _has_old_hash(f, digits)), None)
            if old is not None:
                return old
        # A title whose name is there: only the namesakes are read, not every file somebody has.
        unknown = [f for f, digests in zip(order, known, strict=True) if not _wanted(f) <= digests.keys()]
        return self._read([f for f in unknown if f in namesakes] if namesakes else unknown, digits)

    def _read(self, files: Sequence[ModelFile], digits: str) -> ModelFile | None:
        """Read files one by one until one has this hash."""
        for number, file in enumerate(files, 1):
            if self.left is not None:
                self.left -= file.facts.size
                if self.left < 0:
                    log.warning("%d files have no hash yet and are too large to be read now", len(files) - number + 1)
                    return None
            log.info("looking for the hash %s: reading %s, %d of %d", digits, file.name, number, len(files))
            if self.catalog.sha256(file).startswith(digits):
                return file
            if file.kind == "lora" and self.catalog.short_hash(file).startswith(digits[:12]):
                return file
        return None


def _wanted(file: ModelFile) -> set[str]:
    """Return the kinds of hash a file may be asked for by."""
    return {FILE, TENSORS} if file.kind == "lora" else {FILE}


def _has_old_hash(file: ModelFile, digits: str) -> bool:
    try:
        return old_hash(file.path) == digits
    except OSError:
        return False
