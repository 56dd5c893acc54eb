"""Alpha of files that keep it outside their tensors: PEFT's settings, in the metadata or in the file beside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from redraw.errors import ModelError

_ADAPTER: Final = "lora_adapter_metadata"
_NETWORKS: Final = ("unet", "text_encoder", "text_encoder_2")
_MOST: Final = 1 << 20


@dataclass(frozen=True)
class _Setting:
    """What PEFT writes for one network (or for the file)."""

    alpha: float | None
    patterns: tuple[tuple[str, float], ...]
    root: bool

    def of(self, module: str) -> float | None:
        for pattern, alpha in self.patterns:
            if module == pattern or module.endswith("." + pattern):
                return alpha
        return self.alpha


class Alphas:
    """Alpha by module, where tensors do not say it."""

    def __init__(self, path: Path, metadata: Mapping[str, str]) -> None:
        self._exact: dict[str, float] = {}
        self._settings: dict[str, _Setting] = {}
        adapter = _json(path, metadata, _ADAPTER)
        for network in _NETWORKS:
            own = {k.removeprefix(network + "."): v for k, v in adapter.items() if k.startswith(network + ".")}
            if own:
                self._settings[network] = _setting(path, own)
        plain = adapter if adapter and not self._settings else _beside(path)
        if not plain and "lora_alpha" in metadata:
            plain = {"lora_alpha": metadata["lora_alpha"]}
        if plain:
            self._settings[""] = _setting(path, plain)
        for name, alpha in _json(path, metadata, "network_alphas").items():
            self._exact[name.removesuffix(".alpha")] = _number(path, alpha)

    def scale(self, module: str, rank: int) -> float | None:
        """Return the scale of the file's module `module` of this rank, or None where nothing is said."""
        if module in self._exact:
            return self._exact[module] / rank
        network = module.split(".", 1)[0]
        setting = self._settings.get(network) or self._settings.get("")
        alpha = setting.of(module) if setting else None
        if setting is None or alpha is None:
            return None
        return float(alpha / rank**0.5 if setting.root else alpha / rank)


def _setting(path: Path, values: Mapping[str, Any]) -> _Setting:
    patterns = values.get("alpha_pattern") or {}
    if not isinstance(patterns, dict):
        raise ModelError(f"{path.name}: its alpha_pattern is no table")
    alpha = values.get("lora_alpha")
    return _Setting(
        None if alpha is None else _number(path, alpha),
        tuple((str(k), _number(path, v)) for k, v in patterns.items()),
        bool(values.get("use_rslora")),
    )


def _beside(path: Path) -> Mapping[str, Any]:
    """Return PEFT's settings file beside a file with PEFT's own name."""
    settings = path.with_name("adapter_config.json")
    if path.stem != "adapter_model" or not settings.is_file():
        return {}
    try:
        if settings.stat().st_size > _MOST:
            raise ModelError(f"{settings.name} is too large for settings")
        return _table(path, settings.read_text("utf-8"), settings.name)
    except OSError as error:
        raise ModelError(f"{settings.name} cannot be read: {error.strerror or error}") from error


def _json(path: Path, metadata: Mapping[str, str], key: str) -> Mapping[str, Any]:
    return _table(path, metadata[key], f"its metadata {key!r}") if key in metadata else {}


def _table(path: Path, text: str, what: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path.name}: {what} is no JSON") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path.name}: {what} is no table")
    return value


def _number(path: Path, value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise ModelError(f"{path.name}: {value!r} is no alpha") from error
