"""EXIF as the TIFF structure it is, changed in place so that nothing else in it moves.

Camera makers' notes hold offsets into the whole block. Rewriting the block breaks them, so entries are changed where
they are, and what does not fit is appended.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

ORIENTATION: Final = 0x0112
X_RESOLUTION: Final = 0x011A
Y_RESOLUTION: Final = 0x011B
RESOLUTION_UNIT: Final = 0x0128
EXIF_IFD: Final = 0x8769
USER_COMMENT: Final = 0x9286
_THUMBNAIL_AT: Final = 0x0201
_THUMBNAIL_LENGTH: Final = 0x0202

_SHORT, _LONG, _RATIONAL, _UNDEFINED = 3, 4, 5, 7
_SIZES: Final = {1: 1, 2: 1, _SHORT: 2, _LONG: 4, _RATIONAL: 8, 6: 1, _UNDEFINED: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
# ExifVersion, ComponentsConfiguration, MakerNote, UserComment, FlashpixVersion, FileSource, SceneType, CFAPattern
_OPAQUE: Final = (0x9000, 0x9101, 0x927C, USER_COMMENT, 0xA000, 0xA300, 0xA301, 0xA302)
_HEADER: Final = b"Exif\x00\x00"
# Enough plain letters in a row to tell which byte order a text is in.
_ASCII_RUN: Final = re.compile("[ -~]{4}")
_PER_INCH, _PER_CENTIMETRE = 2, 3


class _Entry(NamedTuple):
    """One 12-byte entry: where it stands, and where its value is."""

    at: int
    tag: int
    kind: int
    number: int
    value_at: int
    length: int


class ExifError(ValueError):
    """The block is no EXIF structure, or is damaged."""


def upright(exif: bytes) -> bytes:
    """Return the block without its header, its orientation and its thumbnail; raises `ExifError` if it is damaged.

    The pixels were turned already, and the thumbnail would show what the picture was before.
    """
    block = _Block(exif.removeprefix(_HEADER))
    block.blank_thumbnail()
    block.remove(block.first, ORIENTATION)
    return bytes(block.data)


def orientation(exif: bytes | None) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where there is none or the block is damaged."""
    try:
        block = _Block((exif or b"").removeprefix(_HEADER))
        entry = block.find(block.first, ORIENTATION)
    except ExifError:
        return 1
    if entry is None or entry.kind not in (1, _SHORT, _LONG):
        return 1
    value = block.integer(entry)
    return value if 1 <= value <= 8 else 1


def read_comment(exif: bytes | None) -> str | None:
    """Return the UserComment as text, None where there is none or the block is damaged."""
    try:
        block = _Block((exif or b"").removeprefix(_HEADER))
        sub = block.sub_ifd()
        entry = None if sub is None else block.find(sub, USER_COMMENT)
    except ExifError:
        return None
    if entry is None:
        return None
    text = decode_comment(bytes(block.data[entry.value_at : entry.value_at + entry.length]))
    return text or None


def with_comment(exif: bytes | None, text: str) -> bytes:
    """Return the block with this UserComment; a damaged or missing block is replaced by a new one."""
    value = encode_comment(text)
    try:
        block = _Block((exif or b"").removeprefix(_HEADER))
        block.put_comment(value)
    except ExifError:
        block = _Block(b"MM\x00*\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00")
        block.put_comment(value)
    return bytes(block.data)


def without_comment(exif: bytes) -> bytes:
    """Return the block without its UserComment, whose bytes are blanked too; raises `ExifError` if it is damaged."""
    block = _Block(exif.removeprefix(_HEADER))
    sub = block.sub_ifd()
    entry = None if sub is None else block.find(sub, USER_COMMENT)
    if sub is not None and entry is not None:
        block.data[entry.value_at : entry.value_at + entry.length] = bytes(entry.length)
        block.remove(sub, USER_COMMENT)
    return bytes(block.data)


def read_dpi(exif: bytes | None) -> tuple[float, float] | None:
    """Return the resolution in pixels an inch, None where there is none."""
    try:
        block = _Block((exif or b"").removeprefix(_HEADER))
        x, y = (block.find(block.first, tag) for tag in (X_RESOLUTION, Y_RESOLUTION))
        unit = block.find(block.first, RESOLUTION_UNIT)
    except ExifError:
        return None
    if x is None or y is None or x.kind != _RATIONAL or y.kind != _RATIONAL:
        return None
    per_unit = 2.54 if unit is not None and block.integer(unit) == _PER_CENTIMETRE else 1.0
    dpi = block.rational(x) * per_unit, block.rational(y) * per_unit
    return dpi if min(dpi) > 0 else None


