"""Folders of pictures: what is in them, what belongs together by name, and what was made before."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from redraw.errors import PictureError, RequestError
from redraw.image.metadata import read_metadata
from redraw.request import PictureRef

# Where two pictures differ only in their ending, the one further left stands for both: lossless ones first.
ENDINGS: Final = (
    *(".png", ".tif", ".tiff", ".bmp", ".webp", ".gif", ".avif"),
    *(".heic", ".heif", ".jpg", ".jpeg"),
)


class Found(NamedTuple):
    """A picture file, and the folder it is in, relative to the one that was searched."""

    path: Path
    folder: Path


def find_pictures(
    given: Sequence[Path], *, recursive: bool = True, output: Path | None = None, beside: Sequence[Path] = ()
) -> Iterator[Found]:
    """Yield the pictures of folders, and files, each once, in the order people count: a2 before a10.

    Args:
        given: folders and files; a missing one raises `PictureError`.
        recursive: look into sub-folders.
        output: what lies in this folder is left out.
        beside: sub-folders that are left out.
    """
    mine = output.resolve() if output is not None else None
    apart = {folder.resolve() for folder in (*beside, *([output] if output is not None else []))}
    seen: set[Path] = set()
    for path in given:
        if not path.exists():
            raise PictureError(str(path), "no such file or folder")
        if mine is not None and path.resolve().is_relative_to(mine):
            continue
        for found in _walk(path, recursive, apart) if path.is_dir() else (Found(path, Path()),):
            if found.path.absolute() not in seen:
                seen.add(found.path.absolute())
                yield found


def _walk(root: Path, recursive: bool, apart: set[Path]) -> Iterator[Found]:
    for here, inner, files in os.walk(root):
        folder = Path(here)
        kept = [name for name in inner if not name.startswith(".") and (folder / name).resolve() not in apart]
        inner[:] = sorted(kept, key=_counting) if recursive else []
        for name in sorted(files, key=_counting):
            if not name.startswith(".") and Path(name).suffix.lower() in ENDINGS:
                yield Found(folder / name, folder.relative_to(root))


def _counting(name: str) -> tuple[list[str | int], str]:
    """Return a sort key under which numbers inside names count as numbers."""
    parts: list[str | int] = list(re.split(r"([0-9]+)", name.casefold()))
    parts[1::2] = [int(number) for number in parts[1::2]]
    return parts, name


def unique_stems(found: Sequence[Found]) -> list[str]:
    """Return a name for each file that no other of its folder has.

    That is its name without ending; if another has the same, with ending; if several folders were searched and that
    is not enough, with the name of its own folder before.
    """
    spellings = [(one.path.stem, one.path.name, f"{one.path.parent.name}-{one.path.name}") for one in found]
    counts = [
        Counter((one.folder, names[i].casefold()) for one, names in zip(found, spellings, strict=True))
        for i in range(3)
    ]
    return [
        next((name for i, name in enumerate(names) if counts[i][one.folder, name.casefold()] == 1), names[-1])
        for one, names in zip(found, spellings, strict=True)
    ]


class Shelf(NamedTuple):
    """The pictures of a folder, looked up by the name of another picture.

    `alone` is the only picture of the folder, if there is just one.
    """

    by_name: Mapping[str, Path]
    alone: Path | None

    @classmethod
    def of_folder(cls, field: str, folder: Path) -> Self:
        """Return the shelf of a folder; it must exist and hold pictures, else `RequestError` names `field`."""
        if not folder.is_dir():
            raise RequestError(field, str(folder), "there is no such folder")
        found = sorted(_walk(folder, True, set()), key=lambda one: ENDINGS.index(one.path.suffix.lower()))
        if not found:
            raise RequestError(field, str(folder), "there is no picture in it")
        by_name = {(one.folder / one.path.name).as_posix(): one.path for one in found}
        for one in found:
            by_name.setdefault((one.folder / one.path.stem).as_posix(), one.path)
        return cls(by_name, found[0].path if len(found) == 1 else None)

    def of(self, source: Found) -> Path | None:
        """Return the picture of the same name, in the same sub-folder or else at the top; the ending may differ."""
        for folder in (source.folder, Path()):
            for name in (source.path.name, source.path.stem):
                path = self.by_name.get((folder / name).as_posix())
                if path is not None:
                    return path
        return None


class Finished(NamedTuple):
    """What results exist: for a source's name and hash, how often each picture of its run."""

    made: Mapping[tuple[str, str], Mapping[int, int]]

    def of(self, source: PictureRef, before: int = 0) -> frozenset[int]:
        """Return the indexes of the pictures that were made from `source`, whose hash is known.

        `before` says how many sources of the same name and content claim theirs first.
        """
        counts = self.made.get((source.name, source.sha256 or ""), {})
        return frozenset(index for index, count in counts.items() if count > before)


def finished_in(folder: Path) -> Finished:
    """Return what the recipes of the pictures in `folder` say they were made from."""
    made: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
    for one in _walk(folder, True, set()) if folder.is_dir() else ():
        try:
            recipe = read_metadata(one.path).recipe or {}
        except PictureError:
            continue
        run: Any = recipe.get("run")
        inputs: Any = recipe.get("inputs")
        index = run.get("index") if isinstance(run, dict) else None
        if isinstance(index, int) and isinstance(inputs, list):
            given = {(str(ref.get("name")), str(ref.get("sha256"))) for ref in inputs if isinstance(ref, dict)}
            for key in given:
                made[key][index] += 1
    return Finished(made)
