"""File names made from A1111's patterns, as pure functions over plain values."""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from os.path import splitext
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_ILLEGAL: Final = '#<>:"/\\|?*\n\r\t'
_TO_UNDERSCORE: Final = str.maketrans(dict.fromkeys(_ILLEGAL, "_") | dict.fromkeys(map(chr, range(32)), "_"))
_LONGEST_PART: Final = 128
_TAG: Final = re.compile(r"\[([^\[\]]+)\]")
_ARGUMENT: Final = re.compile(r"(.*)<([^>]*)>", re.DOTALL)
_NOT_WORDS: Final = re.compile(rf"[\s{re.escape(string.punctuation)}]+")
_TIMESTAMP: Final = "%Y%m%d%H%M%S"


@dataclass(frozen=True)
class NameValues:
    """What a pattern may ask about one picture. None means "not known": the tag then stays in the name as text.

    Attributes:
        seeds: the seeds of the whole run, for `[seed_first]` and `[seed_last]`.
        prompt_no_styles: the prompt before styles were merged in; None: the same as `prompt`.
        vae_filename: None when no separate VAE is loaded (A1111 prints `NoneType` then).
        batch_number: position in its batch, from 1; shown when `batch_size` > 1.
        generation_number: position in the run, from 1; shown when the run makes more than one picture.
        image_bytes: the picture's raw pixels, hashed by `[image_hash]`.
        max_prompt_words: how many words `[prompt_words]` keeps.
    """

    prompt: str = ""
    negative_prompt: str = ""
    seed: int | None = None
    seeds: Sequence[int] = ()
    steps: int | None = None
    cfg_scale: int | float | None = None
    width: int | None = None
    height: int | None = None
    styles: Sequence[str] = ()
    sampler: str | None = None
    scheduler: str | None = None
    model_name: str | None = None
    model_hash: str | None = None
    vae_filename: str | None = None
    clip_skip: int | None = 1
    denoising: int | float | None = None
    batch_number: int | None = None
    batch_size: int = 1
    generation_number: int | None = None
    run_size: int = 1
    prompt_no_styles: str | None = None
    basename: str = "img"
    user: str | None = None
    image_bytes: bytes | None = None
    now: datetime = field(default_factory=datetime.now)
    job_started: datetime | None = None
    max_prompt_words: int = 8


class _EmptyTagError(Exception):
    """The tag stands for nothing: the text before it is dropped as well."""


class _UnfilledTagError(Exception):
    """The tag cannot be filled in; it stays in the name as text."""


def sanitize(text: str, *, replace_spaces: bool = True) -> str:
    """Return `text` as one part of a file name: no illegal characters, at most 128 characters, no dot at the end."""
    if replace_spaces:
        text = text.replace(" ", "_")
    return text.translate(_TO_UNDERSCORE).lstrip(" ")[:_LONGEST_PART].rstrip(" .")


def expand(pattern: str, values: NameValues) -> str:
    """Return `pattern` with its tags filled in from `values`.

    Tags match in any case. An unknown tag, one whose value is not known, and one with arguments it does not take
    stay as `[tag]`. Text outside tags is taken as it is, so a pattern may hold folder separators; filled-in values
    never do.
    """
    result, end = "", 0
    for match in _TAG.finditer(pattern):
        text, end = pattern[end : match.start()], match.end()
        tag, arguments = _split_arguments(match[1])
        try:
            result += text + _fill(tag, arguments, values)
        except _EmptyTagError:
            continue
        except _UnfilledTagError:
            result += f"{text}[{tag}]"
    return result + pattern[end:]


def file_stem(pattern: str, values: NameValues, number: int | None) -> str:
    """Return `NNNNN-<pattern>`; only the number when the pattern gives nothing, only the pattern when None."""
    name = expand(pattern, values).lstrip(" ")
    if number is None and name:
        return name
    return f"{number or 0:05d}" + (f"-{name}" if name else "")


def grid_stem(number: int, base: str = "grid") -> str:
    """Return `grid-NNNN`, the name of a run's overview."""
    return f"{base}-{number:04d}"


def next_number(names: Iterable[str], base: str = "") -> int:
    """Return the number after the highest one that leads a name in `names` (after `base-`, if given); 0 if none."""
    prefix, highest = (f"{base}-" if base else ""), -1
    for name in names:
        if not name.startswith(prefix):
            continue
        head = splitext(name[len(prefix) :])[0].split("-")[0]
        if head.isascii() and head.isdigit():
            highest = max(highest, int(head))
    return highest + 1


def _split_arguments(tag: str) -> tuple[str, list[str]]:
    arguments: list[str] = []
    while match := _ARGUMENT.fullmatch(tag):
        tag = match[1]
        arguments.insert(0, match[2])
    return tag, arguments


def _fill(tag: str, arguments: list[str], values: NameValues) -> str:
    name = tag.lower()
    if name in _WITH_ARGUMENTS:
        return _WITH_ARGUMENTS[name](values, arguments)
    if name not in _PLAIN or arguments:
        raise _UnfilledTagError
    value = _PLAIN[name](values)
    if value is None:
        raise _UnfilledTagError
    return str(value)


