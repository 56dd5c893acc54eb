"""Weights in several files are one checkpoint; an index that lies is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from redraw.errors import ModelError, UnsafeFile
from redraw.models.shards import open_part, open_shards

STEMS = ("diffusion_pytorch_model", "pytorch_model")
ONE, TWO = {"a": torch.ones(2), "b": torch.zeros(3)}, {"c": torch.full((2, 2), 3.0)}


def _index(path: Path, table: object) -> Path:
    path.write_text(json.dumps({"metadata": {"total_size": 36}, "weight_map": table}))
    return path


def _pieces(folder: Path, index: str, first: str, second: str) -> Path:
    for name, tensors in ((first, ONE), (second, TWO)):
        if name.endswith("bin"):
            torch.save(tensors, folder / name)
        else:
            save_file(tensors, folder / name)
    return _index(folder / index, {"a": first, "b": first, "c": second})


@pytest.mark.parametrize(
    ("index", "first", "second"),
    [
        ("safetensors.index", "-00001-of-00002.safetensors", "-00002-of-00002.safetensors"),
        ("safetensors.index.fp16", ".fp16-00001-of-00002.safetensors", ".fp16-00002-of-00002.safetensors"),
        ("fp16.safetensors.index", "-00001-of-00002.fp16.safetensors", "-00002-of-00002.fp16.safetensors"),
        ("safetensors.index.odd", "-00001-of-00002.odd.safetensors", "-00002-of-00002.odd.safetensors"),
        ("bin.index", "-00001-of-00002.bin", "-00002-of-00002.bin"),
    ],
)
def test_pieces_become_one_checkpoint(tmp_path: Path, index: str, first: str, second: str) -> None:
    _pieces(tmp_path, f"{STEMS[0]}.{index}.json", STEMS[0] + first, STEMS[0] + second)
    joined = open_part(tmp_path, STEMS)
    assert set(joined) == {"a", "b", "c"}
    assert all(torch.equal(joined.tensor(k), v) for k, v in {**ONE, **TWO}.items())
    assert joined.shape("c") == (2, 2)
    assert joined.size == sum(f.stat().st_size for f in tmp_path.iterdir() if not f.name.endswith("json"))


@pytest.mark.parametrize(
    "names",
    [
        (f"{STEMS[0]}.safetensors", f"{STEMS[0]}.fp16.safetensors"),
        (f"{STEMS[0]}.fp16.safetensors", f"{STEMS[0]}.bin"),
        (f"{STEMS[0]}.safetensors", f"{STEMS[1]}.bin"),
        (f"{STEMS[0]}.bf16.safetensors", f"{STEMS[0]}.non_ema.safetensors"),
        (f"{STEMS[0]}.unheard.safetensors", "other.safetensors"),
        (f"{STEMS[1]}.bin", "other.safetensors"),
    ],
)
def test_the_better_of_several_files_is_opened(tmp_path: Path, names: tuple[str, str]) -> None:
    for name, tensors in zip(names, (TWO, ONE), strict=True):
        torch.save(tensors, tmp_path / name) if name.endswith("bin") else save_file(tensors, tmp_path / name)
    assert set(open_part(tmp_path, STEMS)) == {"c"}


def test_a_missing_piece_is_named(tmp_path: Path) -> None:
    index = _pieces(tmp_path, "m.safetensors.index.json", "m-1.safetensors", "m-2.safetensors")
    (tmp_path / "m-2.safetensors").unlink()
    with pytest.raises(ModelError, match=r"the piece m-2.safetensors is missing"):
        open_shards(index)


def test_a_weight_that_is_not_where_the_index_says_is_named(tmp_path: Path) -> None:
    index = _pieces(tmp_path, "m.safetensors.index.json", "m-1.safetensors", "m-2.safetensors")
    _index(index, {"a": "m-1.safetensors", "c": "m-1.safetensors", "x": "m-2.safetensors"})
    with pytest.raises(ModelError, match=r"promises c in m-1.safetensors and 1 more"):
        open_shards(index)


@pytest.mark.parametrize("name", ["../m-1.safetensors", "/m-1.safetensors", "..", ".", "", "x/m.safetensors", "x\\m"])
def test_an_index_that_leads_out_of_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    save_file(ONE, tmp_path / "m-1.safetensors")
    with pytest.raises(UnsafeFile, match="leads out of its folder"):
        open_shards(_index(tmp_path / "in" / "m.safetensors.index.json", {"a": name}))


@pytest.mark.parametrize("table", [None, {}, [], {"a": 1}, "x"])
def test_an_index_without_a_table_is_refused(tmp_path: Path, table: object) -> None:
    with pytest.raises(ModelError, match="no weight_map"):
        open_shards(_index(tmp_path / "m.index.json", table))


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "\ud800", "[]"])
def test_an_index_that_is_no_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.index.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ModelError):
        open_shards(tmp_path / "m.index.json")


def test_an_index_of_too_many_files_opens_none(tmp_path: Path) -> None:
    with pytest.raises(UnsafeFile, match="names 1001 files"):
        open_shards(_index(tmp_path / "m.index.json", {f"a{i}": f"f{i}" for i in range(1001)}))


def test_an_empty_folder_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no diffusion_pytorch_model.safetensors"):
        open_part(tmp_path, STEMS)
    shutil.rmtree(tmp_path)
