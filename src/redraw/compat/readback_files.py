"""Names of files in an infotext as those at hand: the model, the refiner, the VAE, and the networks of the prompt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from redraw.compat.intake import Shelf
from redraw.compat.readback_fields import ReadBack

_TAG: Final = re.compile(r"<(lora|lyco|hypernet):([^:<>]+)(:[^<>]*)?>")
_TITLE: Final = re.compile(r"(?P<name>.*?)\s*(?:\[(?P<digits>[0-9a-fA-F]{8,64})\])?")
_ADDED: Final = re.compile(r"(?P<name>.*?)\s*(?:\((?P<digits>[0-9a-fA-F]+)\))?")
_NO_FILE: Final = ("", "none", "automatic", "default")
_TEXT_MODULES: Final = ("clip", "t5", "umt5", "qwen", "llama", "gemma")
_FEWEST_DIGITS: Final = 8
_LABELS: Final = {"lora": "LoRA", "lyco": "LoRA", "hypernet": "hypernetwork", "embedding": "embedding"}


def take_files(back: ReadBack, found: Mapping[str, Any], shelf: Shelf) -> None:
    """Take the model, the refiner and the VAE an infotext names, or say that they are not here."""
    if found.get("Model") or found.get("Model hash"):
        take_model(back, _text(found.get("Model")), _text(found.get("Model hash")), shelf)
        back.know(*(key for key in ("Model", "Model hash") if found.get(key) and key not in back.unknown))
    if _text(found.get("Refiner")).lower() not in _NO_FILE:
        _take_refiner(back, _text(found["Refiner"]), shelf)
    name = _text(found.get("VAE"))
    if name.lower() not in _NO_FILE:
        take_vae(back, name, shelf)
    back.know(*(key for key in ("VAE", "VAE hash") if key in found and "VAE" not in back.unknown))
    _take_modules(back, found, shelf)


def take_model(back: ReadBack, name: str, digits: str, shelf: Shelf) -> None:
    """Take the model with this hash, else the one of this name, or say that it is not here."""
    listed = _find(back, name, digits, shelf)
    if listed is None:
        back.unknown |= {key: value for key, value in (("Model", name), ("Model hash", digits)) if value}
    else:
        back.request["model"] = listed


def _find(back: ReadBack, name: str, digits: str, shelf: Shelf) -> str | None:
    """Return the listed name of a model, with a note where it is not here or is another."""
    hashes = shelf.hashes() if len(digits) >= _FEWEST_DIGITS else {}
    same = next((listed for listed, own in hashes.items() if own.startswith(digits.lower())), None)
    listed = same or (shelf.model(name) if name else None)
    shown = f"{name!r} ({digits[:10]})" if digits else repr(name)
    if listed is None:
        back.notes.append(f"the model {shown} is not here")
    elif same is None and listed in hashes:
        back.notes.append(f"the model {listed!r} here is another file than {shown}")
    elif name and listed.rpartition("/")[2].lower() != name.rpartition("/")[2].lower():
        back.notes.append(f"the model {shown} is called {listed!r} here")
    return listed


def _take_refiner(back: ReadBack, title: str, shelf: Shelf) -> None:
    match = _TITLE.fullmatch(title)
    name, digits = (match["name"], match["digits"] or "") if match else (title, "")
    listed = _find(back, name, digits, shelf)
    if listed is None:
        back.unknown["Refiner"] = title
    else:
        back.request["refiner"] = listed
        back.know("Refiner")


def take_vae(back: ReadBack, name: str, shelf: Shelf) -> None:
    """Take the VAE of this name, or say that it is not here."""
    listed = shelf.vae(name)
    if listed is None:
        back.notes.append(f"the VAE {name!r} is not here")
        back.unknown["VAE"] = name
    else:
        back.request["vae"] = listed


def _take_modules(back: ReadBack, found: Mapping[str, Any], shelf: Shelf) -> None:
    """Take the VAE among Forge's modules, which are also text encoders."""
    for key in [key for key in found if re.fullmatch(r"Module \d+", key)]:
        name = _text(found[key])
        listed = None if name.lower().startswith(_TEXT_MODULES) else shelf.vae(name)
        if listed is None or "vae" in back.request:
            back.unknown[key] = name
        else:
            back.request["vae"] = listed
            back.unknown.pop(key, None)
            back.know(key)


