"""The things the starter model can draw: vector icons with openly licensed artwork, rendered once.

Artwork: Fluent Emoji flat (MIT) is the drawing style of the world; Noto Emoji (Apache-2.0) only teaches the VAE.
Names and keywords: emojibase-data (MIT). All three come as npm packages; `--packages` is their `node_modules`.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

RENDER = 192
"""Side in pixels of the stored renders; a picture never shows one larger than 128."""

_NAMES = """
dog-face cat-face fox lion bear panda rabbit-face pig-face frog penguin owl turtle lady-beetle tropical-fish baby-chick
red-apple tangerine banana watermelon strawberry cherries pineapple carrot hamburger pizza soft-ice-cream
rose sunflower cactus palm-tree christmas-tree
house castle automobile bus rocket flying-saucer sailboat
sun crescent-moon star cloud snowman umbrella
soccer-ball balloon wrapped-gift crown
red-heart skull ghost robot jack-o-lantern grinning-face smiling-face-with-sunglasses
"""
SUBJECTS = tuple(_NAMES.split())
"""Icon names wanted, in drawing order; those the icon set does not have are skipped."""

WORDS = {
    "dog-face": "dog", "cat-face": "cat", "rabbit-face": "rabbit", "pig-face": "pig",
    "lady-beetle": "ladybug", "baby-chick": "chick", "red-apple": "apple", "tangerine": "orange",
    "soft-ice-cream": "ice cream", "automobile": "car",
    "flying-saucer": "ufo", "wrapped-gift": "gift box", "red-heart": "heart",
    "jack-o-lantern": "halloween pumpkin", "grinning-face": "smiling face",
    "smiling-face-with-sunglasses": "face with sunglasses",
}  # fmt: skip
"""Plain words for icons whose name is not what a person would type."""


@dataclass(frozen=True)
class Subject:
    """One drawable thing: its icon's name, the words for it and further keywords."""

    icon: str
    words: str
    tags: tuple[str, ...]


def svg(icons: dict[str, Any], name: str) -> str:
    """The SVG document of one icon of an Iconify collection."""
    icon = icons["icons"][name]
    width = icon.get("width", icons.get("width", 16))
    height = icon.get("height", icons.get("height", 16))
    box = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {height}"
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {names} viewBox="{box}">{icon["body"]}</svg>'


def render(document: str, side: int = RENDER) -> NDArray[np.uint8]:
    """An SVG document as RGBA pixels, uint8 [side, side, 4], straight alpha."""
    import resvg_py  # only drawing needs it: the `training` extra

    png = bytes(resvg_py.svg_to_bytes(svg_string=document, width=side, height=side))
    with Image.open(io.BytesIO(png)) as picture:
        square = Image.new("RGBA", (side, side))
        square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
        return np.asarray(square)


def collection(packages: Path, name: str) -> dict[str, Any]:
    """An Iconify collection (`fluent-emoji-flat`, `noto`) from a `node_modules` folder."""
    loaded: dict[str, Any] = json.loads((packages / "@iconify-json" / name / "icons.json").read_text())
    return loaded


def keywords(packages: Path) -> dict[str, tuple[str, ...]]:
    """emojibase tags by label, both lower case, the label's blanks as hyphens (as icons are named)."""
    data = json.loads((packages / "emojibase-data" / "en" / "data.json").read_text())
    return {
        entry["label"].lower().replace(" ", "-"): tuple(tag.lower() for tag in entry.get("tags", ())) for entry in data
    }


def subjects(packages: Path) -> list[Subject]:
    """The subjects of this world that the icon set has, in the order of `SUBJECTS`."""
    icons, tags = collection(packages, "fluent-emoji-flat")["icons"], keywords(packages)
    found = []
    for name in SUBJECTS:
        if name in icons:
            words = WORDS.get(name, name.replace("-", " "))
            found.append(Subject(name, words, tuple(tag for tag in tags.get(name, ()) if tag not in words)[:4]))
    return found


def renders(packages: Path, cache: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pixels of all subjects [n, 192, 192, 4] and of other icons (VAE only), rendered once and kept in `cache`."""
    kept = cache / f"renders-{len(SUBJECTS)}.npz"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        flat, noto = collection(packages, "fluent-emoji-flat"), collection(packages, "noto")
        own = [subject.icon for subject in subjects(packages)]
        skipped = ("-medium", "-light", "-dark", "flag", "button", "oclock", "thirty", "medium-")
        others = [(flat, name) for name in flat["icons"] if name not in own and not any(s in name for s in skipped)]
        others += [(noto, name) for name in noto["icons"] if not any(s in name for s in skipped)]
        rest = [render(svg(icons, name)) for icons, name in others[::2]]
        np.savez(kept, subjects=np.stack([render(svg(flat, name)) for name in own]), others=np.stack(rest))
    with np.load(kept) as stored:
        return stored["subjects"], stored["others"]
