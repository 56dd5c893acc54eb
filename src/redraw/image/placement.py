"""Where a picture lies on the canvas the model works on: one geometry for picture, mask, paint and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from redraw.geometry import Box, Size, Transform
from redraw.image.mask import Mask
from redraw.image.picture import Pixels
from redraw.image.resize import ResizeMode, Upscale, inner_box, resize_image, resize_pixels


@dataclass(frozen=True)
class Placement:
    """How pixels of the source come to the canvas, and back.

    Attributes:
        source: size of the picture.
        canvas: size the model works on.
        mode: how the whole picture meets a canvas of another aspect.
        box: only this part of the source comes to the canvas ("only masked"), always by resize and fill.
    """

    source: Size
    canvas: Size
    mode: ResizeMode
    box: Box | None = None

    @property
    def transform(self) -> Transform:
        """The map from pixel coordinates of the source to those of the canvas.

        Latent upscale leaves the pixels alone and stretches the latents, so its map is the stretch.
        """
        part = Box(0, 0, *self.source) if self.box is None else self.box
        return Transform.onto(part, inner_box(part.size, self.canvas, self._pixel_mode))

    def carry(self, image: Image.Image, upscale: Upscale | None = None) -> Image.Image:
        """Return `image` (of the source's size) on the canvas; latent upscale returns the whole image as it is."""
        return resize_image(self._part(image), self.canvas, self._pixel_mode, upscale)

    def carry_pixels(self, pixels: Pixels, upscale: Upscale | None = None) -> Pixels:
        """Return `pixels` ([h, w, 3|4], uint8 or uint16, of the source's size) on the canvas, as `carry` does."""
        if self.box is not None:
            pixels = pixels[self.box.y1 : self.box.y2, self.box.x1 : self.box.x2]
        return resize_pixels(pixels, self.canvas, self._pixel_mode, upscale)

    def carry_mask(self, mask: Mask) -> Mask:
        """Return `mask` (of the source's size) on the canvas.

        Under latent upscale a mask is resized and filled while the latents are stretched [Q]: with another aspect than
        the canvas the two lie apart there, and nowhere else.
        """
        latent = self._pixel_mode is ResizeMode.LATENT_UPSCALE
        mode = ResizeMode.RESIZE_AND_FILL if latent else self._pixel_mode
        return np.asarray(resize_image(self._part(Image.fromarray(mask)), self.canvas, mode).convert("L"))

    def carry_back(self, image: Image.Image, upscale: Upscale | None = None) -> Image.Image:
        """Return a picture from the canvas at the size of the box, by crop and resize; without a box, of the canvas.

        This is A1111's way. Where the box is not exactly of the canvas' aspect it comes back up to a canvas pixel
        away from where it was taken [Q]; `carry_back_pixels` brings it back to its place.
        """
        if self.box is None:
            return resize_image(image, self.canvas, ResizeMode.JUST_RESIZE, upscale)
        return resize_image(image, self.box.size, ResizeMode.CROP_AND_RESIZE, upscale)

    def carry_back_pixels(self, pixels: Pixels, upscale: Upscale | None = None) -> Pixels:
        """Return `pixels` from the canvas ([h, w, 3|4], uint8 or uint16) at the size of the box; without a box, of
        the canvas.

        The exact inverse of `transform`: what `carry` filled in around the box is cut off again. Pixels of another
        size than the canvas are scaled to it first.
        """
        if pixels.shape[:2] != (self.canvas.height, self.canvas.width):
            pixels = resize_pixels(pixels, self.canvas, ResizeMode.JUST_RESIZE, upscale)
        if self.box is None:
            return pixels
        inner = inner_box(self.box.size, self.canvas, ResizeMode.RESIZE_AND_FILL)
        taken = pixels[inner.y1 : inner.y2, inner.x1 : inner.x2]
        return resize_pixels(taken, self.box.size, ResizeMode.JUST_RESIZE, upscale)

    @property
    def _pixel_mode(self) -> ResizeMode:
        return self.mode if self.box is None else ResizeMode.RESIZE_AND_FILL

    def _part(self, image: Image.Image) -> Image.Image:
        return image if self.box is None else image.crop(self.box)
