"""What stands beside a model: networks and embeddings, found by name and kept open."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from redraw.errors import UnknownName
from redraw.models.catalog import Catalog
from redraw.models.embeddings import Embedding, Embeddings, load_embeddings
from redraw.models.hypernetwork import Hypernetwork, load_hypernetwork
from redraw.models.lora import LoraFile, open_lora

KEPT_OPEN: Final = 32


class Shelf:
    """The networks and embeddings of a catalog's folders; without a catalog it is empty.

    Files are opened when they are first named; the last 32 stay open until they change on the disk.
    """

    def __init__(self, catalog: Catalog | None = None) -> None:
        self.catalog = catalog
        self._open: OrderedDict[tuple[Path, int], Any] = OrderedDict()

    def lora(self, name: str) -> LoraFile:
        """Return the LoRA (or one of its relatives) with this file name or alias; `UnknownName` if there is none."""
        found: LoraFile = self._opened("lora", name, open_lora)
        return found

    def hypernetwork(self, name: str) -> Hypernetwork:
        """Return the hypernetwork with this file name; `UnknownName` if there is none."""
        found: Hypernetwork = self._opened("hypernetwork", name, load_hypernetwork)
        return found

    def embeddings(self, bundled: Iterable[Embedding] = ()) -> Embeddings:
        """Return every embedding at hand; those that came with a network in `bundled` give way to the user's own."""
        if self.catalog is None:
            return Embeddings(bundled)
        own = load_embeddings(file.path for file in self.catalog.files("embedding"))
        return Embeddings([*bundled, *own], left_out=own.left_out)

    def _opened(self, kind: str, name: str, opener: Callable[[Path], Any]) -> Any:
        if self.catalog is None:
            raise UnknownName(kind, name, ())
        path = self.catalog.find_file(kind, name, paths=False).path
        key = (path, path.stat().st_mtime_ns)
        if key not in self._open:
            self._open[key] = opener(path)
            while len(self._open) > KEPT_OPEN:
                self._open.popitem(last=False)
        self._open.move_to_end(key)
        return self._open[key]
