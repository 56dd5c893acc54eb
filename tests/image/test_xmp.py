"""The recipe in an XMP packet."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraw.image import xmp

OTHER = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:rights="mine" '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)
words = st.text(max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda x: st.lists(x, max_size=3) | st.dictionaries(words, x, max_size=3),
    max_leaves=6,
)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(words, json_values, max_size=4))
def test_any_recipe_comes_back_from_well_formed_xml(recipe: dict[str, Any]) -> None:
    for packet in (xmp.with_recipe(None, recipe), xmp.with_recipe(OTHER, recipe)):
        ElementTree.fromstring(packet)
        assert xmp.read_recipe(packet) == recipe


def test_a_long_recipe_is_packed() -> None:
    recipe = {"prompt": "a long prompt " * 10_000}
    packet = xmp.with_recipe(None, recipe)
    assert len(packet) < 3000
    assert xmp.read_recipe(packet) == recipe


def test_a_recipe_replaces_the_one_before_and_leaves_the_rest() -> None:
    packet = xmp.with_recipe(xmp.with_recipe(OTHER, {"n": 1}), {"n": 2})
    assert xmp.read_recipe(packet) == {"n": 2}
    assert packet.count(b"redraw:recipe>") == 2
    assert b'dc:rights="mine"' in packet
    assert xmp.without_recipe(packet) == OTHER


def test_the_orientation_is_reset() -> None:
    assert b'tiff:Orientation="1"' in xmp.upright(OTHER)
    assert b"<tiff:Orientation>1<" in xmp.upright(b"<tiff:Orientation>8</tiff:Orientation>")


@pytest.mark.parametrize(
    "packet",
    [None, b"", OTHER, b"<redraw:recipe>no json</redraw:recipe>", b"<redraw:packed>!!</redraw:packed>", b"\xff\xfe"],
)
def test_a_packet_without_a_sound_recipe_has_none(packet: bytes | None) -> None:
    assert xmp.read_recipe(packet) is None


def test_a_recipe_rewritten_as_an_attribute_is_read() -> None:
    assert xmp.read_recipe(b'<rdf:Description redraw:recipe="{&quot;n&quot;:1}"/>') == {"n": 1}


def test_a_damaged_packet_is_replaced() -> None:
    assert xmp.read_recipe(xmp.with_recipe(b"no xml", {"n": 1})) == {"n": 1}
