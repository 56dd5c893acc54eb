"""Weight files are opened lazily, and broken ones are refused in one line."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from redraw.errors import ModelError, UnsafeFile
from redraw.models.checkpoint import open_checkpoint

TENSORS = {
    "whole": torch.arange(12, dtype=torch.float32).view(3, 4),
    "half": torch.linspace(-2, 2, 7).half(),
    "brain": torch.linspace(-2, 2, 6).bfloat16().view(1, 2, 3),
    "count": torch.tensor([1, -5], dtype=torch.int64),
    "flag": torch.tensor([True, False]),
    "single": torch.tensor(3.5),
    "nothing": torch.empty(0, 4),
}


def _write(path: Path, header: object, data: bytes = b"", length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return path


def test_safetensors_give_every_tensor_and_the_metadata(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "a.safetensors", metadata={"redraw.native_size": "128"})
    checkpoint = open_checkpoint(tmp_path / "a.safetensors")
    assert set(checkpoint) == set(TENSORS)
    assert checkpoint.metadata == {"redraw.native_size": "128"}
    for name, tensor in TENSORS.items():
        assert checkpoint.shape(name) == tuple(tensor.shape)
        assert torch.equal(checkpoint.tensor(name), tensor)
        assert checkpoint.tensor(name).dtype == tensor.dtype


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before torch 1.6"])
def test_torch_files_give_every_tensor(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "a.ckpt"
    content = {"state_dict": TENSORS, "global_step": 7, "callbacks": {"best": 0.5}}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    checkpoint = open_checkpoint(path)
    assert set(checkpoint) == set(TENSORS)
    assert all(torch.equal(checkpoint.tensor(k), v) for k, v in TENSORS.items())
    assert checkpoint.skipped == ("global_step", "callbacks")


@pytest.mark.parametrize("zipped", [True, False])
def test_views_of_one_storage_stay_what_they_are(tmp_path: Path, zipped: bool) -> None:
    whole = torch.arange(24.0).view(4, 6)
    tensors = {"turned": whole.t(), "part": whole[1:3, 2:5], "whole": whole}
    torch.save(tensors, tmp_path / "v.pt", _use_new_zipfile_serialization=zipped)
    checkpoint = open_checkpoint(tmp_path / "v.pt")
    assert all(torch.equal(checkpoint.tensor(k), v) for k, v in tensors.items())


@pytest.mark.parametrize("filling", range(0, 256, 8))
def test_the_length_of_the_header_never_looks_like_another_kind_of_file(tmp_path: Path, filling: int) -> None:
    save_file({"a": torch.ones(1)}, tmp_path / "a.safetensors", metadata={"x": "y" * filling})
    assert list(open_checkpoint(tmp_path / "a.safetensors")) == ["a"]


@pytest.mark.parametrize("spaces", range(4))
def test_tensors_at_odd_places_are_read_right(tmp_path: Path, spaces: int) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode() + b" " * spaces
    path = _write(tmp_path / "a.safetensors", header, struct.pack("<ff", 1.5, -2.0))
    assert open_checkpoint(path).tensor("a").tolist() == [1.5, -2.0]


def test_writing_to_a_tensor_never_reaches_the_file(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(4)}, tmp_path / "a.safetensors")
    before = (tmp_path / "a.safetensors").read_bytes()
    open_checkpoint(tmp_path / "a.safetensors").tensor("a").fill_(1)
    assert (tmp_path / "a.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"just some words, no weights at all", "looks like text"),
        (b"<!DOCTYPE html><html>not found</html>", "looks like text"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "looks like something else"),
        (b"PK\x03\x04" + bytes(20), "damaged or cut short"),
        (b"\x80\x02}q\x00(X", "damaged or cut short"),
        (b"\x80\x02}.", "not one that torch wrote"),
        (b"\x01\x02", "not a weight file"),
    ],
)
@pytest.mark.parametrize("ending", ["safetensors", "ckpt"])
def test_what_is_no_weight_file_is_named(tmp_path: Path, content: bytes, message: str, ending: str) -> None:
    path = tmp_path / f"bad.{ending}"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message) as caught:
        open_checkpoint(path)
    assert "\n" not in str(caught.value)
    assert "bad" in str(caught.value)


@pytest.mark.parametrize("keep", [9, 40, 300, -1])
def test_a_safetensors_file_cut_short_is_refused(tmp_path: Path, keep: int) -> None:
    save_file(TENSORS, tmp_path / "a.safetensors")
    whole = (tmp_path / "a.safetensors").read_bytes()
    (tmp_path / "a.safetensors").write_bytes(whole[:keep])
    with pytest.raises(ModelError, match=r"cut short|damaged|not a weight file"):
        open_checkpoint(tmp_path / "a.safetensors")


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_torch_file_cut_short_is_refused(tmp_path: Path, keep: float, zipped: bool) -> None:
    torch.save({"a": torch.zeros(1000)}, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    whole = (tmp_path / "a.pt").read_bytes()
    (tmp_path / "a.pt").write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(ModelError, match=r"cut short|damaged|claims"):
        open_checkpoint(tmp_path / "a.pt")


def test_a_huge_header_length_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.safetensors", b"{}", length=2**60)
    with pytest.raises(UnsafeFile, match="header claims"):
        open_checkpoint(path)


def _entry(**changed: object) -> dict[str, object]:
    return {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changed}}


@pytest.mark.parametrize(
    ("header", "kind", "message"),
    [
        (_entry(data_offsets=[0, 4000]), UnsafeFile, "needs 8"),
        (_entry(shape=[2000], data_offsets=[0, 8000]), ModelError, "cut short"),
        (_entry(shape=[-2]), UnsafeFile, "no whole number"),
        (_entry(shape=[1.5]), UnsafeFile, "no whole number"),
        (_entry(data_offsets=[-8, 0]), UnsafeFile, "no whole number"),
        (_entry(shape=[2**62, 4]), UnsafeFile, "needs"),
        (_entry(dtype="F31"), ModelError, "not supported"),
        (_entry(data_offsets=[0]), ModelError, "incomplete"),
        ({"a": 3}, ModelError, "incomplete"),
        ({"__metadata__": {"a": 3}}, ModelError, "table of texts"),
        ({**_entry(), "b": _entry()["a"]}, UnsafeFile, "'b' and 'a' lie over each other"),
        (
            {**_entry(), "b": {"dtype": "F16", "shape": [1], "data_offsets": [6, 8]}},
            UnsafeFile,
            "'b' and 'a' lie over each other",
        ),
        (_entry(shape=[1] * 65 + [2]), UnsafeFile, "66 dimensions"),
        (b'{"a": {"dtype": "F32", "shape": [1' + b"0" * 5000 + b'], "data_offsets": [0, 8]}}', ModelError, "cannot be"),
        (b"[" * 100_000, ModelError, "not a weight file|cannot be read"),
        (b"{" * 50000, ModelError, "cannot be read"),
        (b'{"a":' * 20000 + b"1" + b"}" * 20000, ModelError, "cannot be read"),
    ],
)
def test_a_header_that_contradicts_itself_is_refused(
    tmp_path: Path, header: object, kind: type[ModelError], message: str
) -> None:
    with pytest.raises(kind, match=message):
        open_checkpoint(_write(tmp_path / "a.safetensors", header, bytes(8)))


def test_missing_files_and_folders_are_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        open_checkpoint(tmp_path / "gone.safetensors")
    with pytest.raises(ModelError, match="is a folder"):
        open_checkpoint(tmp_path)
