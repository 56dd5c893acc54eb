"""A picture's parameters as fields of a request: from Redraw's recipe, else from A1111's infotext (reference 4.4).

Which key of an infotext is which field, its range and its words are read from the fields themselves. Nothing here
raises for what a text says: a part that is not understood is listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from redraw.compat.facts import default_scheduler
from redraw.compat.intake import Shelf
from redraw.compat.options import INFOTEXT
from redraw.compat.overrides import field_of_setting
from redraw.errors import RequestError
from redraw.image import infotext
from redraw.registry import SAMPLERS, SCHEDULERS
from redraw.request import KINDS, FieldInfo, PictureRef, describe_fields
from redraw.request.masks import MaskOptions, PaintOptions
from redraw.sampling.naming import split_scheduler

_IMG2IMG: Final = "img2img"
_TXT2IMG: Final = "txt2img"
_STRENGTH: Final = "Denoising strength"
# Keys that are no field's own name for itself in infotexts.
_ALSO: Final[Mapping[str, str]] = {
    "Prompt": "prompt",
    "Size-1": "width",
    "Size-2": "height",
    "Eta DDIM": "eta",
}
_TOLD: Final = frozenset({"Sampler", "Schedule type", "Model", "Model hash", "VAE", "VAE hash", "RNG"})
"""Keys that need more than a look at one field."""
_SILENT: Final = frozenset({"Version"})
"""Keys that say nothing a field could hold."""
_MACHINE: Final = frozenset({"device", "dtype", "vae_tile"})
"""Fields of a recipe about the machine it ran on, which need not be this one."""
_ANY_PICTURE: Final = PictureRef(name="any")
_MASK_FIELDS: Final = frozenset(f.name for f in describe_fields(MaskOptions) if f.kind is not PictureRef)
_PAINT_FIELDS: Final = frozenset(f.name for f in describe_fields(PaintOptions) if f.kind is not PictureRef)


@dataclass
class ReadBack:
    """What a picture or a text says about how it was made.

    Attributes:
        kind: "img2img" or "txt2img".
        request: fields of such a request; pictures as {"sha256", "name"}.
        unknown: what has no field here, as it was written.
        notes: plain sentences.
        exact: whether it is a recipe, and so names every field.
    """

    kind: str = _TXT2IMG
    request: dict[str, Any] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    exact: bool = False


def read_infotext(text: str, shelf: Shelf | None = None) -> ReadBack:
    """Return what an infotext says; what it leaves out and A1111 takes as said is filled in.

    Args:
        text: anything; a text without parameters is a prompt.
        shelf: the models and VAEs at hand.
    """
    shelf = shelf or Shelf()
    found, filled = infotext.parse(text), infotext.parse(text, defaults=True)
    back = ReadBack(kind=_kind_of(found))
    fields = {info.name: info for info in describe_fields(KINDS[back.kind])}
    by_key = {**{info.infotext: info.name for info in fields.values() if info.infotext}, **_ALSO}
    parameters = found.keys() - {"Prompt", "Negative prompt"}
    for key, value in _joined(found, by_key, fields).items():
        if key not in _TOLD | _SILENT and not _take(back, fields, by_key, key, value):
            back.unknown[key] = str(value)
    if parameters:
        _take_sampler(back, found)
        _take_files(back, found, shelf)
        _take_noise_source(back, found)
        _fill(back, fields, by_key, filled)
    else:
        back.request = {name: words for name, words in back.request.items() if words}
    return back


def read_recipe(recipe: Mapping[str, Any], shelf: Shelf | None = None, kept: Any = None) -> ReadBack | None:
    """Return what a recipe says, None if it is none that this version reads.

    Fields it leaves out are at their defaults; of the machine it ran on nothing is taken over.

    Args:
        recipe: as found in a picture: anything.
        shelf: the models and VAEs at hand.
        kept: tells of a SHA-256 whether that picture is here; None knows of none.
    """
    kind, said = recipe.get("kind"), recipe.get("request")
    if not isinstance(kind, str) or kind not in KINDS or not isinstance(said, Mapping):
        return None
    back = ReadBack(kind=kind, exact=True)
    for info in describe_fields(KINDS[kind]):
        if info.name in _MACHINE or info.name in ("model", "vae"):
            continue
        if info.kind is not PictureRef:
            _set(back, info.name, said[info.name]) if info.name in said else _default(back, info)
    for name in said.keys() & {"images", "mask", "paint", "region_masks"}:
        _take_pictures(back, name, said[name], kept)
    model = recipe.get("model")
    if isinstance(model, Mapping):
        _take_model(back, _text(model.get("name")), _text(model.get("sha256")), shelf or Shelf())
    vae = recipe.get("vae")
    if isinstance(vae, Mapping):
        _take_vae(back, _text(vae.get("name")), shelf or Shelf())
    return back


def _kind_of(found: Mapping[str, Any]) -> str:
    """Return which request wrote an infotext; hires fix notes a strength too, and is txt2img."""
    hires = any(key.startswith("Hires ") for key in found)
    masked = found.keys() & {"Mask mode", "Mask blur", "Inpaint area", "Masked content"}
    return _IMG2IMG if masked or (_STRENGTH in found and not hires) else _TXT2IMG


def _joined(found: Mapping[str, Any], by_key: Mapping[str, str], fields: Mapping[str, FieldInfo]) -> dict[str, Any]:
    """Return an infotext's entries with the sizes that were taken apart in one piece, but for the picture's own."""
    joined: dict[str, Any] = {}
    for key, value in found.items():
        whole, _, part = key.rpartition("-")
        if key in by_key or part not in ("1", "2") or f"{whole}-1" not in found:
            joined[key] = value
        elif part == "1":
            joined[whole] = f"{value}x{found.get(f'{whole}-2', '')}"
    return joined


def _take(back: ReadBack, fields: Mapping[str, FieldInfo], by_key: Mapping[str, str], key: str, value: Any) -> bool:
    """Put an entry into the field it is about and return whether there is one and the value is right for it."""
    name = by_key.get(key)
    if name is not None and name in fields:
        return _set(back, name, _read(fields[name], str(value)))
    meant = field_of_setting(INFOTEXT.get(key, ""), value)
    return meant is not None and meant[0] in fields and _set(back, *meant)


def _read(info: FieldInfo, text: str) -> Any:
    """Return a text as a value of a field, or the text itself where it is none."""
    words = info.choices or ((False, True) if info.kind is bool else ())
    for word, label in zip(words, info.labels or [str(word) for word in words], strict=True):
        if _plain(text) in (_plain(str(word)), _plain(label)):
            return word
    try:
        if info.kind is tuple:
            width, _, height = text.partition("x")
            return int(width), int(height)
        if info.kind is int or (info.kind is float and text.strip("+-").isdigit()):
            return int(text)
        return float(text) if info.kind is float else text
    except ValueError:
        return text


def _plain(words: str) -> str:
    return words.lower().replace("-", " ").strip()


def _set(back: ReadBack, name: str, value: Any) -> bool:
    """Put a value into a field if a request of this kind takes it there; return whether it did."""
    stage: dict[str, Any] = {}
    if back.kind == _IMG2IMG:
        stage["images"] = (_ANY_PICTURE,)
        stage |= {"paint": _ANY_PICTURE} if name in _PAINT_FIELDS else {}
        stage |= {"mask": "alpha"} if name in _MASK_FIELDS - _PAINT_FIELDS else {}
    try:
        back.request[name] = getattr(KINDS[back.kind](**stage, **{name: value}), name)
    except (RequestError, TypeError):
        return False
    return True


def _default(back: ReadBack, info: FieldInfo) -> None:
    back.request[info.name] = info.default


def _take_sampler(back: ReadBack, found: Mapping[str, Any]) -> None:
    """Take sampler and schedule; old texts have the schedule in the sampler's name."""
    if "Sampler" not in found:
        return
    written = str(found["Sampler"])
    name, suffix = split_scheduler(written)
    schedule = suffix or str(found.get("Schedule type") or "Automatic")
    if name not in SAMPLERS:
        back.unknown["Sampler"] = written
        back.notes.append(f"there is no sampler {written!r} here")
        return
    label = SAMPLERS.entry(name).label
    if label != name:
        back.notes.append(f"the sampler {name!r} is called {label!r} here")
    back.request["sampler"] = label
    if schedule not in SCHEDULERS:
        back.unknown["Schedule type"] = schedule
        back.notes.append(f"there is no schedule {schedule!r} here")
        return
    entry = SCHEDULERS.entry(schedule)
    back.request["scheduler"] = "Automatic" if default_scheduler(label) == entry.name else entry.label


