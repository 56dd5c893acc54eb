"""InvokeAI: JSON in the text chunk `invokeai_metadata`, formerly `sd-metadata`, at first a command line in `Dream`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any, Final

from redraw.compat.foreign.found import Foreign, entries, load_object, lora_tag, number, stem, table, words
from redraw.compat.foreign.names import with_schedule
from redraw.compat.foreign.weights import from_compel

_KEYS: Final[Mapping[str, str]] = {
    "steps": "Steps",
    "cfg_scale": "CFG scale",
    "seed": "Seed",
    "strength": "Denoising strength",
}
_SILENT: Final = frozenset(
    """app_version generation_mode positive_prompt negative_prompt positive_style_prompt negative_style_prompt width
    height model vae loras scheduler clip_skip seamless_x seamless_y rand_device refiner_model refiner_start
    metadata_version init_image""".split()  # noqa: SIM905
)
_NOTHING: Final[tuple[Any, ...]] = (None, False, 0, 0.0, "", [], {})
_BRACKETS: Final = re.compile(r"(?<!\\)\[([^\[\]]*)\]")


def read_invokeai(texts: Mapping[str, str]) -> Foreign | None:
    """Return what a picture's text chunks say, None if they are not InvokeAI's."""
    if (new := load_object(texts.get("invokeai_metadata"))) is not None:
        return read_metadata_object(new)
    if (old := load_object(texts.get("sd-metadata"))) is not None:
        return _read_old(old)
    return _read_command(texts["Dream"]) if texts.get("Dream") else None


def read_metadata_object(said: Mapping[str, Any]) -> Foreign:
    """Return what InvokeAI's metadata since version 3 say."""
    found = Foreign("InvokeAI")
    found.take("Prompt", from_compel(words(said.get("positive_prompt"))), "positive_prompt")
    found.take("Negative prompt", from_compel(words(said.get("negative_prompt"))), "negative_prompt")
    for style in ("positive_style_prompt", "negative_style_prompt"):
        if said.get(style):
            found.leave(style, said[style])
    for name, key in _KEYS.items():
        found.take(key, said.get(name), name)
    _size(found, said)
    _sampler(found, words(said.get("scheduler")), "scheduler")
    for name, key in (("model", "Model"), ("vae", "VAE")):
        if named := _model_name(said.get(name)):
            found.take(key, named, name)
    skipped = number(said.get("clip_skip"))
    if skipped is not None:
        found.take("Clip skip", int(skipped) + 1, "clip_skip")  # InvokeAI counts the layers left out
    if said.get("rand_device") == "cpu":
        found.take("RNG", "CPU", "rand_device")
    if said.get("seamless_x") and said.get("seamless_y"):
        found.take("Tiling", True, "seamless_x, seamless_y")
    _refiner(found, said)
    _loras(found, entries(said.get("loras")))
    if "img2img" in words(said.get("generation_mode")) or said.get("init_image"):
        found.note("it was made from a picture, which is not in the file")
    elif "Denoising strength" in found.params:
        del found.params["Denoising strength"]
    for name, value in said.items():
        if name not in _SILENT and name not in _KEYS and value not in _NOTHING:
            found.leave(name, value)
    return found


def _size(found: Foreign, said: Mapping[str, Any]) -> None:
    width, height = said.get("width"), said.get("height")
    if isinstance(width, int) and isinstance(height, int):
        found.take("Size", f"{width}x{height}", "width, height")


def _sampler(found: Foreign, name: str, source: str) -> None:
    if name:
        sampler, schedule = with_schedule(name)
        found.take("Sampler", sampler, source)
        found.take("Schedule type", schedule, source)


def _model_name(model: Any) -> str:
    """Return a model's name: InvokeAI wrote it in four ways."""
    if isinstance(model, str):
        return stem(model.rpartition("/")[2])
    said = table(model)
    return stem(words(said.get("name")) or words(said.get("model_name")))


