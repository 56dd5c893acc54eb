"""What files carry beside their pixels, read without decoding them."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from redraw.image.metadata import read_metadata

GRAPH = '{"3": {"class_type": "KSampler", "inputs": {"text": "é, {x}"}}}'


def picture(kind: str, tags: dict[int, str]) -> bytes:
    """A file whose EXIF has these tags."""
    exif, out = Image.Exif(), io.BytesIO()
    for tag, value in tags.items():
        exif[tag] = value
    Image.new("RGB", (8, 8)).save(out, kind, exif=exif)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["WEBP", "JPEG", "PNG"])
def test_graphs_of_comfyui_are_found_where_cameras_name_themselves(kind: str) -> None:
    plain = GRAPH.replace("é", "e")
    found = read_metadata(picture(kind, {0x0110: f"prompt:{plain}", 0x010F: 'workflow:{"nodes": []}'}))
    assert found.items == {"prompt": plain, "workflow": '{"nodes": []}'}


@pytest.mark.parametrize("tags", [{}, {0x010F: "Canon"}, {0x0110: "prompt: a fox"}, {0x0110: "Prompt:{"}])
def test_cameras_are_no_graphs(tags: dict[int, str]) -> None:
    assert read_metadata(picture("WEBP", tags)).items == {}


def test_a_damaged_block_is_no_graph() -> None:
    data = picture("WEBP", {0x0110: f"prompt:{GRAPH}".replace("é", "e")})
    at = data.index(b"EXIF") + 8
    assert read_metadata(data[: at + 12] + b"\xff" * 8 + data[at + 20 :]).items == {}
