"""What a result says about itself: A1111's infotext, and a recipe from which it can be made again.

The recipe is JSON::

    {"format": 1, "program": "redraw-0.1.0", "kind": "img2img",
     "request": {...}        the request of this one picture: seeds fixed, one picture; only what is not the default
     "model": {"name": ..., "sha256": ...}, "vae": the same or null,
     "networks": [{"kind": "lora" | "embedding" | "refiner", "name": ..., "hash": ...}]   only where there were any
     "inputs": [{"name": ..., "sha256": ..., "role": "image" | "mask" | "paint" | "region"}],
     "environment": {"device": ..., "dtype": ..., "threads": ..., "torch": ...},
     "run": {"index": 0, "images": 4},
     "pixels": "<sha256 of mode, size and raw pixels>", "notes": [...]}

It never holds a path.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Any, Final

import torch

from redraw.conditioning.prompt import read_prompt
from redraw.conditioning.tags import read_tag, without_comments
from redraw.geometry import Size
from redraw.image import infotext
from redraw.image.picture import Pixels
from redraw.models.devices import dtype_name
from redraw.models.model import Model
from redraw.pipeline.latents import EDIT_CHANNELS, INPAINT_CHANNELS
from redraw.pipeline.shots import Shot
from redraw.request import Generation, Img2Img, PictureRef, describe_fields
from redraw.request.masks import SoftOptions
from redraw.sampling.sampler import Sampler

FORMAT: Final = 1


@dataclass(frozen=True)
class Used:
    """What a picture was made with beside its model, found while it was made.

    Attributes:
        loras, embeddings: the first 12 digits of each one's hash by its name, in the order of their use.
        refiner: stem and the first 10 digits of the hash of the checkpoint that took over; None if none did.
        padded: whether one prompt really had to be padded to the length of the other.
        old_timeline: whether the old rules of prompt editing gave other prompts than today's.
    """

    loras: Mapping[str, str] = field(default_factory=dict)
    embeddings: Mapping[str, str] = field(default_factory=dict)
    refiner: tuple[str, str] | None = None
    padded: bool = False
    old_timeline: bool = False

    def as_json(self) -> list[dict[str, str]]:
        """Return the files as a recipe lists them."""
        refiner = dict([self.refiner]) if self.refiner else {}
        kinds = (("lora", self.loras), ("embedding", self.embeddings), ("refiner", refiner))
        return [{"kind": kind, "name": name, "hash": digits} for kind, files in kinds for name, digits in files.items()]


NOTHING: Final = Used()
EMPHASIS: Final[Mapping[str, str]] = {"original": "Original", "no-norm": "No norm", "ignore": "Ignore", "none": "None"}


def program() -> str:
    """Return `redraw-<version>`, as infotext's Version prints it."""
    return f"redraw-{version('redraw-studio')}"


def fingerprint(pixels: Pixels) -> str:
    """Return the SHA-256 of a picture's depth, size and raw pixels."""
    height, width, channels = pixels.shape
    head = f"{pixels.dtype.itemsize * 8}x{channels} {width}x{height} ".encode()
    return hashlib.sha256(head + pixels.tobytes()).hexdigest()


def single_request(request: Generation, shot: Shot) -> Generation:
    """Return the request for this one picture alone: its prompt, its seeds, its source."""
    changes: dict[str, Any] = {
        "prompt": shot.prompt,
        "negative_prompt": shot.negative_prompt,
        "seed": shot.seed,
        "variation_seed": shot.variation_seed,
        "batch_size": 1,
        "batch_count": 1,
    }
    if request.region_masks:
        changes["region_masks"] = tuple(ref.hashed() for ref in request.region_masks)
    if isinstance(request, Img2Img):
        changes["images"] = (request.images[shot.source].hashed(),)
        changes |= {name: ref.hashed() for name, ref in _layers(request).items()}
        if request.masked and request.masked_content == "latent-noise" and request.content_seed is None:
            changes["content_seed"] = None if shot.content_seed == shot.seed else shot.content_seed
    return request.changed(**changes)


def _layers(request: Img2Img) -> dict[str, PictureRef]:
    """Return the pictures of a request besides its sources, by the field they stand in."""
    layers = {"mask": request.mask, "paint": request.paint}
    return {name: ref for name, ref in layers.items() if isinstance(ref, PictureRef)}