def with_dpi(exif: bytes | None, dpi: tuple[float, float]) -> bytes:
    """Return the block with this resolution; a damaged or missing block is replaced by a new one."""
    try:
        block = _Block((exif or b"").removeprefix(_HEADER))
        block.put_dpi(dpi)
    except ExifError:
        block = _Block(b"MM\x00*\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00")
        block.put_dpi(dpi)
    return bytes(block.data)


def with_kinds(block: bytes) -> bytes:
    """Return the block with its opaque entries marked as such; Pillow writes them as numbers.

    Programs that go by an entry's kind would take such a comment for a list.
    """
    found = _Block(block)
    sub = found.sub_ifd()
    for entry in () if sub is None else found.entries(sub):
        if entry.tag in _OPAQUE and entry.kind == 1:
            struct.pack_into(found.order + "H", found.data, entry.at + 2, _UNDEFINED)
    return bytes(found.data)


def encode_comment(text: str) -> bytes:
    """Return `text` as the value of a UserComment: big-endian UTF-16, the only one A1111 reads, in any block."""
    return b"UNICODE\x00" + text.encode("utf-16-be", "surrogatepass")


def decode_comment(value: bytes) -> str:
    """Return the text of a UserComment in any of its encodings; UTF-16 of the wrong byte order is recognised."""
    code, body = value[:8], value[8:]
    if code == b"UNICODE\x00":
        if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return body.decode("utf-16", "replace").rstrip("\x00 ")
        big, little = (body.decode(order, "replace") for order in ("utf-16-be", "utf-16-le"))
        text = little if _ASCII_RUN.search(little) and not _ASCII_RUN.search(big) else big
        return text.rstrip("\x00 ")
    if code in (b"ASCII\x00\x00\x00", b"\x00" * 8):
        return body.decode("utf-8", "replace").rstrip("\x00 ")
    if code == b"JIS\x00\x00\x00\x00\x00":
        return body.decode("shift_jis", "replace").rstrip("\x00 ")
    return value.decode("utf-8", "ignore").strip("\x00 ")


