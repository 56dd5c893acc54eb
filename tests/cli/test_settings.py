"""`redraw settings`: what is in force, and A1111's files taken over."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redraw.cli.settings import to_toml

Cli = Callable[..., Any]


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user without a configuration."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


def write(path: Path, data: Any) -> str:
    """Write a file of A1111's."""
    path.write_text(json.dumps(data))
    return str(path)


def test_what_is_in_force_is_shown_without_secrets(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDRAW_API_AUTH", "ann:hush")
    monkeypatch.setenv("REDRAW_STEPS", "nothing to us")
    shown = cli("settings", "list")
    assert shown.code == 0
    assert "hush" not in shown.out
    table = tomllib.loads(shown.out)
    assert (table["port"], table["api_auth"]) == (7860, True)
    assert json.loads(cli("settings", "list", "--json").out)["host"] == "127.0.0.1"


CONFIG = {
    "samples_format": "jpeg",
    "jpeg_quality": 95,
    "sd_model_checkpoint": "dream.safetensors [0123456789]",
    "CLIP_stop_at_last_layers": 2,
    "randn_source": "CPU",
    "img2img_color_correction": True,
    "s_churn": 3.0,
    "eta_noise_seed_delta": 31337,
    "grid_save": True,
    "token_merging_ratio": 0.4,
    "eta_ancestral": 0.7,
    "some_extension": "on",
}
FORM = {
    "img2img/Denoising strength/value": 0.4,
    "img2img/Denoising strength/maximum": 0.9,
    "img2img/Width/value": 512,
    "img2img/Height/value": 768,
    "img2img/Resize mode/value": "Crop and resize",
    "img2img/Inpaint area/value": "Only masked",
    "img2img/Masked content/value": "latent noise",
    "img2img/CFG Scale/value": 7.0,
    "img2img/Prompt/value": "a fox",
    "txt2img/Denoising strength/value": 0.3,
    "txt2img/Batch size/value": 4,
    "customscript/sampler.py/txt2img/Sampling steps/value": 33,
    "customscript/sampler.py/img2img/Sampling method/value": "Euler a",
    "customscript/sampler.py/img2img/Schedule type/value": "Karras",
    "customscript/loopback.py/img2img/Loops/value": 9,
    "img2img/Batch count/value": 99999,
}


def test_files_of_a1111_become_settings_and_defaults(cli: Cli, tmp_path: Path) -> None:
    done = cli("settings", "import", write(tmp_path / "config.json", CONFIG), write(tmp_path / "ui-config.json", FORM))
    assert done.code == 0, done.err
    assert tomllib.loads(done.out) == {
        "output_format": "jpg",
        "output_quality": 95,
        "model": "dream.safetensors [0123456789]",
        "defaults": {
            "clip_skip": 2,
            "rng": "cpu",
            "s_churn": 3.0,
            "ensd": 31337,
            "img2img": {
                "color_correction": True,
                "strength": 0.4,
                "height": 768,
                "resize_mode": "crop-and-resize",
                "only_masked": True,
                "masked_content": "latent-noise",
                "sampler": "Euler a",
                "scheduler": "Karras",
            },
            "txt2img": {"batch_size": 4, "steps": 33},
        },
    }
    left = [line.partition("left: ")[2].split()[0] for line in done.err.splitlines()]
    assert left == [
        *("token_merging_ratio", "eta_ancestral", "some_extension"),
        *("img2img/Prompt/value", "img2img/Batch"),
    ]


def test_files_nobody_touched_change_nothing(cli: Cli, goldens: Path, tmp_path: Path) -> None:
    from redraw.compat.options import DEFAULTS

    config = write(tmp_path / "config.json", dict(DEFAULTS))
    done = cli("settings", "import", config, str(goldens / "api" / "ui-config.json"), "--json")
    assert json.loads(done.out) == {"settings": {}, "left": []}


def test_saving_merges_into_the_configuration_and_keeps_the_old_one(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / ".config" / "redraw" / "config.toml"
    config, form = write(tmp_path / "config.json", CONFIG), write(tmp_path / "ui-config.json", FORM)
    assert cli("settings", "import", config, "--save").code == 0
    assert not file.with_name("config.toml.bak").exists()
    before = file.read_text()
    file.write_text(f"port = 8001\n{before}")
    assert cli("settings", "import", form, "--save").code == 0
    table = tomllib.loads(file.read_text())
    assert (table["port"], table["output_quality"]) == (8001, 95)
    assert (table["defaults"]["clip_skip"], table["defaults"]["img2img"]["strength"]) == (2, 0.4)
    assert file.with_name("config.toml.bak").read_text() == f"port = 8001\n{before}"
    assert tomllib.loads(cli("settings", "list").out)["port"] == 8001


@pytest.mark.parametrize(
    ("text", "words"),
    [(None, "readable"), ("{", "JSON"), ("[1]", "config.json"), ('{"jpeg_quality": 900}', "between 1 and 100")],
)
def test_what_is_no_such_file_is_told(cli: Cli, tmp_path: Path, text: str | None, words: str) -> None:
    file = tmp_path / "config.json"
    if text is not None:
        file.write_text(text)
    done = cli("settings", "import", str(file))
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert words in done.err


@pytest.mark.parametrize(
    "table",
    [
        {"a": 'quotes " and \\ and \n and ü and \x7f and \U0001f98a', "b": [1, 2.5, True, "x"], "c": -0.0},
        {"plain": 1, "table": {"in": 2, "deeper": {"x y": "z"}}, "empty": {}},
    ],
)
def test_toml_reads_back_what_was_written(table: dict[str, Any]) -> None:
    told = {key: value for key, value in table.items() if value != {}}
    assert tomllib.loads(to_toml(table)) == told
