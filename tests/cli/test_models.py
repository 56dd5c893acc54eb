"""`redraw models` lists every kind of file, and says why one is not offered."""

from __future__ import annotations

import json
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from redraw.cli.listing import FILE_KINDS
from redraw.models.catalog import KINDS
from redraw.models.hashes import tensors_sha256
from redraw.server.routes.files import FileKind

Cli = Callable[..., Any]


def own(text: str) -> list[dict[str, Any]]:
    """The rows that are not of the package's own networks."""
    return [row for row in json.loads(text) if "starter" not in Path(row["path"]).parts]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a LoRA, a VAE and a text."""
    root = tmp_path / "flat"
    root.mkdir()
    save_file({"x.lora_down.weight": torch.ones(2, 2)}, root / "ink.safetensors", metadata={"ss_output_name": "wash"})
    save_file({"decoder.up.0.block.0.conv1.weight": torch.zeros(2, 2)}, root / "color.safetensors")
    (root / "letter.ckpt").write_text("dear diary")
    return root


def test_the_command_and_the_server_know_the_same_kinds() -> None:
    assert FILE_KINDS == KINDS == typing.get_args(FileKind)


def test_everything_is_listed_by_itself_or_by_name(cli: Cli, folder: Path) -> None:
    done = cli("models", "--models-dir", str(folder))
    assert done.code == 0
    assert done.out == cli("models", "list", "--models-dir", str(folder)).out
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert "lora ink (wash) 0.0 MB" in lines
    assert "vae color 0.0 MB" in lines
    assert "not offered: letter.ckpt is not a weight file; it looks like text" in lines


def test_one_kind_is_listed_with_hashes_on_request(cli: Cli, folder: Path) -> None:
    arguments = ("models", "--kind", "lora", "--json", "--models-dir", str(folder))
    (before,) = own(cli(*arguments).out)
    assert (before["name"], before["kind"], before["alias"], before["hash"]) == ("ink", "lora", "wash", None)
    (hashed,) = own(cli(*arguments, "--hash").out)
    assert hashed["hash"] == tensors_sha256(folder / "ink.safetensors")[:12]
    (after,) = own(cli(*arguments, "--refresh").out)
    assert after == hashed, "a refresh reads headers again, but hashes hold"


def test_json_says_of_every_file_whether_it_is_offered_and_why_not(cli: Cli, folder: Path) -> None:
    rows = {row["name"]: row for row in json.loads(cli("models", "--json", "--models-dir", str(folder)).out)}
    assert rows["ink"]["offered"] is True
    assert rows["ink"]["path"] == str(folder / "ink.safetensors")
    assert (rows["letter.ckpt"]["offered"], rows["letter.ckpt"]["kind"]) == (False, "unknown")
    assert "looks like text" in rows["letter.ckpt"]["why"]


def test_the_folders_of_other_programs_are_listed_by_setting(
    cli: Cli, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "comfy" / "models").mkdir(parents=True)
    folder.rename(tmp_path / "comfy" / "models" / "loras")
    monkeypatch.setenv("REDRAW_COMFYUI_DIR", str(tmp_path / "comfy"))
    assert [row["name"] for row in own(cli("models", "--kind", "lora", "--json").out)] == ["ink"]
    (tmp_path / "comfy" / "extra_model_paths.yaml").write_text("a: [")
    done = cli("models")
    assert done.code == 2
    assert "comfyui_dir" in done.err


def test_a_wrong_kind_or_command_is_said(cli: Cli) -> None:
    assert "not one of" in cli("models", "--kind", "style").err
    assert cli("models", "lost").code == 2
    assert "Commands" in cli("models", "--help").out