def build_recipe(
    request: Generation,
    shot: Shot,
    model: Model,
    size: Size,
    pixels: Pixels,
    images: int,
    notes: tuple[str, ...],
    used: Used = NOTHING,
) -> dict[str, Any]:
    """Return the recipe of one result as plain JSON data.

    Args:
        request, shot, model: what was made, with what.
        size: asked for: of the result, or of the close-up with only masked.
        pixels: of the result.
        images: how many pictures the run makes.
        notes: what was said about the result.
        used: the networks, embeddings and the refiner.
    """
    single = single_request(request, shot).changed(
        width=size.width,
        height=size.height,
        device=model.device.type,
        dtype=dtype_name(model.dtype),
        vae_tile=model.vae_tile or 0,
        **({"scale": None} if isinstance(request, Img2Img) else {}),
    )
    inputs = []
    if isinstance(single, Img2Img):
        inputs = [{**ref.model_dump(), "role": "image"} for ref in single.images]
        inputs += [{**ref.model_dump(), "role": name} for name, ref in _layers(single).items()]
    inputs += [{**ref.model_dump(), "role": "region"} for ref in single.region_masks]
    return {
        "format": FORMAT,
        "program": program(),
        "kind": single.kind,
        "request": single.model_dump(mode="json", exclude_defaults=True, exclude={"model", "vae"}),
        "model": {"name": model.name, "sha256": model.sha256},
        "vae": {"name": model.vae_name, "sha256": model.vae_sha256} if model.vae_name else None,
        **({"networks": used.as_json()} if used.as_json() else {}),
        "inputs": inputs,
        "environment": {
            "device": model.device.type,
            "dtype": dtype_name(model.dtype),
            "vae_dtype": dtype_name(model.vae_dtype),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__.split("+")[0],
        },
        "run": {"index": shot.index, "images": images},
        "pixels": fingerprint(pixels),
        "notes": list(notes),
    }


def build_infotext(
    request: Generation,
    shot: Shot,
    model: Model,
    sampler: Sampler,
    schedule: str,
    size: Size,
    *,
    masked: bool = False,
    used: Used = NOTHING,
) -> str:
    """Return A1111's infotext of one result: its keys, order and quoting (reference 4.1, 4.2).

    Args:
        request, shot, model: what was made, with what.
        sampler: the sampler, for the options it really takes.
        schedule: label of the schedule that was used ("Automatic" already resolved where it is).
        size: asked for: of the result, or of the close-up with only masked.
        masked: whether a mask really was used.
        used: the networks, embeddings and the refiner.
    """
    redraws = request if isinstance(request, Img2Img) else None
    varied = float(request.variation_strength) != 0
    resize = request.seed_resize_from
    params: dict[str, Any] = {
        "Steps": request.steps,
        "Sampler": request.sampler,
        "Schedule type": schedule,
        "CFG scale": request.cfg_scale,
        "Image CFG scale": redraws.image_cfg_scale if redraws and model.in_channels == EDIT_CHANNELS else None,
        "Seed": shot.seed,
        "Size": str(size),
        "Model hash": model.short_hash,
        "Model": model.name,
        "FP8 weight": {"sdxl": "Enable for SDXL", "yes": "Enable"}.get(request.fp8) if model.fp8 else None,
        "VAE hash": model.vae_sha256[:10] if model.vae_sha256 else None,
        "VAE": model.vae_name or None,
        "Variation seed": shot.variation_seed if varied else None,
        "Variation seed strength": request.variation_strength if varied else None,
        "Seed resize from": f"{resize[0]}x{resize[1]}" if resize else None,
        "Denoising strength": redraws.strength if redraws else None,
        "Conditional mask weight": _mask_weight(model, redraws),
        "Clip skip": request.clip_skip if request.clip_skip > 1 else None,
        "ENSD": request.ensd if request.ensd and sampler.uses_ensd and request.eta != 0 else None,
        "RNG": {"gpu": None, "cpu": "CPU", "nv": "NV"}[request.rng],
        "Tiling": True if request.tiling else None,
        **(_mask_params(redraws, masked) if redraws else {}),
        "VAE Encoder": "TAESD" if redraws and request.vae_encoder == "taesd" else None,
        "Lora hashes": _hashes(used.loras),
        "Old prompt editing timelines": True if used.old_timeline else None,
        "TI hashes": _hashes(used.embeddings),
        "Emphasis": _emphasis(request, shot),
        **_extra_params(request, sampler),
        **_refiner_params(request, used),
        **_guidance_params(request),
        "Pad conds": True if used.padded and request.pad_prompts == "pad" else None,
        "Pad conds v0": True if used.padded and request.pad_prompts == "pad-v0" else None,
        "VAE Decoder": "TAESD" if request.vae_decoder == "taesd" else None,
        "Version": program(),
    }
    kept = {key: value for key, value in params.items() if key not in request.infotext_without}
    prompt, negative = (
        without_comments(t) if request.prompt_comments else t for t in (shot.prompt, shot.negative_prompt)
    )
    return infotext.build(with_tags(prompt, request.networks), negative, kept)


def _mask_weight(model: Model, redraws: Img2Img | None) -> float | None:
    """Return what inpainting checkpoints note, also in txt2img [Q]."""
    if model.in_channels != INPAINT_CHANNELS:
        return None
    return redraws.mask_weight if redraws else 1.0


