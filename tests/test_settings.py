"""Settings come from the environment over the file over the defaults."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from redraw.errors import RequestError
from redraw.settings import Settings


def test_without_anything_data_lies_in_the_users_folder(tmp_path: Path) -> None:
    settings = Settings.load({"HOME": str(tmp_path)})
    assert settings.data_dir == tmp_path / ".local" / "share" / "redraw"
    assert (settings.device, settings.models_dirs) == ("auto", ())


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "redraw.toml"
    file.write_text('device = "cpu"\ndtype = "bf16"\nmodels_dirs = ["a", "b"]\nmax_megapixels = 12\n')
    env = {"HOME": str(tmp_path), "REDRAW_CONFIG": str(file), "REDRAW_DTYPE": "fp32"}
    settings = Settings.load(env)
    assert (settings.device, settings.dtype, settings.max_megapixels) == ("cpu", "fp32", 12)
    assert settings.models_dirs == (Path("a"), Path("b"))
    more = Settings.load({**env, "REDRAW_MODELS_DIR": os.pathsep.join(["x", "y", "z"])})
    assert more.models_dirs == (Path("x"), Path("y"), Path("z"))


@pytest.mark.parametrize(
    ("text", "words"),
    [("devize = 'cpu'", "devize"), ("= broken", "TOML"), ("max_megapixels = 'many'", "max_megapixels")],
)
def test_a_wrong_file_is_told_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "redraw.toml"
    file.write_text(text)
    with pytest.raises(RequestError, match=words) as caught:
        Settings.load({"HOME": str(tmp_path), "REDRAW_CONFIG": str(file)})
    assert "\n" not in str(caught.value)


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="exist"):
        Settings.load({"HOME": str(tmp_path), "REDRAW_CONFIG": str(tmp_path / "none.toml")})