def _take_noise_source(back: ReadBack, found: Mapping[str, Any]) -> None:
    """Take the source of noise; A1111 says nothing of NVIDIA's, which is "nv" here on any device."""
    ours = str(found.get("Version", "")).startswith("redraw")
    source = str(found.get("RNG") or ("GPU" if ours else "NV"))
    if not _set(back, "rng", source.lower()):
        back.unknown["RNG"] = source


def _take_files(back: ReadBack, found: Mapping[str, Any], shelf: Shelf) -> None:
    if found.get("Model") or found.get("Model hash"):
        _take_model(back, _text(found.get("Model")), _text(found.get("Model hash")), shelf)
    if found.get("VAE"):
        _take_vae(back, _text(found["VAE"]), shelf)


def _take_model(back: ReadBack, name: str, digits: str, shelf: Shelf) -> None:
    """Take the model with this hash, else the one of this name, or say that it is not here."""
    hashes = shelf.hashes() if digits else {}
    same = next((listed for listed, own in hashes.items() if own.startswith(digits.lower())), None)
    listed = same or (shelf.model(name) if name else None)
    shown = f"{name!r} ({digits[:10]})" if digits else repr(name)
    if listed is None:
        back.notes.append(f"the model {shown} is not here")
        back.unknown |= {key: value for key, value in (("Model", name), ("Model hash", digits)) if value}
        return
    if same is None and listed in hashes:
        back.notes.append(f"the model {listed!r} here is another file than {shown}")
    elif name and listed.rpartition("/")[2].lower() != name.rpartition("/")[2].lower():
        back.notes.append(f"the model {shown} is called {listed!r} here")
    back.request["model"] = listed


