"""Words of an infotext as values of a request's fields; which key is which field is read from the fields themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from redraw.compat.options import INFOTEXT
from redraw.compat.overrides import field_of_setting
from redraw.errors import RequestError
from redraw.request import KINDS, FieldInfo, PictureRef, describe_fields
from redraw.request.masks import MaskOptions, PaintOptions

IMG2IMG: Final = "img2img"
TXT2IMG: Final = "txt2img"
# Keys that are no field's own name for itself in infotexts.
_ALSO: Final[Mapping[str, str]] = {
    "Prompt": "prompt",
    "Size-1": "width",
    "Size-2": "height",
    "Eta DDIM": "eta",
    "Pad conds v0": "pad_prompts",
}
# Switches of A1111's that are words of a field here.
_SWITCHES: Final[Mapping[str, tuple[Any, Any]]] = {
    "Old prompt editing timelines": ("new", "old"),
    "Pad conds": ("no", "pad"),
    "Pad conds v0": ("no", "pad-v0"),
}
_ANY_PICTURE: Final = PictureRef(name="any")
MASK_FIELDS: Final = frozenset(f.name for f in describe_fields(MaskOptions) if f.kind is not PictureRef)
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
        program: what wrote it, "" where nothing says so.
        understood: the keys, or other program's names, of what is in `request`.
    """

    kind: str = TXT2IMG
    request: dict[str, Any] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    exact: bool = False
    program: str = ""
    understood: list[str] = field(default_factory=list)

    def know(self, *keys: str) -> None:
        """Say that keys were understood."""
        self.understood += [key for key in keys if key not in self.understood]


class Fields:
    """The fields of one kind of request, found by infotext's keys.

    Args:
        back: what is filled in; its kind says which fields there are.
    """

    def __init__(self, back: ReadBack) -> None:
        self._back = back
        self.infos = {info.name: info for info in describe_fields(KINDS[back.kind])}
        self.by_key = {**{info.infotext: info.name for info in self.infos.values() if info.infotext}, **_ALSO}

    def take(self, key: str, value: Any) -> bool:
        """Put an entry into the field it is about; return whether there is one and the value is right for it."""
        name = self.by_key.get(key)
        if name is not None and name in self.infos:
            return put(self._back, name, self._read(key, self.infos[name], str(value)))
        meant = field_of_setting(INFOTEXT.get(key, ""), value)
        return meant is not None and meant[0] in self.infos and put(self._back, *meant)

    def joined(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """Return an infotext's entries with the sizes that were taken apart in one piece, but for the picture's own."""
        joined: dict[str, Any] = {}
        for key, value in found.items():
            whole, _, part = key.rpartition("-")
            if key in self.by_key or part not in ("1", "2") or f"{whole}-1" not in found:
                joined[key] = value
            elif part == "1":
                joined[whole] = f"{value}x{found.get(f'{whole}-2', '')}"
        return joined

    def _read(self, key: str, info: FieldInfo, text: str) -> Any:
        """Return a text as a value of a field, or the text itself where it is none."""
        if key in _SWITCHES and text in ("True", "False"):
            return _SWITCHES[key][text == "True"]
        words = info.choices or ((False, True) if info.kind is bool else ())
        for word, label in zip(words, info.labels or [str(word) for word in words], strict=True):
            if _plain(text) in (_plain(str(word)), _plain(label)):
                return word
        return _read_number(info, text)


def _read_number(info: FieldInfo, text: str) -> Any:
    try:
        if info.kind is tuple:
            width, _, height = text.partition("x")
            return int(width), int(height)
        if info.kind is int or (info.kind is float and text.strip("+-").isdigit()):
            return int(text.removesuffix(".0"))
        return float(text) if info.kind is float else text
    except ValueError:
        return text


def _plain(words: str) -> str:
    return words.lower().replace("-", " ").strip()


def put(back: ReadBack, name: str, value: Any) -> bool:
    """Put a value into a field if a request of this kind takes it there; return whether it did."""
    stage: dict[str, Any] = {}
    if back.kind == IMG2IMG:
        stage["images"] = (_ANY_PICTURE,)
        stage |= {"paint": _ANY_PICTURE} if name in _PAINT_FIELDS else {}
        stage |= {"mask": "alpha"} if name in MASK_FIELDS - _PAINT_FIELDS else {}
    try:
        back.request[name] = getattr(KINDS[back.kind](**stage, **{name: value}), name)
    except (RequestError, TypeError):
        return False
    return True
