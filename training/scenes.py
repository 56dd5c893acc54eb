"""Backgrounds, composition and captions: what a training picture looks like and what is said about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from training.subjects import Subject

SIDE = 128
"""Side of a training picture in pixels."""

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 40, 40), "orange": (245, 133, 24), "yellow": (250, 214, 50), "green": (52, 160, 72),
    "teal": (20, 150, 150), "light blue": (140, 205, 245), "blue": (38, 84, 200), "purple": (122, 56, 180),
    "pink": (250, 155, 195), "brown": (120, 76, 44), "black": (20, 20, 22), "gray": (140, 142, 146),
    "white": (250, 250, 250),
}  # fmt: skip
"""The plain backgrounds by name, sRGB."""

SCENES = ("night sky", "meadow", "beach", "sunset", "snow")
"""The drawn backgrounds."""

BACKGROUNDS = (*COLOURS, *SCENES)
"""Every background by name; plain colours first."""

Rgb = tuple[int, int, int]


@dataclass(frozen=True)
class Placement:
    """Where a subject stands: its side and its centre, as fractions of the picture, and whether it is mirrored."""

    scale: float = 0.8
    x: float = 0.5
    y: float = 0.5
    mirrored: bool = False


def gradient(top: Rgb, bottom: Rgb, side: int = SIDE) -> Image.Image:
    """A picture running from one colour at the top to another at the bottom."""
    ramp = np.linspace(0, 1, side)[:, None, None]
    rows = np.array(top) * (1 - ramp) + np.array(bottom) * ramp
    return Image.fromarray(np.broadcast_to(rows, (side, side, 3)).round().astype(np.uint8))


def scene(name: str, rng: np.random.Generator, side: int = SIDE) -> Image.Image:
    """One of `SCENES` with small random differences, drawn at twice the size and reduced."""
    big = 2 * side
    horizon = int(big * rng.uniform(0.62, 0.7))
    if name == "night sky":
        picture = gradient((12, 14, 48), (40, 42, 100), big)
        draw = ImageDraw.Draw(picture)
        for x, y, r in rng.uniform((0, 0, 1.5), (big, big, 3.6), (26, 3)):
            draw.ellipse((x - r, y - r, x + r, y + r), fill=(255, 250, 210))
    elif name == "meadow":
        picture = gradient((120, 196, 250), (196, 232, 252), big)
        draw = ImageDraw.Draw(picture)
        draw.ellipse((-big * 0.5, horizon - big * 0.06, big * 1.1, horizon + big), fill=(96, 184, 74))
        draw.ellipse((big * 0.1, horizon, big * 1.6, horizon + big), fill=(76, 164, 62))
    elif name == "beach":
        picture = gradient((120, 205, 250), (200, 236, 252), big)
        draw = ImageDraw.Draw(picture)
        draw.rectangle((0, int(big * 0.5), big, big), fill=(28, 140, 190))
        draw.rectangle((0, horizon, big, big), fill=(240, 214, 150))
    elif name == "sunset":
        picture = gradient((110, 50, 130), (255, 160, 60), big)
        draw = ImageDraw.Draw(picture)
        x, r = big * rng.uniform(0.3, 0.7), big * 0.2
        draw.ellipse((x - r, horizon - r, x + r, horizon + r), fill=(255, 226, 120))
        draw.rectangle((0, horizon, big, big), fill=(70, 40, 90))
    else:
        picture = gradient((150, 180, 214), (214, 228, 240), big)
        draw = ImageDraw.Draw(picture)
        draw.ellipse((-big * 0.4, horizon, big * 1.4, horizon + big), fill=(248, 250, 254))
        for x, y, r in rng.uniform((0, 0, 2), (big, big, 4), (24, 3)):
            draw.ellipse((x - r, y - r, x + r, y + r), fill=(255, 255, 255))
    return picture.reduce(2)


def background(name: str, rng: np.random.Generator, side: int = SIDE) -> Image.Image:
    """A background by name: a plain colour (each channel off by at most six) or a scene."""
    if name in COLOURS:
        colour = np.clip(np.array(COLOURS[name]) + rng.integers(-6, 7, 3), 0, 255)
        return Image.new("RGB", (side, side), tuple(int(c) for c in colour))
    return scene(name, rng, side)


def paste(picture: Image.Image, pixels: NDArray[np.uint8], place: Placement) -> Image.Image:
    """The picture with a subject's render (RGBA) laid over it, resized without colour fringes."""
    side = picture.width
    size = max(4, round(place.scale * side))
    subject = Image.fromarray(pixels).convert("RGBa").resize((size, size), Image.Resampling.BOX if size < 96 else 1)
    subject = subject.convert("RGBA")
    if place.mirrored:
        subject = subject.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    corner = (round(place.x * side - size / 2), round(place.y * side - size / 2))
    picture.paste(subject, corner, subject)
    return picture


def placement(rng: np.random.Generator, *, jitter: float = 1.0) -> Placement:
    """A mostly centred place: scale 0.74 to 0.88, centre within four hundredths."""
    x, y = rng.uniform(-0.04, 0.04, 2) * jitter
    return Placement(float(0.81 + rng.uniform(-0.07, 0.07) * jitter), float(0.5 + x), float(0.5 + y))


def setting(name: str) -> str:
    """How a caption says the background."""
    phrases = {"night sky": "in the night sky", "meadow": "on a meadow", "beach": "at the beach", "snow": "in the snow"}
    return phrases.get(name, "at sunset" if name == "sunset" else f"on a {name} background")


def article(words: str) -> str:
    """The words with `a` or `an` before them where that is English."""
    return f"{'an' if words[0] in 'aeiou' and not words.startswith(('uni', 'ufo')) else 'a'} {words}"


def caption(subject: Subject, backdrop: str, rng: np.random.Generator) -> str:
    """What is said about a picture: one of a few simple forms, at times with keywords and the style's name."""
    where, form = setting(backdrop), rng.random()
    if form < 0.6:
        text = f"{article(subject.words)} {where}"
    elif form < 0.8:
        text = f"{subject.words}, {where}"
    else:
        text = f"{subject.words}, {backdrop} background" if backdrop in COLOURS else f"{subject.words}, {backdrop}"
    if subject.tags and rng.random() < 0.2:
        text += ", " + str(rng.choice(subject.tags))
    return text + ", flat emoji" if rng.random() < 0.5 else text