def _refiner(found: Foreign, said: Mapping[str, Any]) -> None:
    if name := _model_name(said.get("refiner_model")):
        found.take("Refiner", name, "refiner_model")
        found.take("Refiner switch at", said.get("refiner_start"), "refiner_start")


def _loras(found: Foreign, loras: list[Any]) -> None:
    for entry in loras:
        said = table(entry)
        name = _model_name(said.get("model") or said.get("lora"))
        weight = number(said.get("weight"))
        if name:
            found.add_tag(lora_tag(name, 1.0 if weight is None else weight))
            found.know(f"loras: {name}")
        else:
            found.leave("loras", entry)


def _read_old(said: Mapping[str, Any]) -> Foreign:
    """Return what the metadata of versions 1.14 to 2.3 say."""
    found, image = Foreign("InvokeAI 2"), table(said.get("image"))
    prompt = image.get("prompt")
    first = entries(prompt)[0] if entries(prompt) else prompt
    _prompts(found, words(first) or words(table(first).get("prompt")))
    for name, key in _KEYS.items():
        found.take(key, image.get(name), name)
    _size(found, image)
    _sampler(found, words(image.get("sampler")), "sampler")
    if name := _model_name(said.get("model_weights") or said.get("model_id")):
        found.take("Model", name, "model_weights")
    if words(said.get("model_hash")):
        found.take("Model hash", said["model_hash"][:10], "model_hash")
    if image.get("seamless"):
        found.take("Tiling", True, "seamless")
    if image.get("type") == "img2img":
        found.note("it was made from a picture, which is not in the file")
    else:
        found.params.pop("Denoising strength", None)
    known = {*_KEYS, "prompt", "width", "height", "sampler", "seamless", "type"}
    for name, value in image.items():
        if name not in known and value not in _NOTHING:
            found.leave(name, value)
    return found


_FLAGS: Final[Mapping[str, str]] = {
    "-s": "Steps",
    "-S": "Seed",
    "-C": "CFG scale",
    "-W": "width",
    "-H": "height",
    "-A": "sampler",
    "-f": "Denoising strength",
}


def _read_command(text: str) -> Foreign:
    """Return what a command line of the first versions says: `"a prompt" -s 50 -S 42 -W 512 -H 512 -C 7.5 -A k_lms`."""
    found = Foreign("InvokeAI 1")
    try:
        parts = shlex.split(text)
    except ValueError:
        parts = text.split()
    said: dict[str, str] = {}
    prompt: list[str] = []
    at = 0
    while at < len(parts):
        part = parts[at]
        flag, value = part[:2], part[2:]
        if flag in _FLAGS and not part.startswith("--"):
            if not value and at + 1 < len(parts):
                at, value = at + 1, parts[at + 1]
            said[_FLAGS[flag]] = value
            found.know(flag)
        elif part.startswith("-") and len(part) > 1 and not part[1].isspace() and prompt:
            found.leave(part, parts[at + 1] if at + 1 < len(parts) and not parts[at + 1].startswith("-") else "")
            at += 1 if found.unknown[part] else 0
        else:
            prompt.append(part)
        at += 1
    _prompts(found, " ".join(prompt))
    width, height = said.pop("width", ""), said.pop("height", "")
    if width.isdigit() and height.isdigit():
        found.take("Size", f"{width}x{height}", "-W, -H")
    _sampler(found, said.pop("sampler", ""), "-A")
    found.params |= said
    return found


def _prompts(found: Foreign, prompt: str) -> None:
    """Take a prompt in which square brackets hold what is not wanted."""
    unwanted = [part.strip() for part in _BRACKETS.findall(prompt) if part.strip()]
    found.take("Prompt", from_compel(re.sub(r"\s{2,}", " ", _BRACKETS.sub("", prompt)).strip()), "prompt")
    found.take("Negative prompt", from_compel(", ".join(unwanted)), "prompt")
