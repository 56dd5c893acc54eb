"""Embeddings that travel in a PNG's text chunk, and pictures that only look like them."""

from __future__ import annotations

import base64
import io
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, PngImagePlugin

from redraw.errors import ModelError, UnsafeFile
from redraw.image import png
from redraw.models.embedding_files import load_embedding
from redraw.models.embedding_pictures import KEY, MAX_TEXT, picture_content

VECTORS = torch.randn(2, 768, generator=torch.Generator().manual_seed(1))


def _content(**changed: Any) -> dict[str, Any]:
    return {
        "string_to_token": {"*": 265},
        "string_to_param": {"*": {"TORCHTENSOR": VECTORS.tolist()}},
        "name": "my style",
        "step": 500,
        "sd_checkpoint": "abcd1234",
        "sd_checkpoint_name": None,
        **changed,
    }


def _picture(path: Path, content: Any, *, zipped: bool = False) -> Path:
    text = content if isinstance(content, str) else base64.b64encode(json.dumps(content).encode()).decode()
    info = PngImagePlugin.PngInfo()
    info.add_text(KEY, text, zip=zipped)
    Image.new("RGB", (16, 16), "gray").save(path, pnginfo=info)
    return path


@pytest.mark.parametrize("zipped", [False, True])
def test_a_picture_gives_the_embedding_and_its_name(tmp_path: Path, zipped: bool) -> None:
    found = load_embedding(_picture(tmp_path / "file.png", _content(), zipped=zipped))
    assert (found.name, found.count, found.step, found.sd_checkpoint) == ("my style", 2, 500, "abcd1234")
    assert torch.equal(found.vectors["clip_l"], VECTORS)
    assert len(found.hash12) == 12


def test_a_pair_for_sdxl_travels_too(tmp_path: Path) -> None:
    pair = {"clip_l": {"TORCHTENSOR": [[0.5] * 768]}, "clip_g": {"TORCHTENSOR": [[0.25] * 1280]}, "name": "xl"}
    found = load_embedding(_picture(tmp_path / "file.png", pair))
    assert (found.name, found.widths) == ("xl", (768, 1280))


@pytest.mark.parametrize("name", [None, "", "  ", 7, "a\nb", "x" * 201, "\x1b[31m"])
def test_a_name_nobody_could_write_gives_way_to_the_file_s(tmp_path: Path, name: Any) -> None:
    assert load_embedding(_picture(tmp_path / "file.png", _content(name=name))).name == "file"


def test_a_name_that_is_a_path_stays_a_word(tmp_path: Path) -> None:
    found = load_embedding(_picture(tmp_path / "file.png", _content(name="../../etc/passwd")))
    assert found.name == "../../etc/passwd"
    assert found.path == tmp_path / "file.png"


@pytest.mark.parametrize("ending", ["png", "webp"])
def test_a_plain_picture_has_none_and_says_which_form_is_not_read(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    Image.new("RGB", (16, 16)).save(path)
    assert picture_content(path) is None
    with pytest.raises(ModelError, match=r"dark bars at its sides, that form is not read; use the \.pt"):
        load_embedding(path)


@pytest.mark.parametrize(
    "content",
    [
        "no base64 !",
        base64.b64encode(b"no json").decode(),
        base64.b64encode(b"[1, 2]").decode(),
        base64.b64encode(b"\xff\xfe").decode(),
        base64.b64encode(b'{"a": ' * 100_000).decode(),
        base64.b64encode(b'{"a": {"TORCHTENSOR": [[1], [1, 2]]}}').decode(),
        base64.b64encode(b'{"a": {"TORCHTENSOR": "text"}}').decode(),
        base64.b64encode(b'{"a": {"TORCHTENSOR": {"b": 1}}}').decode(),
        base64.b64encode(b'{"a": {"TORCHTENSOR": [[1e999, 1]]}}').decode(),
        base64.b64encode(b'{"a": {"TORCHTENSOR": [[NaN]]}}').decode(),
        base64.b64encode(b'{"a": {"TORCHTENSOR": [[[1], [2]], [[3], [4]]]}}').decode(),
        base64.b64encode(b'{"TORCHTENSOR": [[1.0, 2.0]]}').decode(),
        {"string_to_param": {}},
        {"string_to_param": {"*": {"TORCHTENSOR": []}}},
    ],
)
def test_a_damaged_chunk_is_an_error(tmp_path: Path, content: Any) -> None:
    with pytest.raises(ModelError):
        load_embedding(_picture(tmp_path / "a.png", content))


def test_a_chunk_larger_than_any_embedding_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = _picture(tmp_path / "a.png", "A" * (MAX_TEXT + 4))
    with pytest.raises(UnsafeFile, match="letters long"):
        load_embedding(path)


def test_a_compressed_chunk_that_grows_without_end_is_not_inflated(tmp_path: Path) -> None:
    bomb = zlib.compress(bytes(2**27))
    assert len(bomb) < 2**20
    stream = io.BytesIO()
    Image.new("RGB", (4, 4)).save(stream, "png")
    plain = stream.getvalue()
    chunk = png.chunk(b"zTXt", KEY.encode() + b"\x00\x00" + bomb)
    (tmp_path / "a.png").write_bytes(plain[:33] + chunk + plain[33:])
    assert picture_content(tmp_path / "a.png") is None


def test_a_picture_cut_anywhere_is_an_error_not_a_crash(tmp_path: Path) -> None:
    data = _picture(tmp_path / "a.png", _content()).read_bytes()
    cut = tmp_path / "cut.png"
    for end in range(0, len(data) - 200, len(data) // 30):
        cut.write_bytes(data[:end])
        try:
            load_embedding(cut)
        except ModelError:
            continue
        assert end > data.index(b"IDAT") - 8
