"""TAESD: a very small autoencoder for the latents of Stable Diffusion, for live previews and for hasty people.

Made by Ollin Boer Bohan (github.com/madebyollin/taesd). It works on scaled latents, those that samplers work on. Three
layouts of its weights are read: the original's two files (`taesd_encoder`, `taesd_decoder`, names like `1.weight`), one
file with both halves, and diffusers' `AutoencoderTiny` as a file or a folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import torch
from torch import nn

from redraw.errors import ModelError, NonFinite, UnsupportedModel
from redraw.models.checkpoint import Checkpoint, open_checkpoint
from redraw.models.networks import fill, quietly
from redraw.models.shards import open_part

Side = Literal["encoder", "decoder"]
FACTOR: Final = 8
_SIDES: Final = ("encoder", "decoder")
_BLOCKS: Final[Mapping[Side, tuple[int, ...]]] = {"encoder": (1, 3, 3, 3), "decoder": (3, 3, 3, 1)}
_STEMS: Final = ("diffusion_pytorch_model", "pytorch_model")
_NUMBERED: Final = re.compile(r"(?:(?:taesd_)?(encoder|decoder)\.)?(\d+)(\..+)")
_XL: Final = re.compile(r"taesd_?xl|sdxl", re.IGNORECASE)


class Taesd:
    """A loaded TAESD.

    Attributes:
        path: the file or folder it came from.
        latent_channels: channels of a latent.
        device, dtype: where and how it computes.
    """

    def __init__(self, path: Path, halves: Mapping[Side, nn.Module], latent_channels: int) -> None:
        self.path, self.latent_channels = path, latent_channels
        self._halves = dict(halves)
        self.device, self.dtype = torch.device("cpu"), torch.float32

    @property
    def for_sdxl(self) -> bool:
        """Whether its name says that it belongs to SDXL; its weights look the same."""
        return any(_XL.search(name) for name in (self.path.name, self.path.parent.name if self.path.is_file() else ""))

    @property
    def encodes(self) -> bool:
        """Whether it has an encoder."""
        return "encoder" in self._halves

    @property
    def decodes(self) -> bool:
        """Whether it has a decoder."""
        return "decoder" in self._halves

    def fits(self, family: str, latent_channels: int) -> bool:
        """Return whether it belongs to models of this family (`sd1`, `sdxl`, ...) with this many latent channels."""
        return self.latent_channels == latent_channels and self.for_sdxl == family.startswith("sdxl")

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Taesd:
        """Move and cast it in place; return self."""
        self.device, self.dtype = torch.device(device), dtype
        for half in self._halves.values():
            nn.Module.to(half, self.device, dtype)
        return self

    @torch.no_grad()
    def encode(self, image: torch.Tensor) -> torch.Tensor:
        """Return scaled latents `[b, c, h/8, w/8]` fp32 of pictures `[b, 3, h, w]` in [-1, 1]; one at a time."""
        return self._each("encoder", image)

    @torch.no_grad()
    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Return pictures `[b, 3, 8h, 8w]` fp32, about [-1, 1], of scaled latents `[b, c, h, w]`; one at a time."""
        return self._each("decoder", latents)

    def _each(self, side: Side, batch: torch.Tensor) -> torch.Tensor:
        half = self._halves.get(side)
        if half is None:
            raise ModelError(f"{self.path.name} has no {side}; put taesd_{side} beside it")
        out = torch.cat([half(one.to(self.device, self.dtype)).float() for one in batch.split(1)]).to(batch.device)
        if not torch.isfinite(out).all():
            raise NonFinite(f"{self.path.name} gave NaN or infinity")
        return out


