"""Pixels and what goes with them as the bytes of a file."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

import numpy as np
from PIL import Image, PngImagePlugin

from redraw.errors import OutputError
from redraw.image import exif as exif_block
from redraw.image import png, xmp
from redraw.image.flatten import flatten
from redraw.image.picture import Picture, Pixels
from redraw.image.profile import to_eight_bits
from redraw.image.tiff import encode_tiff

FORMATS: Final = ("png", "jpg", "webp", "avif", "tiff")
_SPELLINGS: Final = {"jpeg": "jpg", "tif": "tiff", "jpe": "jpg", "jfif": "jpg"}
_LARGEST_SIDE: Final = {"jpg": 65_535, "webp": 16_383, "avif": 65_535}
# Level 1: a third of the default's time for a tenth more bytes.
_PNG_LEVEL: Final = 1
_JPEG_SEGMENT: Final = 65_533
_XMP_ROOM: Final = _JPEG_SEGMENT - 29
_EXIF_ROOM: Final = _JPEG_SEGMENT - 6


@dataclass(frozen=True)
class Extras:
    """What goes into the file beside the pixels.

    Attributes:
        icc: profile the pixels are in.
        exif: TIFF structure, without the "Exif" header.
        xmp: XMP packet; the recipe is added to it where the format has no text chunks.
        dpi: horizontal and vertical pixels an inch.
        text: further text entries (PNG text chunks; dropped in other formats).
        infotext: A1111's infotext.
        recipe: Redraw's recipe; must be JSON.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    text: Mapping[str, str] = field(default_factory=dict)
    infotext: str | None = None
    recipe: Mapping[str, Any] | None = None

    @classmethod
    def of(
        cls,
        picture: Picture,
        *,
        infotext: str | None = None,
        recipe: Mapping[str, Any] | None = None,
        keep_metadata: bool = True,
    ) -> Extras:
        """Take over the picture's profile and DPI and, if `keep_metadata`, its EXIF, XMP and text."""
        kept = cls(icc=picture.icc, dpi=picture.dpi, infotext=infotext, recipe=recipe)
        if not keep_metadata:
            return kept
        return replace(kept, exif=picture.exif, xmp=picture.xmp, text=picture.text)


class Encoded(NamedTuple):
    """A file's bytes, the format really used, and what differs from what was asked."""

    data: bytes
    format: str
    notes: tuple[str, ...]


def format_named(name: str) -> str:
    """Return the format called `name` ("JPEG", ".jpg", "png"); raises `OutputError` for one Redraw cannot write."""
    lower = name.lower().removeprefix(".")
    found = _SPELLINGS.get(lower, lower)
    if found not in FORMATS:
        raise OutputError(f"pictures cannot be written as {name!r}; the formats are {', '.join(FORMATS)}")
    return found


def encode_picture(
    pixels: Pixels, *, format: str = "png", quality: int = 80, lossless: bool = False, extras: Extras | None = None
) -> Encoded:
    """Return the file's bytes, the format really used (png where another cannot hold the picture), and notes.

    Args:
        pixels: [h, w, 3|4], uint8 or uint16. PNG and TIFF keep 16 bits; JPEG gets alpha laid over white.
        format: see `FORMATS`.
        quality: 1..100, for jpg, webp and avif.
        lossless: for webp and avif.
        extras: what goes into the file beside the pixels.

    Raises:
        OutputError: the format is unknown, or its encoder failed.
    """
    extras, kind, notes = extras or Extras(), format_named(format), list[str]()
    height, width = pixels.shape[:2]
    if max(height, width) > _LARGEST_SIDE.get(kind, 2**31):
        notes.append(f"{kind} cannot hold {width}x{height} pixels; written as png")
        kind = "png"
    if kind not in ("png", "tiff"):
        pixels = _eight_bits(pixels, kind, notes)
    try:
        data = _ENCODERS[kind](pixels, extras, quality, lossless, notes)
    except (OSError, ValueError, MemoryError, RuntimeError) as error:
        raise OutputError(f"the {kind} picture could not be encoded: {error}") from error
    return Encoded(data, kind, tuple(notes))


def _eight_bits(pixels: Pixels, kind: str, notes: list[str]) -> Pixels:
    if pixels.dtype == np.uint16:
        notes.append(f"{kind} holds 8 bits; the picture has 16")
        pixels = to_eight_bits(pixels)
    if kind == "jpg" and pixels.shape[2] == 4:
        notes.append("jpg holds no transparency; it was laid over white")
        pixels = np.asarray(flatten(Image.fromarray(pixels)))
    return pixels


def _encode_png(pixels: Pixels, extras: Extras, quality: int, lossless: bool, notes: list[str]) -> bytes:
    return png.insert(_png_pixels(pixels), _png_chunks(extras, notes))


def _png_pixels(pixels: Pixels) -> bytes:
    if pixels.dtype == np.uint8:
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "PNG", compress_level=_PNG_LEVEL, pnginfo=PngImagePlugin.PngInfo())
        return out.getvalue()
    import cv2  # slow to import, and rarely needed

    order = [2, 1, 0, 3][: pixels.shape[2]]
    swapped = np.ascontiguousarray(pixels[..., order])
    done, data = cv2.imencode(".png", swapped, [cv2.IMWRITE_PNG_COMPRESSION, _PNG_LEVEL])
    if not done:
        raise ValueError("OpenCV gave no file")
    return bytes(data.tobytes())


