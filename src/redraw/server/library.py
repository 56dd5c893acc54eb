"""What requests may name: models and VAEs by listed name, never by path; samplers and the like from the shelves."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final

from redraw.errors import ModelError, RequestError, UnknownName
from redraw.models.catalog import UNKNOWN, Catalog, ModelFile, OtherFile
from redraw.server.config import ServeConfig
from redraw.settings import MODELS_CACHE
from redraw.starter import NAME as STARTER

VAE_KIND: Final = "vae"
READ_AT_ONCE: Final = 8 * 1024**3
"""Bytes of models that are hashed while somebody waits; known hashes are kept, so only the first time costs."""


class Library:
    """The models of this server; thread-safe. Files are opened as far as their header and sorted by content."""

    def __init__(self, config: ServeConfig) -> None:
        self.config = config
        self.catalog = Catalog(config.models_dirs, cache=config.data_dir / MODELS_CACHE)
        self._lock = threading.Lock()

    def models(self) -> list[ModelFile]:
        """Return every checkpoint that can run, the starter first."""
        with self._lock:
            return list(self.catalog)

    def vaes(self) -> list[OtherFile]:
        """Return every separate VAE."""
        with self._lock:
            return [other for other in self.catalog.others if other.kind == VAE_KIND]

    def rejected(self) -> int:
        """Return how many weight files are nothing Redraw knows."""
        with self._lock:
            return sum(other.kind == UNKNOWN for other in self.catalog.others)

    def refresh(self) -> None:
        """Look into the folders again at the next use."""
        with self._lock:
            self.catalog.refresh()

    def default(self) -> ModelFile | None:
        """Return the checkpoint of requests that name none: the configured one, else the starter, else the first.

        None if there is no such (any more).
        """
        if self.config.model is not None:
            try:
                return self.model(self.config.model)
            except RequestError:
                return None
        models = self.models()
        return next((m for m in models if m.stem == STARTER), models[0] if models else None)

    def model(self, name: str) -> ModelFile:
        """Return the checkpoint a client means; a path is no name. Raises `UnknownName` or `RequestError`."""
        with self._lock:
            return self.catalog.find(name, paths=False)

    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 of every checkpoint by its name; of none where there is too much to read at once."""
        models = [model for model in self.models() if model.path.is_file()]
        try:
            if sum(model.path.stat().st_size for model in models) > READ_AT_ONCE:
                return {}
            return {model.name: self.catalog.sha256(model) for model in models}
        except (OSError, ModelError):
            return {}

    def vae(self, name: str) -> OtherFile:
        """Return the VAE a client means; a path is no name. Raises `UnknownName`."""
        wanted = name.strip().lower()
        known = self.vaes()
        found = next((v for v in known if wanted in _spellings(v.name)), None)
        if found is None:
            raise UnknownName(VAE_KIND, name, [v.name for v in known])
        return found

    def named(self, fields: Mapping[str, Any], *, whole: bool = True) -> dict[str, Any]:
        """Return fields of a request with model and VAE by their listed names.

        Args:
            fields: what a client wrote.
            whole: it is all of a request, so that the server's model is put in where none is named.
        """
        changes: dict[str, Any] = {}
        model = fields.get("model") or (self.config.model if whole else None)
        if model is not None:
            changes["model"] = self.model(model).name
        if fields.get("vae") is not None:
            changes["vae"] = self.vae(fields["vae"]).path.name
        return {**fields, **changes}


def _spellings(file: str) -> tuple[str, ...]:
    """Return every name a file answers to, in lower case: with or without its folder, with or without its ending."""
    last = file.rpartition("/")[2]
    return tuple(n.lower() for n in (file, file.rpartition(".")[0], last, last.rpartition(".")[0]))
