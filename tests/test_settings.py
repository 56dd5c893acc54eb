"""Settings come from the environment over the file over the defaults."""

from __future__ import annotations

import os
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import redraw.settings as module
from redraw.errors import RequestError
from redraw.settings import Settings, config_file, variables

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"


def load(tmp_path: Path, text: str = "", **env: str) -> Settings:
    """Settings from a file with this text and these variables."""
    file = tmp_path / "redraw.toml"
    file.write_text(text)
    return Settings.load({"HOME": str(tmp_path), "REDRAW_CONFIG": str(file), **env})


def test_without_anything_data_lies_in_the_users_folder(tmp_path: Path) -> None:
    settings = Settings.load({"HOME": str(tmp_path)})
    assert settings.data_dir == tmp_path / ".local" / "share" / "redraw"
    assert (settings.device, settings.models_dirs) == ("auto", ())
    assert config_file({"HOME": str(tmp_path)}) == tmp_path / ".config" / "redraw" / "config.toml"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    text = 'device = "cpu"\ndtype = "bf16"\nmodels_dirs = ["a", "b"]\nmax_megapixels = 12\n'
    settings = load(tmp_path, text, REDRAW_DTYPE="fp32")
    assert (settings.device, settings.dtype, settings.max_megapixels) == ("cpu", "fp32", 12)
    assert settings.models_dirs == (Path("a"), Path("b"))
    more = load(tmp_path, text, REDRAW_MODELS_DIR=os.pathsep.join(["x", "y", "z"]))
    assert more.models_dirs == (Path("x"), Path("y"), Path("z"))


@pytest.mark.parametrize(
    ("key", "variable", "value"),
    [
        ("a1111_dir", "~/webui", Path("~/webui").expanduser()),
        ("comfyui_dir", "/opt/ComfyUI", Path("/opt/ComfyUI")),
        ("models_in_memory", "3", 3),
        ("models_on_device", "2", 2),
        ("port", "8080", 8080),
        ("host", "0.0.0.0", "0.0.0.0"),
        ("memory", "lowvram", "lowvram"),
        ("api_auth", "ann:pw,bob:p:w", ("ann:pw", "bob:p:w")),
        ("database_url", "postgresql://x/y", "postgresql://x/y"),
        ("queue_limit", "5", 5),
        ("max_upload_megabytes", "1.5", 1.5),
        ("max_body_megabytes", "3", 3),
        ("max_upload_megapixels", "4", 4),
        ("hosts", "a.example, b.example", ("a.example", "b.example")),
        ("cors_origins", "https://a.example", ("https://a.example",)),
        ("webhook_secret", "hush", "hush"),
        ("webhook_private", "yes", True),
        ("log_prompts", "true", True),
        ("retention_days", "0", 0),
        ("trash_days", "7", 7),
        ("quota_gigabytes", "0.25", 0.25),
        ("output_format", "webp", "webp"),
        ("output_quality", "95", 95),
        ("server", "http://there:1", "http://there:1"),
    ],
)
def test_every_key_of_the_server_is_read_from_a_variable(
    tmp_path: Path, key: str, variable: str, value: object
) -> None:
    assert getattr(load(tmp_path, **{f"REDRAW_{key.upper()}": variable}), key) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("devize = 'cpu'", "devize"),
        ("= broken", "TOML"),
        ("max_megapixels = 'many'", "max_megapixels"),
        ("port = 70000", "port.*between 0 and 65535"),
        ("port = true", "port"),
        ("memory = 'small'", "memory.*medvram"),
        ("queue_limit = 0", "queue_limit"),
        ("quota_gigabytes = -1", "at least 0"),
        ("host = 3", "host"),
        ("log_prompts = 'maybe'", "true or false"),
        ("output_format = 'bmp'", "webp"),
        ("defaults = 3", "defaults"),
        ("[defaults]\nimg2img = 3", "defaults.img2img"),
    ],
)
def test_a_wrong_file_is_told_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(RequestError, match=words) as caught:
        load(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="exist"):
        Settings.load({"HOME": str(tmp_path), "REDRAW_CONFIG": str(tmp_path / "none.toml")})


def test_passwords_are_never_shown(tmp_path: Path) -> None:
    settings = load(tmp_path, REDRAW_API_AUTH="ann:hush", REDRAW_DATABASE_URL="postgresql://u:hush@h/d")
    assert "hush" not in repr(settings)
    assert "hush" not in str(settings.shown())
    with pytest.raises(RequestError) as caught:
        load(tmp_path, 'api_auth = [":hush"]')
    assert "hush" not in str(caught.value)


def test_defaults_of_a_kind_win_over_those_for_all(tmp_path: Path) -> None:
    text = 'model = "dream"\n[defaults]\nsteps = 30\nsampler = "Euler"\n[defaults.img2img]\nsteps = 12\n'
    settings = load(tmp_path, text)
    assert settings.defaults_of("img2img") == {"model": "dream", "steps": 12, "sampler": "Euler"}
    assert settings.defaults_of("txt2img") == {"model": "dream", "steps": 30, "sampler": "Euler"}


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) if value not in ("", (), Path(), None) else ""


def test_the_page_and_the_docstring_list_every_key() -> None:
    told = dict(re.findall(r"^(\w+) +(REDRAW_\w+) ", module.__doc__ or "", re.MULTILINE))
    assert told == variables()
    meanings = dict(re.findall(r"^(\w+) +REDRAW_\w+ +(.*)$", module.__doc__ or "", re.MULTILINE))
    page = PAGE.read_text(encoding="utf-8")
    rows = [
        f"| `{f.name}` | `{variables()[f.name]}` | {_default(f.default)} | {meanings[f.name]} |"
        for f in fields(Settings)
        if f.name in told
    ]
    assert [line for line in page.splitlines() if line.startswith("| `")] == rows
