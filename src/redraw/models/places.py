"""Where model files lie: the user's folders, A1111's and ComfyUI's, and every file in them that may be a model.

Everything may lie in one folder. A subfolder with a name that A1111 or ComfyUI give (`Lora`, `upscale_models`, ...)
says what lies in it, and names begin below it: `models/Lora/art/ink.safetensors` is the LoRA `art/ink`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from redraw.errors import RequestError
from redraw.models.checkpoint import WEIGHT_ENDINGS
from redraw.models.folders import is_model_folder

STANDARD: Final[Mapping[str, str]] = {
    **dict.fromkeys(("stable-diffusion", "checkpoints", "diffusers"), "checkpoint"),
    **dict.fromkeys(("vae",), "vae"),
    **dict.fromkeys(("vae-approx", "vae_approx"), "taesd"),
    **dict.fromkeys(("lora", "loras", "lycoris"), "lora"),
    **dict.fromkeys(("embeddings",), "embedding"),
    **dict.fromkeys(("hypernetworks",), "hypernetwork"),
    **dict.fromkeys(("controlnet", "t2i_adapter"), "controlnet"),
    **dict.fromkeys(("esrgan", "realesrgan", "bsrgan", "swinir", "scunet", "dat", "upscale_models"), "upscaler"),
}
"""What lies in a folder of this name, in lower case."""

PICTURES: Final = ("png", "jpg", "jpeg", "webp", "gif", "avif")
SIDECARS: Final = (".json", ".yaml", ".civitai.info")
_A1111: Final = (("models", ""), ("embeddings", "embedding"), ("extensions/sd-webui-controlnet/models", "controlnet"))
_COMFYUI_CONFIG: Final = "extra_model_paths.yaml"
_MAX_CONFIG: Final = 2**20


@dataclass(frozen=True)
class Place:
    """A folder that is searched.

    Attributes:
        root: the folder.
        kind: what lies in it (`lora`, ...), or "" where its subfolders and the files themselves tell.
    """

    root: Path
    kind: str = ""


@dataclass(frozen=True)
class Candidate:
    """A file, or a folder in diffusers' layout, that may be a model.

    Attributes:
        path: where it is.
        place: the folder that was searched.
        base: the folder below which its name begins.
        hint: what its folder says it is, or "".
        stamp: sizes and times of it and of its sidecars: what is known about it holds while this is the same.
        sidecars: files beside it that describe it.
        preview: a picture of what it does, or None.
    """

    path: Path
    place: Path
    base: Path
    hint: str
    stamp: str
    sidecars: tuple[Path, ...] = ()
    preview: Path | None = None


@dataclass
class Search:
    """What a search of some places found.

    Attributes:
        candidates: in order of the places, then of names.
        folders: every folder that was looked into, with its time of change in ns; None where there is none.
    """

    candidates: list[Candidate] = field(default_factory=list)
    folders: dict[Path, int | None] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Whether a folder has got or lost a file since."""
        return any(_time(folder) != time for folder, time in self.folders.items())


def places(
    folders: Iterable[Path], a1111_dir: Path | None = None, comfyui_dir: Path | None = None
) -> tuple[Place, ...]:
    """Return what is searched for models: the user's own folders first, then those of A1111 and of ComfyUI.

    Raises:
        RequestError: ComfyUI's extra_model_paths.yaml is there but cannot be read.
    """
    found = [Place(folder) for folder in folders]
    if a1111_dir is not None:
        found += [Place(a1111_dir / name, kind) for name, kind in _A1111]
    if comfyui_dir is not None:
        found += [Place(comfyui_dir / "models"), *_extra_places(comfyui_dir / _COMFYUI_CONFIG)]
    return tuple(found)


def search(wanted: Iterable[Place]) -> Search:
    """Look through places with all their subfolders; links are followed, once. No file is opened."""
    found, seen = Search(), set[str]()
    for place in wanted:
        hint = place.kind or STANDARD.get(place.root.name.lower(), "")
        found.candidates += _walk(place.root, place.root, place.root, hint, found.folders, seen)
    return found


def stamp_of(path: Path) -> str:
    """Return the size and time of a file, or those of all weights and configurations in a folder."""
    if not path.is_dir():
        return _stamp(path.stat())
    inside = sorted(p for p in (*path.glob("*.json"), *path.glob("*/*")) if p.is_file())
    return ";".join(f"{p.relative_to(path).as_posix()}:{_stamp(p.stat())}" for p in inside)