def _png_chunks(extras: Extras, notes: list[str]) -> list[bytes]:
    chunks = []
    if extras.icc is not None:
        chunks.append(png.profile_chunk(extras.icc))
    if extras.dpi is not None:
        chunks.append(png.resolution_chunk(extras.dpi))
    block = extras.exif
    if block is not None and extras.infotext is not None:
        block = _without_comment(block, notes)
    if block is not None:
        chunks.append(png.chunk(b"eXIf", block))
    if extras.infotext is not None:
        chunks.append(png.text_chunk("parameters", extras.infotext))
    if extras.recipe is not None:
        chunks.append(png.text_chunk("redraw", json.dumps(extras.recipe, ensure_ascii=False), compress=True))
    if extras.xmp is not None:
        packet = xmp.without_recipe(extras.xmp) if extras.recipe is not None else extras.xmp
        chunks.append(png.text_chunk(png.XMP_KEY, packet.decode("utf-8", "replace"), compress=True))
    ours = {"parameters", "redraw", png.XMP_KEY}
    return chunks + png.text_chunks({k: v for k, v in extras.text.items() if k not in ours})


def _without_comment(block: bytes, notes: list[str]) -> bytes | None:
    """Return EXIF without a UserComment: A1111 would read that instead of the PNG's infotext."""
    try:
        return exif_block.without_comment(block)
    except exif_block.ExifError:
        notes.append("the EXIF data is damaged and was left out")
        return None


def _encode_jpg(pixels: Pixels, extras: Extras, quality: int, lossless: bool, notes: list[str]) -> bytes:
    block, packet = _blocks(extras, notes, with_dpi=False)
    if block is not None and len(block) > _EXIF_ROOM:
        block = None if extras.infotext is None else exif_block.with_comment(None, extras.infotext)
        notes.append("the source's EXIF data leaves no room in a jpg and was left out")
        if block is not None and len(block) > _EXIF_ROOM:
            block = None
            notes.append("the infotext is too long for a jpg and was left out")
    if packet is not None and len(packet) > _XMP_ROOM:
        packet = None if extras.recipe is None else xmp.with_recipe(None, extras.recipe)
        if packet is not None and len(packet) > _XMP_ROOM:
            packet = None
            notes.append("the recipe is too long for a jpg and was left out")
    options: dict[str, Any] = {"quality": quality}
    if extras.dpi is not None:
        options["dpi"] = extras.dpi
    if block is not None:
        options["exif"] = b"Exif\x00\x00" + block
    return _by_pillow(pixels, "JPEG", options, extras.icc, packet)


def _encode_webp(pixels: Pixels, extras: Extras, quality: int, lossless: bool, notes: list[str]) -> bytes:
    block, packet = _blocks(extras, notes, with_dpi=True)
    options: dict[str, Any] = {"quality": quality, "lossless": lossless, "exact": lossless}
    if block is not None:
        options["exif"] = block
    return _by_pillow(pixels, "WEBP", options, extras.icc, packet)


def _encode_avif(pixels: Pixels, extras: Extras, quality: int, lossless: bool, notes: list[str]) -> bytes:
    block, packet = _blocks(extras, notes, with_dpi=True)
    options: dict[str, Any] = {"quality": quality}
    if lossless:
        # As near as Pillow's encoder comes: luma and chroma in 8 bits still cost a level or two.
        options = {"quality": 100, "subsampling": "4:4:4"}
    if block is not None:
        options["exif"] = block
    return _by_pillow(pixels, "AVIF", options, extras.icc, packet)


def _encode_tiff(pixels: Pixels, extras: Extras, quality: int, lossless: bool, notes: list[str]) -> bytes:
    block, packet = _blocks(extras, notes, with_dpi=False)
    return encode_tiff(pixels, icc=extras.icc, exif=block, xmp=packet, dpi=extras.dpi)


def _blocks(extras: Extras, notes: list[str], *, with_dpi: bool) -> tuple[bytes | None, bytes | None]:
    """Return EXIF with the infotext (and the resolution) in it, and XMP with the recipe in it."""
    block, packet = extras.exif, extras.xmp
    if extras.infotext is not None:
        block = exif_block.with_comment(block, extras.infotext)
    if with_dpi and extras.dpi is not None:
        block = exif_block.with_dpi(block, extras.dpi)
    if extras.recipe is not None:
        packet = xmp.with_recipe(packet, extras.recipe)
    return block, packet


def _by_pillow(pixels: Pixels, kind: str, options: dict[str, Any], icc: bytes | None, packet: bytes | None) -> bytes:
    if icc is not None:
        options["icc_profile"] = icc
    if packet is not None:
        options["xmp"] = packet
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


_ENCODERS: Final = {
    "png": _encode_png,
    "jpg": _encode_jpg,
    "webp": _encode_webp,
    "avif": _encode_avif,
    "tiff": _encode_tiff,
}
