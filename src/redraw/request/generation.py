"""The two recipes of this release: redraw a picture, and draw one from words alone."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import field_validator, model_validator

from redraw.errors import RequestError
from redraw.registry import UPSCALERS
from redraw.request.advanced import SamplerOptions, SeedOptions
from redraw.request.fields import Number, option
from redraw.request.masks import MaskOptions
from redraw.request.picture import PictureRef
from redraw.request.prompting import PromptOptions, RefinerOptions, WeightOptions

MAX_SIDE = 16384
BUILT_IN_VAE = "none"
ResizeMode = Literal["just-resize", "crop-and-resize", "resize-and-fill", "latent-upscale"]


class Generation(SeedOptions, SamplerOptions, PromptOptions, RefinerOptions, WeightOptions):
    """What txt2img and img2img share.

    `infotext_without` names infotext keys that are left out; the recipe stays complete.
    """

    kind: ClassVar[str]

    prompt: str | tuple[str, ...] = option("", "Prompt", "What the picture shows.", multiline=True)
    negative_prompt: str | tuple[str, ...] = option(
        "",
        "Negative prompt",
        "What the picture does not show.",
        infotext="Negative prompt",
        flags=("-n",),
        multiline=True,
    )
    model: str | None = option(
        None, "Model", "Checkpoint: a name, a hash, or a file; the starter model if nothing is said.", infotext="Model"
    )
    vae: str | None = option(
        None,
        "VAE",
        "A separate VAE: a name or a file; none: the model's own, even where a file of its name is at hand.",
        infotext="VAE",
        advanced=True,
    )
    steps: int = option(
        20, "Sampling steps", "Steps of the whole schedule.", infotext="Steps", ge=1, le=1000, slider=(1, 150, 1)
    )
    cfg_scale: Number = option(
        7,
        "CFG Scale",
        "How strongly the prompt is followed; 1 is not at all pushed.",
        infotext="CFG scale",
        ge=0,
        le=100,
        slider=(1, 30, 0.5),
    )
    width: int | None = option(None, "Width", "Width of the result in pixels.", ge=1, le=MAX_SIDE, slider=(64, 2048, 8))
    height: int | None = option(
        None, "Height", "Height of the result in pixels.", ge=1, le=MAX_SIDE, slider=(64, 2048, 8)
    )
    batch_size: int = option(1, "Batch size", "Pictures made at once.", ge=1, le=128, slider=(1, 8, 1))
    batch_count: int = option(1, "Batch count", "How many batches.", ge=1, le=10000, slider=(1, 100, 1))
    clip_skip: int = option(
        1,
        "Clip skip",
        "Take the text encoder's n-th layer from the end.",
        infotext="Clip skip",
        ge=1,
        le=12,
        slider=(1, 12, 1),
        advanced=True,
    )
    tiling: bool = option(
        False, "Tiling", "Make a picture whose edges continue each other.", infotext="Tiling", advanced=True
    )
    vae_tile: int | None = option(
        None, "VAE tile", "Run the VAE in tiles of this many pixels; 0 never, else as the memory at hand demands.",
        group="Machine", ge=0, le=MAX_SIDE, slider=(0, 2048, 64),
    )  # fmt: skip
    device: Literal["auto", "cpu", "cuda", "mps"] = option(
        "auto", "Device", "Where to compute.", group="Machine", labels=("Automatic", "CPU", "CUDA", "Apple GPU")
    )
    dtype: Literal["auto", "fp32", "bf16", "fp16"] = option(
        "auto", "Precision", "Number format.", group="Machine", labels=("Automatic", "32 bit", "bfloat16", "16 bit")
    )
    infotext_without: tuple[str, ...] = ()
    size_rule: Literal["exact", "floor-8"] = option(
        "exact",
        "Size rule",
        "exact: the size asked for; floor-8: cut to multiples of 8 as A1111 does.",
        group="Machine",
        labels=("As asked for", "Cut to multiples of 8"),
    )

    @model_validator(mode="after")
    def _lists_agree(self) -> Generation:
        prompts = self.prompt if isinstance(self.prompt, tuple) else None
        negatives = self.negative_prompt if isinstance(self.negative_prompt, tuple) else None
        if prompts == () or negatives == ():
            raise RequestError("prompt", (), "a list of prompts has at least one entry")
        if prompts and negatives and len(prompts) != len(negatives):
            raise RequestError(
                "negative_prompt", len(negatives), f"a list of {len(prompts)} prompts needs as many negative ones"
            )
        return self

    @property
    def group_size(self) -> int:
        """How many pictures belong to one batch."""
        return self.batch_size

    @property
    def image_count(self) -> int:
        """How many pictures the run makes: the length of a list of prompts, else group size times batch count."""
        for texts in (self.prompt, self.negative_prompt):
            if isinstance(texts, tuple):
                return len(texts)
        return self.group_size * self.batch_count


class Txt2Img(Generation):
    """Draw a picture from words alone; without width and height it has the model's native size."""

    kind: ClassVar[str] = "txt2img"