class _Block:
    """A TIFF structure in a bytearray."""

    def __init__(self, data: bytes) -> None:
        order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(bytes(data[:4]))
        if order is None or len(data) < 14:
            raise ExifError("no TIFF header")
        self.data, self.order = bytearray(data), order

    @property
    def first(self) -> int:
        """Offset of the first directory."""
        return self._unpack("I", 4)

    def entries(self, ifd: int) -> Iterator[_Entry]:
        """Yield the entries of the directory at `ifd`; those whose value lies outside the block are left out."""
        for index in range(self._unpack("H", ifd)):
            at = ifd + 2 + 12 * index
            tag, kind, count = (self._unpack(c, at + o) for c, o in (("H", 0), ("H", 2), ("I", 4)))
            length = _SIZES.get(kind, 1) * count
            value_at = at + 8 if length <= 4 else self._unpack("I", at + 8)
            if value_at + length <= len(self.data):
                yield _Entry(at, tag, kind, count, value_at, length)

    def find(self, ifd: int, tag: int) -> _Entry | None:
        """Return the entry `tag` of a directory."""
        return next((e for e in self.entries(ifd) if e.tag == tag), None)

    def integer(self, entry: _Entry) -> int:
        """Return the first value of an entry of whole numbers."""
        return self._unpack({1: "B", _SHORT: "H"}.get(entry.kind, "I"), entry.value_at)

    def rational(self, entry: _Entry) -> float:
        """Return the first value of an entry of fractions; 0 for a division by zero."""
        top, bottom = self._unpack("I", entry.value_at), self._unpack("I", entry.value_at + 4)
        return top / bottom if bottom else 0.0

    def sub_ifd(self) -> int | None:
        """Offset of the EXIF directory, None if there is none."""
        pointer = self.find(self.first, EXIF_IFD)
        return None if pointer is None else self.integer(pointer)

    def remove(self, ifd: int, tag: int) -> None:
        """Take an entry out of a directory; the entries after it and the link move up."""
        entry = self.find(ifd, tag)
        if entry is None:
            return
        count = self._unpack("H", ifd)
        end = ifd + 2 + 12 * count + 4
        self.data[entry.at : end] = self.data[entry.at + 12 : end] + bytes(12)
        self._pack("H", ifd, count - 1)

    def blank_thumbnail(self) -> None:
        """Unlink the second directory and blank the thumbnail's bytes."""
        link = self.first + 2 + 12 * self._unpack("H", self.first)
        second = self._unpack("I", link)
        if not second:
            return
        self._pack("I", link, 0)
        try:
            at, length = self.find(second, _THUMBNAIL_AT), self.find(second, _THUMBNAIL_LENGTH)
        except ExifError:
            return
        if at is not None and length is not None:
            start = self.integer(at)
            size = max(0, min(self.integer(length), len(self.data) - start))
            self.data[start : start + size] = bytes(size)

    def put_comment(self, value: bytes) -> None:
        """Set the UserComment: in place where it fits, else appended."""
        sub = self.sub_ifd()
        if sub is None:
            sub = self._append(bytes(6))
            self._put(None, EXIF_IFD, _LONG, 1, struct.pack(self.order + "I", sub))
        self._put(sub, USER_COMMENT, _UNDEFINED, len(value), value)
        sub = self.sub_ifd()
        entry = None if sub is None else self.find(sub, USER_COMMENT)
        if entry is None or self.data[entry.value_at : entry.value_at + entry.length] != value:
            raise ExifError("directories lie over each other")

    def put_dpi(self, dpi: tuple[float, float]) -> None:
        """Set both resolutions and their unit."""
        for tag, value in ((X_RESOLUTION, dpi[0]), (Y_RESOLUTION, dpi[1])):
            fraction = struct.pack(self.order + "II", round(value * 10_000), 10_000)
            self._put(None, tag, _RATIONAL, 1, fraction)
        self._put(None, RESOLUTION_UNIT, _SHORT, 1, struct.pack(self.order + "H", _PER_INCH))

    def _put(self, ifd: int | None, tag: int, kind: int, number: int, value: bytes) -> None:
        """Set an entry of the directory at `ifd` (None: the first one), which may move to the end."""
        entry = self.find(self.first if ifd is None else ifd, tag)
        if entry is None:
            ifd = self._insert(ifd, tag)
            entry = self.find(self.first if ifd is None else ifd, tag)
        if entry is None:
            raise ExifError("an entry points outside the block")
        in_place = 4 < len(value) <= entry.length
        if entry.length > 4 and entry.value_at + entry.length == len(self.data):
            del self.data[entry.value_at :]  # at the end it can be as long as it likes
            in_place = False
        elif entry.length > 4:
            self.data[entry.value_at : entry.value_at + entry.length] = bytes(entry.length)
        if in_place:
            self.data[entry.value_at : entry.value_at + len(value)] = value
        elif len(value) > 4:
            self._pack("I", entry.at + 8, self._append(value))
        else:
            self.data[entry.at + 8 : entry.at + 12] = value.ljust(4, b"\x00")
        self._pack("H", entry.at + 2, kind)
        self._pack("I", entry.at + 4, number)

    def _insert(self, ifd: int | None, tag: int) -> int | None:
        """Append a copy of a directory that has an empty entry `tag` in its sorted place, and point to it."""
        at = self.first if ifd is None else ifd
        end = at + 2 + 12 * self._unpack("H", at)
        old, link = bytes(self.data[at + 2 : end]), self._unpack("I", end)
        empty = struct.pack(self.order + "HHI", tag, 1, 0) + bytes(4)
        # An entry of this tag that `find` did not show points outside the block: it goes.
        rows = [row for i in range(0, len(old), 12) if (row := old[i : i + 12])[:2] != empty[:2]]
        rows = sorted([*rows, empty], key=lambda row: struct.unpack_from(self.order + "H", row)[0])
        new = self._append(struct.pack(self.order + "H", len(rows)) + b"".join(rows))
        self.data += struct.pack(self.order + "I", link)
        if ifd is None:
            self._pack("I", 4, new)
            return None
        pointer = self.find(self.first, EXIF_IFD)
        if pointer is None:
            raise ExifError("no pointer to the EXIF directory")
        self._pack("I", pointer.at + 8, new)
        return new

    def _append(self, data: bytes) -> int:
        self.data += bytes(len(self.data) % 2)
        at = len(self.data)
        self.data += data
        return at

    def _unpack(self, code: str, at: int) -> int:
        try:
            value: int = struct.unpack_from(self.order + code, self.data, at)[0]
        except struct.error:
            raise ExifError(f"the block ends before byte {at}") from None
        return value

    def _pack(self, code: str, at: int, value: int) -> None:
        struct.pack_into(self.order + code, self.data, at, value)
