"""Averaged ("EMA") weights, as Stable Diffusion's training code keeps them beside the plain ones.

That code files the average of `model.diffusion_model.input_blocks.0.0.weight` under
`model_ema.diffusion_modelinput_blocks00weight`: the dots are gone. They can be put back because the words of a UNet's
names are few and all their numbers but one, the block's, have one digit or stand alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

EMA: Final = "model_ema."
_PLAIN: Final = "model."
_ROOT: Final = "diffusion_model"

# Words that are followed by two numbers, the second of which has one digit.
_PAIRS: Final = ("input_blocks", "output_blocks", "label_emb")
# Words that end in a digit of their own, and then words that may be followed by one number. Longer ones stand first.
_WORDS: Final = (
    *("attn1", "attn2", "norm1", "norm2", "norm3"),
    *("transformer_blocks", "skip_connection", "middle_block", "time_embed", "emb_layers", "out_layers", "in_layers"),
    *("proj_out", "proj_in", "to_out", "to_q", "to_k", "to_v", "weight", "proj", "norm", "conv", "bias", "out"),
    *("net", "op", "ff"),
)
_TOKEN: Final = re.compile(rf"({'|'.join((*_PAIRS, *_WORDS))})(\d*)")


def ema_name(name: str) -> str | None:
    """Return the plain name of the averaged weight `name`; None if it is not the average of a UNet's weight."""
    if not name.startswith(EMA):
        return None
    rest = name[len(EMA) :]
    if rest.startswith(f"{_ROOT}."):  # written by a program that kept the dots
        return _PLAIN + rest
    if not rest.startswith(_ROOT) or rest == _ROOT:
        return None
    parts, at = [_ROOT], len(_ROOT)
    while at < len(rest):
        token = _TOKEN.match(rest, at)
        if token is None:
            return None
        word, digits = token.groups()
        if word in _PAIRS:
            if len(digits) < 2:
                return None
            parts += [word, digits[:-1], digits[-1]]
        else:
            parts += [word, digits] if digits else [word]
        at = token.end()
    return _PLAIN + ".".join(parts)


def averages(names: Iterable[str]) -> dict[str, str]:
    """Return plain name to averaged name for every averaged weight of a UNet among `names`."""
    found = {}
    for name in names:
        plain = ema_name(name)
        if plain is not None:
            found[plain] = name
    return found