def load_taesd(path: Path) -> Taesd:
    """Load a TAESD from a file or a diffusers folder; of a file with one half, the other is looked for beside it.

    Raises:
        ModelError: missing, damaged or incomplete; `UnsupportedModel` if it is something else.
    """
    states = _states(open_part(path, _STEMS) if path.is_dir() else open_checkpoint(path))
    if len(states) == 1:
        other = _other_half(path)
        states |= {} if other is None else _states(open_checkpoint(other))
    if not states:
        raise UnsupportedModel(path.name, ["this is no TAESD: it has no numbered layers of an encoder or a decoder"])
    channels = {_latent_channels(path, side, state) for side, state in states.items()}
    if len(channels) > 1:
        raise UnsupportedModel(path.name, ["its encoder and decoder are for different latents"])
    latent = channels.pop()
    network = _build(latent, next(iter(states.values()))["layers.0.weight"].shape[0])
    halves: dict[Side, nn.Module] = {}
    for side, state in states.items():
        halves[side] = getattr(network, side)
        unused = fill(halves[side], state, f"{path.name}: its {side}")
        if unused:
            raise UnsupportedModel(path.name, [f"its {side} has layers that TAESD has not: {', '.join(unused[:3])}"])
    return Taesd(path, halves, latent).to("cpu", torch.float32)


def find_taesd(paths: Iterable[Path], family: str, latent_channels: int) -> Taesd | None:
    """Return the first of several files that decodes the latents of a family's models; damaged ones are passed over."""
    for path in paths:
        try:
            found = load_taesd(path)
        except ModelError:
            continue
        if found.decodes and found.fits(family, latent_channels):
            return found
    return None


def _states(checkpoint: Checkpoint) -> dict[Side, dict[str, torch.Tensor]]:
    """Return the halves in a file under diffusers' names; the original's decoder counts its clamp as layer 0."""
    found: dict[Side, dict[str, torch.Tensor]] = {}
    bare: Side = "encoder" if "0.weight" in checkpoint else "decoder"
    for key in checkpoint:
        side, dot, name = key.partition(".layers.")
        if dot and side in _SIDES:
            found.setdefault("encoder" if side == "encoder" else "decoder", {})[f"layers.{name}"] = checkpoint.tensor(
                key
            )
            continue
        match = _NUMBERED.fullmatch(key)
        if match is not None:
            said, number, rest = match.groups()
            half: Side = bare if said is None else "encoder" if said == "encoder" else "decoder"
            name = f"layers.{int(number) - (half == 'decoder')}{rest}"
            found.setdefault(half, {})[name] = checkpoint.tensor(key)
    return found


def _latent_channels(path: Path, side: Side, state: Mapping[str, torch.Tensor]) -> int:
    if side == "decoder":
        shape = state["layers.0.weight"].shape if "layers.0.weight" in state else ()
        return _checked(path, side, shape, 1)
    numbers = [int(key.split(".")[1]) for key in state]
    last = state.get(f"layers.{max(numbers)}.weight")
    return _checked(path, side, () if last is None else last.shape, 0)


def _checked(path: Path, side: Side, shape: tuple[int, ...], dimension: int) -> int:
    if len(shape) != 4:
        raise UnsupportedModel(path.name, [f"this is no TAESD: its {side} does not meet the latents in a convolution"])
    return int(shape[dimension])


def _other_half(path: Path) -> Path | None:
    """Return the file beside `path` that is named like its other half."""
    for one, other in (("decoder", "encoder"), ("encoder", "decoder")):
        if one in path.name:
            beside = path.with_name(path.name.replace(one, other))
            return beside if beside.is_file() else None
    return None


def _build(latent_channels: int, width: int) -> Any:
    """Return diffusers' network on the meta device."""
    with quietly():
        from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

        with torch.device("meta"):
            return AutoencoderTiny(
                latent_channels=latent_channels,
                encoder_block_out_channels=(width,) * len(_BLOCKS["encoder"]),
                decoder_block_out_channels=(width,) * len(_BLOCKS["decoder"]),
                num_encoder_blocks=_BLOCKS["encoder"],
                num_decoder_blocks=_BLOCKS["decoder"],
            )
