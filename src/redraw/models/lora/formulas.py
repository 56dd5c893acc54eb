"""What each kind of network adds to a weight: the published formulas, as plain matrix algebra in fp32.

A formula returns the whole change `[out, in, ...]` of one weight W at strength 1, before alpha's scale.

* LoRA: up @ down (Hu et al. 2021); LoCon: the same over a convolution's flattened kernel, or with a core `mid`
  (Tucker/CP form of LyCORIS, Yeh et al. 2023).
* LoHa: (w1_a @ w1_b) * (w2_a @ w2_b) (FedPara, Hyeon-Woo et al. 2021; LyCORIS), each factor with a core `t` if given.
* LoKr: kron(w1, w2), each full or a product (LyCORIS).
* IA3: W scaled per output, or per input with `on_input` (Liu et al. 2022; LyCORIS adds the change, PEFT multiplies).
* GLoRA: B + W A with low-rank A and B (Chavan et al. 2023; LyCORIS in both orders it wrote its files in).
* OFT: R' W with a block-diagonal rotation R = (I + Q)(I - Q)^-1, Q skew-symmetric (Qiu et al. 2023; kohya and
  LyCORIS "diag-oft" with `alpha` as the bound of |Q| / out, and `rescale`); BOFT: several rotations, each of channels
  in another order (Liu et al. 2023; LyCORIS).
* full: a matrix as it is; norm: the same for a normalisation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import torch

Parts = Mapping[str, torch.Tensor]
MAX_RANK: Final = 8192


class Misfit(ValueError):
    """Parts that do not make a change of the wanted shape; the message says which and why.

    Attributes:
        part: the one that is at fault, if it is one; else empty.
    """

    def __init__(self, message: str, part: str = "") -> None:
        super().__init__(message)
        self.part = part


@dataclass(frozen=True)
class Kind:
    """A kind of network.

    Attributes:
        name: as users call it.
        needs: sets of parts; a module is of this kind if it has all of one set.
        takes: parts it can use beside these.
        change: parts and weight (fp32) to the change.
        rank: parts to what alpha is divided by; None where alpha is no scale.
        relative: the change depends on the weight it is added to.
    """

    name: str
    needs: tuple[frozenset[str], ...]
    change: Callable[[Parts, torch.Tensor], torch.Tensor]
    takes: frozenset[str] = frozenset()
    rank: Callable[[Parts], int | None] = lambda _: None
    relative: bool = False


def low_rank(parts: Parts, weight: torch.Tensor, dyn: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Return LoRA's two matrices `[out, r]` and `[r, in * kernel]` for a weight; `dyn` keeps the first ranks only."""
    up, down = parts["up"], parts["down"]
    rank = _rank_of("down", down, 0)
    if up.ndim < 2 or down.ndim < 2 or up[0].numel() != rank:
        raise Misfit(f"up is {_shape(up)} and down {_shape(down)}: their ranks differ")
    if "mid" in parts:
        mid = parts["mid"]
        if (
            mid.ndim < 2
            or mid.shape[1] != rank
            or mid.shape[0] != rank
            or down[0].numel() * up.shape[0] * math.prod(mid.shape[2:]) != weight.numel()
        ):
            raise Misfit(f"mid is {_shape(mid)} where rank {rank} and {_shape(weight)} were expected")
        core = torch.einsum("n m ..., m j -> n j ...", mid, down.flatten(1))
        return up.flatten(1), core.flatten(1)
    if up.shape[0] != weight.shape[0] or up.shape[0] * down[0].numel() != weight.numel():
        raise Misfit(f"up is {_shape(up)} and down {_shape(down)}, which make no {_shape(weight)}")
    return up.flatten(1)[:, :dyn], down.flatten(1)[:dyn]


def _lora(parts: Parts, weight: torch.Tensor) -> torch.Tensor:
    up, down = low_rank(parts, weight)
    return _shaped(up @ down, weight)


def _loha(parts: Parts, weight: torch.Tensor) -> torch.Tensor:
    first = _factor(parts, "hada_w1", "hada_t1", weight)
    return first * _factor(parts, "hada_w2", "hada_t2", weight)


