"""PNG's chunks: read without decoding pixels, and written beside them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
XMP_KEY: Final = "XML:com.adobe.xmp"
_LARGEST_TEXT: Final = 32 * 1024 * 1024
_COMPRESS_FROM: Final = 2048
_INCH: Final = 0.0254


class Chunk(NamedTuple):
    """One chunk: its four-letter kind and its data."""

    kind: bytes
    data: bytes


class Header(NamedTuple):
    """What IHDR says; `colour` is 0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGBA."""

    width: int
    height: int
    depth: int
    colour: int


def chunks(data: bytes) -> Iterator[Chunk]:
    """Yield the chunks of a PNG file but the pixels (IDAT, fdAT); stops quietly where the file ends early."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        if at + 12 + length > len(data):
            return
        if kind not in (b"IDAT", b"fdAT"):
            yield Chunk(kind, data[at + 8 : at + 8 + length])
        at += 12 + length


def header(data: bytes) -> Header | None:
    """Return the PNG's header, None if the file does not start with one."""
    if len(data) < 26 or data[12:16] != b"IHDR":
        return None
    width, height, depth, colour = struct.unpack_from(">IIBB", data, 16)
    return Header(width, height, depth, colour)


def texts(found: Iterable[Chunk]) -> dict[str, str]:
    """Return every text entry (tEXt, zTXt, iTXt); damaged ones are left out, the first of a name counts."""
    result: dict[str, str] = {}
    for kind, data in found:
        if kind not in (b"tEXt", b"zTXt", b"iTXt"):
            continue
        key, _, rest = data.partition(b"\x00")
        value = _text_value(kind, rest)
        if value is not None:
            result.setdefault(key.decode("latin-1"), value)
    return result


def text_chunk(key: str, text: str, *, compress: bool = False) -> bytes:
    """Return a text chunk: tEXt where Latin-1 holds the text, as A1111 writes it, else iTXt in UTF-8.

    Args:
        key: 1 to 79 Latin-1 characters.
        text: any text; NUL characters are dropped, since the format cannot hold them.
        compress: write iTXt, compressed when it is long.
    """
    name, text = _key(key), text.replace("\x00", "")
    if not compress:
        try:
            return chunk(b"tEXt", name + b"\x00" + text.encode("latin-1"))
        except UnicodeEncodeError:
            pass
    value = text.encode("utf-8", "replace")
    packed = compress and len(value) >= _COMPRESS_FROM
    body = zlib.compress(value, 9) if packed else value
    return chunk(b"iTXt", name + b"\x00" + bytes([packed, 0]) + b"\x00\x00" + body)


def profile_chunk(icc: bytes) -> bytes:
    """Return iCCP."""
    return chunk(b"iCCP", b"ICC Profile\x00\x00" + zlib.compress(icc, 9))


def resolution_chunk(dpi: tuple[float, float]) -> bytes:
    """Return pHYs; the format counts whole pixels a metre."""
    x, y = (min(max(round(value / _INCH), 1), 0x7FFFFFFF) for value in dpi)
    return chunk(b"pHYs", struct.pack(">IIB", x, y, 1))


def read_profile(found: Iterable[Chunk]) -> bytes | None:
    """Return the ICC profile in iCCP, None if there is none or it does not inflate."""
    for kind, data in found:
        if kind == b"iCCP":
            _, _, rest = data.partition(b"\x00")
            return _inflate(rest[1:])
    return None


def read_dpi(found: Iterable[Chunk]) -> tuple[float, float] | None:
    """Return pixels an inch from pHYs, None where its unit is unknown."""
    for kind, data in found:
        if kind == b"pHYs" and len(data) == 9:
            x, y, unit = struct.unpack(">IIB", data)
            return (x * _INCH, y * _INCH) if unit == 1 and x and y else None
    return None


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk with its length and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def insert(png: bytes, extra: Iterable[bytes]) -> bytes:
    """Return the file with `extra` chunks right after IHDR."""
    end = len(SIGNATURE) + 25
    return b"".join([png[:end], *extra, png[end:]])


def text_chunks(entries: Mapping[str, str]) -> list[bytes]:
    """Return a chunk for every entry."""
    return [text_chunk(key, value) for key, value in entries.items()]


def _text_value(kind: bytes, rest: bytes) -> str | None:
    if kind == b"tEXt":
        return rest.decode("latin-1")
    if kind == b"zTXt":
        inflated = _inflate(rest[1:])
        return None if inflated is None else inflated.decode("latin-1")
    if len(rest) < 2:
        return None
    _, _, after = rest[2:].partition(b"\x00")
    _, _, value = after.partition(b"\x00")
    if rest[0]:
        inflated = _inflate(value)
        if inflated is None:
            return None
        value = inflated
    return value.decode("utf-8", "replace")


def _inflate(data: bytes) -> bytes | None:
    """Return the inflated data, None if it is damaged or grows too large."""
    inflater = zlib.decompressobj()
    try:
        result = inflater.decompress(data, _LARGEST_TEXT)
    except zlib.error:
        return None
    return result if inflater.eof else None


def _key(key: str) -> bytes:
    return key.encode("latin-1", "replace").replace(b"\x00", b"").strip()[:79] or b"Comment"