def take_networks(back: ReadBack, found: Mapping[str, Any], shelf: Shelf) -> None:
    """Give networks in the prompt the names they have here, and say which are not at hand."""
    prompt = back.request.get("prompt")
    if not isinstance(prompt, str):
        return
    hashes = _hashes(found.get("Lora hashes"))
    named, said = set[str](), set[tuple[str, str]]()

    def renamed(match: re.Match[str]) -> str:
        kind, name, args = match[1], match[2], match[3] or ""
        named.add(_bare(name))
        digits = hashes.get(_bare(name), "") if kind != "hypernet" else ""
        listed = shelf.network("hypernet" if kind == "hypernet" else "lora", name, digits)
        if (kind, name) not in said:
            _say(back, kind, name, digits, listed)
            said.add((kind, name))
        return f"<{kind}:{listed or name}{args}>"

    back.request["prompt"] = _TAG.sub(renamed, prompt)
    if networks := back.request.get("networks"):
        back.request["networks"] = tuple(_TAG.sub(renamed, tag_of(written)).strip("<>") for written in networks)
    left = [f"{name}: {digits}" for name, digits in hashes.items() if name not in named]
    if left:
        back.unknown["Lora hashes"] = ", ".join(left)
    elif "Lora hashes" in found:
        back.know("Lora hashes")
    for name, digits in _hashes(found.get("TI hashes")).items():
        _say(back, "embedding", name, digits, shelf.network("embedding", name, digits))
        back.know("TI hashes")


def tag_of(written: str) -> str:
    """Return a network of a request's list as a tag: a bare name is a LoRA."""
    bare = written.strip().strip("<>").strip()
    return f"<{bare}>" if bare.startswith(("lora:", "lyco:", "hypernet:")) else f"<lora:{bare}>"


def _say(back: ReadBack, kind: str, name: str, digits: str, listed: str | None) -> None:
    shown = f"{_LABELS[kind]} {name!r}" + (f" ({digits})" if digits else "")
    if listed is None:
        back.notes.append(f"the {shown} is not here")
    elif listed != name:
        back.notes.append(f"the {shown} is called {listed!r} here")


def _hashes(text: Any) -> dict[str, str]:
    """Return the hashes of `name: hash, name2: hash2` by name."""
    found: dict[str, str] = {}
    for pair in _text(text).split(","):
        name, colon, digits = pair.rpartition(":")
        if colon and name.strip():
            found[name.strip()] = digits.strip()
    return found


def _bare(name: str) -> str:
    """Return a name as lists of hashes have it."""
    return name.replace(":", "").replace(",", "").strip()


def added_networks(found: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return the tags of LoRAs that the extension Additional Networks noted, and the keys that say so."""
    tags, keys = list[str](), list[str]()
    for key in found:
        digits = key.removeprefix("AddNet Model ")
        if digits == key or found.get(f"AddNet Module {digits}") != "LoRA":
            continue
        match = _ADDED.fullmatch(_text(found[key]))
        unet = _text(found.get(f"AddNet Weight A {digits}")) or _text(found.get(f"AddNet Weight {digits}")) or "1.0"
        text = _text(found.get(f"AddNet Weight B {digits}")) or unet
        weights = unet if text == unet else f"{text}:{unet}"
        tags.append(f"<lora:{match['name'] if match else found[key]}:{weights}>")
        own = ("Enabled", f"Module {digits}", f"Model {digits}", *(f"Weight {w}{digits}" for w in ("A ", "B ", "")))
        keys += [name for part in own if (name := f"AddNet {part}") in found and name not in keys]
    return "".join(tags), keys


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
