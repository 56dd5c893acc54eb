"""A loaded model: its three networks, what is known about it, and the few calls everything above makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

import torch
from torch import nn

from redraw.errors import ModelError, NonFinite
from redraw.models import fp8
from redraw.models.hashes import model_sha256
from redraw.models.model_facts import Extras, Known, ModelFacts
from redraw.models.networks import guidance_waves
from redraw.models.taesd import Taesd
from redraw.models.text import TextEncoder
from redraw.models.vae_tiles import decode_tiled, encode_tiled

Part = Literal["unet", "vae", "text_encoder"]
Saving = Literal["auto", "medvram", "lowvram"]
_PARTS: Final[tuple[Part, ...]] = ("unet", "vae", "text_encoder")
__all__ = ["Extras", "Model", "ModelFacts", "Part", "Saving"]


class Model(Known):
    """A checkpoint in memory, ready to run.

    Networks are in `eval` mode and need no gradients. On a CPU every picture of a batch is computed by itself, so
    that a result never depends on its neighbours.

    Attributes:
        facts: what is known about it.
        alphas_cumprod: the noise schedule, `[T]` fp32 on the CPU.
        notes: remarks for the user, in order (unused tensors, retries).
        vae_tile: longest side in pixels of the tiles in which larger pictures are encoded and decoded; a multiple of
            8, or None for whole pictures.
        saving: how much of the device it takes; see `save_memory`.
        device, dtype: where and how the UNet computes.
        vae_dtype: how the VAE computes.
        taesd: a small autoencoder for previews, or None; see `attach_taesd`.
        fp8: whether the UNet's weights are stored in eight bits; see `store_fp8`.
    """

    def __init__(
        self,
        facts: ModelFacts,
        unet: Any,
        vae: Any,
        text_encoders: Sequence[TextEncoder],
        alphas_cumprod: torch.Tensor,
        notes: list[str] | None = None,
        cache: Path | None = None,
        reload: Callable[[str], Mapping[str, torch.Tensor]] | None = None,
    ) -> None:
        self.facts = facts
        self.unet, self.vae, self.text_encoders = unet, vae, tuple(text_encoders)
        self.alphas_cumprod = alphas_cumprod
        self.notes = list(notes or [])
        self.vae_tile: int | None = None
        self.saving: Saving = "auto"
        self.device, self.dtype = torch.device("cpu"), torch.float32
        self.vae_dtype = torch.float32
        self._chosen = (self.dtype, self.vae_dtype)
        self._offloads, self._rest = False, torch.device("cpu")
        self.taesd: Taesd | None = None
        self._hasty: frozenset[str] = frozenset()
        self.fp8, self._reload = False, reload
        self._cache = cache
        self._sha256: str | None = None
        for encoder in self.text_encoders:
            encoder.belongs_to(self._bring_text)

    @property
    def sha256(self) -> str:
        """SHA-256 of the whole file, 64 hex digits; of a folder, of its three weight files' hashes."""
        if self._sha256 is None:
            self._sha256 = model_sha256(self.path, self._cache)
        return self._sha256

    @property
    def short_hash(self) -> str:
        """The first ten hex digits of `sha256`, as infotexts print it."""
        return self.sha256[:10]

    @cached_property
    def vae_sha256(self) -> str | None:
        """The SHA-256 of that file, 64 hex digits, else None."""
        return model_sha256(self.facts.vae_path, self._cache) if self.facts.vae_path else None

    @torch.no_grad()
    def encode(self, image: torch.Tensor) -> torch.Tensor:
        """Return latents `[b, c, h/8, w/8]` fp32 of pictures `[b, 3, h, w]` in [-1, 1]; sides are multiples of 8.

        The result is the posterior's mean times `scale_factor`. Pictures are encoded one at a time.

        Raises:
            NonFinite: NaN or infinity, also after a retry in fp32.
        """
        if self.taesd is not None and "encode" in self._hasty:
            return self.taesd.encode(image)
        return self._each(image, self._encode_one, "encoding")

    @torch.no_grad()
    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Return pictures `[b, 3, 8h, 8w]` fp32, about [-1, 1], of scaled latents `[b, c, h, w]`; one at a time.

        Raises:
            NonFinite: NaN or infinity, also after a retry in fp32.
        """
        if self.taesd is not None and "decode" in self._hasty:
            return self.taesd.decode(latents)
        return self._each(latents, self._decode_one, "decoding")

    @torch.no_grad()
    def predict(
        self,
        x: torch.Tensor,
        t: torch.Tensor,
        context: torch.Tensor,
        extras: Extras | None = None,
        *,
        together: bool = False,
    ) -> torch.Tensor:
        """Return the UNet's output, noise or v, `[b, c, h, w]` fp32 on x's device.

        Args:
            x: noisy latents `[b, c, h, w]`, already scaled for the network; any h and w.
            t: times `[b]` or one number, 0 to T-1, whole or not.
            context: text `[b, n, width]`, or `[1, n, width]` for all.
            extras: further inputs of the network.
            together: evaluate all rows at once on a CPU too, for rows that belong to one picture.

        Raises:
            NonFinite: the output has NaN or infinity.
        """
        self._bring("unet")
        b = x.shape[0]
        extras = extras or Extras()
        more = extras.concat
        full = x if more is None else torch.cat([x, more.to(x).expand(b, -1, -1, -1)], 1)
        if full.shape[1] != self.in_channels:
            raise ModelError(f"{self.name} takes {self.in_channels} latent channels; {full.shape[1]} were given")
        full = full.to(self.device, self.dtype)
        times = torch.as_tensor(t, dtype=torch.float32, device=self.device).expand(b)
        text = context.to(self.device, self.dtype).expand(b, -1, -1)
        step = b if together or self.device.type != "cpu" else 1
        rows = [slice(i, i + step) for i in range(0, b, step)]
        told = self._told(extras, b)
        parts = [self._unet_call(full[r], times[r], text[r], {k: v[r] for k, v in told.items()}) for r in rows]
        out = torch.cat(parts).to(x.device)
        if not torch.isfinite(out).all():
            raise NonFinite(f"{self.name}: the UNet gave NaN or infinity in {str(self.dtype).removeprefix('torch.')}")
        return out

    @property
    def text_encoder(self) -> Any:
        """The network of the first text encoder."""
        return self.text_encoders[0].network

    def text_states(self, tokens: torch.Tensor, clip_skip: int = 1) -> torch.Tensor:
        """Return the first text encoder's vectors `[k, n, width]`; see `TextEncoder.states`."""
        return self.text_encoders[0].states(tokens, clip_skip)[0]

    def attach_taesd(self, taesd: Taesd | None) -> None:
        """Take a TAESD for previews and for `by_taesd`, None for none; `ModelError` if it is for other latents."""
        if taesd is not None and taesd.latent_channels != self.latent_channels:
            raise ModelError(
                f"{taesd.path.name} is for latents of {taesd.latent_channels} channels; {self.name}'s have "
                f"{self.latent_channels}"
            )
        self.taesd = None if taesd is None else taesd.to(self.device, self.vae_dtype)

    @contextmanager
    def by_taesd(self, *, encode: bool = True, decode: bool = True) -> Iterator[None]:
        """While inside, pictures are encoded and decoded, as chosen, by the attached TAESD instead of the VAE."""
        chosen = frozenset(way for way, on in (("encode", encode), ("decode", decode)) if on)
        if self.taesd is None and chosen:
            raise ModelError(f"there is no TAESD at hand for {self.name}")
        self._hasty, before = chosen, self._hasty
        try:
            yield
        finally:
            self._hasty = before

    def store_fp8(self, on: bool) -> None:
        """Store the weights of the UNet's linear and convolution layers in eight bits, or in full again.

        The UNet goes on computing in `dtype`; its memory halves against fp16. Turning it off reads the weights from the
        file again.
        """
        if on and not self.fp8:
            fp8.store(self.unet, self._reload("unet") if self._reload else None)
        elif self.fp8 and not on:
            if self._reload is None:
                raise ModelError(f"{self.name}: its full weights are gone; load it again")
            fp8.unstore(self.unet, self._reload("unet"), self.dtype)
        self.fp8 = on

    @contextmanager
    def tiling(self, on: bool = True) -> Iterator[None]:
        """While inside, if `on`, every convolution of UNet and VAE wraps around the picture's edges."""
        convolutions = [m for net in (self.unet, self.vae) for m in net.modules() if isinstance(m, nn.Conv2d)]
        before = [m.padding_mode for m in convolutions]
        try:
            for m in convolutions if on else ():
                m.padding_mode = "circular"
            yield
        finally:
            for m, mode in zip(convolutions, before, strict=True):
                m.padding_mode = mode

    def to(
        self,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        vae_dtype: torch.dtype | None = None,
    ) -> Model:
        """Move and cast the networks in place; return self.

        The VAE takes `vae_dtype`, else `dtype`, but fp32 for fp16 where it is known to overflow. On a CPU the text
        encoders stay in fp32: it costs little there. A CPU's VAE is laid out channels last in bf16 only, where that
        pays; in fp32 torch's group norm over that layout is less exact, depends on the number of threads, and moves
        A1111's pictures by 2 levels.
        """
        self.device = torch.device(device) if device is not None else self.device
        self._offloads = self._offloads or (self.saving != "auto" and self.device != self._rest)
        self.vae_dtype = vae_dtype or dtype or self.vae_dtype
        self.dtype = dtype or self.dtype
        if vae_dtype is None and dtype is torch.float16 and self.facts.vae_overflows:
            self.vae_dtype = torch.float32
        self._chosen = (self.dtype, self.vae_dtype)
        on_cpu = self.device.type == "cpu"
        place = self._rest if self._offloads else self.device
        layout = torch.channels_last if on_cpu and self.vae_dtype is torch.bfloat16 else torch.contiguous_format
        self._cast_unet(place)
        if self.taesd is not None:
            self.taesd.to(self.device, self.vae_dtype)
        nn.Module.to(self.vae, place, self.vae_dtype, memory_format=layout)  # type: ignore[call-overload]
        for encoder in self.text_encoders:
            nn.Module.to(encoder.network, place, torch.float32 if on_cpu else self.dtype)
        return self

    def offload(self, on: bool) -> bool:
        """Keep only the network at work on the device, the others in the machine's memory; or all on the device again.

        A network moves in when it is called and stays until another one is, so a UNet's steps move nothing.
        Return whether this changed anything; on a CPU it does not.
        """
        if on == self._offloads or self.device == self._rest:
            return False
        self._offloads = on
        for part in _PARTS:
            self._send(part, self._rest if on else self.device)
        return True

    def save_memory(self, saving: Saving) -> None:
        """Choose how much of the device the model takes from now on; on a CPU this changes nothing.

        Args:
            saving: auto: all networks stay on the device; medvram: only the one at work; lowvram: also one prompt and
                one picture at a time.
        """
        self.saving = saving
        self.offload(saving != "auto")

    @property
    def prompts_together(self) -> bool:
        """Whether the prompts of a step share an evaluation."""
        return self.saving != "lowvram" or self.device.type == "cpu"

    def raise_precision(self, part: Literal["vae", "unet"], trouble: str = "gave no usable result") -> bool:
        """Convert a network to fp32 and say so in `notes`; return False, and do nothing, if it was in fp32 already.

        `trouble` is what happened, as a phrase that stands behind "the VAE".
        """
        was = self.vae_dtype if part == "vae" else self.dtype
        if was is torch.float32:
            return False
        if part == "vae":
            self.vae_dtype = torch.float32
            nn.Module.to(self.vae, dtype=torch.float32, memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        else:
            self.dtype = torch.float32
            self._cast_unet(None)
        name = "VAE" if part == "vae" else "UNet"
        self.notes.append(f"the {name} {trouble} in {_short(was)}; it went on in float32")
        return True

    def restore(self) -> None:
        """Take back what healing changed: number formats as of the last `to`, whole pictures, offloading as chosen."""
        self.vae_tile = None
        self.offload(self.saving != "auto")
        dtype, vae_dtype = self._chosen
        if self.dtype is not dtype or self.vae_dtype is not vae_dtype:
            self.to(dtype=dtype, vae_dtype=vae_dtype)

    def _cast_unet(self, place: torch.device | None) -> None:
        if self.fp8:
            fp8.move(self.unet, place or next(self.unet.parameters()).device, self.dtype)
        else:
            nn.Module.to(self.unet, place, self.dtype)  # diffusers' own `to` prints notices

    def _bring(self, part: Part) -> None:
        """Where networks are offloaded, move this one in and the others out."""
        if self._offloads:
            for other in _PARTS:
                if other != part:
                    self._send(other, self._rest)
            self._send(part, self.device)

    def _bring_text(self) -> torch.device:
        self._bring("text_encoder")
        return self.device

    def _send(self, part: Part, device: torch.device) -> None:
        networks = [e.network for e in self.text_encoders] if part == "text_encoder" else [getattr(self, part)]
        for network in networks:
            _place(network, device)

    def _told(self, extras: Extras, b: int) -> dict[str, torch.Tensor]:
        """Return what the UNet is told besides text, for b rows."""
        given = {"pooled": (extras.pooled, self.pooled_width), "sizes": (extras.sizes, self.sizes)}
        told = {}
        for name, (value, width) in given.items():
            if (0 if value is None else value.shape[-1]) != width:
                found = "none were given" if value is None else f"{value.shape[-1]} were given"
                raise ModelError(f"{self.name} takes {width} numbers as {name}; {found}")
            if value is not None:
                told[name] = value.to(self.device, self.dtype if name == "pooled" else torch.float32).expand(b, -1)
        if self.takes_guidance and extras.guidance is not None:
            waves = guidance_waves(extras.guidance.expand(b), self.facts.shape.unet.guidance)
            told["guidance"] = waves.to(self.device, self.dtype)
        return told

    def _unet_call(
        self,
        x: torch.Tensor,
        t: torch.Tensor,
        context: torch.Tensor,
        told: Mapping[str, torch.Tensor] | None = None,
    ) -> torch.Tensor:
        told = told or {}
        added = {"text_embeds": told["pooled"], "time_ids": told["sizes"]} if self.sizes else None
        more = {"timestep_cond": told.get("guidance"), "added_cond_kwargs": added}
        out: torch.Tensor = self.unet(x, t, encoder_hidden_states=context, return_dict=False, **more)[0]
        return out.float()

    def _encode_one(self, image: torch.Tensor) -> torch.Tensor:
        mean: torch.Tensor
        if self.vae_tile is not None and max(image.shape[-2:]) > self.vae_tile:
            mean = encode_tiled(self.vae, image, self.vae_tile)
        else:
            mean = self.vae.encode(image, return_dict=False)[0].mean
        return mean.float() * self.scale_factor

    def _decode_one(self, latent: torch.Tensor) -> torch.Tensor:
        latent = latent / self.scale_factor
        picture: torch.Tensor
        if self.vae_tile is not None and max(latent.shape[-2:]) * self.factor > self.vae_tile:
            picture = decode_tiled(self.vae, latent, self.vae_tile)
        else:
            picture = self.vae.decode(latent, return_dict=False)[0]
        return picture.float()

    def _each(self, batch: torch.Tensor, call: Callable[[torch.Tensor], torch.Tensor], doing: str) -> torch.Tensor:
        """Run one VAE direction picture by picture; where a number is not finite, once more in fp32."""
        self._bring("vae")
        out = []
        for one in batch.split(1):
            done = call(one.to(self.device, self.vae_dtype))
            if not torch.isfinite(done).all() and self.raise_precision("vae", "gave NaN or infinity"):
                done = call(one.to(self.device, self.vae_dtype))
            if not torch.isfinite(done).all():
                raise NonFinite(f"{self.name}: the VAE gave NaN or infinity while {doing}, in {_short(self.vae_dtype)}")
            out.append(done.to(batch.device))
        return torch.cat(out).contiguous()


def _place(network: nn.Module, device: torch.device) -> None:
    """Move a network, unless it is there."""
    now = next(network.parameters()).device
    if now.type != device.type or device.index not in (None, now.index):
        nn.Module.to(network, device)


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
