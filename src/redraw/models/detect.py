"""What a weight file is: which family its tensors prove, with which widths, or why none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from redraw.errors import ModelError, UnsupportedModel
from redraw.models.architecture import Architecture, Mismatch, Shapes, below, read_text, read_unet, read_vae
from redraw.models.checkpoint import Checkpoint
from redraw.models.configs import hinted_text, hinted_unet
from redraw.models.families import FAMILIES, KINDS, Family, Kind
from redraw.models.hints import Hints, hints_for

UNET: Final = "model.diffusion_model."
VAE: Final = "first_stage_model."


@dataclass(frozen=True)
class Detection:
    """A checkpoint that is understood.

    Attributes:
        family: what it is one of.
        shape: its widths and depths.
        hints: what was said about it outside its tensors.
        text_prefix: where the names of its text encoder begin.
    """

    family: Family
    shape: Architecture
    hints: Hints
    text_prefix: str


def detect(checkpoint: Checkpoint) -> Detection:
    """Return what `checkpoint` is, or raise `UnsupportedModel` with what it is instead and what did not match."""
    shapes = {k: spec.shape for k, spec in checkpoint.items()}
    reasons = []
    for family in FAMILIES:
        problems = [p for c in family.conditions if (p := c.problem(shapes)) is not None]
        if not problems:
            try:
                return _understood(checkpoint, shapes, family)
            except Mismatch as error:
                problems = [str(error)]
        matched = [c.key.split("|")[0] for c in family.conditions if not c.absent and c.problem(shapes) is None]
        reasons.append(f"for {family.label}: {_some(problems)}; of its marks it has {_some(matched) or 'none'}")
    kind = kind_of(shapes)
    if kind is not None:
        reasons.insert(0, f"this is {kind.label}")
    elif not shapes:
        reasons = ["there is no tensor in it"]
    raise UnsupportedModel(checkpoint.path.name, reasons)


def kind_of(keys: Mapping[str, object]) -> Kind | None:
    """Return which known kind of other file has such names, or None."""
    return next((k for k in KINDS if k.matches(keys)), None)


def _understood(checkpoint: Checkpoint, shapes: Shapes, family: Family) -> Detection:
    prefix = next(p for p in family.text_prefixes if f"{p}embeddings.token_embedding.weight" in shapes)
    hints = hints_for(checkpoint)
    unet = read_unet(below(shapes, UNET), family.heads)
    text = replace(read_text(below(shapes, prefix), family.text_head_width), activation=family.activation)
    vae = read_vae(below(shapes, VAE))
    if unet.context != text.width:
        raise Mismatch(f"the UNet listens to vectors of width {unet.context}, the text encoder gives {text.width}")
    try:
        groups = int(hints.vae.get("norm_num_groups") or vae.groups)
        shape = Architecture(
            hinted_unet(unet, hints.unet), replace(vae, groups=groups), hinted_text(text, hints.text_encoder)
        )
    except (Mismatch, TypeError, ValueError) as error:
        said = " and ".join(hints.sources) or "the family's defaults"
        raise ModelError(f"{checkpoint.path.name}: {error} (said by {said})") from error
    return Detection(family, shape, hints, prefix)


def _some(names: list[str], shown: int = 2) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
