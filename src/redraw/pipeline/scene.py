"""One source on the canvas: what the model sees of it, which part may change, and where that part lies.

The way in, in A1111's order (reference 1.3 to 1.7): lay transparency over the background, lay paint on it, find the
mask, find the close-up, bring picture and mask to the canvas with one `Placement`, fill what is masked, pad to whole
latents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from redraw.errors import RequestError
from redraw.geometry import Box, Size
from redraw.image.fill import fill
from redraw.image.flatten import flatten
from redraw.image.io import open_picture
from redraw.image.mask import (
    Mask,
    blur,
    bounding_box,
    fit_mask,
    hidden_color,
    invert,
    latent_mask,
    own_alpha,
    read_mask,
    uses_alpha,
)
from redraw.image.paint import lay_paint, paint_mask, sketch_base
from redraw.image.picture import Limits, Picture
from redraw.image.placement import Placement
from redraw.image.profile import model_rgb
from redraw.image.resize import RESIZE_MODES, ResizeMode
from redraw.pipeline.shots import LATENT_STEP, Canvas
from redraw.registry import UPSCALERS
from redraw.request import Img2Img
from redraw.request.masks import MaskedContent


@dataclass(frozen=True, eq=False)
class Source:
    """A picture of the request, opened, with paint and mask laid on it, in its own size.

    Attributes:
        request: what was asked for.
        picture: as it came, untouched.
        image: RGB, 8 bits, in sRGB: flattened and painted.
        mask: blurred, 255 = repaint; of the picture's size (with loose rules of its own); None without a mask.
        content: what the masked part holds before it is redrawn.
        notes: what was decided about paint and mask.
    """

    request: Img2Img
    picture: Picture
    image: Image.Image
    mask: Mask | None
    content: MaskedContent
    notes: tuple[str, ...] = ()

    @property
    def close_up(self) -> Box | None:
        """The masked part with its padding, for only masked; None where the whole picture is redrawn."""
        found = bounding_box(self.mask) if self.mask is not None and self.request.only_masked else None
        return None if found is None else found.padded(self.request.padding, _size_of(self.mask))


def open_sources(request: Img2Img, limits: Limits) -> list[Source]:
    """Open every picture of the request, upright, with its paint and mask.

    Raises:
        PictureError: a file is no usable picture.
        RequestError: paint or mask do not fit a picture, or the mask marks nothing.
    """
    paint = open_picture(request.paint, limits) if request.paint is not None else None
    given = request.mask
    mask = None if given is None or given == "alpha" else open_picture(given, limits, profiles=False)
    return [_source(request, open_picture(ref, limits), paint, mask) for ref in request.images]


def _source(request: Img2Img, picture: Picture, paint: Picture | None, mask_file: Picture | None) -> Source:
    full = request.reading == "full"
    seen = model_rgb(picture, use_profile=full, weak_alpha=full)
    # Where the picture's own transparency is the mask, its hidden colors are the content.
    flat = seen.convert("RGB") if request.mask == "alpha" else flatten(seen, request.background)
    mask, content, notes = _marked(request, picture, mask_file)
    image = flat
    if paint is not None:
        image = lay_paint(flat, paint)
    if paint is not None and request.paint_is_mask:
        mask = paint_mask(flat, paint, float(request.mask_transparency))
        image = sketch_base(flat, image, mask, float(request.mask_blur))
    if mask is not None:
        mask = _blurred(request, invert(mask) if request.invert_mask else mask)
    if mask is not None and request.mask == "alpha" and not request.invert_mask:
        mask = np.maximum(mask, own_alpha(picture))  # blurred outwards only: under transparency there is no picture
    return Source(request, picture, image, mask, content, notes)


def _marked(
    request: Img2Img, picture: Picture, mask_file: Picture | None
) -> tuple[Mask | None, MaskedContent, tuple[str, ...]]:
    """Return the mask as it was given, what lies under it, and what is to be said."""
    if request.mask == "alpha":
        mask = own_alpha(picture)
        if request.masked_content == "original" and hidden_color(picture, mask):
            return mask, "fill", ("the transparent part holds no picture, so it was filled from its surroundings",)
        return mask, request.masked_content, ()
    if mask_file is None:
        return None, request.masked_content, ()
    mask = read_mask(mask_file, round_alpha=request.mask_is_rounded)
    if request.mask_rules == "exact":
        mask = fit_mask(mask, picture.size)
    said = ("the mask's transparency was used: what is opaque is redrawn",) if uses_alpha(mask_file) else ()
    return mask, request.masked_content, said


def _blurred(request: Img2Img, mask: Mask) -> Mask | None:
    """Return the mask blurred; it must mark something. Loose rules redraw everything for an empty close-up [Q]."""
    soft = blur(mask, *request.blur_xy)
    if soft.any():
        return soft
    if request.mask_rules == "loose":
        return None if request.only_masked else soft
    if mask.any():
        raise RequestError("mask_blur", max(request.blur_xy), "so much makes the mask vanish; take less")
    raise RequestError("mask", "empty", "it marks nothing: paint white what is to be redrawn, or use invert_mask")


@dataclass(frozen=True, eq=False)
class Scene:
    """A source on the canvas.

    Attributes:
        source: in its own size.
        canvas: the sizes of the run.
        placement: how it came to the canvas.
        carried: the source on the canvas, RGB (with the resize mode latent-upscale in its own size).
        image: the same as the model sees it: filled where that was asked for.
        mask: on the canvas, `[work.height, work.width]`, 255 = repaint; None without one.
    """

    source: Source
    canvas: Canvas
    placement: Placement
    carried: Image.Image
    image: Image.Image
    mask: Mask | None

    @property
    def request(self) -> Img2Img:
        """What was asked for."""
        return self.source.request

    @property
    def tensor(self) -> torch.Tensor:
        """The picture as the VAE's input, `[1, 3, h, w]` fp32 in [-1, 1]; h and w are the padded canvas.

        With the resize mode latent-upscale they are the picture's own size, padded too unless sizes are floored.
        """
        pixels = torch.from_numpy(np.array(self.image, dtype=np.float32)).movedim(-1, 0)[None] / 255.0
        tensor, own = 2.0 * pixels - 1.0, Size(*self.image.size)
        if own == self.canvas.work:
            return pad_to(tensor, self.canvas.padded)
        return tensor if self.request.size_rule == "floor-8" else pad_to(tensor, own.ceil(LATENT_STEP))

    @property
    def padded_mask(self) -> Mask | None:
        """The mask on the padded canvas: its edges repeated as the picture's are."""
        if self.mask is None:
            return None
        right, bottom = (self.canvas.padded[i] - self.canvas.work[i] for i in (0, 1))
        padded: Mask = np.pad(self.mask, ((0, bottom), (0, right)), mode="edge")
        return padded

    @property
    def repaint(self) -> NDArray[np.float32] | None:
        """The latent mask `[h, w]` in 0..1, 1 = repaint; None without a mask."""
        mask = self.padded_mask
        return None if mask is None else latent_mask(mask, self.canvas.latent, rounded=self.request.mask_is_rounded)