def _factor(parts: Parts, name: str, core: str, weight: torch.Tensor) -> torch.Tensor:
    a, b = parts[f"{name}_a"], parts[f"{name}_b"]
    if core in parts:
        return _shaped(_tucker(parts[core], a, b, weight.numel(), core), weight)
    if a.ndim != 2 or b.ndim < 2 or a.shape[1] != b.shape[0] or a.shape[0] * b[0].numel() != weight.numel():
        raise Misfit(f"{name}_a is {_shape(a)} and {name}_b {_shape(b)}, which make no {_shape(weight)}")
    _rank_of(name, b, 0)
    return _shaped(a @ b.flatten(1), weight)


def _tucker(core: torch.Tensor, a: torch.Tensor, b: torch.Tensor, items: int, name: str) -> torch.Tensor:
    """Return the tensor `[out, in, ...]` of a core `[r, s, ...]` with `[r, out]` and `[s, in]` (LyCORIS)."""
    fits = core.ndim > 2 and a.ndim == 2 and b.ndim == 2 and core.shape[:2] == (a.shape[0], b.shape[0])
    if not fits or a.shape[1] * b.shape[1] * math.prod(core.shape[2:]) != items:
        raise Misfit(f"{name} is {_shape(core)} with factors {_shape(a)} and {_shape(b)}, which do not fit")
    return torch.einsum("r s ..., r o, s i -> o i ...", core, a, b)


def _lokr(parts: Parts, weight: torch.Tensor) -> torch.Tensor:
    small = parts["lokr_w1"] if "lokr_w1" in parts else _product(parts, "lokr_w1", weight.numel())
    room = weight.numel() // max(1, small.numel())
    if "lokr_w2" in parts:
        large = parts["lokr_w2"]
    elif "lokr_t2" in parts:
        large = _tucker(parts["lokr_t2"], parts["lokr_w2_a"], parts["lokr_w2_b"], room, "lokr_t2")
    else:
        large = _product(parts, "lokr_w2", room)
    if small.ndim != 2 or large.ndim < 2 or small.numel() * large.numel() != weight.numel():
        raise Misfit(f"w1 {_shape(small)} and w2 {_shape(large)} make no {_shape(weight)}")
    # A kernel flattened into the second factor's columns comes out flattened the same way.
    kernel = large.reshape(*large.shape[:2], -1)
    rows = torch.einsum("a b, c d k -> a c b d k", small, kernel)
    return _shaped(rows.reshape(small.shape[0] * large.shape[0], -1), weight)


def _product(parts: Parts, name: str, most: int) -> torch.Tensor:
    a, b = parts[f"{name}_a"], parts[f"{name}_b"]
    if a.ndim != 2 or b.ndim < 2 or a.shape[1] != b.shape[0] or a.shape[0] * b[0].numel() > most:
        raise Misfit(f"{name}_a is {_shape(a)} and {name}_b {_shape(b)}, which do not fit")
    _rank_of(name, b, 0)
    return a @ b.flatten(1)


def _ia3(parts: Parts, weight: torch.Tensor) -> torch.Tensor:
    values, on_input = parts["weight"].flatten(), bool(parts["on_input"].flatten()[0])
    return weight * _side(values, weight, 1 if on_input else 0, "weight")


def _ia3_peft(parts: Parts, weight: torch.Tensor) -> torch.Tensor:
    values = parts["ia3_l"]
    on_input = values.ndim == 2 and values.shape[0] == 1 and values.shape[1] != 1
    return weight * (_side(values.flatten(), weight, 1 if on_input else 0, "ia3_l") - 1)


def _side(values: torch.Tensor, weight: torch.Tensor, side: int, part: str) -> torch.Tensor:
    """Return values so that they multiply a weight per output (side 0) or per input (side 1)."""
    if weight.ndim <= side or len(values) != weight.shape[side]:
        raise Misfit(f"{len(values)} values do not fit side {side} of {_shape(weight)}", part)
    return values.reshape([-1 if i == side else 1 for i in range(weight.ndim)])


