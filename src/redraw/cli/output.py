"""Where results go: a file, a folder, or stdout."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from redraw.errors import OutputError, RequestError
from redraw.image.names import NameValues, file_stem, next_number

if TYPE_CHECKING:
    from PIL import Image

    from redraw.image.edge import Edge
    from redraw.image.encode import Extras
    from redraw.image.picture import Picture
    from redraw.image.save import Saved

SUFFIXES: Final = {
    ".png": "png",
    ".jpg": "jpg",
    ".jpeg": "jpg",
    ".webp": "webp",
    ".avif": "avif",
    ".tif": "tiff",
    ".tiff": "tiff",
}
HERE: Final = Path()
PATTERNS: Final = {"img2img": "[basename]-[seed]", "txt2img": "[seed]-[prompt_words]"}


class Finished(Protocol):
    """A finished picture, as `redraw.pipeline.Result` and `redraw.client.Result` are."""

    @property
    def index(self) -> int:
        """0-based place in the run."""
        ...

    @property
    def seed(self) -> int:
        """What it was made from."""
        ...

    @property
    def infotext(self) -> str:
        """Its recipe as A1111 writes it."""
        ...

    @property
    def recipe(self) -> Mapping[str, Any]:
        """Its whole recipe."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Plain sentences about what was decided on the way."""
        ...

    @property
    def picture(self) -> Picture:
        """The pixels and what goes with them."""
        ...

    @property
    def mask(self) -> Picture | None:
        """The mask as it was used; None without one."""
        ...

    @property
    def cutout(self) -> Picture | None:
        """The new part alone; None without a mask."""
        ...

    @property
    def edge(self) -> Edge | None:
        """How well the new part meets what surrounds it; None without a mask."""
        ...

    @property
    def image(self) -> Image.Image:
        """The picture for display."""
        ...

    @property
    def extras(self) -> Extras:
        """What is written into the file beside the pixels."""
        ...


