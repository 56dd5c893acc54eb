"""Where things are and how much is allowed: from the environment and a TOML file.

The file is `$REDRAW_CONFIG`, else `redraw/config.toml` in the user's configuration folder. An environment variable wins
over the file, an option of the command line over both. Only the entrances, the studio and the jobs read settings.

=====================  ============================  ==================================================================
key in the file        environment                   meaning
=====================  ============================  ==================================================================
models_dirs            REDRAW_MODELS_DIR             folders with checkpoints (several, separated as in PATH)
a1111_dir              REDRAW_A1111_DIR              folder of A1111's webui: its models and embeddings are offered too
comfyui_dir            REDRAW_COMFYUI_DIR            folder of ComfyUI: its models and those of extra_model_paths.yaml
models_in_memory       REDRAW_MODELS_IN_MEMORY       checkpoints that stay loaded, the last used ones
models_on_device       REDRAW_MODELS_ON_DEVICE       how many of these stay on the graphics card; others wait in RAM
data_dir               REDRAW_DATA_DIR               jobs, results, caches, and inputs that recipes refer to
output_dir             REDRAW_OUTPUT_DIR             where results go when nothing else is said
output_format          REDRAW_OUTPUT_FORMAT          png, jpg, webp, avif, tiff: file format of results
output_quality         REDRAW_OUTPUT_QUALITY         quality of jpg, webp and avif, 1 to 100
name_pattern           REDRAW_NAME_PATTERN           names of results, with A1111's patterns
device                 REDRAW_DEVICE                 auto, cpu, cuda, mps
dtype                  REDRAW_DTYPE                  auto, fp32, bf16, fp16
memory                 REDRAW_MEMORY                 auto, medvram, lowvram: how a model shares the device
model                  REDRAW_MODEL                  the model of requests that name none
max_megapixels         REDRAW_MAX_MEGAPIXELS         largest picture that is opened
host                   REDRAW_HOST                   address the server listens on
port                   REDRAW_PORT                   port the server listens on, 0 takes a free one
api_auth               REDRAW_API_AUTH               who may use the server: user:password (several, with commas)
database_url           REDRAW_DATABASE_URL           PostgreSQL database for the jobs; empty: a file in data_dir
queue_limit            REDRAW_QUEUE_LIMIT            jobs that may wait at once
max_upload_megabytes   REDRAW_MAX_UPLOAD_MEGABYTES   largest picture file the server takes
max_body_megabytes     REDRAW_MAX_BODY_MEGABYTES     largest request the server takes, pictures inside
max_upload_megapixels  REDRAW_MAX_UPLOAD_MEGAPIXELS  largest picture the server takes
retention_days         REDRAW_RETENTION_DAYS         days until ended jobs go to the trash, 0 never
trash_days             REDRAW_TRASH_DAYS             days until the trash is emptied, 0 never
quota_gigabytes        REDRAW_QUOTA_GIGABYTES        room the server's pictures may take on the disk, 0 any
hosts                  REDRAW_HOSTS                  further names the server may be called by (several, with commas)
cors_origins           REDRAW_CORS_ORIGINS           web pages that may call the server (several, with commas)
webhook_secret         REDRAW_WEBHOOK_SECRET         signs the calls to URLs that jobs name; empty: no such calls
webhook_private        REDRAW_WEBHOOK_PRIVATE        whether these may go to private addresses: true, false
log_prompts            REDRAW_LOG_PROMPTS            whether prompts are logged: true, false
server                 REDRAW_SERVER                 the server that submit and jobs speak to
server_auth            REDRAW_SERVER_AUTH            user:password for that server
=====================  ============================  ==================================================================

The file may also hold `[defaults]`, `[defaults.img2img]` and `[defaults.txt2img]`: what fields of requests are where a
command does not say.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, Literal

from redraw.errors import RequestError

MODELS_CACHE: Final = "models.sqlite"
DEFAULTS_FOR: Final = ("img2img", "txt2img")
_ENVIRONMENT: Final = {"models_dirs": "REDRAW_MODELS_DIR"}

Reader = Callable[[str, object], object]


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise RequestError(name, value, "it is a text")
    return value


def _path(name: str, value: object) -> Path:
    return Path(_text(name, value)).expanduser()


def _folder(name: str, value: object) -> Path | None:
    return _path(name, value) if value != "" else None


def _folders(name: str, value: object) -> tuple[Path, ...]:
    return tuple(_path(name, part) for part in _several(value, os.pathsep))


def _words(name: str, value: object) -> tuple[str, ...]:
    return tuple(_text(name, part).strip() for part in _several(value, ","))


def _flag(name: str, value: object) -> bool:
    known = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
    if str(value).lower() not in known:
        raise RequestError(name, value, "it is true or false")
    return known[str(value).lower()]


def _pairs(name: str, value: object) -> tuple[str, ...]:
    pairs = tuple(_text(name, part) for part in _several(value, ","))
    for pair in pairs:
        user, colon, password = pair.partition(":")
        if not (user and colon and password):
            raise RequestError(name, user, "it is user:password")  # never shows the password
    return pairs


def _several(value: object, separator: str) -> list[object]:
    if isinstance(value, str):
        return [part for part in value.split(separator) if part]
    return list(value) if isinstance(value, Sequence) else [value]


def _word(*words: str) -> Reader:
    def read(name: str, value: object) -> str:
        if value not in words:
            raise RequestError(name, value, "it is one of " + ", ".join(word or "nothing" for word in words))
        return str(value)

    return read


def _number(low: float, *, above: bool = False) -> Reader:
    def read(name: str, value: object) -> float:
        try:
            number = float(str(value))
        except ValueError:
            number = low - 1
        if not (number > low if above else number >= low):
            raise RequestError(name, value, f"it is a number {'above' if above else 'of at least'} {low:g}")
        return number

    return read


def _whole(low: int, high: int) -> Reader:
    def read(name: str, value: object) -> int:
        try:
            number = int(str(value))
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise RequestError(name, value, f"it is a whole number between {low} and {high}")
        return number

    return read


def _key(default: Any, read: Reader, *, secret: bool = False) -> Any:
    """Return a setting: its default, and what makes a checked value of what a file or a variable holds."""
    return field(default=default, repr=not secret, metadata={"read": read})


@dataclass(frozen=True)
class Settings:
    """One set of settings; `Settings.load()` reads them. What each means is in the module's table."""

    models_dirs: tuple[Path, ...] = _key((), _folders)
    a1111_dir: Path | None = field(default=None, metadata={"read": _folder})
    comfyui_dir: Path | None = field(default=None, metadata={"read": _folder})
    models_in_memory: int = _key(1, _whole(1, 100))
    models_on_device: int = _key(1, _whole(1, 100))
    data_dir: Path = field(default=Path(), metadata={"read": _path})
    output_dir: Path = field(default=Path("redraw-output"), metadata={"read": _path})
    output_format: str = _key("", _word("", "png", "jpg", "webp", "avif", "tiff"))
    output_quality: int = _key(80, _whole(1, 100))
    name_pattern: str = _key("", _text)
    device: str = _key("auto", _text)
    dtype: str = _key("auto", _text)
    memory: Literal["auto", "medvram", "lowvram"] = _key("auto", _word("auto", "medvram", "lowvram"))
    model: str = _key("", _text)
    max_megapixels: float = _key(200.0, _number(0, above=True))
    host: str = _key("127.0.0.1", _text)
    port: int = _key(7860, _whole(0, 65535))
    api_auth: tuple[str, ...] = _key((), _pairs, secret=True)
    database_url: str = _key("", _text, secret=True)
    queue_limit: int = _key(1000, _whole(1, 1_000_000))
    max_upload_megabytes: float = _key(64.0, _number(0, above=True))
    max_body_megabytes: float = _key(256.0, _number(0, above=True))
    max_upload_megapixels: float = _key(64.0, _number(0, above=True))
    retention_days: float = _key(0.0, _number(0))
    trash_days: float = _key(30.0, _number(0))
    quota_gigabytes: float = _key(0.0, _number(0))
    hosts: tuple[str, ...] = _key((), _words)
    cors_origins: tuple[str, ...] = _key((), _words)
    webhook_secret: str = _key("", _text, secret=True)
    webhook_private: bool = _key(False, _flag)
    log_prompts: bool = _key(False, _flag)
    server: str = _key("http://127.0.0.1:7860", _text)
    server_auth: str = _key("", _text, secret=True)
    defaults: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Return the settings of this user; a wrong file or value raises `RequestError`."""
        env = os.environ if environment is None else environment
        settings = cls(data_dir=_home(env, "XDG_DATA_HOME", Path(".local", "share")) / "redraw")
        settings = settings.changed(read_file(config_file(env), must_exist=bool(env.get("REDRAW_CONFIG"))))
        said = {name: env[variable] for name, variable in variables().items() if env.get(variable)}
        return settings.changed(said)

    def changed(self, values: Mapping[str, object]) -> Settings:
        """Return these settings with some replaced; an unknown key or a wrong value raises `RequestError`."""
        readers = {f.name: f.metadata["read"] for f in fields(self) if "read" in f.metadata}
        changes: dict[str, Any] = {}
        for name, value in values.items():
            if name == "defaults":
                changes[name] = _checked_defaults(value)
            elif name in readers:
                changes[name] = readers[name](name, value)
            else:
                raise RequestError("configuration", name, "known keys are " + ", ".join(sorted([*readers, "defaults"])))
        return replace(self, **changes)

    @property
    def models_cache(self) -> Path:
        """The SQLite file that keeps what is known about model files."""
        return self.data_dir / MODELS_CACHE

    def defaults_of(self, kind: str) -> dict[str, Any]:
        """Return what the user's configuration says about requests of a kind (`img2img`, `txt2img`): field -> value."""
        shared = {name: value for name, value in self.defaults.items() if name not in DEFAULTS_FOR}
        named = {"model": self.model} if self.model else {}
        return {**named, **shared, **self.defaults.get(kind, {})}

    def shown(self) -> dict[str, Any]:
        """Return everything as plain data, passwords left out."""
        values: dict[str, Any] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if not f.repr:
                value = bool(value)
            elif isinstance(value, tuple):
                value = [str(part) for part in value]
            values[f.name] = str(value) if isinstance(value, Path) else value
        return values