def _glora(parts: Parts, weight: torch.Tensor) -> torch.Tensor:
    a1, a2, b1, b2 = (parts[n].flatten(1) for n in ("a1", "a2", "b1", "b2"))
    wide = math.prod(weight.shape[1:])
    first = a1.shape == (weight.shape[1], a2.shape[0]) and (a2.shape[1], b1.shape[0]) == (a1.shape[0], weight.shape[0])
    if not first:  # older files have the factors the other way round
        a1, a2, b1, b2 = a2, a1, b2, b1
    fits = a1.shape == (weight.shape[1], a2.shape[0]) and a2.shape[1] == weight.shape[1]
    if "bm" in parts:
        plain = low_rank({"up": parts["b1" if first else "b2"], "down": b2, "mid": parts["bm"]}, weight)
        b1, b2 = plain
    if not fits or b1.shape != (weight.shape[0], b2.shape[0]) or b2.shape[1] != wide:
        raise Misfit(f"a1, a2, b1 and b2 do not fit {_shape(weight)}")
    turned = torch.einsum("o i ..., i r -> o r ...", weight, a1)
    return torch.einsum("o r ..., r j -> o j ...", turned, a2) + _shaped(b1 @ b2, weight)


def _full(parts: Parts, weight: torch.Tensor) -> torch.Tensor:
    return _shaped(parts["diff"], weight) if "diff" in parts else torch.zeros_like(weight)


def _norm(parts: Parts, weight: torch.Tensor) -> torch.Tensor:
    return _shaped(parts["w_norm"], weight) if "w_norm" in parts else torch.zeros_like(weight)


def _oft(parts: Parts, weight: torch.Tensor) -> torch.Tensor:
    if "oft_diag" in parts:  # LyCORIS' first form holds the rotations themselves
        rotations = parts["oft_diag"]
    else:
        rotations = _rotations(parts["oft_blocks"], parts.get("alpha"), weight.shape[0])
    rows = weight.flatten(1) if weight.ndim > 1 else weight[:, None]
    if rotations.ndim == 4:
        turned = _butterfly(rotations, rows)
    elif rotations.ndim == 3 and math.prod(rotations.shape[:2]) == len(rows):
        blocks = rows.reshape(*rotations.shape[:2], -1)
        turned = torch.einsum("k n m, k n i -> k m i", rotations, blocks).reshape(rows.shape)
    else:
        raise Misfit(f"blocks of {_shape(rotations)} do not fit {_shape(weight)}")
    if "rescale" in parts:
        turned = turned * _side(parts["rescale"].flatten(), rows, 0, "rescale")
    return _shaped(turned, weight) - weight


def _rotations(blocks: torch.Tensor, alpha: torch.Tensor | None, out: int) -> torch.Tensor:
    """Return Cayley's orthogonal matrices (I + Q)(I - Q)^-1 of the blocks; alpha * out bounds |Q| over all blocks."""
    if blocks.ndim < 3 or blocks.shape[-1] != blocks.shape[-2] or blocks[..., 0].numel() % out:
        raise Misfit(f"blocks of {_shape(blocks)} do not fit {out} outputs")
    q = blocks - blocks.transpose(-1, -2)
    bound = float(alpha) * out if alpha is not None else 0.0
    length = float(torch.linalg.vector_norm(q))
    if 0 < bound < length:
        q = q * (bound / length)
    eye = torch.eye(q.shape[-1], device=q.device)
    turns: torch.Tensor = torch.linalg.solve(eye - q, eye + q)  # both are functions of Q, so they commute
    return turns