@dataclass
class Output:
    """Writes the pictures of a command.

    Attributes:
        target: what `-o` said: a file with a picture's ending, a folder, "-", or None for the default folder.
        folder: the default folder.
        file_format: `--format`, or None to go by the file's ending.
        usual_format: the format of files in a folder where nothing else is said.
        quality: of lossy formats.
        pattern: A1111's pattern for names in a folder, or None for the command's own.
        overwrite: replace existing files.
        number: begin names in a folder with A1111's five-digit number.
        pictures: how many pictures the command will make at most; decides whether stdout can take them.
        written: the files so far.
        notes: what the last writing had to do differently.
    """

    target: str | None
    folder: Path
    file_format: str | None = None
    usual_format: str = "png"
    quality: int = 80
    pattern: str | None = None
    overwrite: bool = False
    number: bool = False
    pictures: int = 1
    written: list[Path] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    _made_root: bool = field(default=False, init=False, repr=False)
    _numbers: dict[Path, int] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.to_stdout and self.pictures > 1:
            raise RequestError("--output", "-", f"stdout takes one picture, and this makes {self.pictures}")
        if not self.to_stdout:
            self._check_writable()

    @property
    def to_stdout(self) -> bool:
        """Whether the picture goes to stdout."""
        return self.target == "-"

    @property
    def kind(self) -> str:
        """The format of files that are not named one by one."""
        return self.file_format or self.usual_format

    @property
    def is_file(self) -> bool:
        """Whether one file was named, rather than a folder."""
        if self.target is None or self.to_stdout:
            return False
        path = Path(self.target)
        return path.suffix.lower() in SUFFIXES and not path.is_dir()

    def write(self, result: Finished, values: NameValues, folder: Path = HERE) -> Path | None:
        """Write one picture, in `folder` below the folder for results; return its path, None for stdout."""
        from redraw.image.save import save_picture, write_picture

        if self.to_stdout:
            self.notes = write_picture(
                result.picture.pixels, sys.stdout.buffer, format=self.kind, quality=self.quality, extras=result.extras
            )
            sys.stdout.buffer.flush()
            return None
        path = self.path_for(values, result.recipe.get("kind", "img2img"), folder)
        path.parent.mkdir(parents=True, exist_ok=True)  # a pattern may name folders
        saved = self._as_it_is(result, path) or save_picture(
            result.picture.pixels,
            path,
            format=self.file_format,
            quality=self.quality,
            extras=result.extras,
            overwrite=self.overwrite,
        )
        self.written.append(saved.path)
        self.notes = saved.notes
        return saved.path

    def _as_it_is(self, result: Finished, path: Path) -> Saved | None:
        """Write a server's file byte for byte, if it has the format that is wanted and quality plays no part in it."""
        data, kind = getattr(result, "data", None), getattr(result, "format", "")
        wanted = SUFFIXES.get(path.suffix.lower())
        if not isinstance(data, bytes) or kind != "png" or wanted != kind or self.file_format not in (None, kind):
            return None
        from redraw.image.save import Saved, save_bytes

        return Saved(save_bytes(data, path, overwrite=self.overwrite))

    def write_beside(self, picture: Picture, path: Path, suffix: str, infotext: str) -> Path:
        """Write a picture that belongs to the one at `path` as `<its name>-<suffix>.png`; return its path."""
        from redraw.image.save import Extras, save_picture

        target = path.with_name(f"{path.stem}-{suffix}.png")
        extras = Extras(infotext=infotext)
        return save_picture(picture.pixels, target, extras=extras, overwrite=self.overwrite).path

    def path_for(self, values: NameValues, kind: str, folder: Path = HERE) -> Path:
        """Return where a picture is to go; an existing file there is dealt with by the writer."""
        if self.is_file and self.target is not None:
            return Path(self.target)
        place = self.root / folder
        stem = file_stem(self.pattern or PATTERNS[kind], values, self._next_number(place) if self.number else None)
        return place / f"{stem}.{self.kind}"

    def _next_number(self, place: Path) -> int:
        """Return the number after the last in a folder, which is read once."""
        if place not in self._numbers:
            names = [path.name for path in place.iterdir()] if place.is_dir() else []
            self._numbers[place] = next_number(names)
        self._numbers[place] += 1
        return self._numbers[place] - 1

    @property
    def root(self) -> Path:
        """The folder results go to."""
        if self.target is None:
            return self.folder
        return Path(self.target).parent if self.is_file else Path(self.target)

    def tidy(self) -> None:
        """Take the folder away again if it was made for this command and nothing came of it."""
        if self._made_root and not self.written and not any(self.root.iterdir()):
            self.root.rmdir()

    def _check_writable(self) -> None:
        """Make the folder, and fail now, in one line, rather than after the work."""
        try:
            self._made_root = not self.root.exists()
            self.root.mkdir(parents=True, exist_ok=True)
            probe = self.root / ".redraw-probe"
            probe.touch()
            probe.unlink()
        except FileExistsError:
            raise OutputError(f"{self.root} is a file, not a folder") from None
        except OSError as error:
            raise OutputError(f"cannot write to {self.root}: {error.strerror or error}") from None


def name_values(result: Finished, *, stem: str, seeds: Sequence[int], images: int, batch: int) -> NameValues:
    """Return what a file name pattern may ask about one result."""
    request: dict[str, Any] = dict(result.recipe["request"])
    model = result.recipe["model"]
    return NameValues(
        prompt=request.get("prompt", ""),
        negative_prompt=request.get("negative_prompt", ""),
        seed=result.seed,
        seeds=seeds,
        steps=request.get("steps", 20),
        cfg_scale=request.get("cfg_scale", 7),
        width=result.picture.size.width,
        height=result.picture.size.height,
        sampler=request.get("sampler", "DPM++ 2M"),
        scheduler=request.get("scheduler", "Automatic"),
        model_name=model["name"],
        model_hash=model["sha256"][:10],
        clip_skip=request.get("clip_skip", 1),
        denoising=request.get("strength", 0.75) if result.recipe["kind"] == "img2img" else None,
        batch_number=result.index % batch + 1,
        batch_size=batch,
        generation_number=result.index + 1,
        run_size=images,
        basename=stem,
    )
