"""Textual inversions are read from every form they come in, and nothing else is mistaken for one."""

from __future__ import annotations

import hashlib
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from redraw.errors import ModelError, UnsafeFile
from redraw.models.embedding_files import embedding_from, load_embedding


def _vectors(count: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("module", [False, True])
def test_a_file_of_a1111_gives_its_vectors_and_facts(tmp_path: Path, old: bool, module: bool) -> None:
    vectors = _vectors(4, 768)
    inside: Any = {"*": vectors}
    if module:
        inside = torch.nn.ParameterDict({"*": torch.nn.Parameter(vectors)})
    content = {
        "string_to_token": {"*": 265},
        "string_to_param": inside,
        "name": "other",
        "step": 1500,
        "sd_checkpoint": "a35f23fa",
        "sd_checkpoint_name": "model",
    }
    torch.save(content, tmp_path / "my.cat.pt", _use_new_zipfile_serialization=not old)
    found = load_embedding(tmp_path / "my.cat.pt")
    assert (found.name, found.count, found.widths) == ("my.cat", 4, (768,))
    assert (found.step, found.sd_checkpoint, found.sd_checkpoint_name) == (1500, "a35f23fa", "model")
    assert torch.equal(found.vectors["clip_l"], vectors)


def test_the_original_trainers_file_with_a_tensor_for_the_token_is_read(tmp_path: Path) -> None:
    content = {"string_to_token": {"*": torch.tensor(265)}, "string_to_param": {"*": _vectors(1, 1024)}}
    torch.save(content, tmp_path / "a.pt")
    assert load_embedding(tmp_path / "a.pt").vectors["clip_h"].shape == (1, 1024)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_concept_of_diffusers_is_one_vector_under_its_word(tmp_path: Path, dtype: torch.dtype) -> None:
    vector = _vectors(1, 768)[0].to(dtype)
    torch.save({"<cat-toy>": vector}, tmp_path / "cat.bin")
    save_file({"<cat-toy>": vector}, tmp_path / "cat.safetensors")
    for name in ("cat.bin", "cat.safetensors"):
        found = load_embedding(tmp_path / name)
        assert found.name == "cat"
        assert found.count == 1
        assert found.vectors["clip_l"].dtype is torch.float32
        assert torch.equal(found.vectors["clip_l"][0], vector.float())


def test_emb_params_stand_for_the_embedding_beside_other_tensors(tmp_path: Path) -> None:
    save_file({"emb_params": _vectors(8, 768), "loss": torch.ones(3)}, tmp_path / "a.safetensors")
    assert load_embedding(tmp_path / "a.safetensors").count == 8


@pytest.mark.parametrize("keys", [("clip_l", "clip_g"), ("text_encoders_0", "text_encoders_1")])
def test_a_pair_for_sdxl_keeps_both_lists(tmp_path: Path, keys: tuple[str, str]) -> None:
    first, second = _vectors(3, 768), _vectors(3, 1280, 1)
    save_file(dict(zip(keys, (first, second), strict=True)), tmp_path / "xl.safetensors")
    found = load_embedding(tmp_path / "xl.safetensors")
    assert (found.count, found.widths) == (3, (768, 1280))
    assert torch.equal(found.vectors["clip_l"], first)
    assert torch.equal(found.vectors["clip_g"], second)


def test_a_pair_of_unequal_length_is_refused(tmp_path: Path) -> None:
    save_file({"clip_l": _vectors(3, 768), "clip_g": _vectors(2, 1280)}, tmp_path / "xl.safetensors")
    with pytest.raises(ModelError, match="3 and 2 vectors"):
        load_embedding(tmp_path / "xl.safetensors")


def test_hashes_are_the_file_s(tmp_path: Path) -> None:
    save_file({"emb_params": _vectors(1, 8)}, tmp_path / "a.safetensors")
    found = load_embedding(tmp_path / "a.safetensors")
    assert found.hash12 == hashlib.sha256((tmp_path / "a.safetensors").read_bytes()).hexdigest()[:12]
    assert embedding_from("b", {"emb_params": _vectors(1, 8)}).hash12 == ""


def test_a1111_s_own_files_have_the_hashes_of_its_infotexts(goldens: Path) -> None:
    one, other = (load_embedding(goldens / "model" / n) for n in ("tinyti.safetensors", "tinypt.pt"))
    assert (one.name, one.count, one.hash12, one.step) == ("tinyti", 2, "16853008966a", None)
    assert (other.name, other.count, other.hash12, other.step) == ("tinypt", 3, "d5b5597e9c9c", 10)
    kept = torch.load(goldens / "model" / "tinypt.pt", weights_only=True)["string_to_param"]["*"]
    assert torch.equal(other.vectors["clip_l"], kept)


def test_tensors_bundled_in_a_network_become_an_embedding() -> None:
    vectors = _vectors(2, 768)
    for content in ({"string_to_param.*": vectors}, {"string_to_param": {"*": vectors}}, {"emb_params": vectors}):
        assert torch.equal(embedding_from("a", content).vectors["clip_l"], vectors)
    pair = embedding_from("a", {"clip_l": vectors, "clip_g": _vectors(2, 1280)})
    assert set(pair.vectors) == {"clip_l", "clip_g"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": torch.ones(1, 8), "b": torch.ones(1, 8)}, "2 tensors"),
        ({"string_to_param": {"a": torch.ones(1, 8), "b": torch.ones(1, 8)}}, "2 tensors"),
        ({"string_to_param": {}}, "no tensor"),
        ({"name": "x", "step": 3}, "no tensor"),
        ({"a": torch.ones(2, 2, 8)}, "no list of vectors"),
        ({"a": torch.tensor(3.0)}, "no list of vectors"),
        ({"a": torch.ones(0, 8)}, "no list of vectors"),
        ({"a": torch.ones(76, 8)}, "76 vectors"),
        ({"a": torch.ones(2, 8, dtype=torch.int64)}, "int64"),
        ({"a": torch.tensor([[1.0, float("nan")]])}, "NaN"),
        ({"lora_unet_x.lora_up.weight": torch.ones(2, 8), "lora_unet_x.alpha": torch.ones(1)}, "is a LoRA"),
    ],
)
def test_what_is_no_embedding_says_why(tmp_path: Path, content: dict[str, Any], message: str) -> None:
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(ModelError, match=message):
        load_embedding(tmp_path / "a.pt")