def _butterfly(rotations: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Turn rows `[out, n]` by `[m, blocks, b, b]`, in each of the m rounds with rows gathered from further apart."""
    size = rotations.shape[-1]
    for i, turn in enumerate(rotations):
        step = 2**i * (size // 2)
        if step == 0 or len(rows) % (2 * step) or len(turn) * size != len(rows):
            raise Misfit(f"blocks of {_shape(rotations)} do not fit {len(rows)} outputs")
        mixed = rows.unflatten(0, (-1, 2, step)).transpose(1, 2).reshape(len(turn), size, -1)
        mixed = torch.einsum("k i j, k j n -> k i n", turn, mixed).reshape(len(rows), -1)
        rows = mixed.unflatten(0, (-1, step, 2)).transpose(1, 2).reshape(len(rows), -1)
    return rows


def decomposed(change: torch.Tensor, weight: torch.Tensor, magnitude: torch.Tensor) -> torch.Tensor:
    """Return DoRA's change: W + change, each column or row brought to its learned length, minus W.

    Liu et al. 2024 give every column of W (every input) a length: `magnitude` is `[1, in, ...]`, as LyCORIS and A1111
    have it. PEFT, and LyCORIS with `wd_on_output`, give every output one: `[out]` or `[out, 1, ...]`.
    """
    merged = weight + change
    per_input = magnitude.ndim > 1 and magnitude.shape[0] == 1 and weight.shape[1] == magnitude.numel()
    side = 1 if per_input else 0
    wanted = _side(magnitude.flatten(), weight, side, "dora_scale")
    others = [d for d in range(weight.ndim) if d != side]
    length: torch.Tensor = torch.linalg.vector_norm(merged, dim=others, keepdim=True)
    return merged * (wanted / length.clamp_min(torch.finfo(length.dtype).eps)) - weight


def sparse(parts: Parts, weight: torch.Tensor) -> torch.Tensor:
    """Return the few single numbers an extracted network adds to its change (LyCORIS' `bias_indices`, ...)."""
    indices, values = parts["bias_indices"].long(), parts["bias_values"]
    size = tuple(int(n) for n in parts["bias_size"].flatten())
    fits = indices.ndim == 2 and indices.shape == (len(size), values.numel()) and math.prod(size) == weight.numel()
    if (
        not fits
        or bool((indices < 0).any())
        or any(bool((row >= n).any()) for row, n in zip(indices, size, strict=True))
    ):
        raise Misfit(f"single numbers for {list(size)} do not fit {_shape(weight)}", "bias_indices")
    out = torch.zeros(size, device=weight.device)
    return _shaped(out.index_put_(tuple(indices), values.flatten(), accumulate=True), weight)


def _shaped(change: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    if change.numel() != weight.numel():
        raise Misfit(f"a change of {_shape(change)} does not fit {_shape(weight)}")
    return change.reshape(weight.shape)


def _rank_of(name: str, tensor: torch.Tensor, side: int) -> int:
    rank = tensor.shape[side] if tensor.ndim > side else 0
    if not 0 < rank <= MAX_RANK:
        raise Misfit(f"{name} has rank {rank}; at most {MAX_RANK} is allowed")
    return rank


def _shape(tensor: torch.Tensor) -> str:
    return "x".join(str(n) for n in tensor.shape) or "a single number"


def _first(*names: str) -> Callable[[Parts], int | None]:
    return lambda parts: next((parts[n].shape[0] for n in names if n in parts and parts[n].ndim), None)


_SPARSE: Final = frozenset(("bias_indices", "bias_values", "bias_size"))
_SCALED: Final = frozenset(("alpha", "scale", "dora_scale", "diff_b")) | _SPARSE
_LOHA: Final = frozenset(("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"))
_LOKR: Final = tuple(
    frozenset((*a, *b))
    for a in (("lokr_w1",), ("lokr_w1_a", "lokr_w1_b"))
    for b in (("lokr_w2",), ("lokr_w2_a", "lokr_w2_b"))
)

KINDS: Final[tuple[Kind, ...]] = (
    Kind("LoRA", (frozenset(("up", "down")),), _lora, _SCALED | {"mid", "up_bias"}, _first("down")),
    Kind("LoHa", (_LOHA,), _loha, _SCALED | {"hada_t1", "hada_t2"}, _first("hada_w1_b")),
    Kind("LoKr", _LOKR, _lokr, _SCALED | {"lokr_t2"}, _first("lokr_w2_b", "lokr_w1_b")),
    Kind(
        "GLoRA",
        (frozenset(("a1", "a2", "b1", "b2")),),
        _glora,
        _SCALED | {"bm"},
        lambda p: min(p["a1"].shape[:2]),
        True,
    ),
    Kind("IA3", (frozenset(("weight", "on_input")),), _ia3, frozenset(("alpha", "diff_b")), relative=True),
    Kind("IA3", (frozenset(("ia3_l",)),), _ia3_peft, frozenset(("diff_b",)), relative=True),
    Kind(
        "OFT",
        (frozenset(("oft_blocks",)), frozenset(("oft_diag",))),
        _oft,
        frozenset(("alpha", "rescale", "scale", "dora_scale", "diff_b")),
        relative=True,
    ),
    Kind("norm", (frozenset(("w_norm",)), frozenset(("b_norm",))), _norm, frozenset(("w_norm", "b_norm", "alpha"))),
    Kind("full", (frozenset(("diff",)), frozenset(("diff_b",))), _full, _SCALED | {"diff"}),
)


def kind_of_parts(parts: frozenset[str]) -> Kind | None:
    """Return the kind these parts make, or None."""
    return next((k for k in KINDS if any(need <= parts for need in k.needs)), None)
