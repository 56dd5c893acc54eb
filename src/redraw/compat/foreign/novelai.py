"""NovelAI: a JSON object in the text chunk `Comment`, its prompt also in `Description`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from redraw.compat.foreign.found import Foreign, entries, load_object, table, words
from redraw.compat.foreign.names import sampler_of, schedule_of
from redraw.compat.foreign.weights import from_novelai

_KEYS: Final[Mapping[str, str]] = {
    "steps": "Steps",
    "scale": "CFG scale",
    "seed": "Seed",
}
_SILENT: Final = frozenset(
    """prompt uc sampler noise_schedule width height v4_prompt v4_negative_prompt request_type signed_hash n_samples
    legacy legacy_v3_extend legacy_uc version add_original_image params_version use_coords use_order""".split()  # noqa: SIM905
)
"""Keys that are read elsewhere, or say nothing of the picture."""
_NOTHING: Final[tuple[Any, ...]] = (None, False, 0, 0.0, "", [], {}, 1.0)
_OLD: Final = re.compile(r"Stable Diffusion (?:1D44365E|81274D13|F64BA557|F1022D28)|NovelAI Diffusion V?[12]\b")


def read_novelai(texts: Mapping[str, str]) -> Foreign | None:
    """Return what a picture's text chunks say, None if they are not NovelAI's."""
    if texts.get("Software") != "NovelAI":
        return None
    comment = load_object(texts.get("Comment"))
    return None if comment is None else read_comment(comment, texts)


def read_comment(comment: Mapping[str, Any], texts: Mapping[str, str] | None = None) -> Foreign:
    """Return what NovelAI's own settings say."""
    texts = texts or {}
    found = Foreign("NovelAI")
    found.take("Prompt", from_novelai(_caption(found, comment, "v4_prompt") or _prompt(comment, texts)), "prompt")
    negative = _caption(found, comment, "v4_negative_prompt") or words(comment.get("uc"))
    found.take("Negative prompt", from_novelai(negative), "uc")
    for name, key in _KEYS.items():
        found.take(key, comment.get(name), name)
    sampler = words(comment.get("sampler"))
    if sampler:
        found.take("Sampler", sampler_of(sampler), "sampler")
    if words(comment.get("noise_schedule")):
        found.take("Schedule type", schedule_of(words(comment["noise_schedule"])), "noise_schedule")
    width, height = comment.get("width"), comment.get("height")
    if isinstance(width, int) and isinstance(height, int):
        found.take("Size", f"{width}x{height}", "width, height")
    _old_model(found, texts)
    if texts.get("Source"):
        found.leave("Source", texts["Source"])
        found.note(f"the model, {texts['Source']!r}, runs at NovelAI only; choose one that is near it")
    if comment.get("request_type") in ("Img2ImgRequest", "NativeInfillingRequest"):
        found.take("Denoising strength", comment.get("strength"), "strength")
        found.note("it was made from a picture, which is not in the file")
    _rest(found, comment)
    return found


def _prompt(comment: Mapping[str, Any], texts: Mapping[str, str]) -> str:
    return words(comment.get("prompt")) or texts.get("Description", "")


def _caption(found: Foreign, comment: Mapping[str, Any], name: str) -> str:
    """Return the text of a prompt of version 4: what holds for all, then each character's."""
    caption = table(table(comment.get(name)).get("caption"))
    texts = [words(caption.get("base_caption"))]
    texts += [words(table(one).get("char_caption")) for one in entries(caption.get("char_captions"))]
    if len(texts) > 1 and any(texts[1:]):
        found.note("its prompts of single characters stand behind the prompt, without their places in the picture")
    return ", ".join(text.strip() for text in texts if text.strip())


def _old_model(found: Foreign, texts: Mapping[str, str]) -> None:
    """Note what A1111 takes as said of NovelAI's first models, which were of SD 1's family."""
    if not texts.get("Source") or _OLD.search(texts["Source"]):
        found.params |= {"Clip skip": 2, "ENSD": 31337}


def _rest(found: Foreign, comment: Mapping[str, Any]) -> None:
    """Say which settings nothing here stands for; those that are off say nothing."""
    taken = {*_KEYS, *_SILENT} | ({"strength"} if "Denoising strength" in found.params else set())
    for name, value in comment.items():
        if name not in taken and (value is True or value not in _NOTHING):
            found.leave(name, value)
