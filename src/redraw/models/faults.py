"""Faults on purpose: a network that gives NaN, infinity or black, or runs out of memory, at a chosen call.

For tests of everything that heals itself, of Redraw and of programs around it::

    with inject(model, "vae-decode", "nan", at=2, only_dtype=torch.float16) as faults:
        ...
    assert faults.count == 1
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

import torch

from redraw.models.model import Model

Where = Literal["unet", "vae-encode", "vae-decode"]
Fault = Literal["nan", "inf", "black", "out-of-memory"]
_CALLS: Final[dict[str, str]] = {"unet": "_unet_call", "vae-encode": "_encode_one", "vae-decode": "_decode_one"}
_VALUES: Final[dict[str, float]] = {"nan": float("nan"), "inf": float("inf")}


@dataclass
class Faults:
    """What has happened while injecting.

    Attributes:
        calls: calls of the network so far.
        count: faults so far.
    """

    calls: int = 0
    count: int = 0


@contextmanager
def inject(
    model: Model,
    where: Where,
    fault: Fault,
    at: int = 1,
    times: int = 1,
    *,
    only_dtype: torch.dtype | None = None,
    only_untiled: bool = False,
    only_batched: bool = False,
) -> Iterator[Faults]:
    """While inside, calls `at` to `at + times - 1` of a network fail; uses may be nested.

    Args:
        model: changed in place, and as before afterwards.
        where: the network and direction. A call is one picture's encoding or decoding, tiled or not, or one run of the
            UNet, which on a CPU takes one image. A retry is a call of its own.
        fault: `nan` or `inf` in one element of the output; `black` makes all of it -1 (decoding only); `out-of-memory`
            raises `torch.OutOfMemoryError` before the network runs.
        at: the number of the first call that fails, counted from 1.
        times: how many calls in a row fail.
        only_dtype: calls in other number formats are counted but do not fail.
        only_untiled: as many for calls in tiles.
        only_batched: as many for calls with one image.

    Raises:
        ValueError: a place or fault that does not exist, or numbers below 1.
    """
    if where not in _CALLS or fault not in ("nan", "inf", "black", "out-of-memory"):
        raise ValueError(f"there is no fault {fault!r} of {where!r}")
    if fault == "black" and where != "vae-decode":
        raise ValueError("only a decoding can be black")
    if at < 1 or times < 1:
        raise ValueError(f"at and times count from 1, not {min(at, times)}")
    name, faults = _CALLS[where], Faults()
    before = model.__dict__.get(name)
    call: Callable[..., torch.Tensor] = getattr(model, name)

    def faulty(x: torch.Tensor, *rest: Any) -> torch.Tensor:
        faults.calls += 1
        strikes = (
            at <= faults.calls < at + times
            and only_dtype in (None, x.dtype)
            and not (only_untiled and _tiled(model, where, x))
            and not (only_batched and x.shape[0] == 1)
        )
        faults.count += strikes
        if strikes and fault == "out-of-memory":
            raise torch.OutOfMemoryError(f"out of memory on purpose, call {faults.calls} of {where}")
        out = call(x, *rest)
        if strikes and fault == "black":
            return torch.full_like(out, -1.0)
        if strikes:
            out = out.clone(memory_format=torch.contiguous_format)
            out.view(-1)[out.numel() // 2] = _VALUES[fault]
        return out

    setattr(model, name, faulty)
    try:
        yield faults
    finally:
        if before is None:
            delattr(model, name)
        else:
            setattr(model, name, before)


def _tiled(model: Model, where: Where, x: torch.Tensor) -> bool:
    scale = model.factor if where == "vae-decode" else 1
    return where != "unet" and model.vae_tile is not None and max(x.shape[-2:]) * scale > model.vae_tile