def _take_vae(back: ReadBack, name: str, shelf: Shelf) -> None:
    listed = shelf.vae(name)
    if listed is None:
        back.notes.append(f"the VAE {name!r} is not here")
        back.unknown["VAE"] = name
    else:
        back.request["vae"] = listed


def _fill(
    back: ReadBack, fields: Mapping[str, FieldInfo], by_key: Mapping[str, str], filled: Mapping[str, Any]
) -> None:
    """Take what A1111 reads out of a missing key: of masks only where the text speaks of one."""
    masked = back.request.keys() & _MASK_FIELDS
    for key, value in filled.items():
        name = by_key.get(key)
        if name is None or name in back.request or key in _TOLD or key in back.unknown:
            continue
        if masked or name not in _MASK_FIELDS:
            _take(back, fields, by_key, key, value)


def _take_pictures(back: ReadBack, name: str, said: Any, kept: Any) -> None:
    """Take the pictures of a recipe that are here, by name and SHA-256."""
    if said is None or said == "alpha":
        back.request[name] = said
        return
    many = said if isinstance(said, list) else [said]
    found = []
    for one in many:
        sha256 = _text(one.get("sha256")) if isinstance(one, Mapping) else ""
        label = _text(one.get("name")) if isinstance(one, Mapping) else ""
        if sha256 and kept is not None and kept(sha256):
            found.append({"sha256": sha256, "name": label or "picture"})
        else:
            back.notes.append(f"the picture {label!r} is not here any more; put it in again")
    if len(found) == len(many):
        back.request[name] = found if isinstance(said, list) else found[0]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
