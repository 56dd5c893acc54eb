"""VAE encoding and decoding in tiles that give what the whole picture gives, up to rounding.

A VAE of this kind has three sorts of layers. Attention sees everything, but only at the size of the latents, where it
runs on the whole picture. Convolutions see a few cells around them, so a tile with enough surroundings gives exactly
what the whole picture would give; the surroundings are cut off, not blended. GroupNorm divides by mean and variance
over the whole picture, at every size: that is what makes tiles of other programs differ in color and contrast.

So the layers are cut into stages at whose ends the whole picture is kept: after every residual block, except where the
picture has its full size, which is never kept but goes through from the last smaller size. A stage goes over all tiles
once for each of its GroupNorms, up to that norm, to measure its input (each cell once, in fp32, merged in fp64), and
once more to make the result. All tiles of a norm are thus normalised alike, with the very statistics of the whole
picture. Every stage's tiles hold as many numbers as those of the full size; a stage that fits into one is run once.

The price is time, because work is repeated, and memory for what is kept: see docs/decisions/0007-vae-tiles.md, also for
what was tried instead. GroupNorm: Wu & He 2018, eq. 1 to 3, https://arxiv.org/abs/1803.08494; merging of means and
variances: Chan, Golub & LeVeque 1979, eq. 2.1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, Literal, NamedTuple

import torch
from torch import nn

TILE: Final = 512
Affine = tuple[torch.Tensor, torch.Tensor]


@torch.no_grad()
def encode_tiled(vae: Any, image: torch.Tensor, tile: int = TILE) -> torch.Tensor:
    """Return the posterior's mean `[1, c, h/8, w/8]`, unscaled, of a picture `[1, 3, h, w]` in [-1, 1].

    Convolutions that wrap around (`Model.tiling`) wrap around the picture, not around tiles.

    Args:
        vae: a diffusers `AutoencoderKL` in the layout of Stable Diffusion.
        image: on the VAE's device and in its dtype, as the result is; sides are multiples of 8.
        tile: the longest side of a tile at full size, without its surroundings, in pixels; a multiple of 8.

    Raises:
        ValueError: a side is no positive multiple of 8 (of the VAE's factor).
    """
    net = vae.encoder
    x = _through(encoder_stages(net), image, tile)
    x = net.conv_out(net.conv_act(net.conv_norm_out(net.mid_block(x))))
    moments: torch.Tensor = x if vae.quant_conv is None else vae.quant_conv(x)
    return moments.chunk(2, dim=1)[0]


@torch.no_grad()
def decode_tiled(vae: Any, latent: torch.Tensor, tile: int = TILE) -> torch.Tensor:
    """Return the picture `[1, 3, 8h, 8w]`, about [-1, 1], of an unscaled latent `[1, c, h, w]`.

    All else is as with `encode_tiled`.
    """
    net = vae.decoder
    x = latent if vae.post_quant_conv is None else vae.post_quant_conv(latent)
    return _through(decoder_stages(net), net.mid_block(net.conv_in(x)), tile)


class Op(NamedTuple):
    """One step of a stage.

    Attributes:
        kind: `keep` remembers its input, `add` adds it again behind the module; a `norm` is followed by SiLU.
        module: the network's layer.
        before, after: pixels that a cell of its input, and of its output, is wide.
    """

    kind: Literal["keep", "norm", "conv", "add", "up", "down"]
    module: Any
    before: int
    after: int

    @property
    def reach(self) -> int:
        """How many pixels around a cell its value depends on."""
        if self.kind == "down":
            return 2 * self.before
        return self.after * (self.module.kernel_size[0] // 2 if self.kind == "conv" else self.kind == "up")


class Stage(NamedTuple):
    """Steps between two places where the whole picture is kept.

    Attributes:
        ops: the steps.
        width: the largest number of channels in it.
        given, made: numbers of channels of its input and its output.
    """

    ops: tuple[Op, ...]
    width: int
    given: int
    made: int

    @property
    def finest(self) -> int:
        """Pixels the smallest cell in it is wide."""
        return min(min(op.before, op.after) for op in self.ops)

    def side(self, room: int, factor: int) -> int:
        """Return the side in pixels of a tile that holds `room` numbers, a multiple of the VAE's factor."""
        return max(1, math.isqrt(room // self.width) * self.finest // factor) * factor


def encoder_stages(net: Any) -> list[Stage]:
    """Return the stages of a diffusers `Encoder`, from the picture to the middle block."""
    scale = 1
    layers = [_Layer([Op("conv", net.conv_in, 1, 1)], net.conv_in.in_channels, net.conv_in.out_channels)]
    for block in net.down_blocks:
        layers += [_residual(module, scale) for module in block.resnets]
        for module in block.downsamplers or ():
            layers.append(_Layer([Op("down", module, scale, 2 * scale)], module.channels, module.out_channels))
            scale *= 2
    return _stages(layers)


def decoder_stages(net: Any) -> list[Stage]:
    """Return the stages of a diffusers `Decoder`, from behind the middle block to the picture."""
    scale: int = 2 ** sum(len(block.upsamplers or ()) for block in net.up_blocks)
    layers = []
    for block in net.up_blocks:
        layers += [_residual(module, scale) for module in block.resnets]
        for module in block.upsamplers or ():
            layers.append(_Layer([Op("up", module, scale, scale // 2)], module.channels, module.out_channels))
            scale //= 2
    last = [Op("norm", net.conv_norm_out, scale, scale), Op("conv", net.conv_out, scale, scale)]
    return _stages([*layers, _Layer(last, net.conv_out.in_channels, net.conv_out.out_channels)])


class _Layer(NamedTuple):
    ops: list[Op]
    given: int
    made: int


def _residual(block: Any, scale: int) -> _Layer:
    kinds: tuple[tuple[Literal["keep", "norm", "conv", "add"], Any], ...] = (
        *(("keep", None), ("norm", block.norm1), ("conv", block.conv1)),
        *(("norm", block.norm2), ("conv", block.conv2), ("add", block)),
    )
    return _Layer([Op(kind, module, scale, scale) for kind, module in kinds], block.in_channels, block.out_channels)


def _stages(layers: Sequence[_Layer]) -> list[Stage]:
    """Cut between layers, but not at full size, nor where the picture has just grown or is about to shrink."""
    out, first = [], 0
    for i, layer in enumerate(layers):
        op, following = layer.ops[-1], layers[i + 1].ops[0].kind if i + 1 < len(layers) else None
        if following is None or not (op.after == 1 or op.kind == "up" or following == "down"):
            parts = layers[first : i + 1]
            width = max(max(part.given, part.made) for part in parts)
            out.append(Stage(tuple(op for part in parts for op in part.ops), width, parts[0].given, layer.made))
            first = i + 1
    return out


def _through(stages: Sequence[Stage], x: torch.Tensor, tile: int) -> torch.Tensor:
    """Run all stages over x `[1, c, h, w]`."""
    factor = max(stages[0].ops[0].before, stages[-1].ops[-1].after)
    scale = stages[0].ops[0].before
    height, width = x.shape[-2] * scale, x.shape[-1] * scale
    for what, length in (("a tile's side", tile), ("a picture's side", height), ("a picture's side", width)):
        if length <= 0 or length % factor:
            raise ValueError(f"{what} must be a positive multiple of {factor}, not {length}")
    room = tile**2 * min(stages, key=lambda stage: stage.finest).width
    for stage in stages:
        x = _run_stage(stage, x, (height, width), stage.side(room, factor), factor)
    return x


class Span(NamedTuple):
    """A tile along one axis, in pixels: its own pixels, and those with its surroundings (which may wrap around)."""

    start: int
    stop: int
    first: int
    last: int


def spans(length: int, tile: int, halo: int, factor: int, wraps: bool) -> list[Span]:
    """Return tiles of nearly equal length, `tile` at most.

    Args:
        length: of the picture, a multiple of `factor`.
        tile: a multiple of `factor`.
        halo: surroundings on both sides; they end at the picture's edges unless it `wraps`.
        factor: where tiles may begin.
        wraps: whether what lies behind the right edge is the left edge.
    """
    count, cells = math.ceil(length / tile), length // factor
    if count == 1:
        return [Span(0, length, 0, length)]
    edges = [factor * (cells * i // count) for i in range(count + 1)]
    low, high = (-halo, length + halo) if wraps else (0, length)
    return [Span(a, b, max(low, a - halo), min(high, b + halo)) for a, b in pairwise(edges)]


class _Tile(NamedTuple):
    """A rectangle of the picture that is computed at once."""

    rows: Span
    columns: Span

    def gather(self, x: torch.Tensor, scale: int) -> torch.Tensor:
        """Return the tile and its surroundings out of x `[1, c, h, w]` with cells of `scale` pixels."""
        for axis, span in ((-2, self.rows), (-1, self.columns)):
            first, last, length = span.first // scale, span.last // scale, x.shape[axis]
            if first < 0 or last > length:
                x = x.index_select(axis, torch.arange(first, last, device=x.device) % length)
            else:
                x = x.narrow(axis, first, last - first)
        return x

    def core(self, x: torch.Tensor) -> torch.Tensor:
        """Return the tile's own cells out of a gathered x, whatever size its cells have."""
        for axis, span in ((-2, self.rows), (-1, self.columns)):
            scale = (span.last - span.first) // x.shape[axis]
            x = x.narrow(axis, (span.start - span.first) // scale, (span.stop - span.start) // scale)
        return x

    def own(self, x: torch.Tensor, scale: int) -> torch.Tensor:
        """Return the tile's own cells out of a whole x with cells of `scale` pixels."""
        for axis, span in ((-2, self.rows), (-1, self.columns)):
            x = x.narrow(axis, span.start // scale, (span.stop - span.start) // scale)
        return x

    def seams(self, size: tuple[int, int], scale: int) -> tuple[list[int], list[int]]:
        """Return the rows and columns of a gathered tensor before which the picture's far edge lies."""
        rows, columns = (
            [
                (at - span.first) // scale
                for at in range(span.first // length * length, span.last, length)
                if at > span.first
            ]
            for length, span in zip(size, (self.rows, self.columns), strict=True)
        )
        return rows, columns


def _run_stage(stage: Stage, x: torch.Tensor, size: tuple[int, int], side: int, factor: int) -> torch.Tensor:
    """Run one stage over x, its input for a picture of `size` (height, width), in tiles of `side` pixels."""
    convolutions = (m for op in stage.ops if op.module is not None for m in op.module.modules())
    wraps = any(isinstance(m, nn.Conv2d) and m.padding_mode == "circular" for m in convolutions)
    halo = math.ceil(sum(op.reach for op in stage.ops) / factor) * factor
    rows, columns = (spans(length, side, halo, factor, wraps) for length in size)
    tiles = [_Tile(row, column) for row in rows for column in columns]
    known: dict[int, Affine] = {}
    if len(tiles) == 1:
        return _run(stage.ops, x, tiles[0], size, known)
    for i, op in enumerate(stage.ops):
        if op.kind == "norm":
            seen = [_moments(tile.core(_run(stage.ops[:i], x, tile, size, known))) for tile in tiles]
            known[id(op.module)] = _affine(op.module, seen)
    scale = stage.ops[-1].after
    out = x.new_empty(1, stage.made, size[0] // scale, size[1] // scale)
    for tile in tiles:
        tile.own(out, scale).copy_(tile.core(_run(stage.ops, x, tile, size, known)))
    return out


def _run(
    ops: Sequence[Op], x: torch.Tensor, tile: _Tile, size: tuple[int, int], known: dict[int, Affine]
) -> torch.Tensor:
    """Run some steps over one tile; norms that are not known use the tile's own statistics."""
    kept = y = tile.gather(x, ops[0].before)
    for op in ops:
        match op.kind:
            case "keep":
                kept = y
            case "norm":
                y = _normalised(op.module, y, known.get(id(op.module)))
            case "add":
                block = op.module
                y = y.add_(kept if block.conv_shortcut is None else block.conv_shortcut(kept))
                y = y.div_(block.output_scale_factor)
            case "down":
                # diffusers pads zeros behind the last row and column here, also where the picture wraps around.
                down, (across, along) = op.module, tile.seams(size, op.before)
                bands = [[down(part) for part in b.tensor_split(along, -1)] for b in y.tensor_split(across, -2)]
                y = torch.cat([torch.cat(band, -1) for band in bands], -2)
            case _:
                y = op.module(y)
    return y


def _normalised(norm: nn.GroupNorm, x: torch.Tensor, affine: Affine | None) -> torch.Tensor:
    if affine is None:
        y = torch.group_norm(x, norm.num_groups, norm.weight, norm.bias, norm.eps)
    else:
        y = torch.addcmul(affine[1], x, affine[0]).to(x.dtype)
    return nn.functional.silu(y, inplace=True)


def _moments(x: torch.Tensor) -> tuple[int, torch.Tensor]:
    """Return how many cells x `[1, c, h, w]` has, and variance and mean of each channel, `[2, c]` fp64."""
    return x[0, 0].numel(), torch.stack(torch.var_mean(x.float(), (0, 2, 3), correction=0)).cpu().double()


def _affine(norm: nn.GroupNorm, seen: Sequence[tuple[int, torch.Tensor]]) -> Affine:
    """Return the fp32 factors and summands `[1, c, 1, 1]` that normalise with the statistics of all tiles."""
    variance, mean = torch.stack([moments for _, moments in seen]).unflatten(2, (norm.num_groups, -1)).unbind(1)
    share = torch.tensor([count for count, _ in seen], dtype=torch.float64)[:, None, None].expand_as(mean)
    share = share / share.sum((0, 2))[:, None]
    middle = (share * mean).sum((0, 2))[:, None]
    spread = (share * (variance + (mean - middle) ** 2)).sum((0, 2))[:, None]
    weight, bias = (p.detach().cpu().double().unflatten(0, (norm.num_groups, -1)) for p in (norm.weight, norm.bias))
    scale = weight * (spread + norm.eps).rsqrt()
    shift = bias - middle * scale
    factor, summand = (v.flatten()[None, :, None, None].to(norm.weight.device, torch.float32) for v in (scale, shift))
    return factor, summand