def candidate(path: Path) -> Candidate:
    """Return one file or folder as a candidate of its own folder; raises OSError where there is none."""
    beside = {p.name: p for p in path.parent.iterdir()} if not path.is_dir() else {}
    hint = STANDARD.get(path.parent.name.lower(), "")
    return _candidate(path, path.parent, path.parent, hint, beside, stamp_of(path))


def _walk(
    folder: Path, root: Path, base: Path, hint: str, folders: dict[Path, int | None], seen: set[str]
) -> Iterator[Candidate]:
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    folders[folder] = _time(folder)
    try:
        with os.scandir(folder) as opened:
            entries = {entry.name: entry for entry in sorted(opened, key=lambda entry: entry.name)}
    except OSError:
        return
    if folder != root and "unet" in entries and is_model_folder(folder):
        yield Candidate(folder, root, base, hint, stamp_of(folder), preview=_preview(folder, dict.fromkeys(entries)))
        return
    inner: list[str] = []
    for name, entry in entries.items():
        try:
            if entry.is_dir():
                inner.append(name)
            elif _may_be(name, hint, entries):
                yield _candidate(folder / name, root, base, hint, entries, _stamp(entry.stat()))
        except OSError:  # a link to nothing
            continue
    for name in inner:
        if not name.startswith("."):
            said = "" if hint else STANDARD.get(name.lower(), "")
            below = folder / name
            yield from _walk(below, root, below if said else base, hint or said, folders, seen)


def _may_be(name: str, hint: str, beside: Mapping[str, Any]) -> bool:
    """Return whether a file's name is one a model may have; embeddings may be pictures."""
    lower = name.lower()
    if lower.endswith(WEIGHT_ENDINGS):
        return True
    if hint != "embedding" or not lower.endswith((".png", ".webp", ".avif")):
        return False
    stem = name.rpartition(".")[0]
    return not stem.endswith(".preview") and not any(stem + ending in beside for ending in WEIGHT_ENDINGS)


def _candidate(path: Path, root: Path, base: Path, hint: str, beside: Mapping[str, Any], stamp: str) -> Candidate:
    sidecars = []
    for ending in SIDECARS:
        other = beside.get(path.stem + ending)
        if other is not None:
            if not other.is_symlink():  # a link could show anything
                sidecars.append(path.with_name(path.stem + ending))
            stamp += f";{ending}:{_stamp(other.stat())}"
    return Candidate(path, root, base, hint, stamp, tuple(sidecars), _preview(path, beside))


def _preview(path: Path, beside: Mapping[str, Any]) -> Path | None:
    """Return the picture A1111 would show: `<stem>.png`, `<stem>.preview.png`, then other formats."""
    names = (f"{path.stem}{middle}.{ending}" for ending in PICTURES for middle in ("", ".preview"))
    found = next((name for name in names if name in beside and name != path.name), None)
    return None if found is None else path.with_name(found)


def _stamp(status: os.stat_result) -> str:
    return f"{status.st_size}:{status.st_mtime_ns}"


def _time(folder: Path) -> int | None:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return None


def _extra_places(config: Path) -> list[Place]:
    """Return the folders of ComfyUI's extra_model_paths.yaml: sections with a base_path, and folders by kind."""
    import yaml  # type: ignore[import-untyped]

    if not config.is_file():
        return []
    try:
        if config.stat().st_size > _MAX_CONFIG:
            raise RequestError("comfyui_dir", str(config), "the file is larger than 1 MiB")
        document = yaml.safe_load(config.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        raise RequestError("comfyui_dir", str(config), f"it must be readable YAML ({error})") from error
    found = []
    for section in document.values() if isinstance(document, Mapping) else ():
        if not isinstance(section, Mapping):
            continue
        base = section.get("base_path")
        start = config.parent / Path(base).expanduser() if isinstance(base, str) else config.parent
        for name, folders in section.items():
            kind = STANDARD.get(str(name).lower())
            if kind is not None and isinstance(folders, str):
                lines = (line.strip() for line in folders.splitlines())
                found += [Place(start / Path(line).expanduser(), kind) for line in lines if line]
    return found
