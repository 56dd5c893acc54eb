"""Weights kept in eight bits: half of what fp16 takes, computed with in the model's own number format.

The linear and convolution layers of a network store their weights as `float8_e4m3fn` and widen them each time they are
called, one layer at a time. The results are those of a network whose weights were rounded to eight bits once. Norms and
everything else stay as they are. Needs no hardware that multiplies in eight bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import torch
from torch import nn

from redraw.errors import ModelError

FORMAT: Final = torch.float8_e4m3fn
_LARGEST: Final = torch.finfo(FORMAT).max


class StoredLinear(nn.Linear):
    """A linear layer whose weights may be in another format than what it is given."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x `[..., in]` as `[..., out]`."""
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return nn.functional.linear(x, self.weight.to(x.dtype), bias)


class StoredConv2d(nn.Conv2d):
    """A convolution whose weights may be in another format than what it is given."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x `[b, in, h, w]`, convolved."""
        bias = None if self.bias is None else self.bias.to(x.dtype)
        out: torch.Tensor = self._conv_forward(x, self.weight.to(x.dtype), bias)
        return out


_STORED: Final[Mapping[type[nn.Module], type[nn.Module]]] = {nn.Linear: StoredLinear, nn.Conv2d: StoredConv2d}


def store(network: nn.Module, state: Mapping[str, torch.Tensor] | None = None) -> None:
    """Round the weights of every linear and convolution layer to eight bits, in place.

    Args:
        network: any network.
        state: its weights as its file has them, so that they are rounded only once; else its own are rounded.
    """
    for prefix, module in network.named_modules():
        kind = _STORED.get(type(module))
        if kind is not None:
            module.__class__ = cast(Any, kind)
            for name, tensor in list(module.named_parameters(recurse=False)):
                full = (state or {}).get(f"{prefix}.{name}", tensor.detach())
                rounded = full.float().clamp(-_LARGEST, _LARGEST).to(FORMAT)
                setattr(module, name, nn.Parameter(rounded.to(tensor.device), requires_grad=False))


def unstore(network: nn.Module, state: Mapping[str, torch.Tensor], dtype: torch.dtype) -> None:
    """Give every such layer its full weights back.

    Args:
        network: on which `store` was called.
        state: its weights as its file has them, by name.
        dtype: the format they are cast to.

    Raises:
        ModelError: the file no longer has one of them.
    """
    back = {stored: plain for plain, stored in _STORED.items()}
    for prefix, module in network.named_modules():
        kind = back.get(type(module))
        if kind is not None:
            for name, tensor in list(module.named_parameters(recurse=False)):
                full = state.get(f"{prefix}.{name}")
                if full is None or full.shape != tensor.shape:
                    raise ModelError(f"the file no longer has the weight {prefix}.{name}; load the model again")
                setattr(module, name, nn.Parameter(full.to(tensor.device, dtype), requires_grad=False))
            module.__class__ = cast(Any, kind)


def move(network: nn.Module, device: torch.device, dtype: torch.dtype) -> None:
    """Move a network and cast everything in it that is not stored in eight bits."""
    for tensor in _tensors(network):
        stays = tensor.dtype is FORMAT or not tensor.is_floating_point()
        tensor.data = tensor.data.to(device) if stays else tensor.data.to(device, dtype)


def _tensors(network: nn.Module) -> Iterator[torch.Tensor]:
    yield from network.parameters()
    yield from network.buffers()
