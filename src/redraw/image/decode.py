"""Pixels out of an opened file: the first frame, as RGB or RGBA, in the file's own depth."""

from __future__ import annotations

import io
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFile, TiffImagePlugin

from redraw.errors import PictureError
from redraw.image import png
from redraw.image.container import DAMAGE, damaged
from redraw.image.picture import Pixels
from redraw.image.profile import colour_space

_BITS, _EXTRA = 258, 338
_ASSOCIATED: Final = 1


class Decoded(NamedTuple):
    """What came out of a file.

    `weak_alpha`: the alpha comes from a grey picture or from one transparent colour; A1111 does not see it.
    `icc`: the profile the pixels are in now, None once it was used up or was unusable.
    `turned`: the reader has applied the orientation already.
    """

    pixels: Pixels
    mode: str
    icc: bytes | None
    notes: tuple[str, ...]
    weak_alpha: bool = False
    turned: bool = False


def decode(image: ImageFile.ImageFile, data: bytes, name: str, icc: bytes | None) -> Decoded:
    """Decode the first frame of `image`, which was opened from `data`; raises `PictureError`."""
    kind = image.format or "?"
    notes = list(_frame_notes(image, kind))
    try:
        deep = _is_deep(image, data)
        turned = kind == "TIFF" or kind == "HEIF"
        image.load()
        pixels = _decode_deep(data) if deep else None
        if pixels is None and image.mode.startswith("I;16"):
            pixels = _stacked(np.asarray(image).astype(np.uint16))
    except DAMAGE as error:
        raise damaged(name, kind, error) from None
    if pixels is not None:
        return _decoded_deep(image, data, pixels, icc, notes)
    if deep:
        notes.append("the 16-bit samples could not be read; 8 bits were used")
    if image.mode in ("I", "F"):
        raise PictureError(name, "samples of 32 bits are not supported; save it with 8 or 16 bits")
    icc, usable = _checked(icc, notes)
    try:
        converted, icc = _to_rgb(image, icc, usable, notes)
        return Decoded(np.array(converted), image.mode, icc, tuple(notes), _has_weak_alpha(image), turned)
    except DAMAGE as error:
        raise damaged(name, kind, error) from None


def _frame_notes(image: ImageFile.ImageFile, kind: str) -> list[str]:
    try:
        frames = int(getattr(image, "n_frames", 1))
    except DAMAGE:
        frames = 1
    if frames < 2:
        return []
    what = "page of a file" if kind in ("TIFF", "HEIF") else "frame of an animation"
    return [f"the first {what} of {frames} was used"]


def _is_deep(image: ImageFile.ImageFile, data: bytes) -> bool:
    if image.format == "PNG":
        found = png.header(data)
        return found is not None and found.depth == 16
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return set(image.tag_v2.get(_BITS, ())) == {16} and image.mode in ("RGB", "RGBA", "I;16", "I;16B")
    return False


def _decode_deep(data: bytes) -> NDArray[np.uint16] | None:
    """Return 16-bit pixels by OpenCV, None where it gives anything else."""
    import cv2  # slow to import, and rarely needed

    log = cv2.utils.logging
    level = log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    finally:
        log.setLogLevel(level)
    if found is None or found.dtype != np.uint16:
        return None
    if found.ndim == 2:
        return _stacked(found)
    order = [2, 1, 0, 3][: found.shape[2]]
    return np.ascontiguousarray(found[..., order])


def _decoded_deep(
    image: ImageFile.ImageFile, data: bytes, pixels: NDArray[np.uint16], icc: bytes | None, notes: list[str]
) -> Decoded:
    grey = image.mode.startswith("I;16")
    weak = False
    if image.format == "PNG":
        found = png.header(data)
        grey = found is not None and found.colour in (0, 4)
        key = image.info.get("transparency")
        weak = key is not None or (grey and pixels.shape[2] == 4)
        if isinstance(key, int) and pixels.shape[2] == 3:
            alpha = np.where(pixels[..., 0] == key, 0, 65535).astype(np.uint16)
            pixels = np.dstack([pixels, alpha])
    elif isinstance(image, TiffImagePlugin.TiffImageFile) and _ASSOCIATED in image.tag_v2.get(_EXTRA, ()):
        pixels = _unassociated(pixels)
    icc, usable = _checked(icc, notes)
    if icc is not None and usable != "RGB":
        notes.append("the profile is not for RGB pictures and was left out")
        icc = None
    mode = ("I;16" if grey else "RGB;16") + ("+alpha" if pixels.shape[2] == 4 else "")
    return Decoded(pixels, mode, icc, tuple(notes), weak, turned=image.format == "TIFF")


def _to_rgb(
    image: Image.Image, icc: bytes | None, space: str | None, notes: list[str]
) -> tuple[Image.Image, bytes | None]:
    """Return the image as RGB or RGBA, and the profile it is in then."""
    wanted = "RGBA" if image.has_transparency_data else "RGB"
    if image.mode in ("RGB", "RGBA", "P", "PA", "RGBX", "RGBa"):
        if icc is not None and space != "RGB":
            notes.append("the embedded profile does not fit the picture and was left out")
            icc = None
        return image.convert(wanted), icc
    if image.mode == "LAB":
        notes.append("Lab colours were turned into sRGB")
        return _through(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")), "RGB"), None
    if icc is not None and image.mode in ("L", "CMYK") and space == {"L": "GRAY", "CMYK": "CMYK"}[image.mode]:
        notes.append(f"the {'grey' if image.mode == 'L' else 'CMYK'} picture was turned into sRGB by its profile")
        return _through(image, ImageCms.ImageCmsProfile(io.BytesIO(icc)), "RGB"), None
    if icc is not None and space != "RGB":
        notes.append("the embedded profile does not fit the picture and was left out")
        icc = None
    if image.mode == "CMYK":
        notes.append("the CMYK picture has no profile of its own; plain inks were assumed")
        icc = None
    return image.convert(wanted), icc


def _through(image: Image.Image, profile: ImageCms.ImageCmsProfile, mode: str) -> Image.Image:
    target = ImageCms.createProfile("sRGB")
    result = ImageCms.profileToProfile(
        image, profile, target, ImageCms.Intent.RELATIVE_COLORIMETRIC, mode, flags=ImageCms.Flags.BLACKPOINTCOMPENSATION
    )
    if result is None:
        raise ValueError("the profile could not be applied")
    return result


def _checked(icc: bytes | None, notes: list[str]) -> tuple[bytes | None, str | None]:
    """Return the profile and its colour space, or None twice (and a note) if it cannot be read."""
    if icc is None:
        return None, None
    space = colour_space(icc)
    if space is None:
        notes.append("the embedded colour profile is broken; the colours were taken as sRGB")
        return None, None
    return icc, space


def _has_weak_alpha(image: Image.Image) -> bool:
    key = image.info.get("transparency")
    return image.mode in ("LA", "La", "PA") or (key is not None and not isinstance(key, bytes))


def _stacked(grey: NDArray[np.uint16]) -> NDArray[np.uint16]:
    return np.repeat(grey[:, :, None], 3, axis=2)


def _unassociated(pixels: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return straight alpha for pixels whose colours were multiplied by it; without alpha, the pixels."""
    if pixels.shape[2] != 4:
        return pixels
    alpha = pixels[..., 3:].astype(np.float64)
    colour = np.divide(pixels[..., :3] * 65535.0, alpha, out=np.zeros(pixels[..., :3].shape), where=alpha > 0)
    return np.dstack([np.clip(np.rint(colour), 0, 65535).astype(np.uint16), pixels[..., 3]])
