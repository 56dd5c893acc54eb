"""What a weight file is: which family its tensors prove, with which widths, or why none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from redraw.errors import ModelError, UnsupportedModel
from redraw.models.architecture import (
    Architecture,
    Mismatch,
    Shapes,
    TextShape,
    below,
    check_fit,
    read_text,
    read_unet,
    read_vae,
    with_waves,
)
from redraw.models.checkpoint import Checkpoint
from redraw.models.configs import hinted_text, hinted_unet
from redraw.models.families import FAMILIES, KINDS, Family, Kind, TextSlot
from redraw.models.hints import Hints, hints_for
from redraw.models.openclip import transformers_shapes
from redraw.models.parts import missing_parts

UNET: Final = "model.diffusion_model."
VAE: Final = "first_stage_model."


@dataclass(frozen=True)
class Detection:
    """A checkpoint that is understood.

    Attributes:
        family: what it is one of.
        shape: its widths and depths.
        hints: what was said about it outside its tensors.
        text_prefixes: where the names of its text encoders begin, in the family's order.
    """

    family: Family
    shape: Architecture
    hints: Hints
    text_prefixes: tuple[str, ...]


def detect(checkpoint: Checkpoint) -> Detection:
    """Return what `checkpoint` is, or raise `UnsupportedModel` with what it is instead and what did not match."""
    shapes = {k: spec.shape for k, spec in checkpoint.items()}
    if not shapes:
        raise UnsupportedModel(checkpoint.path.name, ["there is no tensor in it"])
    nearest: tuple[int, str] = (-1, "")
    for family in FAMILIES:
        problems = [p for c in family.marks if (p := c.problem(shapes)) is not None]
        if not problems:
            try:
                return _understood(checkpoint, shapes, family)
            except Mismatch as error:
                problems = [str(error)]
        matched = [c.key.split("|")[0] for c in family.marks if not c.absent and c.problem(shapes) is None]
        reason = f"for {family.label}: {_some(problems)}; of its marks it has {_some(matched) or 'none'}"
        good = len(family.marks) - len(problems)
        if good > nearest[0]:
            nearest = (good, reason)
    kind = kind_of(shapes)
    what = [f"this is {kind.label}", *missing_parts(shapes)] if kind else []
    raise UnsupportedModel(checkpoint.path.name, [*what, nearest[1]])


def kind_of(keys: Mapping[str, object]) -> Kind | None:
    """Return which known kind of other file has such names, or None."""
    return next((k for k in KINDS if k.matches(keys)), None)


def _understood(checkpoint: Checkpoint, shapes: Shapes, family: Family) -> Detection:
    hints = hints_for(checkpoint)
    found = [_text_encoder(shapes, slot) for slot in family.text]
    unet = read_unet(below(shapes, UNET), family.heads)
    if family.head_width:
        unet = replace(unet, heads=tuple(max(1, c // family.head_width) for c in unet.channels))
    vae = read_vae(below(shapes, VAE))
    try:
        groups = int(hints.vae.get("norm_num_groups") or vae.groups)
        texts = [hinted_text(t, hints.text(s.part)) for (_, t), s in zip(found, family.text, strict=True)]
        shape = Architecture(
            with_waves(hinted_unet(unet, hints.unet), texts, family.sizes),
            replace(vae, groups=groups),
            texts[0],
            tuple(texts[1:]),
        )
    except (Mismatch, TypeError, ValueError) as error:
        said = " and ".join(hints.sources) or "the family's defaults"
        raise ModelError(f"{checkpoint.path.name}: {error} (said by {said})") from error
    check_fit(shape)
    return Detection(family, shape, hints, tuple(prefix for prefix, _ in found))


def _text_encoder(shapes: Shapes, slot: TextSlot) -> tuple[str, TextShape]:
    """Return where the names of a text encoder begin, and its shape."""
    prefix = next(p for p in slot.prefixes if slot.token_embedding(p) in shapes)
    own = below(shapes, prefix)
    shape = read_text(transformers_shapes(own) if slot.layout == "openclip" else own, slot.head_width)
    if slot.rule.pooled and not shape.projection:
        raise Mismatch(f"{prefix}text_projection is missing")
    projection = shape.projection if slot.rule.pooled else 0
    return prefix, replace(shape, activation=slot.activation, projection=projection)


def _some(names: list[str], shown: int = 2) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
