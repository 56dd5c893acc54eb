"""A picture's parameters as fields of a request: Redraw's recipe, A1111's infotext (reference 4.4), other programs'.

Nothing here raises for what a text says: a part that is not understood is listed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from redraw.compat.facts import default_scheduler
from redraw.compat.foreign import Foreign, read_json, read_texts
from redraw.compat.foreign.names import sampler_of, schedule_of
from redraw.compat.intake import Shelf
from redraw.compat.readback_fields import IMG2IMG, MASK_FIELDS, TXT2IMG, Fields, ReadBack, put
from redraw.compat.readback_files import added_networks, take_files, take_model, take_networks, take_vae
from redraw.image import infotext
from redraw.image.metadata import Metadata
from redraw.registry import SAMPLERS, SCHEDULERS
from redraw.request import KINDS, FieldInfo, PictureRef, describe_fields
from redraw.sampling.naming import split_scheduler

__all__ = ["ReadBack", "read_infotext", "read_picture", "read_recipe", "read_text"]

_STRENGTH: Final = "Denoising strength"
_TOLD: Final = frozenset(
    {"Sampler", "Schedule type", "Scheduler", "Model", "Model hash", "VAE", "VAE hash", "RNG", "Refiner"}
    | {"Lora hashes", "TI hashes", "Hypernet", "Hypernet strength"}
)
"""Keys that need more than a look at one field."""
_SILENT: Final = frozenset(
    {"Version", "App", "Backend", "Pipeline", "Operations", "Parser", "User"}
    | {"Batch", "Batch size", "Batch pos", "Batch index"}
)
"""Keys that say nothing a field could hold."""
_WITH_REFINER: Final = frozenset({"Refiner switch at", "Refiner switch by sampling steps"})
_MACHINE: Final = frozenset({"device", "dtype", "vae_tile"})
"""Fields of a recipe about the machine it ran on, which need not be this one."""
_FORGE: Final = re.compile(r"f\d|forge|neo|classic|reforge", re.IGNORECASE)
_A1111: Final = re.compile(r"v?\d+\.\d+")
_DOWNCAST: Final = (
    "A1111 before 1.7 rounded the model's noise levels to half precision, which is not done here: details may differ"
)
_OTHER_FAMILY: Final = "it was made by a Flux model or the like, which does not run here"


def read_picture(found: Metadata, shelf: Shelf | None = None, kept: Any = None) -> ReadBack:
    """Return what a picture says: its recipe, else its infotext, else what another program wrote into it.

    Args:
        found: what the file carries.
        shelf, kept: as in `read_recipe`.
    """
    back = read_recipe(found.recipe, shelf, kept) if found.recipe else None
    if back is None and found.infotext and found.items.get("Software") != "NovelAI":
        back = read_text(found.infotext, shelf)
        if not back.program:
            back = None
    foreign = read_texts(found.items) if back is None else None
    if foreign is not None:
        back = _read_foreign(foreign, shelf or Shelf())
    if back is None:
        back = read_infotext(found.infotext or "", shelf)
        if not found.infotext:
            back.notes.append("the picture carries no parameters")
    return back


def read_text(text: str, shelf: Shelf | None = None) -> ReadBack:
    """Return what a text says: an infotext, another program's JSON, or a prompt alone; arguments as `read_infotext`."""
    foreign = read_json(text)
    return read_infotext(text, shelf) if foreign is None else _read_foreign(foreign, shelf or Shelf())


def read_infotext(text: str, shelf: Shelf | None = None) -> ReadBack:
    """Return what an infotext says; what it leaves out and A1111 takes as said is filled in.

    Args:
        text: anything; a text without parameters is a prompt.
        shelf: the models, VAEs and networks at hand.
    """
    found = infotext.parse(text)
    return _read(found, ReadBack(kind=_kind_of(found), program=_program(found)), shelf or Shelf())


def _read_foreign(foreign: Foreign, shelf: Shelf) -> ReadBack:
    """Return what another program wrote, read as the infotext it would have been here."""
    found = infotext.taken_apart({"Prompt": "", "Negative prompt": "", **foreign.params})
    back = _read(found, ReadBack(kind=_kind_of(found), program=foreign.program), shelf)
    back.understood = foreign.understood
    back.unknown |= foreign.unknown
    back.notes += foreign.notes
    return back


def _read(found: dict[str, Any], back: ReadBack, shelf: Shelf) -> ReadBack:
    """Put everything an infotext says into the fields it is about."""
    parameters = found.keys() - {"Prompt", "Negative prompt"}
    filled = infotext.with_defaults(found)
    tags, added = added_networks(found)
    found["Prompt"] = filled["Prompt"] + (f"\n{tags}" if tags else "")
    back.know(*added)
    fields = Fields(back)
    joined = fields.joined(found)
    for key, value in joined.items():
        if key in _TOLD or key in added:
            back.know(*([key] if key.startswith("Hypernet") else []))
        elif key in _SILENT or fields.take(key, value):
            back.know(key)
        else:
            back.unknown[key] = str(value)
    if parameters:
        _take_sampler(back, joined)
        take_files(back, joined, shelf)
        _take_noise_source(back, joined)
        _fill(back, fields, filled)
    else:
        back.request = {name: words for name, words in back.request.items() if words}
    take_networks(back, found, shelf)
    if "Distilled CFG Scale" in found:
        back.notes.append(_OTHER_FAMILY)
    return back


