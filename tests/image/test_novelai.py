"""Pictures made by NovelAI."""

from __future__ import annotations

import json

import pytest

from redraw.geometry import Size
from redraw.image.infotext import parse
from redraw.image.novelai import infotext

COMMENT = json.dumps({"steps": 28, "sampler": "k_euler_ancestral", "scale": 11, "seed": 5, "uc": "bad, worse"})


def test_novelais_settings_read_as_infotext() -> None:
    text = infotext({"Software": "NovelAI", "Description": "a cat", "Comment": COMMENT}, Size(512, 768))
    assert text is not None
    found = parse(text)
    assert (found["Prompt"], found["Negative prompt"]) == ("a cat", "bad, worse")
    assert (found["Steps"], found["Sampler"], found["CFG scale"], found["Seed"]) == ("28", "Euler a", "11", "5")
    assert (found["Size-1"], found["Size-2"], found["Clip skip"], found["ENSD"]) == ("512", "768", "2", "31337")


@pytest.mark.parametrize(
    "text",
    [{}, {"Software": "Other", "Comment": COMMENT}, {"Software": "NovelAI"}, {"Software": "NovelAI", "Comment": "[1]"}],
)
def test_other_pictures_have_none(text: dict[str, str]) -> None:
    assert infotext(text, Size(1, 1)) is None
