"""`redraw prompt` tells what a prompt means."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

Cli = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path, tiny_checkpoint: Path) -> Path:
    """A models folder with a checkpoint, a LoRA, and embeddings of two widths."""
    root = tmp_path / "models"
    (root / "Lora").mkdir(parents=True)
    (root / "embeddings").mkdir()
    shutil.copy(tiny_checkpoint, root / "tiny.safetensors")
    key = "lora_unet_mid_block_attentions_0_proj_in"
    network = {f"{key}.lora_down.weight": torch.zeros(2, 64, 1, 1), f"{key}.lora_up.weight": torch.zeros(64, 2, 1, 1)}
    save_file(network, root / "Lora" / "ink.safetensors", {"ss_output_name": "inkstyle"})
    save_file({"emb_params": torch.zeros(3, 16)}, root / "embeddings" / "blob.safetensors")
    save_file({"emb_params": torch.zeros(2, 768)}, root / "embeddings" / "other.safetensors")
    return root


def test_it_shows_what_is_used_when_and_what_looks_wrong(cli: Cli, folder: Path) -> None:
    prompt = "a [cat:fox:0.5] in (deep:1.3) snow, blob <lora:ink:0.5:1.2> <lora:inkk> AND (red:0.8 :0.6"
    done = cli("prompt", prompt, "--models-dir", str(folder))
    assert done.code == 0, done.err
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert lines[0] == "9 of 75 tokens, as the prompt of a run of 20 evaluations"
    assert "Part 1, weight 1, <lora:ink:0.5:1.2> <lora:inkk>" in lines
    assert "Part 2, weight 0.6" in lines
    assert "1-11 a cat in (deep:1.3) snow, blob" in lines
    assert "12-20 a fox in (deep:1.3) snow, blob" in lines
    assert "chunk 1 (9 of 75): a fox in deep ×1.3 snow , blob[3 vectors]" in lines
    assert "lora ink text 0.5, picture 1.2 ink" in lines
    assert "lora inkk 1 not found" in lines
    assert "Embeddings: blob" in lines
    warnings = [line for line in lines if line.startswith("warning: ")]
    assert len(warnings) == 2
    assert "never closed" in warnings[0]
    assert "did you mean ink" in warnings[1]


def test_machines_get_json(cli: Cli, folder: Path) -> None:
    done = cli("prompt", "a [b|c] blob <lora:inkstyle>", "--steps", "3", "--models-dir", str(folder), "--json")
    told = json.loads(done.out)
    assert (told["used"], told["limit"], told["embeddings"], told["warnings"]) == (5, 75, ["blob"], [])
    assert [(s["first"], s["last"]) for s in told["parts"][0]["schedule"]] == [(1, 2), (3, 3)]
    assert told["texts"][0]["chunks"][0][2] == {"text": "blob", "weight": 1.0, "vectors": 3}
    (network,) = told["networks"]
    assert network["path"] == str(folder / "Lora" / "ink.safetensors")


def test_a_model_tells_which_embeddings_do_not_fit(cli: Cli, folder: Path) -> None:
    fits = json.loads(cli("prompt", "blob other", "--model", "tiny", "--models-dir", str(folder), "--json").out)
    assert fits["embeddings"] == ["blob"]
    assert fits["warnings"] == ["the embedding other is not made for tiny; its name is read as plain words"]


def test_it_reads_a_negative_prompt_and_a_short_run(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    negative = json.loads(cli("prompt", "a AND [b:c:0.5]", "--negative", "--json", "--strength", "0.4").out)
    assert negative["evaluations"] == 9
    assert [part["schedule"] for part in negative["parts"]] == [[{"first": 1, "last": 9, "text": "a AND b"}]]
    assert len(negative["warnings"]) == 2
    monkeypatch.setattr("sys.stdin", io.StringIO("from a\npipe\n"))
    assert json.loads(cli("prompt", "-", "--json", "--sampler", "heun").out)["evaluations"] == 40


def test_options_change_how_it_reads(cli: Cli) -> None:
    def used(*options: str) -> int:
        found: int = json.loads(cli("prompt", "(a:1.5) # b", "--json", *options).out)["used"]
        return found

    assert (used(), used("--no-prompt-comments"), used("--emphasis", "ignore")) == (1, 3, 1)
    assert used("--emphasis", "none") > 5
    told = json.loads(cli("prompt", "[a:b:1.0]", "--json", "--prompt-timeline", "old").out)
    assert [span["text"] for span in told["parts"][0]["schedule"]] == ["a", "b"]


@pytest.mark.parametrize("wrong", [("--sampler", "oiler"), ("--model", "nothing"), ("--steps", "0")])
def test_what_does_not_exist_is_an_error(cli: Cli, wrong: tuple[str, str]) -> None:
    assert cli("prompt", "a", *wrong).code == 2


def test_any_prompt_is_explained(cli: Cli) -> None:
    for text in ("", "[[[", "(x:1.1.1)", "[a:b:1e999]", "<lora:>", "\\", "🙂" * 100, "(((x:999999999)))"):
        done = cli("prompt", text)
        assert done.code == 0, done.err
