"""Where things are and how much is allowed: from the environment and a TOML file.

The file is `$REDRAW_CONFIG`, else `redraw/config.toml` in the user's configuration folder. An environment variable wins
over the file, an option of the command line over both. Only the entrances, the studio and the jobs read settings.

==================  =======================  ====================================================================
key in the file     environment              meaning
==================  =======================  ====================================================================
models_dirs         REDRAW_MODELS_DIR        folders with checkpoints (several, separated as in PATH)
data_dir            REDRAW_DATA_DIR          caches and inputs that recipes refer to
output_dir          REDRAW_OUTPUT_DIR        where results go when nothing else is said
device              REDRAW_DEVICE            auto, cpu, cuda, mps
dtype               REDRAW_DTYPE             auto, fp32, bf16, fp16
max_megapixels      REDRAW_MAX_MEGAPIXELS    largest picture that is opened
==================  =======================  ====================================================================
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from redraw.errors import RequestError


@dataclass(frozen=True)
class Settings:
    """One set of settings; `Settings.load()` reads them."""

    models_dirs: tuple[Path, ...] = ()
    data_dir: Path = Path()
    output_dir: Path = Path("redraw-output")
    device: str = "auto"
    dtype: str = "auto"
    max_megapixels: float = 200.0

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Return the settings of this user; a wrong file or value raises `RequestError`."""
        env = os.environ if environment is None else environment
        home = Path(env.get("HOME") or Path.home())
        default = cls(data_dir=Path(env.get("XDG_DATA_HOME") or home / ".local" / "share") / "redraw")
        config = Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "redraw" / "config.toml"
        named = env.get("REDRAW_CONFIG")
        settings = default._with_file(Path(named) if named else config, must_exist=bool(named))
        return settings._with_environment(env)

    def _with_file(self, path: Path, *, must_exist: bool) -> Settings:
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            if must_exist:
                raise RequestError("REDRAW_CONFIG", str(path), "the file must exist") from None
            return self
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise RequestError("configuration", str(path), f"it must be readable TOML ({error})") from None
        known = {f.name for f in fields(self)}
        for key in table:
            if key not in known:
                raise RequestError("configuration", key, "known keys are " + ", ".join(sorted(known)))
        return self._with_values(table)

    def _with_environment(self, env: Mapping[str, str]) -> Settings:
        values: dict[str, object] = {}
        if env.get("REDRAW_MODELS_DIR"):
            values["models_dirs"] = [part for part in env["REDRAW_MODELS_DIR"].split(os.pathsep) if part]
        for name in ("data_dir", "output_dir", "device", "dtype", "max_megapixels"):
            value = env.get(f"REDRAW_{name.upper()}")
            if value:
                values[name] = value
        return self._with_values(values)

    def _with_values(self, values: Mapping[str, object]) -> Settings:
        changes: dict[str, object] = {}
        for name, value in values.items():
            if name == "models_dirs":
                many = value if isinstance(value, list) else [value]
                changes[name] = tuple(Path(str(part)).expanduser() for part in many)
            elif name in ("data_dir", "output_dir"):
                changes[name] = Path(str(value)).expanduser()
            elif name == "max_megapixels":
                changes[name] = _positive(name, value)
            else:
                changes[name] = str(value)
        return replace(self, **changes)  # type: ignore[arg-type]


def _positive(name: str, value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = 0.0
    if not number > 0:
        raise RequestError(name, value, "it is a number above 0")
    return number
