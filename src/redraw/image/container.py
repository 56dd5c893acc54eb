"""Which format a file has, and what it carries beside its pixels; nothing here decodes pixels."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from PIL import Image, ImageFile

from redraw.errors import PictureError
from redraw.geometry import Size
from redraw.image import exif as exif_block
from redraw.image import novelai, png, xmp

FORMATS_READ: Final = "PNG, JPEG, WebP, AVIF, GIF, TIFF, BMP and HEIC"

# Everything Pillow's readers raise on damaged files. Warnings count as damage where a user turned them into errors.
DAMAGE: Final = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    EOFError,
    ArithmeticError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Warning,
)

_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"BM", "BMP"),
)
_HEIF_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
# Tags of a TIFF file that say something about the picture, and not how its pixels are stored.
_TIFF_KEPT: Final = (270, 271, 272, 305, 306, 315, 33432)
_EXIF_IFDS: Final = (0x8769, 0x8825)


@dataclass(frozen=True)
class Carried:
    """What a file carries beside its pixels, as found: EXIF and XMP still name the file's orientation.

    `text` holds every text entry but infotext and recipe.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    text: Mapping[str, str] = field(default_factory=dict)
    infotext: str | None = None
    recipe: dict[str, Any] | None = None


def sniff(data: bytes) -> str | None:
    """Return the format's name as Pillow spells it, None if it is none Redraw reads."""
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        brands = data[8:12] + data[16:64]
        if b"avif" in brands or b"avis" in brands:
            return "AVIF"
        if data[8:12] in _HEIF_BRANDS:
            return "HEIF"
    return None


def open_file(data: bytes, name: str) -> ImageFile.ImageFile:
    """Return the file opened by its reader, with nothing decoded yet; raises `PictureError`.

    The reader is called directly, not through `Image.open`: a file can only reach the reader its first bytes name,
    and the size limit is ours instead of Pillow's process-wide one.
    """
    if not data:
        raise PictureError(name, "the file is empty")
    kind = sniff(data)
    if kind is None:
        what = "is text, not a picture" if _is_text(data) else "is not a picture Redraw can read"
        raise PictureError(name, f"{what} ({FORMATS_READ} are read)")
    if kind == "HEIF":
        _register_heif(name)
    Image.preinit()
    if kind not in Image.OPEN:
        Image.init()
    try:
        reader = _read_jpeg if kind == "JPEG" else Image.OPEN[kind][0]
        return reader(io.BytesIO(data), name)
    except DAMAGE as error:
        raise damaged(name, kind, error) from None


def damaged(name: str, kind: str, error: BaseException) -> PictureError:
    """Return the error for a file whose reader failed."""
    if isinstance(error, MemoryError):
        return PictureError(name, "does not fit in memory")
    why = " ".join(str(error).split())[:120]
    return PictureError(name, f"the {kind} file is damaged or cut short" + (f" ({why})" if why else ""))


def carried(image: ImageFile.ImageFile, data: bytes) -> Carried:
    """Return what an opened file carries; entries that are damaged are left out."""
    found = _from_png(data) if image.format == "PNG" else _from_info(image)
    comment = exif_block.read_comment(found.exif)
    text = dict(found.text)
    # A1111's own order: the text chunk, unless EXIF has a comment, else a GIF's comment.
    written = text.pop("parameters", None)
    infotext = comment or written or (text.pop("comment", None) if image.format == "GIF" else None)
    infotext = infotext or novelai.infotext(text, Size(*image.size))
    recipe = xmp.parse_recipe(text.pop("redraw", None)) or xmp.read_recipe(found.xmp)
    return replace(found, text=text, infotext=infotext, recipe=recipe)


def _from_png(data: bytes) -> Carried:
    found = list(png.chunks(data))
    text = png.texts(found)
    packet = text.pop(png.XMP_KEY, None)
    block = next((c.data for c in found if c.kind == b"eXIf"), None)
    return Carried(
        icc=png.read_profile(found),
        exif=block,
        xmp=None if packet is None else packet.encode(),
        dpi=png.read_dpi(found) or exif_block.read_dpi(block),
        text=text,
    )


def _from_info(image: ImageFile.ImageFile) -> Carried:
    info = image.info
    block = _tiff_exif(image) if image.format == "TIFF" else _bytes(info.get("exif"))
    if block is not None:
        block = block.removeprefix(b"Exif\x00\x00") or None
    comment = info.get("comment")
    if isinstance(comment, bytes):
        comment = comment.decode("utf-8", "replace").rstrip("\x00")
    return Carried(
        icc=_bytes(info.get("icc_profile")),
        exif=block,
        xmp=_bytes(info.get("xmp")),
        dpi=_dpi(info) or exif_block.read_dpi(block),
        text={"comment": comment} if comment else {},
    )


def _tiff_exif(image: ImageFile.ImageFile) -> bytes | None:
    """Return a TIFF's descriptive tags and EXIF directories as a block of their own."""
    try:
        source, kept = image.getexif(), Image.Exif()
        for tag in _TIFF_KEPT:
            if tag in source:
                kept[tag] = source[tag]
        for tag in _EXIF_IFDS:
            entries = source.get_ifd(tag)
            if entries:
                kept.get_ifd(tag).update(entries)
                kept[tag] = dict(entries)
        return exif_block.with_kinds(kept.tobytes().removeprefix(b"Exif\x00\x00")) if len(kept) else None
    except DAMAGE:
        return None


def _dpi(info: Mapping[Any, Any]) -> tuple[float, float] | None:
    found = info.get("dpi")
    try:
        x, y = (float(value) for value in found)  # type: ignore[union-attr]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    # Pillow answers 1 for a JPEG or TIFF that only gives the shape of its pixels.
    return (x, y) if 1 < x < 1e6 and 1 < y < 1e6 else None


def _bytes(value: object) -> bytes | None:
    if isinstance(value, str):
        return value.encode()
    return value if isinstance(value, bytes) and value else None


def _is_text(data: bytes) -> bool:
    head = data[:512]
    return b"\x00" not in head and sum(b < 9 or 13 < b < 32 for b in head) == 0


def _register_heif(name: str) -> None:
    try:
        import pi_heif  # an optional extra
    except ImportError:
        raise PictureError(name, "HEIC needs the extra: pip install 'redraw-studio[heic]'") from None
    if "HEIF" not in Image.OPEN:
        pi_heif.register_heif_opener()


def _read_jpeg(stream: io.BytesIO, name: str) -> ImageFile.ImageFile:
    """Open a JPEG as one picture; Pillow's factory makes phones' gain maps a second frame."""
    from PIL.JpegImagePlugin import JpegImageFile

    return JpegImageFile(stream, name)
