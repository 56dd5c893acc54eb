"""Following a recipe: find its inputs and its model by hash, make the picture again, compare."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from redraw.errors import PictureError, RequestError, UnknownName
from redraw.image.io import open_picture
from redraw.pipeline import Result
from redraw.pipeline.recipe import FORMAT, fingerprint
from redraw.request import BUILT_IN_VAE, KINDS, Generation, PictureRef
from redraw.studio import Studio

PICTURES: Final = frozenset(
    [".png", ".jpg", ".jpeg", ".webp", ".avif", ".gif", ".tif", ".tiff", ".bmp", ".heic", ".heif"]
)
_LISTS: Final[Mapping[str, str]] = {"image": "images", "region": "region_masks"}  # roles of which there may be several


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a replay.

    Attributes:
        result: the picture made again.
        identical: whether its pixels are those the recipe remembers.
        worst: greatest difference of a channel to the file's own pixels, or None if sizes differ or the file is lossy.
        differences: how this machine differs from the recipe's.
    """

    result: Result
    identical: bool
    worst: int | None
    differences: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The outcome for people."""
        if self.identical:
            return "identical: every pixel is the same"
        if self.worst is None:
            return "different: the pixels are not the same"
        return f"different: channels are off by up to {self.worst} levels"


def replay_recipe(studio: Studio, recipe: Mapping[str, Any], *, beside: Path, inputs: Sequence[Path] = ()) -> Outcome:
    """Make the picture of `recipe` again on this machine, as the recipe's environment says where that is possible.

    Args:
        studio: models and data folder to search.
        recipe: as `redraw.pipeline.recipe` wrote it.
        beside: the picture that carries it; its folder is searched first.
        inputs: further files and folders to search for the source.

    Raises:
        RequestError: the recipe is of another format, or an input or the model is not at hand (its hash is named).
    """
    if recipe.get("format") != FORMAT or recipe.get("kind") not in KINDS:
        raise RequestError("recipe", recipe.get("format"), f"this version reads format {FORMAT}")
    environment = recipe.get("environment", {})
    request = _request(studio, recipe, beside, inputs)
    threads = torch.get_num_threads()
    torch.set_num_threads(int(environment.get("threads") or threads))
    try:
        result = studio.run(request).result()
    finally:
        torch.set_num_threads(threads)
    identical = fingerprint(result.picture.pixels) == recipe.get("pixels")
    return Outcome(result, identical, _worst(beside, result), _differences(recipe, result.recipe))


def _request(studio: Studio, recipe: Mapping[str, Any], beside: Path, inputs: Sequence[Path]) -> Generation:
    fields = dict(recipe["request"])
    if recipe.get("inputs"):
        folders = [beside.parent, studio.settings.data_dir / "inputs", *inputs]
        found = [(given.get("role", "image"), _find(given, folders)) for given in recipe["inputs"]]
        fields |= {role: ref for role, ref in found if role not in _LISTS}
        for role, name in _LISTS.items():
            if several := tuple(ref for of, ref in found if of == role):
                fields[name] = several
    fields["model"] = str(_find_model(studio, recipe["model"]))
    fields["vae"] = recipe["vae"]["name"] if recipe.get("vae") else BUILT_IN_VAE
    _check_networks(studio, recipe.get("networks") or ())
    return KINDS[str(recipe["kind"])](**fields)


def _check_networks(studio: Studio, networks: Sequence[Mapping[str, Any]]) -> None:
    """Refuse to go on with another LoRA or embedding of the same name, or without one; refiners are models."""
    loras = [studio.shelf.lora(str(one["name"])) for one in networks if one.get("kind") == "lora"]
    here = {("lora", str(one["name"])): file.hash12 for one, file in zip(_of("lora", networks), loras, strict=True)}
    bundled = [embedding for file in loras for embedding in file.embeddings]
    here |= {("embedding", one.name): one.hash12 for one in studio.shelf.embeddings(bundled)}
    for one in [*_of("lora", networks), *_of("embedding", networks)]:
        kind, name, wanted = str(one["kind"]), str(one["name"]), str(one["hash"])
        found = here.get((kind, name))
        if found != wanted:
            has = "there is none here" if found is None else f"the one here is {found}"
            raise RequestError(kind, name, f"the picture was made with the one whose hash is {wanted}; {has}")
    for one in _of("refiner", networks):
        studio.catalog.find(str(one["hash"]), paths=False)


def _of(kind: str, networks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [one for one in networks if one.get("kind") == kind]


def _find_model(studio: Studio, model: Mapping[str, Any]) -> Path:
    """Return the checkpoint with the recipe's hash; a namesake with another hash is not taken."""
    try:
        return studio.catalog.find(str(model["sha256"]), paths=False).path
    except UnknownName:
        raise RequestError(
            "model",
            model["name"],
            f"no model with SHA-256 {model['sha256']} is at hand; name its folder with --models-dir",
        ) from None


def _find(given: Mapping[str, Any], places: Sequence[Path]) -> PictureRef:
    """Return the input whose bytes have the recipe's hash."""
    for path in _candidates(str(given["name"]), places):
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() == given["sha256"]:
            return PictureRef.from_bytes(data, name=str(given["name"]))
    searched = ", ".join(str(place) for place in places)
    raise RequestError(
        "input", given["name"], f"no file with SHA-256 {given['sha256']} in {searched}; name its folder with --input"
    )


def _candidates(name: str, places: Sequence[Path]) -> Iterator[Path]:
    """Yield files worth hashing: the one of the right name first, then every other picture of each folder."""
    for place in places:
        if place.is_file():
            yield place
        elif place.is_dir():
            files = sorted(path for path in place.iterdir() if path.is_file())
            pictures = [path for path in files if path.name == name or path.suffix.lower() in PICTURES]
            yield from sorted(pictures, key=lambda path: path.name != name)


def _worst(file: Path, result: Result) -> int | None:
    try:
        before = open_picture(file).pixels
    except PictureError:
        return None
    after = result.picture.pixels
    if before.shape != after.shape or before.dtype != after.dtype:
        return None
    return int(np.abs(before.astype(np.int64) - after.astype(np.int64)).max())


def _differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a line for each part of the environment that is not the recipe's."""
    lines = []
    if then.get("program") != now.get("program"):
        lines.append(f"made by {then.get('program')}, now {now.get('program')}")
    vae_then, vae_now = (recipe.get("vae") or {} for recipe in (then, now))
    if vae_then.get("sha256") != vae_now.get("sha256"):
        lines.append(f"VAE: {vae_then.get('name')} has another content here")
    before, after = then.get("environment", {}), now.get("environment", {})
    for key in ("device", "dtype", "vae_dtype", "threads", "torch"):
        if before.get(key) != after.get(key):
            lines.append(f"{key}: {before.get(key)} then, {after.get(key)} now")
    return tuple(lines)
