"""How texts are read, and which networks and second model work along."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import field_validator

from redraw.errors import RequestError
from redraw.request.fields import Number, Request, option
from redraw.request.picture import PictureRef

MAX_NETWORKS = 100
MAX_REGIONS = 16


class PromptOptions(Request):
    """How prompts are read.

    `networks` are written as in a prompt, without the brackets (`lora:ink:0.8`); a bare name is a LoRA. They count for
    every prompt of the run. `region_masks` are the areas that `<region:1>`, `<region:2>`, ... in a prompt mean.
    """

    comma_backtrack: int = option(
        20, "Prompt word wrap", "Look this many tokens back for a comma to break a long prompt at.", group="Prompt",
        ge=0, le=74, slider=(0, 74, 1), advanced=True,
    )  # fmt: skip
    emphasis: Literal["original", "no-norm", "ignore", "none", "old"] = option(
        "original",
        "Emphasis mode",
        "What (more:1.2) and [less] do: original; no-norm: without evening out; ignore: nothing; none: they are "
        "text; old: as A1111 before 29 September 2022, by brackets alone.",
        group="Prompt",
        infotext="Emphasis",
        labels=("Original", "No norm", "Ignore", "None", "Before 2022-09-29"),
        advanced=True,
    )
    prompt_comments: bool = option(
        True, "Prompt comments", "Leave out what stands behind # in a prompt.", group="Prompt", advanced=True
    )
    prompt_timeline: Literal["new", "old"] = option(
        "new",
        "Prompt editing",
        "old: in [from:to:when] whole numbers are steps and all others shares of the run, in a hires pass too.",
        group="Prompt",
        infotext="Old prompt editing timelines",
        labels=("As it is now", "As before A1111 1.6"),
        advanced=True,
    )
    pad_prompts: Literal["no", "pad", "pad-v0"] = option(
        "no",
        "Pad prompts",
        "Make prompt and negative prompt equally long, so that they share an evaluation; pad-v0 as A1111 once did.",
        group="Prompt",
        infotext="Pad conds",
        labels=("No", "Pad", "Pad, old way"),
        advanced=True,
    )
    networks: tuple[str, ...] = option(
        (),
        "Networks",
        "A LoRA or hypernetwork for the whole run, name:weight or as in a prompt, hypernet:name:weight; repeatable.",
        group="Prompt",
        flags=("--lora",),
        max_length=MAX_NETWORKS,
        advanced=True,
    )
    unknown_networks: Literal["refuse", "ignore"] = option(
        "refuse",
        "Unknown networks",
        "What happens where a prompt names a LoRA or hypernetwork that is not at hand.",
        group="Prompt",
        labels=("Refuse the request", "Go on and say so"),
        advanced=True,
    )
    region_masks: tuple[PictureRef, ...] = option(
        (),
        "Region masks",
        "A mask, white where <region:1> in a prompt applies; the second one is <region:2>, and so on.",
        group="Prompt",
        flags=("--region",),
        max_length=MAX_REGIONS,
        advanced=True,
    )
    clip_skip_sdxl: bool = option(
        False,
        "Clip skip for SDXL",
        "Let clip skip act on SDXL's first text encoder too.",
        group="Prompt",
        advanced=True,
    )
    sdxl_crop: tuple[int, int] | None = option(
        None,
        "SDXL crop",
        "LEFTxTOP: tell an SDXL model that its picture was cut off by so many pixels; 0x0 where nothing is said.",
        group="Prompt",
        slider=(0, 1024, 1),
        advanced=True,
    )

    @field_validator("networks", mode="after")
    @classmethod
    def _are_named(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for written in networks:
            if not written.strip().strip("<>") or any(sign in written.strip().strip("<>") for sign in "<>\n"):
                raise RequestError("networks", written, "it is a name, as ink:0.8 or hypernet:ink:0.8")
        return networks

    @field_validator("region_masks", mode="before")
    @classmethod
    def _mask_references(cls, masks: Any) -> Any:
        many = masks if isinstance(masks, list | tuple) else (masks,)
        return tuple(mask if isinstance(mask, dict) else PictureRef.of(mask) for mask in many)


class RefinerOptions(Request):
    """A second model that takes over near the end."""

    refiner: str | None = option(
        None,
        "Refiner",
        "A checkpoint that takes over near the end: a name, a hash, or a file.",
        group="Refiner",
        infotext="Refiner",
        advanced=True,
    )
    refiner_switch_at: Number = option(
        0.8,
        "Switch at",
        "How much of the noise is gone when the refiner takes over: 1 never.",
        group="Refiner",
        infotext="Refiner switch at",
        ge=0.01,
        le=1,
        slider=(0.01, 1, 0.01),
        advanced=True,
    )
    refiner_by_steps: bool = option(
        False,
        "Switch by steps",
        "Count the share of the steps instead of that of the noise.",
        group="Refiner",
        infotext="Refiner switch by sampling steps",
        advanced=True,
    )


class WeightOptions(Request):
    """How a model's weights are kept, and what stands in for its VAE."""

    fp8: Literal["no", "sdxl", "yes"] = option(
        "no",
        "FP8 weight",
        "Store the UNet's weights in eight bits, which halves its memory and changes pictures slightly.",
        group="Machine",
        infotext="FP8 weight",
        labels=("Disable", "Enable for SDXL", "Enable"),
    )
    vae_encoder: Literal["full", "taesd"] = option(
        "full",
        "VAE type for encoding",
        "taesd: a small stand-in (TAESD), fast and less exact, if its file is at hand.",
        group="Machine",
        infotext="VAE Encoder",
        labels=("Full", "TAESD"),
    )
    vae_decoder: Literal["full", "taesd"] = option(
        "full",
        "VAE type for decoding",
        "taesd: a small stand-in (TAESD), fast and less exact, if its file is at hand.",
        group="Machine",
        infotext="VAE Decoder",
        labels=("Full", "TAESD"),
    )