def _mask_params(request: Img2Img, masked: bool) -> Mapping[str, Any]:
    """Return the keys of soft inpainting and of the mask, in A1111's order; None where a setting says nothing."""
    found: dict[str, Any] = {}
    if request.soft:
        for field in describe_fields(SoftOptions):
            found[str(field.infotext)] = getattr(request, field.name)
    if request.masked:
        x, y = request.blur_xy
        found["Mask mode"] = "Inpaint not masked" if request.invert_mask else None
        found["Mask blur"] = x if x == y and x > 0 else None
    if masked:
        found["Inpaint area"] = "Only masked" if request.only_masked else None
        found["Masked area padding"] = request.padding if request.only_masked else None
        content = request.masked_content.replace("-", " ")
        found["Masked content"] = None if content == "original" else content
    return found


def _extra_params(request: Generation, sampler: Sampler) -> Mapping[str, Any]:
    """Return the keys that stand only where a setting is not at its default, in A1111's order (reference 4.2)."""
    sigma_family = sampler.family == "sigma"
    found: dict[str, Any] = {"Noise Schedule": "Zero Terminal SNR" if request.zero_terminal_snr else None}
    if isinstance(request, Img2Img):
        found["Noise multiplier"] = _unless(request.noise_multiplier, 1)
    if sigma_family:
        found |= {
            "Discard penultimate sigma": True if request.discard_penultimate else None,
            "Schedule min sigma": _unless(request.sigma_min, 0),
            "Schedule max sigma": _unless(request.sigma_max, 0),
            "Schedule rho": _unless(request.rho, 0),
        }
        if request.scheduler == "Beta":
            found["Beta schedule alpha"] = request.beta_alpha  # [Q] printed with this schedule even at its default
            found["Beta schedule beta"] = request.beta_beta
    if isinstance(request, Img2Img):
        found["Extra noise"] = _unless(request.extra_noise, 0)
    taken = sampler.takes
    if "eta" in taken and request.eta is not None:
        found["Eta" if sigma_family else "Eta DDIM"] = _unless(request.eta, 1 if sigma_family else 0)
    for key, name, default in (
        ("Sigma churn", "s_churn", 0),
        ("Sigma tmin", "s_tmin", 0),
        ("Sigma tmax", "s_tmax", 0),
        ("Sigma noise", "s_noise", 1),
    ):
        if name in taken:
            found[key] = _unless(getattr(request, name), default)
    return found


def _hashes(files: Mapping[str, str]) -> str | None:
    """Return A1111's list of names and hashes; names lose the signs the list is made of."""
    bare = ((name.replace(":", "").replace(",", ""), digits) for name, digits in files.items())
    return ", ".join(f"{name}: {digits}" for name, digits in bare) or None


def _refiner_params(request: Generation, used: Used) -> Mapping[str, Any]:
    """Return the keys of the checkpoint that took over, if one did."""
    if used.refiner is None:
        return {}
    name, digits = used.refiner
    return {
        "Refiner": f"{name} [{digits}]" if digits else name,
        "Refiner switch at": request.refiner_switch_at,
        "Refiner switch by sampling steps": True if request.refiner_by_steps else None,
    }


def _emphasis(request: Generation, shot: Shot) -> str | None:
    """Return the mode of emphasis where it is not the usual one and a text, its edits resolved, has brackets."""
    if request.emphasis in ("original", "old"):
        return None
    old, comments = request.prompt_timeline == "old", request.prompt_comments
    texts = [
        read_prompt(text, request.steps, negative=negative, old_timeline=old, comments=comments).texts
        for text, negative in ((shot.prompt, False), (shot.negative_prompt, True))
    ]
    bracketed = any(sign in text for sign in "([" for several in texts for text in several)
    return EMPHASIS[request.emphasis] if bracketed else None


def with_tags(prompt: str, networks: Sequence[str]) -> str:
    """Return a prompt with the networks of the whole run as tags behind it, as A1111 writes a default network.

    Args:
        prompt: a text.
        networks: as in the request: `ink:0.8`, `lora:ink:0.8`, `hypernet:ink`.
    """
    tags = [read_tag(written) for written in networks]
    return prompt + "".join(str(tag if tag.args or tag.named else replace(tag, args=("1",))) for tag in tags)


def _guidance_params(request: Generation) -> Mapping[str, Any]:
    return {
        "Skip Early CFG": _unless(request.skip_early_cfg, 0),
        "NGMS": _unless(request.ngms, 0),
        "NGMS all steps": True if request.ngms and request.ngms_all_steps else None,
    }


def _unless(value: Any, default: float) -> Any:
    """Return `value`, or None where it is the default and so says nothing."""
    return None if value == default else value