class Img2Img(Generation, MaskOptions):
    """Redraw a picture, or with a mask a part of it.

    `images` holds one picture, or several that become one batch, each redrawn once. Without width, height and scale the
    result has the source's size, reduced to the model's native area when it is more than four times that. With
    `only_masked` they are the size of the close-up, by default of the model's native area, and the result has the
    source's size. What a mask leaves out stays as it is, bit for bit.
    """

    kind: ClassVar[str] = "img2img"

    images: tuple[PictureRef, ...]
    strength: Number = option(
        0.75,
        "Denoising strength",
        "How much may change: 0 nothing, 1 everything.",
        infotext="Denoising strength",
        ge=0,
        le=1,
        slider=(0, 1, 0.01),
    )
    scale: Number | None = option(
        None, "Scale", "Factor on the source's size, instead of width and height.", gt=0, le=16, slider=(0.05, 4, 0.05)
    )
    resize_mode: ResizeMode = option(
        "just-resize",
        "Resize mode",
        "How the source comes to the size of the result.",
        labels=("Just resize", "Crop and resize", "Resize and fill", "Just resize (latent upscale)"),
    )
    upscaler: str | None = option(
        None,
        "Upscaler for img2img",
        "Used where the source must be enlarged, before resampling: Lanczos or Nearest.",
        advanced=True,
    )
    image_cfg_scale: Number | None = option(
        1.5,
        "Image CFG Scale",
        "For InstructPix2Pix checkpoints: how closely the source is followed; 1 leaves this guidance out.",
        infotext="Image CFG scale",
        ge=0,
        le=100,
        slider=(0, 3, 0.05),
    )
    color_correction: bool = option(
        False,
        "Color correction",
        "Give the result the source's distribution of colors, keeping its own lightness.",
        advanced=True,
    )
    zero_strength: Literal["source", "step"] = option(
        "source",
        "At strength 0",
        "source: strength 0 gives the picture back untouched; step: one step at the lowest noise is run.",
        group="Machine",
        labels=("Give the picture back", "Run one step"),
    )
    exact_steps: bool = option(
        False,
        "Exact steps",
        "Run exactly the number of steps asked for, whatever the strength.",
        flags=(),
        advanced=True,
    )
    noise_multiplier: Number = option(
        1.0,
        "Noise multiplier",
        "Factor on the initial noise.",
        group="Sampler",
        infotext="Noise multiplier",
        ge=0,
        le=2,
        slider=(0, 1.5, 0.001),
    )
    extra_noise: Number = option(
        0.0,
        "Extra noise",
        "Noise added on top before sampling.",
        group="Sampler",
        infotext="Extra noise",
        ge=0,
        le=1,
        slider=(0, 1, 0.01),
    )
    background: str = option(
        "#ffffff", "Background", "Colour behind a transparent source while it is redrawn.", advanced=True
    )
    keep_alpha: bool = option(True, "Keep transparency", "Give the result the source's transparency.", advanced=True)
    reading: Literal["full", "plain"] = option(
        "full",
        "Reading",
        "full: with colour profile and all transparency; plain: without profiles and without that of grey pictures.",
        group="Machine",
        labels=("In full", "Plain, as A1111"),
    )

    @field_validator("images", mode="before")
    @classmethod
    def _as_references(cls, images: Any) -> Any:
        if isinstance(images, dict):
            return images
        many = images if isinstance(images, list | tuple) else (images,)
        return tuple(image if isinstance(image, dict) else PictureRef.of(image) for image in many)

    @field_validator("upscaler", mode="after")
    @classmethod
    def _known_upscaler(cls, name: str | None) -> str | None:
        return None if name is None or name.lower() == "none" else UPSCALERS.entry(name).label

    @field_validator("background", mode="after")
    @classmethod
    def _is_colour(cls, colour: str) -> str:
        digits = colour.removeprefix("#")
        if len(digits) not in (3, 6) or not all(c in "0123456789abcdefABCDEF" for c in digits):
            raise RequestError("background", colour, "it is a colour like #ffffff")
        return colour

    @model_validator(mode="after")
    def _sizes_agree(self) -> Img2Img:
        if not self.images:
            raise RequestError("images", (), "at least one picture is needed")
        if self.scale is not None and (self.width is not None or self.height is not None):
            raise RequestError("scale", self.scale, "give a scale or a size, not both")
        return self

    @property
    def group_size(self) -> int:
        """How many pictures belong to one batch: as many as there are sources, if there are several."""
        return len(self.images) if len(self.images) > 1 else self.batch_size