def variables() -> dict[str, str]:
    """Return the environment variable of each key."""
    return {f.name: _ENVIRONMENT.get(f.name, f"REDRAW_{f.name.upper()}") for f in fields(Settings) if f.metadata}


def config_file(environment: Mapping[str, str] | None = None) -> Path:
    """Return where the configuration file of this user is, or would be."""
    env = os.environ if environment is None else environment
    if env.get("REDRAW_CONFIG"):
        return Path(env["REDRAW_CONFIG"])
    return _home(env, "XDG_CONFIG_HOME", Path(".config")) / "redraw" / "config.toml"


def read_file(path: Path, *, must_exist: bool = False) -> dict[str, Any]:
    """Return what a configuration file holds; nothing if there is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if must_exist:
            raise RequestError("REDRAW_CONFIG", str(path), "the file must exist") from None
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise RequestError("configuration", str(path), f"it must be readable TOML ({error})") from None


def _home(env: Mapping[str, str], variable: str, below: Path) -> Path:
    return Path(env.get(variable) or Path(env.get("HOME") or Path.home()) / below)


def _checked_defaults(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise RequestError("defaults", value, "it is a table of fields of requests")
    for kind in DEFAULTS_FOR:
        if not isinstance(value.get(kind, {}), Mapping):
            raise RequestError(f"defaults.{kind}", value[kind], "it is a table of fields of requests")
    return dict(value)
