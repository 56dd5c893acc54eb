"""What part of a picture is redrawn, and how: masks, painted layers, edges and colors."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import field_validator, model_validator

from redraw.errors import RequestError
from redraw.request.fields import Number, Request, option
from redraw.request.picture import PictureRef

MaskedContent = Literal["fill", "original", "latent-noise", "latent-nothing"]


class PaintOptions(Request):
    """A layer painted over the picture before it is redrawn."""

    paint: PictureRef | None = option(
        None, "Paint", "Paint laid over the picture: a layer with transparency, or the finished drawing.", group="Paint"
    )
    paint_is_mask: bool = option(False, "Paint is mask", "Redraw only what was painted.", group="Paint")
    mask_transparency: Number = option(
        0,
        "Mask transparency",
        "How much of the painted mask is taken back, percent.",
        group="Paint",
        ge=0,
        le=100,
        slider=(0, 100, 1),
    )

    @field_validator("paint", mode="before")
    @classmethod
    def _paint_reference(cls, paint: Any) -> Any:
        return paint if paint is None or isinstance(paint, dict) else PictureRef.of(paint)


class SoftOptions(Request):
    """Soft inpainting: every spot is blended by how much it changed, instead of inside or outside."""

    soft: bool = option(
        False,
        "Soft inpainting",
        "Blend the edge by how much each spot changed; grey parts of the mask are kept grey.",
        group="Soft inpainting",
        infotext="Soft inpainting enabled",
    )
    soft_bias: Number = option(
        1,
        "Schedule bias",
        "Shifts when the original is preserved: above 1 late in the run, below 1 early.",
        group="Soft inpainting",
        infotext="Soft inpainting schedule bias",
        ge=0,
        le=8,
        slider=(0, 8, 0.1),
    )
    soft_preservation: Number = option(
        0.5,
        "Preservation strength",
        "How strongly partly masked content is kept.",
        group="Soft inpainting",
        infotext="Soft inpainting preservation strength",
        ge=0,
        le=8,
        slider=(0, 8, 0.05),
    )
    soft_contrast: Number = option(
        4,
        "Transition contrast boost",
        "Amplifies the contrast that is lost in partly masked regions.",
        group="Soft inpainting",
        infotext="Soft inpainting transition contrast boost",
        ge=1,
        le=32,
        slider=(1, 32, 0.5),
    )
    soft_influence: Number = option(
        0,
        "Mask influence",
        "How strongly the mask itself rules the final blend.",
        group="Soft inpainting",
        infotext="Soft inpainting mask influence",
        ge=0,
        le=1,
        slider=(0, 1, 0.05),
    )
    soft_threshold: Number = option(
        0.5,
        "Difference threshold",
        "How much a spot must have changed for the new picture to be shown.",
        group="Soft inpainting",
        infotext="Soft inpainting difference threshold",
        ge=0,
        le=8,
        slider=(0, 8, 0.25),
    )
    soft_difference_contrast: Number = option(
        2,
        "Difference contrast",
        "How sharp the change from old to new is.",
        group="Soft inpainting",
        infotext="Soft inpainting difference contrast",
        ge=0,
        le=8,
        slider=(0, 8, 0.25),
    )


class MaskOptions(PaintOptions, SoftOptions):
    """Which part is redrawn: white (1) is redrawn, black (0) is kept."""

    mask: PictureRef | Literal["alpha"] | None = option(
        None,
        "Mask",
        "White is redrawn, black kept, grey in between; or the word alpha: what is transparent is redrawn.",
        group="Inpaint",
    )
    invert_mask: bool = option(
        False,
        "Mask mode",
        "Redraw what the mask leaves out.",
        group="Inpaint",
        infotext="Mask mode",
        labels=("Inpaint masked", "Inpaint not masked"),
    )
    mask_blur: int = option(
        4,
        "Mask blur",
        "Blur of the mask's edge, pixels.",
        group="Inpaint",
        infotext="Mask blur",
        ge=0,
        le=512,
        slider=(0, 64, 1),
    )
    mask_blur_x: int | None = option(
        None,
        "Mask blur x",
        "Blur along x, where it differs.",
        group="Inpaint",
        ge=0,
        le=512,
        slider=(0, 64, 1),
        advanced=True,
    )
    mask_blur_y: int | None = option(
        None,
        "Mask blur y",
        "Blur along y, where it differs.",
        group="Inpaint",
        ge=0,
        le=512,
        slider=(0, 64, 1),
        advanced=True,
    )
    masked_content: MaskedContent = option(
        "original",
        "Masked content",
        "What the masked part holds before it is redrawn.",
        group="Inpaint",
        infotext="Masked content",
        labels=("fill", "original", "latent noise", "latent nothing"),
    )
    only_masked: bool = option(
        False,
        "Inpaint area",
        "Redraw a close-up of the masked part; width and height are then the close-up's.",
        group="Inpaint",
        infotext="Inpaint area",
        labels=("Whole picture", "Only masked"),
    )
    padding: int = option(
        32,
        "Only masked padding, pixels",
        "Pixels around the masked part that the close-up shows.",
        group="Inpaint",
        infotext="Masked area padding",
        ge=0,
        le=16384,
        slider=(0, 256, 4),
    )
    round_mask: bool = option(
        True, "Round mask", "Decide each spot wholly, as models expect; grey masks act only at the edge.",
        group="Inpaint", advanced=True,
    )  # fmt: skip
    overlay: bool = option(
        True, "Overlay original", "Put the repainted part into the picture; off gives what the model drew.",
        group="Inpaint", advanced=True,
    )  # fmt: skip
    mask_weight: Number = option(
        1.0,
        "Inpainting conditioning mask strength",
        "For inpainting checkpoints: how far the masked part is hidden from the model.",
        group="Inpaint",
        infotext="Conditional mask weight",
        ge=0,
        le=1,
        slider=(0, 1, 0.01),
        advanced=True,
    )
    match_color: bool = option(
        False,
        "Match color",
        "Undo the model's color shift, measured where the picture was not to change.",
        group="Inpaint",
        advanced=True,
    )
    content_seed: int | None = option(
        None, "Content seed", "Seed of the latent noise put under the mask; the picture's own if not given.",
        group="Inpaint", ge=0, le=2**64 - 1, advanced=True,
    )  # fmt: skip
    mask_rules: Literal["exact", "loose"] = option(
        "exact",
        "Mask rules",
        "exact: the mask fits the picture, what it leaves out keeps every bit; loose: any mask, edges in 8 bits.",
        group="Machine",
        labels=("Exact", "Loose"),
    )

    @field_validator("mask", mode="before")
    @classmethod
    def _mask_reference(cls, mask: Any) -> Any:
        return mask if mask is None or mask == "alpha" or isinstance(mask, dict) else PictureRef.of(mask)

    @model_validator(mode="after")
    def _mask_is_clear(self) -> MaskOptions:
        if self.paint_is_mask and self.paint is None:
            raise RequestError("paint_is_mask", True, "give the paint too")
        if self.paint_is_mask and self.mask is not None:
            raise RequestError("mask", _named(self.mask), "the paint is the mask already; give one of the two")
        if self.only_masked and not self.masked:
            raise RequestError("only_masked", True, "give a mask too")
        return self

    @property
    def masked(self) -> bool:
        """Whether only a part is redrawn."""
        return self.mask is not None or self.paint_is_mask

    @property
    def blur_xy(self) -> tuple[int, int]:
        """Blur of the mask along x and y, pixels."""
        x, y = self.mask_blur_x, self.mask_blur_y
        return self.mask_blur if x is None else x, self.mask_blur if y is None else y

    @property
    def mask_is_rounded(self) -> bool:
        """Whether each spot is wholly redrawn or wholly kept while sampling; soft inpainting needs the shades."""
        return self.round_mask and not self.soft


def _named(mask: PictureRef | str) -> str:
    return mask if isinstance(mask, str) else mask.name