def _hash(data: bytes, arguments: list[str], default: int | None) -> str:
    digest = hashlib.sha256(data).hexdigest()
    if not arguments or not arguments[0]:
        return digest[:default]
    try:
        return digest[: int(arguments[0])]
    except ValueError:
        raise _UnfilledTagError from None


def _image_hash(values: NameValues, arguments: list[str]) -> str:
    if values.image_bytes is None:
        raise _UnfilledTagError
    return _hash(values.image_bytes, arguments, None)


def _datetime(values: NameValues, arguments: list[str]) -> str:
    layout = arguments[0] if arguments and arguments[0] else _TIMESTAMP
    zone: tzinfo | None = None
    if len(arguments) > 1:
        try:
            zone = ZoneInfo(arguments[1])
        except (ZoneInfoNotFoundError, ValueError, OSError):
            zone = None  # A1111 keeps local time for a zone nobody knows
    try:
        shown = values.now.astimezone(zone).strftime(layout) if zone else values.now.strftime(layout)
    except ValueError:
        shown = values.now.strftime(_TIMESTAMP)
    return sanitize(shown, replace_spaces=False)


def _hasprompt(values: NameValues, arguments: list[str]) -> str:
    prompt, found = values.prompt.lower(), ""
    for argument in arguments:
        expected, bar, otherwise = argument.partition("|")
        if not expected:
            continue
        if expected.lower() in prompt:
            found += expected
        elif bar:
            found += otherwise
    return sanitize(found)


def _prompt_words(values: NameValues) -> str:
    words = [w for w in _NOT_WORDS.split(values.prompt) if w] or ["empty"]
    return sanitize(" ".join(words[: values.max_prompt_words]), replace_spaces=False)


def _seed_at(values: NameValues, index: int, *, alone: bool) -> int | None:
    """Return the run's first or last seed; `alone` says whether a run of one picture has it."""
    if not values.seeds:
        return values.seed if alone else _nothing()
    return values.seeds[index] if alone or len(values.seeds) > 1 else _nothing()


def _counted(number: int | None, of: int) -> int | None:
    return number if of > 1 else _nothing()


def _nothing() -> int:
    raise _EmptyTagError


def _spaced(text: str | None) -> str | None:
    return None if text is None else sanitize(text, replace_spaces=False)


_PLAIN: Final[dict[str, Callable[[NameValues], object]]] = {
    "basename": lambda v: sanitize(v.basename, replace_spaces=False),
    "seed": lambda v: v.seed,
    "seed_first": lambda v: _seed_at(v, 0, alone=True),
    "seed_last": lambda v: _seed_at(v, -1, alone=False),
    "steps": lambda v: v.steps,
    "cfg": lambda v: v.cfg_scale,
    "width": lambda v: v.width,
    "height": lambda v: v.height,
    "styles": lambda v: _spaced(", ".join(s for s in v.styles if s != "None") or "None"),
    "sampler": lambda v: _spaced(v.sampler),
    "scheduler": lambda v: _spaced(v.scheduler),
    "sampler_scheduler": lambda v: _spaced(None if v.sampler is None else f"{v.sampler} {v.scheduler or ''}"),
    "model_name": lambda v: _spaced(v.model_name),
    "model_hash": lambda v: _spaced(v.model_hash),
    # `NoneType` for "no VAE of its own" is what A1111 prints [Q]; scripts sort by it.
    "vae_filename": lambda v: _spaced(v.vae_filename or "NoneType"),
    "date": lambda v: v.now.strftime("%Y-%m-%d"),
    "job_timestamp": lambda v: (v.job_started or v.now).strftime(_TIMESTAMP),
    "prompt": lambda v: sanitize(v.prompt),
    "prompt_no_styles": lambda v: _spaced(v.prompt if v.prompt_no_styles is None else v.prompt_no_styles),
    "prompt_spaces": lambda v: _spaced(v.prompt),
    "prompt_words": _prompt_words,
    "batch_number": lambda v: _counted(v.batch_number, v.batch_size),
    "batch_size": lambda v: v.batch_size,
    "generation_number": lambda v: _counted(v.generation_number, v.run_size),
    "clip_skip": lambda v: v.clip_skip,
    "denoising": lambda v: v.denoising,
    "user": lambda v: _spaced(v.user),
    "none": lambda v: "",
}

_WITH_ARGUMENTS: Final[dict[str, Callable[[NameValues, list[str]], str]]] = {
    "datetime": _datetime,
    "prompt_hash": lambda v, a: _hash(v.prompt.encode(), a, 8),
    "negative_prompt_hash": lambda v, a: _hash(v.negative_prompt.encode(), a, 8),
    "full_prompt_hash": lambda v, a: _hash(f"{v.prompt} {v.negative_prompt}".encode(), a, 8),
    "hasprompt": _hasprompt,
    "image_hash": _image_hash,
}