def test_a_whole_checkpoint_in_the_wrong_folder_is_told_apart(tmp_path: Path) -> None:
    names = [f"model.diffusion_model.input_blocks.{i}.0.weight" for i in range(20)]
    save_file({name: torch.ones(2, 8) for name in names}, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match=r"is no embedding Redraw knows: it holds 20 tensors \(model\.diffusion"):
        load_embedding(tmp_path / "model.safetensors")


def test_a_small_file_that_claims_a_giant_tensor_costs_nothing(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1).expand(70, 2**40)}, tmp_path / "wide.pt")
    torch.save({"a": torch.zeros(1).expand(2**40, 768)}, tmp_path / "long.pt")
    for name in ("wide.pt", "long.pt"):
        assert (tmp_path / name).stat().st_size < 10_000
        with pytest.raises(ModelError):
            load_embedding(tmp_path / name)


class _Touch:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return open, (str(self.mark), "w")


@pytest.mark.parametrize("place", ["whole", "string_to_param", "name", "tensor", "parameters"])
def test_a_file_with_code_is_refused_and_the_code_does_not_run(tmp_path: Path, place: str) -> None:
    mark = tmp_path / "executed"
    attack: Any = _Touch(mark)
    module = torch.nn.ParameterDict({"*": torch.nn.Parameter(torch.ones(1, 768))})
    vars(module)["extra"] = [attack]
    content = {
        "whole": attack,
        "string_to_param": {"string_to_param": attack},
        "name": {"string_to_param": {"*": 1}, "name": attack},
        "tensor": {"string_to_param": {"*": attack}},
        "parameters": {"string_to_param": module},
    }[place]
    for ending in ("pt", "bin"):
        for old in (False, True):
            path = tmp_path / f"bad.{ending}"
            torch.save(content, path, _use_new_zipfile_serialization=not old)
            mark.unlink(missing_ok=True)
            with pytest.raises(UnsafeFile, match="would run code"):
                load_embedding(path)
            assert not mark.exists()


def test_a_compressed_archive_is_refused_as_a_possible_bomb(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"a": 1}, 2))
        archive.writestr("archive/data/0", bytes(20_000_000))
    with pytest.raises(UnsafeFile, match="compressed"):
        load_embedding(tmp_path / "bomb.pt")


@pytest.mark.parametrize("name", ["a.pt", "old.pt", "a.safetensors"])
def test_a_file_cut_anywhere_is_an_error_not_a_crash(tmp_path: Path, name: str) -> None:
    whole = tmp_path / name
    if name.endswith(".pt"):
        torch.save({"string_to_param": {"*": _vectors(1, 8)}}, whole, _use_new_zipfile_serialization=name == "a.pt")
    else:
        save_file({"emb_params": _vectors(1, 8)}, whole)
    data = whole.read_bytes()
    for end in range(0, len(data), max(1, len(data) // 40)):
        whole.write_bytes(data[:end])
        with pytest.raises(ModelError):
            load_embedding(whole)


def test_missing_files_and_folders_are_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        load_embedding(tmp_path / "none.pt")
    with pytest.raises(ModelError, match="folder"):
        load_embedding(tmp_path)
    with pytest.raises(ModelError, match="cannot be read"):
        load_embedding(tmp_path / "none.png")
