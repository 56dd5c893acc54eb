"""A picture named in a request: where its bytes are, without opening them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, PrivateAttr

from redraw.errors import PictureError


class PictureRef(BaseModel):
    """A picture inside a request.

    It serialises as file name and SHA-256 of the file's bytes, never as a path, so that a recipe tells nothing about
    the machine it was made on. Only `redraw.image.io` opens it.

    Attributes:
        name: file name, for people ("cat.png"; "stdin" for a pipe).
        sha256: hex digest of the file's bytes, or None while they were not read.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    sha256: str | None = None
    _path: Path | None = PrivateAttr(default=None)
    _data: bytes | None = PrivateAttr(default=None)

    @classmethod
    def from_path(cls, path: str | Path) -> PictureRef:
        """Refer to a file; its bytes are read (and hashed) when it is opened."""
        ref = cls(name=Path(path).name)
        object.__setattr__(ref, "__pydantic_private__", {"_path": Path(path), "_data": None})
        return ref

    @classmethod
    def from_bytes(cls, data: bytes, name: str = "picture") -> PictureRef:
        """Refer to bytes at hand."""
        ref = cls(name=name, sha256=hashlib.sha256(data).hexdigest())
        object.__setattr__(ref, "__pydantic_private__", {"_path": None, "_data": data})
        return ref

    @classmethod
    def of(cls, source: Any) -> PictureRef:
        """Return `source` as a reference: a reference, a path, or bytes."""
        if isinstance(source, cls):
            return source
        if isinstance(source, bytes | bytearray | memoryview):
            return cls.from_bytes(bytes(source))
        if isinstance(source, str | Path):
            return cls.from_path(source)
        raise TypeError(f"a picture is a path, bytes or a PictureRef, not {type(source).__name__}")

    @property
    def path(self) -> Path | None:
        """Where the file is, if it came from one."""
        return self._path

    @property
    def at_hand(self) -> bool:
        """Whether the bytes can be had: False for a reference that was read back from a recipe."""
        return self._data is not None or self._path is not None

    def open_bytes(self) -> bytes:
        """Return the file's bytes, or raise `PictureError` if it is missing or unreadable."""
        if self._data is not None:
            return self._data
        if self._path is None:
            raise PictureError(self.name, f"the file with SHA-256 {self.sha256} is not at hand")
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            raise PictureError(str(self._path), "no such file") from None
        except IsADirectoryError:
            raise PictureError(str(self._path), "is a folder, not a picture") from None
        except OSError as error:
            raise PictureError(str(self._path), error.strerror or str(error)) from None

    def hashed(self) -> PictureRef:
        """Return this reference with its SHA-256 known; reads the file if need be."""
        if self.sha256 is not None:
            return self
        data = self.open_bytes()
        digest = hashlib.sha256(data).hexdigest()
        ref = PictureRef(name=self.name, sha256=digest)
        object.__setattr__(ref, "__pydantic_private__", {"_path": self._path, "_data": data})
        return ref