def set_scene(source: Source, canvas: Canvas) -> Scene:
    """Bring a source to the canvas."""
    request = source.request
    mode = RESIZE_MODES[request.resize_mode]
    upscale = UPSCALERS.get(request.upscaler) if request.upscaler else None
    box = source.close_up
    if box is not None and source.mask is not None:
        box = box.expanded(canvas.work, _size_of(source.mask))
    placement = Placement(source.picture.size, canvas.work, mode, box)
    carried = placement.carry(source.image, upscale)
    mask = None
    if source.mask is not None:
        exact_stretch = mode is ResizeMode.LATENT_UPSCALE and request.mask_rules == "exact"
        mask_mode = ResizeMode.JUST_RESIZE if exact_stretch else mode
        mask = replace(placement, source=_size_of(source.mask), mode=mask_mode).carry_mask(source.mask)
    image = carried
    if mask is not None and source.content != "original":  # [Q] also under latent noise and latent nothing
        image = fill(carried, _mask_for(carried, source, mask))
    return Scene(source, canvas, placement, carried, image, mask)


def _mask_for(image: Image.Image, source: Source, on_canvas: Mask) -> Mask:
    """Return the mask in the size of `image`: with the resize mode latent-upscale that is the source's own."""
    if on_canvas.shape == (image.height, image.width) or source.mask is None:
        return on_canvas
    return Placement(_size_of(source.mask), Size(*image.size), ResizeMode.JUST_RESIZE).carry_mask(source.mask)


def pad_to(tensor: torch.Tensor, size: Size) -> torch.Tensor:
    """Return `tensor` `[b, c, h, w]` grown at the right and bottom to `size` by repeating its edges."""
    right, bottom = size.width - tensor.shape[-1], size.height - tensor.shape[-2]
    if right == 0 and bottom == 0:
        return tensor
    return torch.nn.functional.pad(tensor, (0, right, 0, bottom), mode="replicate")


def inner_size(sources: Sequence[Source]) -> Size | None:
    """Return the size of the first close-up, from which the default size of the canvas follows; None without one."""
    box = sources[0].close_up if sources else None
    return None if box is None else box.size


def _size_of(mask: Mask | None) -> Size:
    return Size(1, 1) if mask is None else Size(mask.shape[1], mask.shape[0])
