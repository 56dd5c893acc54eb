"""What requests may name: models and VAEs by listed name, never by path; samplers and the like from the shelves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from redraw.errors import ModelError, RequestError
from redraw.models.catalog import UNKNOWN, Catalog, ModelFile
from redraw.models.places import places
from redraw.request import BUILT_IN_VAE
from redraw.server.config import ServeConfig
from redraw.settings import MODELS_CACHE
from redraw.starter import NAME as STARTER

READ_AT_ONCE: Final = 8 * 1024**3
"""Bytes of models that are hashed while somebody waits; known hashes are kept, so only the first time costs."""


class Library:
    """The model files of this server; thread-safe. Files are opened as far as their header and sorted by content."""

    def __init__(self, config: ServeConfig) -> None:
        self.config = config
        found = places(config.models_dirs, config.a1111_dir, config.comfyui_dir)
        self.catalog = Catalog(found, cache=config.data_dir / MODELS_CACHE)

    def models(self) -> list[ModelFile]:
        """Return every checkpoint that can run, the starter first."""
        return list(self.catalog)

    def files(self, kind: str) -> list[ModelFile]:
        """Return every file of a kind; see `redraw.models.catalog.KINDS`."""
        return list(self.catalog.files(kind))

    def file(self, kind: str, name: str) -> ModelFile:
        """Return the file of a kind a client means; a path is no name. Raises `UnknownName` or `RequestError`."""
        return self.catalog.find_file(kind, name, paths=False, read_at_most=READ_AT_ONCE)

    def vaes(self) -> list[ModelFile]:
        """Return every separate VAE."""
        return self.files("vae")

    def rejected(self) -> int:
        """Return how many weight files are nothing Redraw knows."""
        return sum(other.kind == UNKNOWN for other in self.catalog.others)

    def refresh(self) -> None:
        """Look into the folders again at the next use."""
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
        return self.file("checkpoint", name)

    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 of every checkpoint by its name; only the known ones where too much is unread."""
        models = [model for model in self.models() if model.path.is_file()]
        known = {model.name: self.catalog.known_sha256(model) for model in models}
        try:
            if sum(model.facts.size for model in models if known[model.name] is None) > READ_AT_ONCE:
                return {name: digest for name, digest in known.items() if digest is not None}
            return {model.name: self.catalog.sha256(model) for model in models}
        except (OSError, ModelError):
            return {}

    def vae(self, name: str) -> ModelFile:
        """Return the VAE a client means; a path is no name. Raises `UnknownName` or `RequestError`."""
        return self.file("vae", name)

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
        if fields.get("refiner"):
            changes["refiner"] = self.model(fields["refiner"]).name
        if fields.get("vae") is not None and fields["vae"].lower() != BUILT_IN_VAE:
            changes["vae"] = self.vae(fields["vae"]).file
        return {**fields, **changes}
