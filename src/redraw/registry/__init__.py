"""The shelves: what Redraw can do, by name, before any of it is imported.

An entry is a name, a label, aliases and a target `"module:attribute"`. Names are known at once; the object behind
one is imported at its first use, so a list of samplers costs no torch. Built-ins arrive through the same door as
plugins: a distribution's entry point in the group `redraw.plugins` names a function that gets the shelves and
calls `add` on them.
"""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import entry_points
from typing import Any, Final, Generic, TypeVar

from redraw.errors import UnknownName

T = TypeVar("T")
log = logging.getLogger(__name__)

PLUGIN_GROUP: Final = "redraw.plugins"


@dataclass(frozen=True)
class Entry:
    """One thing on a shelf.

    Attributes:
        name: internal name, lower case (`dpmpp_2m`).
        label: what people see and infotext prints (`DPM++ 2M`).
        aliases: other accepted spellings.
        target: `"module:attribute"` of the object.
    """

    name: str
    label: str
    target: str
    aliases: tuple[str, ...] = ()

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every name this entry answers to."""
        return (self.name, self.label, *self.aliases)

    @cached_property
    def loaded(self) -> Any:
        """The object itself, imported at first use."""
        module, _, attribute = self.target.partition(":")
        return getattr(importlib.import_module(module), attribute)


class Registry(Generic[T]):
    """One shelf of named things of type `T`, in the order they were added.

    Names match by internal name, label or alias, in any case. An unknown name raises `UnknownName` with the nearest
    right ones.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Entry] = {}
        self._by_spelling: dict[str, Entry] = {}

    def add(self, name: str, label: str, target: str, aliases: tuple[str, ...] = ()) -> None:
        """Put an entry on the shelf; a spelling that is taken by another entry raises ValueError."""
        entry = Entry(name, label, target, aliases)
        for spelling in entry.spellings:
            taken = self._by_spelling.get(spelling.lower())
            if taken is not None and taken.name != name:
                raise ValueError(f"{self.kind} {spelling!r} is already taken by {taken.name!r}")
        self._entries[name] = entry
        self._by_spelling.update({s.lower(): entry for s in entry.spellings})

    def entry(self, name: str) -> Entry:
        """Return the entry that answers to `name`, or raise `UnknownName`."""
        load_plugins()
        found = self._by_spelling.get(name.strip().lower())
        if found is None:
            raise UnknownName(self.kind, name, self.labels())
        return found

    def get(self, name: str) -> T:
        """Return the object that answers to `name`, importing it if need be, or raise `UnknownName`."""
        loaded: T = self.entry(name).loaded
        return loaded

    def labels(self) -> list[str]:
        """Return every label, in order."""
        return [e.label for e in self]

    def __contains__(self, name: str) -> bool:
        load_plugins()
        return name.strip().lower() in self._by_spelling

    def __iter__(self) -> Iterator[Entry]:
        load_plugins()
        return iter(self._entries.values())

    def __len__(self) -> int:
        load_plugins()
        return len(self._entries)


SAMPLERS: Registry[Any] = Registry("sampler")
SCHEDULERS: Registry[Any] = Registry("scheduler")
PREPROCESSORS: Registry[Any] = Registry("preprocessor")
UPSCALERS: Registry[Any] = Registry("upscaler")
WORKFLOWS: Registry[Any] = Registry("workflow")
INTERROGATORS: Registry[Any] = Registry("interrogator")

SHELVES: Final[Mapping[str, Registry[Any]]] = {
    shelf.kind: shelf for shelf in (SAMPLERS, SCHEDULERS, PREPROCESSORS, UPSCALERS, WORKFLOWS, INTERROGATORS)
}

_loaded: set[str] = set()
_state = {"begun": False, "done": False}
_loading = threading.RLock()


def load_plugins() -> None:
    """Call every plugin's entry point once; a plugin that fails is named in the log and left out.

    Other threads wait until the shelves are full: none sees a half-filled one.
    """
    if _state["done"]:
        return
    with _loading:
        if _state["begun"]:  # by another thread, or by a plugin of this one that looks at a shelf
            return
        _state["begun"] = True
        for point in sorted(entry_points(group=PLUGIN_GROUP), key=lambda p: (p.name != "builtin", p.name)):
            if point.value in _loaded:
                continue
            _loaded.add(point.value)
            try:
                point.load()(SHELVES)
            except Exception as error:  # noqa: BLE001 - a broken plugin must not take the program down
                log.warning("plugin %s was left out: %s", point.name, error)
        _state["done"] = True
