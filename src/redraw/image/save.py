"""Writing pictures: whole or not at all, and never over an existing file unless asked."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from redraw.errors import OutputError
from redraw.image.encode import FORMATS, Encoded, Extras, encode_picture, format_named
from redraw.image.picture import Pixels

__all__ = ["FORMATS", "Encoded", "Extras", "Saved", "encode_picture", "save_bytes", "save_picture", "write_picture"]

_SUFFIXES: Final = {"jpg": (".jpg", ".jpeg", ".jpe", ".jfif"), "tiff": (".tiff", ".tif")}
_MOST_TRIES: Final = 100_000


class Saved(NamedTuple):
    """Where a picture was written, and plain sentences about what differs from what was asked."""

    path: Path
    notes: tuple[str, ...] = ()


def save_picture(
    pixels: Pixels,
    path: str | Path,
    *,
    format: str | None = None,
    quality: int = 80,
    lossless: bool = False,
    extras: Extras | None = None,
    overwrite: bool = False,
) -> Saved:
    """Write `pixels` to a file, whole or not at all.

    Args:
        pixels: [h, w, 3|4] uint8 or uint16.
        path: the file, in a folder that exists; its suffix is replaced where it is not the format's.
        format: one of `FORMATS`; None takes it from the suffix, and png where there is none.
        quality: 1..100 for jpg, webp and avif.
        lossless: for webp and avif.
        extras: what goes into the file beside the pixels.
        overwrite: replace an existing file; else `-1`, `-2`, ... is appended to the name.

    Raises:
        OutputError: the folder is missing, read-only or full, or the format is unknown.
    """
    target = Path(path)
    kind = format_named(format if format is not None else _suffix_format(target))
    encoded = encode_picture(pixels, format=kind, quality=quality, lossless=lossless, extras=extras)
    return Saved(save_bytes(encoded.data, _with_suffix(target, encoded.format), overwrite=overwrite), encoded.notes)


def write_picture(
    pixels: Pixels,
    stream: BinaryIO,
    *,
    format: str = "png",
    quality: int = 80,
    lossless: bool = False,
    extras: Extras | None = None,
) -> tuple[str, ...]:
    """Write `pixels` to an open binary stream (standard output, say); return notes as `Saved` has them."""
    encoded = encode_picture(pixels, format=format, quality=quality, lossless=lossless, extras=extras)
    try:
        stream.write(encoded.data)
        stream.flush()
    except OSError as error:
        raise OutputError(f"the picture cannot be written: {error.strerror or error}") from error
    return encoded.notes


def save_bytes(data: bytes, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write `data` to a file whole or not at all, as `save_picture` does; return where it went.

    The bytes go to a hidden file beside the target, are flushed to the disk, and get their name in one step. Another
    process that writes the same name at the same time gets another number; neither loses its file.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise OutputError(f"{target.parent}: there is no such folder")
    if overwrite and target.is_dir():
        raise OutputError(f"{target} is a folder")
    try:
        with _written_beside(data, target) as temporary:
            if overwrite:
                temporary.replace(target)
                return target
            return _link_free(temporary, target)
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror or error}") from error


@contextlib.contextmanager
def _written_beside(data: bytes, target: Path) -> Iterator[Path]:
    """Yield a hidden file beside `target` that holds `data`; it is gone afterwards, whatever happens."""
    temporary = target.parent / f".redraw-{secrets.token_hex(8)}.tmp"
    try:
        with temporary.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        yield temporary
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _link_free(temporary: Path, target: Path) -> Path:
    """Give the written file the first free name among `target`, `target-1`, `target-2`, ..."""
    for number in range(_MOST_TRIES):
        name = target if number == 0 else target.with_name(f"{target.stem}-{number}{target.suffix}")
        try:
            os.link(temporary, name)
            return name
        except FileExistsError:
            continue
        except OSError:
            # A file system without hard links (FAT, some network shares): claim the name, then move over the claim.
            if _claim(name):
                _move_over(temporary, name)
                return name
    raise FileExistsError(f"{_MOST_TRIES} files of that name exist")


def _move_over(temporary: Path, name: Path) -> None:
    """Move the written file over its claimed name; the claim goes if that fails."""
    try:
        temporary.replace(name)
    except OSError:
        with contextlib.suppress(OSError):
            name.unlink()
        raise


def _claim(name: Path) -> bool:
    """Create `name` empty; False if it exists."""
    try:
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except FileExistsError:
        return False
    return True


def _suffix_format(path: Path) -> str:
    """Return what a name's suffix asks for; a number after a dot ("v1.5") is no suffix."""
    return path.suffix if path.suffix[1:2].isalpha() else "png"


def _with_suffix(path: Path, kind: str) -> Path:
    if path.suffix.lower() in _SUFFIXES.get(kind, (f".{kind}",)):
        return path
    known = path.suffix.lower() in {".png", ".webp", ".avif", *_SUFFIXES["jpg"], *_SUFFIXES["tiff"]}
    # A name may hold dots of its own ("v1.5"): only a picture's suffix is replaced.
    return path.with_suffix(f".{kind}") if known else path.with_name(f"{path.name}.{kind}")
