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
import resvg_py
from numpy.typing import NDArray
from PIL import Image

RENDER = 192
"""Side in pixels of the stored renders; a picture never shows one larger than 128."""

SUBJECTS = """
dog-face cat-face fox lion tiger-face wolf bear panda koala rabbit-face mouse-face hamster pig-face cow-face
horse-face monkey-face frog chicken penguin owl polar-bear unicorn gorilla raccoon
elephant giraffe zebra camel kangaroo hedgehog turtle snail butterfly honeybee lady-beetle ant spider
octopus crab lobster shrimp squid tropical-fish fish dolphin whale shark seal duck swan flamingo parrot peacock rooster
baby-chick eagle bat snake crocodile lizard sauropod t-rex dragon-face otter skunk squirrel
red-apple green-apple tangerine lemon banana watermelon grapes strawberry cherries peach pineapple coconut kiwi-fruit
tomato avocado eggplant potato carrot ear-of-corn hot-pepper cucumber broccoli garlic onion mushroom pear mango
bread croissant pretzel pancakes cheese-wedge hamburger french-fries pizza hot-dog taco egg cooking popcorn
doughnut cookie birthday-cake shortcake cupcake pie chocolate-bar candy lollipop ice-cream soft-ice-cream sushi
hot-beverage beer-mug wine-glass glass-of-milk teapot cocktail-glass honey-pot
rose sunflower tulip hibiscus cherry-blossom cactus palm-tree evergreen-tree deciduous-tree four-leaf-clover maple-leaf
potted-plant
house castle church mosque hut tent ferris-wheel statue-of-liberty mount-fuji volcano tokyo-tower school
automobile taxi bus fire-engine police-car ambulance delivery-truck tractor racing-car bicycle motorcycle
motor-scooter locomotive airplane helicopter rocket flying-saucer sailboat ship canoe hot-air-balloon
sun crescent-moon full-moon star cloud rainbow snowman fire droplet umbrella lightning snowflake globe-showing-americas
ringed-planet
soccer-ball basketball baseball tennis guitar violin trumpet drum accordion game-die teddy-bear balloon kite
wrapped-gift crown ring gem-stone key light-bulb candle book hammer axe scissors magnet bell
telephone television camera laptop alarm-clock hourglass-done watch chair bed couch-and-lamp
t-shirt jeans dress top-hat running-shoe high-heeled-shoe backpack glasses
red-heart skull ghost alien robot jack-o-lantern christmas-tree trophy treasure
grinning-face smiling-face-with-sunglasses smiling-face-with-heart-eyes crying-face angry-face sleeping-face
clown-face nerd-face astronaut princess santa-claus
toolbox bucket broom anchor door window moai sled parachute rubber-duck
""".split()
"""Icon names wanted, in drawing order; those the icon set does not have are skipped."""

WORDS = {
    "dog-face": "dog", "cat-face": "cat", "tiger-face": "tiger", "rabbit-face": "rabbit", "mouse-face": "mouse",
    "pig-face": "pig", "cow-face": "cow", "horse-face": "horse", "monkey-face": "monkey", "dragon-face": "dragon",
    "red-apple": "apple", "tangerine": "orange", "ear-of-corn": "corn", "kiwi-fruit": "kiwi", "honeybee": "bee",
    "lady-beetle": "ladybug", "sauropod": "dinosaur", "cheese-wedge": "cheese", "hot-beverage": "cup of coffee",
    "cooking": "fried egg in a pan", "beer-mug": "mug of beer", "glass-of-milk": "glass of milk", "automobile": "car",
    "evergreen-tree": "pine tree", "deciduous-tree": "tree", "flying-saucer": "ufo", "hot-pepper": "chili pepper",
    "full-moon": "full moon", "globe-showing-americas": "earth globe", "ringed-planet": "planet saturn",
    "tennis": "tennis ball", "game-die": "dice", "wrapped-gift": "gift box", "hourglass-done": "hourglass",
    "couch-and-lamp": "couch", "red-heart": "heart", "jack-o-lantern": "halloween pumpkin", "ship": "big ship",
    "smiling-face-with-sunglasses": "face with sunglasses", "smiling-face-with-heart-eyes": "face with heart eyes",
    "grinning-face": "smiling face", "mount-fuji": "snowy mountain", "tokyo-tower": "red tower", "gem-stone": "diamond",
    "moai": "moai statue", "birthday-cake": "birthday cake", "shortcake": "slice of cake", "baby-chick": "chick",
    "soft-ice-cream": "ice cream cone", "ice-cream": "bowl of ice cream", "locomotive": "steam train",
    "delivery-truck": "truck", "racing-car": "race car", "motor-scooter": "scooter", "running-shoe": "sneaker",
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
    kept = cache / "renders.npz"
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
