"""Prompt styles on disk: one file of ours in the data folder, and those of models folders, which are only read."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Final

from redraw.compat.styles import Style, parse_styles, with_style, without_style
from redraw.errors import RequestError
from redraw.image.save import save_bytes
from redraw.server.config import MiB, ServeConfig
from redraw.server.errors import Problem

FILE: Final = "styles.csv"
LONGEST: Final = 8 * MiB
"""Bytes of a file of styles; longer ones are not read."""


class StyleBook:
    """The styles of a server; where names are equal, ours count before those of models folders, the first before later.

    Args:
        config: says where the folders are.
    """

    def __init__(self, config: ServeConfig) -> None:
        self.file = config.data_dir / FILE
        self._others = tuple(folder / FILE for folder in config.models_dirs)
        self._lock = Lock()

    def all(self) -> list[Style]:
        """Return every style; a file that cannot be read has none."""
        found: dict[str, Style] = {}
        for file in (*reversed(self._others), self.file):
            found |= {style.name: style for style in _read(file)}
        return list(found.values())

    def own(self) -> frozenset[str]:
        """Return the names of the styles in our own file."""
        return frozenset(style.name for style in _read(self.file))

    def save(self, style: Style) -> None:
        """Write a style into our file, in the place of its namesake or at the end; the rest of the file stays.

        Raises:
            RequestError: a name or text no such file holds, the file is no file of styles, or it would be too long.
            OutputError: it cannot be written.
        """
        with self._lock:
            self._write(with_style(self._bytes(), style))

    def remove(self, name: str) -> None:
        """Take a style out of our file.

        Raises:
            Problem: 404, there is none of this name; 409, it is in a models folder's file, which is not written to.
            RequestError, OutputError: as `save`.
        """
        with self._lock:
            if name not in self.own():
                if any(style.name == name for style in self.all()):
                    raise Problem(409, "not in this state", f"the style {name!r} is in a models folder; save over it")
                raise Problem(404, "not here", f"there is no style {name!r}", field="name")
            self._write(without_style(self._bytes(), name))

    def _bytes(self) -> bytes:
        return self.file.read_bytes() if self.file.is_file() else b""

    def _write(self, data: bytes) -> None:
        if len(data) > LONGEST:
            raise RequestError("styles", FILE, f"the file has at most {LONGEST:,} bytes")
        save_bytes(data, self.file, overwrite=True)


def _read(file: Path) -> list[Style]:
    """Return the styles of a file, none where it is missing, broken or too long."""
    try:
        return parse_styles(file.read_bytes()) if file.stat().st_size <= LONGEST else []
    except (OSError, RequestError):
        return []
