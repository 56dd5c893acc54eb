"""Shapes as diffusers and transformers spell them in `config.json`, in both directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from redraw.models.architecture import Architecture, Mismatch, TextShape, UNetShape, VaeShape

Config = Mapping[str, Any]

# Fields of a diffusers UNet that Redraw does not vary, and the one value each may have.
_UNET_FIXED: Final[Mapping[str, tuple[Any, ...]]] = {
    "addition_embed_type": (None, "text_time"),
    "class_embed_type": (None,),
    "encoder_hid_dim": (None,),
    "time_embedding_type": ("positional",),
    "resnet_time_scale_shift": ("default",),
    "only_cross_attention": (False,),
    "dual_cross_attention": (False,),
    "act_fn": ("silu",),
    "mid_block_type": ("UNetMidBlock2DCrossAttn",),
    "center_input_sample": (False,),
    "reverse_transformer_layers_per_block": (None,),
}


def unet_config(shape: UNetShape) -> dict[str, Any]:
    """Return the arguments of `UNet2DConditionModel`."""
    attended = [bool(d) for d in shape.depth]
    depth = tuple(d or 1 for d in shape.depth)
    if not shape.depth[-1]:  # diffusers' middle is as deep as the last level, even if that has no attention
        depth = (*depth[:-1], shape.mid_depth)
    told = {
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": shape.waves,
        "projection_class_embeddings_input_dim": shape.vector,
    }
    return {
        **(told if shape.vector else {}),
        "time_cond_proj_dim": shape.guidance or None,
        "in_channels": shape.in_channels,
        "out_channels": shape.out_channels,
        "block_out_channels": shape.channels,
        "layers_per_block": shape.blocks if len(set(shape.blocks)) > 1 else shape.blocks[0],
        "down_block_types": tuple("CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attended),
        "up_block_types": tuple("CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attended)),
        "transformer_layers_per_block": depth if len({*depth, shape.mid_depth}) > 1 else depth[0],
        "cross_attention_dim": shape.context,
        "attention_head_dim": shape.heads if len(set(shape.heads)) > 1 else shape.heads[0],
        "use_linear_projection": shape.linear,
        "norm_num_groups": shape.groups,
        "time_embedding_dim": None if shape.time_width == 4 * shape.channels[0] else shape.time_width,
        "sample_size": 64,
    }


def vae_config(shape: VaeShape) -> dict[str, Any]:
    """Return the arguments of `AutoencoderKL`."""
    levels = len(shape.channels)
    return {
        "in_channels": shape.picture_channels,
        "out_channels": shape.picture_channels,
        "block_out_channels": shape.channels,
        "layers_per_block": shape.blocks,
        "down_block_types": ("DownEncoderBlock2D",) * levels,
        "up_block_types": ("UpDecoderBlock2D",) * levels,
        "latent_channels": shape.latent_channels,
        "norm_num_groups": shape.groups,
        "mid_block_add_attention": shape.attention,
        "use_quant_conv": shape.quant,
        "use_post_quant_conv": shape.quant,
    }


def text_config(shape: TextShape) -> dict[str, Any]:
    """Return the arguments of `CLIPTextConfig`."""
    return {
        "hidden_size": shape.width,
        "intermediate_size": shape.mlp,
        "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers,
        "max_position_embeddings": shape.positions,
        "vocab_size": shape.vocabulary,
        "hidden_act": shape.activation,
        "layer_norm_eps": shape.norm_eps,
        "projection_dim": shape.projection or shape.width,
    }


def from_configs(unet: Config, vae: Config, *texts: Config, pooled: Sequence[bool] = ()) -> Architecture:
    """Return the shape that `config.json`s describe; `Mismatch` names what Redraw cannot build.

    `pooled` says for each text encoder whether it has a projection.
    """
    shapes = [text_shape(c, p) for c, p in zip(texts, pooled or [False] * len(texts), strict=True)]
    return Architecture(unet_shape(unet), vae_shape(vae), shapes[0], tuple(shapes[1:]))


def unet_shape(config: Config) -> UNetShape:
    """Return the shape a diffusers UNet configuration describes."""
    for field, allowed in _UNET_FIXED.items():
        if config.get(field, allowed[0]) not in allowed:
            raise Mismatch(f"the UNet's {field} is {config[field]!r}")
    channels = tuple(int(c) for c in config["block_out_channels"])
    levels = len(channels)
    depth = _per_level(config.get("transformer_layers_per_block", 1), levels)
    down = config.get("down_block_types") or ("CrossAttnDownBlock2D",) * (levels - 1) + ("DownBlock2D",)
    if any(kind not in ("CrossAttnDownBlock2D", "DownBlock2D") for kind in down):
        raise Mismatch(f"the UNet has blocks of the kinds {', '.join(down)}")
    told = config.get("addition_embed_type") == "text_time"
    base = UNetShape(
        in_channels=int(config.get("in_channels", 4)),
        out_channels=int(config.get("out_channels", 4)),
        channels=channels,
        blocks=_per_level(config.get("layers_per_block", 2), levels),
        depth=tuple(d if kind.startswith("Cross") else 0 for d, kind in zip(depth, down, strict=True)),
        mid_depth=depth[-1],
        context=int(config.get("cross_attention_dim", 1280)),
        linear=bool(config.get("use_linear_projection", False)),
        time_width=int(config.get("time_embedding_dim") or 4 * channels[0]),
        heads=(8,) * levels,
        vector=int(config.get("projection_class_embeddings_input_dim") or 0) if told else 0,
        waves=int(config.get("addition_time_embed_dim") or 0) if told else 0,
        guidance=int(config.get("time_cond_proj_dim") or 0),
    )
    return hinted_unet(base, {"attention_head_dim": 8, **config})


def vae_shape(config: Config) -> VaeShape:
    """Return the shape a diffusers AutoencoderKL configuration describes."""
    kinds = {*config.get("down_block_types", ()), *config.get("up_block_types", ())}
    if not kinds <= {"DownEncoderBlock2D", "UpDecoderBlock2D"}:
        raise Mismatch(f"the VAE has blocks of the kinds {', '.join(sorted(kinds))}")
    return VaeShape(
        channels=tuple(int(c) for c in config["block_out_channels"]),
        blocks=int(config.get("layers_per_block", 1)),
        latent_channels=int(config.get("latent_channels", 4)),
        picture_channels=int(config.get("in_channels", 3)),
        attention=bool(config.get("mid_block_add_attention", True)),
        quant=bool(config.get("use_post_quant_conv", True)),
        groups=int(config.get("norm_num_groups", 32)),
    )


def text_shape(config: Config, pooled: bool = False) -> TextShape:
    """Return the shape a CLIP text configuration describes; `pooled` says whether it has a projection."""
    base = TextShape(
        width=int(config.get("hidden_size", 512)),
        layers=int(config.get("num_hidden_layers", 12)),
        mlp=int(config.get("intermediate_size", 2048)),
        positions=int(config.get("max_position_embeddings", 77)),
        vocabulary=int(config.get("vocab_size", 49408)),
        heads=int(config.get("num_attention_heads", 8)),
        projection=int(config.get("projection_dim", 512)) if pooled else 0,
    )
    return hinted_text(base, config)


def hinted_unet(shape: UNetShape, hints: Config) -> UNetShape:
    """Return `shape` with what only a configuration tells: head counts and norm groups.

    `num_attention_heads` is a count. diffusers' `attention_head_dim` is, by an old mistake of its own, a count too.
    `num_head_channels`, from A1111's configurations, is the width of one head.
    """
    given = hints.get("num_attention_heads") or hints.get("attention_head_dim")
    heads = shape.heads if given is None else _per_level(given, len(shape.channels))
    if given is None and hints.get("num_head_channels"):
        heads = tuple(max(1, c // int(hints["num_head_channels"])) for c in shape.channels)
    if any(h < 1 or c % h for h, c in zip(heads, shape.channels, strict=True)):
        raise Mismatch(f"{heads} attention heads do not divide the widths {shape.channels}")
    return replace(shape, heads=heads, groups=int(hints.get("norm_num_groups") or shape.groups))


def hinted_text(shape: TextShape, hints: Config) -> TextShape:
    """Return `shape` with what only a configuration tells: heads, activation and the norms' epsilon."""
    heads = int(hints.get("num_attention_heads") or shape.heads)
    if heads < 1 or shape.width % heads:
        raise Mismatch(f"{heads} text attention heads do not divide the width {shape.width}")
    eps = float(hints.get("layer_norm_eps") or shape.norm_eps)
    return replace(shape, heads=heads, activation=str(hints.get("hidden_act") or shape.activation), norm_eps=eps)


def _per_level(value: Any, levels: int) -> tuple[int, ...]:
    """Return one whole number for each level, from one number or a list of them."""
    if isinstance(value, list | tuple) and any(isinstance(v, list | tuple) for v in value):
        raise Mismatch("the blocks of one level differ from each other")
    numbers = tuple(int(v) for v in value) if isinstance(value, list | tuple) else (int(value),) * levels
    if len(numbers) != levels:
        raise Mismatch(f"{len(numbers)} values are given for {levels} levels")
    return numbers
