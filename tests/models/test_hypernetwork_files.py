"""Hypernetwork files that are damaged, malicious or something else are refused with the reason."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from redraw.errors import ModelError, UnsafeFile
from redraw.models.hypernetwork import load_hypernetwork


def _table(*sizes: int, first: int = 0) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    table = {}
    for i in range(len(sizes) - 1):
        table[f"linear.{i + first}.weight"] = torch.randn(sizes[i + 1], sizes[i], generator=g)
        table[f"linear.{i + first}.bias"] = torch.zeros(sizes[i + 1])
    return table


GOOD = _table(8, 16, 8)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "is no hypernetwork"),
        ({"a": torch.ones(2)}, "is no hypernetwork"),
        ({8: torch.ones(2)}, "is no hypernetwork"),
        ({8: (GOOD,)}, "is no hypernetwork"),
        ({8: ({}, {})}, r"width 8, keys: its 0 layers"),
        ({8: (GOOD, {"a": 1})}, r"width 8, values: its 0 layers"),
        ({8: (GOOD, 5)}, r"width 8, values: its 0 layers"),
        ({0: (GOOD, GOOD)}, "a width of 0"),
        ({99999: (GOOD, GOOD)}, "a width of 99999"),
        ({10**30: (GOOD, GOOD)}, "a width of 1000"),
        ({16: (GOOD, GOOD)}, r"layer 0 \(weight \[16, 8\], bias \[16\]\) does not fit behind 16"),
        ({8: (_table(8, 16), _table(8, 16))}, "lead from 8 numbers to 16"),
        ({8: (GOOD, {**GOOD, "linear.5.weight": torch.ones(3, 3)})}, "values: layer 5"),
        ({8: (GOOD, {**GOOD, "other": torch.ones(3)})}, "nobody knows what the tensor 'other'"),
        ({8: (GOOD, {"linear.0.bias": torch.ones(8)})}, "layer 0"),
        ({8: (GOOD, {k: v.long() for k, v in GOOD.items()})}, "int64"),
        ({8: (GOOD, {k: v * float("nan") for k, v in GOOD.items()})}, "NaN"),
        ({8: (GOOD, GOOD), "activation_func": "softmax"}, "the activation 'softmax' is not one"),
        ({8: (GOOD, GOOD), "activation_func": "multiheadattention"}, "is not one"),
        ({8: (GOOD, GOOD), "activation_func": "__import__"}, "is not one"),
        ({8: (GOOD, GOOD), "activation_func": "prelu"}, "is not one"),
    ],
)
def test_what_is_no_sound_hypernetwork_says_why(tmp_path: Path, content: dict[Any, Any], message: str) -> None:
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(ModelError, match=message):
        load_hypernetwork(tmp_path / "a.pt")


def test_too_many_layers_are_refused(tmp_path: Path) -> None:
    torch.save({8: (GOOD, _table(*[8] * 66))}, tmp_path / "a.pt")
    with pytest.raises(ModelError, match="65 layers"):
        load_hypernetwork(tmp_path / "a.pt")


def test_a_lora_or_checkpoint_is_no_hypernetwork(tmp_path: Path) -> None:
    save_file({"lora_unet_a.lora_up.weight": torch.ones(2, 2)}, tmp_path / "a.safetensors")
    with pytest.raises(ModelError, match="is no hypernetwork: it has no networks by width"):
        load_hypernetwork(tmp_path / "a.safetensors")


def test_a_small_file_that_claims_giant_matrices_is_refused(tmp_path: Path) -> None:
    wide = {"linear.0.weight": torch.zeros(1).expand(2**30, 8), "linear.0.bias": torch.zeros(1).expand(2**30)}
    torch.save({8: (GOOD, wide)}, tmp_path / "a.pt")
    assert (tmp_path / "a.pt").stat().st_size < 20_000
    with pytest.raises(UnsafeFile, match=r"claim more than|repeats"):
        load_hypernetwork(tmp_path / "a.pt")


class _Touch:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return open, (str(self.mark), "w")


@pytest.mark.parametrize("place", ["whole", "tensor", "fact", "optimizer"])
@pytest.mark.parametrize("old", [False, True])
def test_a_file_with_code_is_refused_and_the_code_does_not_run(tmp_path: Path, place: str, old: bool) -> None:
    attack = _Touch(tmp_path / "executed")
    content: Any = {
        "whole": attack,
        "tensor": {8: (GOOD, {**GOOD, "linear.0.weight": attack})},
        "fact": {8: (GOOD, GOOD), "activation_func": attack},
        "optimizer": {8: (GOOD, GOOD), "optimizer_state_dict": {"state": {0: attack}}},
    }[place]
    torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=not old)
    (tmp_path / "executed").unlink(missing_ok=True)
    with pytest.raises(UnsafeFile, match="would run code"):
        load_hypernetwork(tmp_path / "a.pt")
    assert not (tmp_path / "executed").exists()


def test_an_optimizer_s_state_beside_the_networks_is_passed_over(tmp_path: Path) -> None:
    optimizer = {"state": {0: {"step": 3, "exp_avg": torch.ones(8)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}
    torch.save({8: (GOOD, GOOD), "optimizer_name": "AdamW", "optimizer_state_dict": optimizer}, tmp_path / "a.pt")
    assert load_hypernetwork(tmp_path / "a.pt").widths == (8,)


def test_a_compressed_archive_is_refused_as_a_possible_bomb(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"a": 1}, 2))
        archive.writestr("archive/data/0", bytes(20_000_000))
    with pytest.raises(UnsafeFile, match="compressed"):
        load_hypernetwork(tmp_path / "bomb.pt")


@pytest.mark.parametrize("old", [False, True])
def test_a_file_cut_anywhere_is_an_error_not_a_crash(tmp_path: Path, old: bool) -> None:
    path = tmp_path / "a.pt"
    torch.save({8: (GOOD, GOOD), "step": 1}, path, _use_new_zipfile_serialization=not old)
    data = path.read_bytes()
    for end in range(0, len(data), len(data) // 50):
        path.write_bytes(data[:end])
        with pytest.raises(ModelError):
            load_hypernetwork(path)
