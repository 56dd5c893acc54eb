"""From what the model gave back to the result: color, the way back to the source, and the edge.

Two ways to put a repainted part into its source. The exact way blends in the source's own depth, profile and size and
touches nothing where the mask is 0. The loose way is A1111's (reference 1.11): the source with a hole, premultiplied
in 8 bits, laid over the new picture; it gives RGB.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from redraw.geometry import Size
from redraw.image.color import ColorMatch, correct_color, match_color
from redraw.image.composite import blend, make_overlay, opaque, paste_overlay
from redraw.image.edge import Edge, edge_report
from redraw.image.flatten import flatten
from redraw.image.mask import Mask, doubled
from redraw.image.picture import Picture, Pixels
from redraw.image.placement import Placement
from redraw.image.profile import from_srgb, to_eight_bits, to_sixteen_bits
from redraw.image.resize import ResizeMode, resize_image
from redraw.pipeline.scene import Scene
from redraw.registry import UPSCALERS


def to_pixels(image: torch.Tensor, size: Size, depth: int = 8) -> Pixels:
    """Return a decoded picture `[3, h, w]` in about [-1, 1] as `[size.height, size.width, 3]` of 8 or 16 bits.

    Values are cut to the range and truncated, not rounded: A1111 counts so, and the same seed must give the same
    pixels. [Q]
    """
    unit = ((image.float() + 1.0) / 2.0).clamp(0.0, 1.0)[:, : size.height, : size.width]
    levels: np.ndarray = (unit * (2**depth - 1)).movedim(0, -1).cpu().numpy()
    return levels.astype(np.uint16) if depth == 16 else levels.astype(np.uint8)


@dataclass(frozen=True, eq=False)
class Pasted:
    """A result on its way out.

    Attributes:
        scene: what was redrawn.
        pixels: what the model gave, `[h, w, 3]` sRGB on the canvas, in the source's depth, its colors corrected.
        soft: soft inpainting's own edge on the canvas, 255 = new; None where the mask is the edge.
        color: what color matching found, if it ran.
        untouched: nothing was redrawn: the result is the source.
    """

    scene: Scene
    pixels: Pixels
    soft: Mask | None = None
    color: ColorMatch | None = None
    untouched: bool = False

    @property
    def _loose(self) -> bool:
        return self.scene.request.mask_rules == "loose"

    @cached_property
    def weight(self) -> Mask | None:
        """How much of the new picture shows at each pixel of the result, 255 = all; None where there is no mask."""
        scene = self.scene
        if scene.mask is None or scene.source.mask is None:
            return None
        soft = self.soft
        if scene.placement.box is None:
            # [Q] doubled: what is masked by half or more is wholly new, though the mask was blurred.
            hard = doubled(scene.mask)
            return hard if soft is None else self._within(soft, hard)
        if soft is None:
            return scene.source.mask
        box, whole = scene.placement.box, np.zeros_like(scene.source.mask)
        whole[box.y1 : box.y2, box.x1 : box.x2] = self._brought_back(np.repeat(soft[..., None], 3, axis=2))[..., 0]
        return self._within(whole, scene.source.mask)

    def _within(self, soft: Mask, mask: Mask) -> Mask:
        """Return a soft edge that ends where the mask does; A1111's reaches further."""
        return soft if self._loose else np.minimum(soft, mask)

    @cached_property
    def base(self) -> Pixels:
        """The source in the result's size, own profile and depth, with its alpha if that is kept."""
        scene, picture = self.scene, self.scene.source.picture
        pixels = picture.pixels
        if picture.has_alpha and not scene.request.keep_alpha:
            pixels = _flattened(picture, scene.request.background)
        if scene.placement.box is not None or picture.size == scene.canvas.size:
            return pixels
        plain = scene.placement
        if plain.mode is ResizeMode.LATENT_UPSCALE:
            plain = replace(plain, mode=ResizeMode.JUST_RESIZE)
        upscale = UPSCALERS.get(scene.request.upscaler) if scene.request.upscaler else None
        carried = plain.carry_pixels(pixels, upscale)
        return carried[: scene.canvas.size.height, : scene.canvas.size.width]

    @cached_property
    def picture(self) -> Picture:
        """The result, with everything the source carried."""
        if self.untouched:
            return self._dressed(self.base)
        if self.weight is None or not self.scene.request.overlay:
            return self._dressed(self._with_alpha(self.pixels))
        if self._loose:
            return self._dressed(self._overlaid())
        scene, box = self.scene, self.scene.placement.box
        base, weight = self.base, self.weight
        if box is None:
            result = blend(base, self._as_source(self.pixels, base), weight)
        else:
            inside = (slice(box.y1, box.y2), slice(box.x1, box.x2))
            new = scene.placement.carry_back_pixels(self.pixels)
            result = base.copy()
            result[inside] = blend(base[inside], self._as_source(new, base[inside]), weight[inside])
        if scene.request.mask == "alpha" and result.shape[2] == 4:
            result = opaque(result, weight)
        return self._dressed(result)

    @cached_property
    def edge(self) -> Edge | None:
        """How well the repainted part meets what surrounds it; None without a mask or without an edge."""
        after = self.picture.pixels
        if self.weight is None or after.shape[:2] != self.weight.shape or self.base.shape[:2] != after.shape[:2]:
            return None
        return edge_report(to_eight_bits(self.base)[..., :3], to_eight_bits(after)[..., :3], self.weight)

    @cached_property
    def mask(self) -> Picture | None:
        """The mask as it was used, grey as RGB; None without one."""
        return None if self.weight is None else Picture(pixels=np.repeat(self.weight[..., None], 3, axis=2))

    @cached_property
    def cutout(self) -> Picture | None:
        """The new part alone: what the model gave, transparent where the mask is black; None without a mask."""
        if self.weight is None:
            return None
        eight, box = to_eight_bits(self.pixels), self.scene.placement.box
        image = Image.fromarray(eight)
        if box is not None:
            image = Image.new("RGB", (self.weight.shape[1], self.weight.shape[0]))
            image.paste(Image.fromarray(self._brought_back(eight)), box[:2])
        mask = resize_image(Image.fromarray(self.weight), Size(*image.size), ResizeMode.RESIZE_AND_FILL).convert("L")
        clear = Image.new("RGBa", image.size)
        cut = Image.composite(image.convert("RGBA").convert("RGBa"), clear, mask).convert("RGBA")
        return Picture(pixels=np.asarray(cut))

    def _brought_back(self, eight: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the close-up `[h, w, 3]` at the size of its box: with loose rules as A1111 does, else to its place."""
        placement = self.scene.placement
        if self._loose:
            return np.asarray(placement.carry_back(Image.fromarray(eight)))
        return to_eight_bits(placement.carry_back_pixels(eight))

    def _overlaid(self) -> Pixels:
        """Return the result as A1111 composes it, RGB of 8 bits."""
        scene, weight = self.scene, self.weight
        upscale = UPSCALERS.get(scene.request.upscaler) if scene.request.upscaler else None
        base = scene.carried if scene.placement.box is None else scene.source.image
        if weight is not None and weight.shape != (base.height, base.width):
            own = Size(weight.shape[1], weight.shape[0])
            weight = Placement(own, Size(*base.size), scene.placement.mode).carry_mask(weight)
        image = Image.fromarray(to_eight_bits(self.pixels))
        if weight is not None:
            overlay = make_overlay(base, weight)
            image = paste_overlay(
                image, overlay, scene.placement.box, lambda one: scene.placement.carry_back(one, upscale)
            )
        return from_srgb(np.asarray(image), scene.source.picture, use_profile=scene.request.reading == "full")

    def _as_source(self, pixels: Pixels, base: Pixels) -> Pixels:
        """Return sRGB `pixels` in the source's profile and depth, with the alpha of `base` if it has one."""
        picture = self.scene.source.picture
        own = from_srgb(pixels, picture, use_profile=self.scene.request.reading == "full")
        return np.concatenate([own, base[..., 3:]], axis=-1) if base.shape[2] == 4 else own

    def _with_alpha(self, pixels: Pixels) -> Pixels:
        """Return the whole redrawn picture in the source's profile, with its transparency where that is kept."""
        scene, picture = self.scene, self.scene.source.picture
        if not (picture.has_alpha and scene.request.keep_alpha) or scene.placement.box is not None:
            return from_srgb(pixels, picture, use_profile=scene.request.reading == "full")
        return self._as_source(pixels, self.base)

    def _dressed(self, pixels: Pixels) -> Picture:
        source = self.scene.source.picture
        return Picture(
            pixels=pixels,
            name=source.name,
            icc=source.icc,
            exif=source.exif,
            xmp=source.xmp,
            dpi=source.dpi,
            text=source.text,
        )


def paste(scene: Scene, pixels: Pixels, soft: Mask | None = None) -> Pasted:
    """Return what the model gave, its colors corrected as the request says, ready to become the result.

    Args:
        scene: what was redrawn.
        pixels: `[h, w, 3]` sRGB on the canvas, in the source's depth.
        soft: the edge that soft inpainting found, on the canvas.
    """
    request, color = scene.request, None
    if request.color_correction:
        pixels = _corrected(pixels, np.asarray(scene.image))
    true = np.asarray(scene.carried)
    if request.match_color and scene.mask is not None and true.shape == pixels.shape:
        known = to_sixteen_bits(true) if pixels.dtype == np.uint16 else true
        pixels, color = match_color(pixels, known, doubled(scene.mask))
    return Pasted(scene, pixels, soft, color)


def untouched(scene: Scene) -> Pasted:
    """Return the result of redrawing nothing: the source in the result's size, with its paint if there is some."""
    pixels = np.asarray(scene.carried)
    painted = scene.request.paint is not None and pixels.shape[:2] == scene.canvas.size[::-1]
    deep = scene.source.picture.depth == 16
    return Pasted(scene, to_sixteen_bits(pixels) if deep else pixels, untouched=not painted)


def _corrected(pixels: Pixels, target: np.ndarray) -> Pixels:
    """Return `pixels` with the colors of `target`; 16 bits are moved by what 8 bits are moved."""
    eight = to_eight_bits(pixels)
    corrected = correct_color(eight, target)
    if pixels.dtype == np.uint8:
        return corrected
    moved = pixels.astype(np.int32) + (corrected.astype(np.int32) - eight) * 257
    return np.clip(moved, 0, 65535).astype(np.uint16)


def _flattened(picture: Picture, background: str) -> Pixels:
    """Return the picture's colors over the background, in its own depth."""
    if picture.depth == 8:
        return np.asarray(flatten(Image.fromarray(to_eight_bits(picture.pixels)), background))
    color = np.asarray(Image.new("RGB", (1, 1), background), dtype=np.float64)[0, 0] * 257
    alpha = picture.pixels[..., 3:].astype(np.float64) / 65535
    mixed: Pixels = np.rint(picture.pixels[..., :3] * alpha + color * (1 - alpha)).astype(np.uint16)
    return mixed
