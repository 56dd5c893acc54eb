"""The shape of a model: every width and depth, read off the names and shapes of its tensors.

Names are those of the original Stable Diffusion code ("LDM"), without the prefix of the network. What shapes do not
tell (head counts, the activation) has a default here and is replaced by `hints`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

Shapes = Mapping[str, tuple[int, ...]]


class Mismatch(ValueError):
    """Names or shapes do not describe a network of this kind; the message says where."""


@dataclass(frozen=True)
class UNetShape:
    """A denoising UNet with text cross-attention.

    Attributes:
        in_channels: 4; 9 with an inpainting mask and picture; 8 with a picture to edit.
        out_channels: channels of the prediction.
        channels: width of each level, finest first.
        blocks: residual blocks on the way down, per level.
        depth: transformer blocks in each attention, per level; 0 for levels without attention.
        mid_depth: the same in the middle.
        context: width of the text vectors.
        linear: attention is entered and left by linear layers, not 1x1 convolutions.
        time_width: width of the time embedding.
        heads: attention heads per level.
        groups: groups of every GroupNorm.
        vector: width of what it hears besides text: the pooled sentence, then the waves of the sizes; 0: nothing.
        waves: width of the waves of one size.
        guidance: width of the waves of a guidance scale it was trained to take (LCM); 0: it takes none.
    """

    in_channels: int
    out_channels: int
    channels: tuple[int, ...]
    blocks: tuple[int, ...]
    depth: tuple[int, ...]
    mid_depth: int
    context: int
    linear: bool
    time_width: int
    heads: tuple[int, ...]
    groups: int = 32
    vector: int = 0
    waves: int = 0
    guidance: int = 0


@dataclass(frozen=True)
class VaeShape:
    """A KL autoencoder with one attention in the middle.

    Attributes:
        channels: width of each level, finest first; each level but the last halves the picture.
        blocks: residual blocks on the way down in each level (one more on the way up).
        latent_channels: channels of a latent.
        picture_channels: 3.
        attention: whether there is attention in the middle.
        quant: whether 1x1 convolutions stand between encoder, latent and decoder.
        groups: groups of every GroupNorm.
    """

    channels: tuple[int, ...]
    blocks: int
    latent_channels: int
    picture_channels: int = 3
    attention: bool = True
    quant: bool = True
    groups: int = 32

    @property
    def factor(self) -> int:
        """How many pixels one latent cell is wide: 8 for four levels."""
        return int(2 ** (len(self.channels) - 1))


@dataclass(frozen=True)
class TextShape:
    """A CLIP text encoder; `projection` is the width of its pooled sentence, 0 for none."""

    width: int
    layers: int
    mlp: int
    positions: int
    vocabulary: int
    heads: int
    activation: str = "quick_gelu"
    norm_eps: float = 1e-5
    projection: int = 0


@dataclass(frozen=True)
class Architecture:
    """The networks of a checkpoint; `text` is its first text encoder, `more_text` are the others."""

    unet: UNetShape
    vae: VaeShape
    text: TextShape
    more_text: tuple[TextShape, ...] = ()

    @property
    def texts(self) -> tuple[TextShape, ...]:
        """Every text encoder, in the order their vectors stand side by side."""
        return (self.text, *self.more_text)


def below(shapes: Shapes, prefix: str) -> dict[str, tuple[int, ...]]:
    """Return the entries whose name starts with `prefix`, without it."""
    return {k[len(prefix) :]: v for k, v in shapes.items() if k.startswith(prefix)}


def count(shapes: Mapping[str, Any], pattern: str) -> int:
    """Return how many numbers 0, 1, 2, ... in a row make `pattern` (with one `{}`) the start of a name."""
    n = 0
    while any(k.startswith(pattern.format(n)) for k in shapes):
        n += 1
    return n


def _shape(shapes: Shapes, key: str, dimensions: int) -> tuple[int, ...]:
    found = shapes.get(key)
    if found is None:
        raise Mismatch(f"{key} is missing")
    if len(found) != dimensions:
        raise Mismatch(f"{key} has {len(found)} dimensions, not {dimensions}")
    return found


def read_unet(shapes: Shapes, heads: int) -> UNetShape:
    """Return the shape of the UNet with these tensors; `heads` is the head count to assume at every level."""
    first = _shape(shapes, "input_blocks.0.0.weight", 4)
    time_width = _shape(shapes, "time_embed.2.weight", 2)[0]
    total = count(shapes, "input_blocks.{}.")
    channels, blocks, depth = [], [], []
    width, level_blocks = 0, 0
    level_depth: set[int] = set()
    for i in range(1, total):
        if f"input_blocks.{i}.0.op.weight" in shapes:
            channels.append(width)
            blocks.append(level_blocks)
            depth.append(_same(level_depth, f"input_blocks.{i - 1}"))
            level_blocks, level_depth = 0, set()
        else:
            width = _shape(shapes, f"input_blocks.{i}.0.in_layers.2.weight", 4)[0]
            level_blocks += 1
            level_depth.add(count(shapes, f"input_blocks.{i}.1.transformer_blocks." + "{}."))
    channels.append(width)
    blocks.append(level_blocks)
    depth.append(_same(level_depth, f"input_blocks.{total - 1}"))
    if not all(blocks):
        raise Mismatch("a level of the UNet has no residual block")
    if count(shapes, "output_blocks.{}.") != sum(blocks) + len(blocks):
        raise Mismatch("the way down and the way up of the UNet do not fit together")
    mid_depth = count(shapes, "middle_block.1.transformer_blocks.{}.")
    context = _shape(shapes, "middle_block.1.transformer_blocks.0.attn2.to_k.weight", 2)[1]
    return UNetShape(
        in_channels=first[1],
        out_channels=_shape(shapes, "out.2.weight", 4)[0],
        channels=tuple(channels),
        blocks=tuple(blocks),
        depth=tuple(depth),
        mid_depth=mid_depth,
        context=context,
        linear=len(shapes.get("middle_block.1.proj_in.weight", ())) == 2,
        time_width=time_width,
        heads=(heads,) * len(channels),
        vector=shapes.get("label_emb.0.0.weight", (0, 0))[1],
        guidance=shapes.get("time_embed.cond_proj.weight", (0, 0))[1],
    )


def _same(depths: set[int], where: str) -> int:
    if len(depths) != 1:
        raise Mismatch(f"the attention differs between the blocks of one level near {where}")
    return next(iter(depths))


def read_vae(shapes: Shapes) -> VaeShape:
    """Return the shape of the autoencoder with these tensors."""
    levels = count(shapes, "decoder.up.{}.")
    if not levels:
        raise Mismatch("decoder.up.0 is missing")
    widths = tuple(_shape(shapes, f"decoder.up.{i}.block.0.conv1.weight", 4)[0] for i in range(levels))
    ups = {count(shapes, f"decoder.up.{i}.block." + "{}.") for i in range(levels)}
    downs = {count(shapes, f"encoder.down.{i}.block." + "{}.") for i in range(levels)}
    if len(ups) != 1 or downs != {n - 1 for n in ups} or 0 in downs:
        raise Mismatch("the VAE's levels have different numbers of blocks")
    if any(".attn.0." in k for k in shapes):
        raise Mismatch("the VAE has attention outside its middle")
    latent = _shape(shapes, "decoder.conv_in.weight", 4)[1]
    moments = _shape(shapes, "encoder.conv_out.weight", 4)[0]
    if moments != 2 * latent:
        raise Mismatch(f"the VAE's encoder gives {moments} channels where its decoder takes {latent}")
    quant = shapes.get("post_quant_conv.weight")
    if quant is not None and quant[:2] != (latent, latent):
        raise Mismatch("the VAE's latent is narrower than its code")
    return VaeShape(
        channels=widths,
        blocks=downs.pop(),
        latent_channels=latent,
        picture_channels=_shape(shapes, "encoder.conv_in.weight", 4)[1],
        attention="decoder.mid.attn_1.q.weight" in shapes,
        quant=quant is not None,
    )


def read_text(shapes: Shapes, head_width: int = 64) -> TextShape:
    """Return the shape of the CLIP text encoder with these tensors (names without `text_model.`)."""
    vocabulary, width = _shape(shapes, "embeddings.token_embedding.weight", 2)
    layers = count(shapes, "encoder.layers.{}.")
    if not layers:
        raise Mismatch("encoder.layers.0 is missing")
    return TextShape(
        width=width,
        layers=layers,
        mlp=_shape(shapes, "encoder.layers.0.mlp.fc1.weight", 2)[0],
        positions=_shape(shapes, "embeddings.position_embedding.weight", 2)[0],
        vocabulary=vocabulary,
        heads=max(1, width // head_width),
        projection=shapes.get("text_projection.weight", (0, 0))[0],
    )


def with_waves(unet: UNetShape, texts: Sequence[TextShape], sizes: int) -> UNetShape:
    """Return `unet` with the width of one size's waves: what its vector has besides the pooled sentence, shared out."""
    if bool(unet.vector) != bool(sizes):
        raise Mismatch("the UNet is told no sizes" if sizes else "the UNet is told sizes, which this family's is not")
    if not sizes:
        return unet
    pooled = sum(text.projection for text in texts)
    waves, rest = divmod(unet.vector - pooled, sizes)
    if rest or waves < 2 or waves % 2:
        raise Mismatch(
            f"the UNet is told {unet.vector} numbers, which a sentence of {pooled} and {sizes} sizes are not"
        )
    return replace(unet, waves=waves)


def check_fit(shape: Architecture) -> None:
    """Raise `Mismatch` unless the UNet listens to what the text encoders give."""
    given = sum(text.width for text in shape.texts)
    if shape.unet.context != given:
        who = "the text encoder gives" if len(shape.texts) == 1 else "the text encoders together give"
        raise Mismatch(f"the UNet listens to vectors of width {shape.unet.context}, {who} {given}")
