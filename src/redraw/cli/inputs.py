"""What a command is given: inputs, the prompt, and pictures named by options."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from redraw.errors import RequestError
from redraw.request import Img2Img, PictureRef, describe_fields


def split_words(
    words: Sequence[str], prompt: str | None, *, example: str, prompt_needed: bool = True
) -> tuple[list[str], str]:
    """Return the inputs and the prompt of a command's arguments: the prompt stands last unless `--prompt` gave it.

    Args:
        words: the arguments, at least one.
        prompt: what `--prompt` said, or None.
        example: a right command, for the error.
        prompt_needed: whether a single argument is an error; else it is an input, and the prompt is empty.
    """
    if prompt is not None:
        return list(words), prompt
    if len(words) > 1:
        return list(words[:-1]), words[-1]
    if prompt_needed:
        raise RequestError("prompt", None, f"give an input and a prompt: {example}")
    return list(words), ""


def expand_inputs(patterns: Sequence[str]) -> Iterator[str]:
    """Yield the files that names and globs mean, in order; `-` stays. A glob without a match is an error."""
    for pattern in patterns:
        if pattern == "-" or not any(mark in pattern for mark in "*?[") or Path(pattern).exists():
            yield pattern
            continue
        anchor = Path(pattern).anchor
        relative = pattern[len(anchor) :]
        found = sorted(str(path) for path in Path(anchor or ".").glob(relative) if path.is_file())
        if not found:
            raise RequestError("input", pattern, "no file matches")
        yield from found


def read_picture(name: str) -> PictureRef:
    """Return an input as a reference whose bytes are known to be there: a wrong name fails before any work."""
    if name == "-":
        return PictureRef.from_bytes(sys.stdin.buffer.read(), name="stdin")
    return PictureRef.from_path(name).hashed()


def read_pictures(fields: Mapping[str, Any], inputs: Sequence[str]) -> dict[str, Any]:
    """Return `fields` with the pictures that options name as references; stdin can be read for one picture only."""
    named = {
        info.name: fields[info.name]
        for info in describe_fields(Img2Img)
        if info.kind is PictureRef and info.name in fields
    }
    spelled = {name: value if isinstance(value, tuple) else (value,) for name, value in named.items()}
    piped = ["input" for name in inputs if name == "-"]
    piped += [f"--{name}" for name, values in spelled.items() for value in values if value == "-"]
    if len(piped) > 1:
        raise RequestError(piped[-1], "-", "stdin holds one picture, and it is taken already")
    words = {name: value for name, value in named.items() if name == "mask" and value == "alpha"}
    read = {name: tuple(read_picture(one) for one in values) for name, values in spelled.items() if name not in words}
    return {**fields, **{name: many if isinstance(named[name], tuple) else many[0] for name, many in read.items()}}