def read_recipe(recipe: Mapping[str, Any], shelf: Shelf | None = None, kept: Any = None) -> ReadBack | None:
    """Return what a recipe says, None if it is none that this version reads.

    Fields it leaves out are at their defaults; of the machine it ran on nothing is taken over.

    Args:
        recipe: as found in a picture: anything.
        shelf: the models, VAEs and networks at hand.
        kept: tells of a SHA-256 whether that picture is here; None knows of none.
    """
    kind, said = recipe.get("kind"), recipe.get("request")
    if not isinstance(kind, str) or kind not in KINDS or not isinstance(said, Mapping):
        return None
    shelf = shelf or Shelf()
    back = ReadBack(kind=kind, exact=True, program="Redraw")
    for info in describe_fields(KINDS[kind]):
        if info.name in _MACHINE or info.name in ("model", "vae"):
            continue
        if info.kind is not PictureRef:
            put(back, info.name, said[info.name]) if info.name in said else _default(back, info)
    for name in said.keys() & {"images", "mask", "paint", "region_masks"}:
        _take_pictures(back, name, said[name], kept)
    model = recipe.get("model")
    if isinstance(model, Mapping):
        take_model(back, _text(model.get("name")), _text(model.get("sha256")), shelf)
    vae = recipe.get("vae")
    if isinstance(vae, Mapping):
        take_vae(back, _text(vae.get("name")), shelf)
    take_networks(back, _network_hashes(recipe.get("networks")), shelf)
    back.know(*sorted(said))
    return back


def _network_hashes(networks: Any) -> dict[str, str]:
    """Return a recipe's networks as an infotext has them."""
    found: dict[str, list[str]] = {"Lora hashes": [], "TI hashes": []}
    keys = {"lora": "Lora hashes", "embedding": "TI hashes"}
    for entry in networks if isinstance(networks, list) else []:
        if isinstance(entry, Mapping) and entry.get("kind") in keys:
            name = _text(entry.get("name")).replace(":", "").replace(",", "")
            found[keys[entry["kind"]]].append(f"{name}: {_text(entry.get('hash'))}")
    return {key: ", ".join(pairs) for key, pairs in found.items() if pairs}


def _kind_of(found: Mapping[str, Any]) -> str:
    """Return which request wrote an infotext; hires fix notes a strength too, and is txt2img."""
    hires = any(key.startswith("Hires ") for key in found)
    masked = found.keys() & {"Mask mode", "Mask blur", "Inpaint area", "Masked content"}
    redrawn = "img2img" in str(found.get("Operations", "")).lower()
    return IMG2IMG if masked or redrawn or (_STRENGTH in found and not hires) else TXT2IMG


def _program(found: Mapping[str, Any]) -> str:
    """Return what wrote an infotext, "" for a text without parameters."""
    version = str(found.get("Version", ""))
    if not found.keys() - {"Prompt", "Negative prompt"}:
        return ""
    if version.startswith("redraw"):
        return "Redraw"
    if str(found.get("App", "")).startswith("SD.Next"):
        return "SD.Next"
    if _FORGE.match(version):
        return "Forge"
    if "Fooocus" in version or version == "ComfyUI":
        return "Fooocus" if "Fooocus" in version else "ComfyUI"
    return "A1111" if _A1111.match(version) else "A1111 or alike"


def _default(back: ReadBack, info: FieldInfo) -> None:
    back.request[info.name] = info.default


def _take_sampler(back: ReadBack, found: Mapping[str, Any]) -> None:
    """Take sampler and schedule; old texts have the schedule in the sampler's name."""
    if "Sampler" not in found:
        return
    written = str(found["Sampler"])
    name, suffix = split_scheduler(written)
    schedule = suffix or str(found.get("Schedule type") or found.get("Scheduler") or "Automatic")
    name = name if name in SAMPLERS else sampler_of(name)
    if name not in SAMPLERS:
        back.unknown["Sampler"] = written
        back.notes.append(f"there is no sampler {written!r} here")
        return
    label = SAMPLERS.entry(name).label
    if label != name:
        back.notes.append(f"the sampler {name!r} is called {label!r} here")
    back.request["sampler"] = label
    back.know("Sampler")
    schedule = schedule if schedule in SCHEDULERS else schedule_of(schedule)
    if schedule not in SCHEDULERS:
        back.unknown["Scheduler" if "Scheduler" in found else "Schedule type"] = schedule
        back.notes.append(f"there is no schedule {schedule!r} here")
        return
    entry = SCHEDULERS.entry(schedule)
    back.request["scheduler"] = "Automatic" if default_scheduler(label) == entry.name else entry.label
    back.know(*(key for key in ("Schedule type", "Scheduler") if key in found))


def _take_noise_source(back: ReadBack, found: Mapping[str, Any]) -> None:
    """Take the source of noise; A1111 says nothing of NVIDIA's, which is "nv" here on any device."""
    ours = str(found.get("Version", "")).startswith("redraw")
    source = str(found.get("RNG") or ("GPU" if ours else "NV"))
    if not put(back, "rng", source.lower()):
        back.unknown["RNG"] = source
    elif "RNG" in found:
        back.know("RNG")


def _fill(back: ReadBack, fields: Fields, filled: Mapping[str, Any]) -> None:
    """Take what A1111 reads out of a missing key: of masks only where the text speaks of one, of refiners as well."""
    masked = back.request.keys() & MASK_FIELDS
    for key, value in filled.items():
        name = fields.by_key.get(key)
        if name is None or name in back.request or key in _TOLD or key in back.unknown:
            continue
        if (masked or name not in MASK_FIELDS) and ("refiner" in back.request or key not in _WITH_REFINER):
            fields.take(key, value)
    if filled.get("Downcast alphas_cumprod") is True:
        back.notes.append(_DOWNCAST)


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
