"""What comes back from a server: progress, and finished pictures as the pipeline's own results are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from redraw.client.problems import Refused
from redraw.jobs.record import JobRecord, ResultRecord

if TYPE_CHECKING:
    from PIL import Image

    from redraw.image.edge import Edge
    from redraw.image.encode import Extras
    from redraw.image.picture import Picture
    from redraw.image.save import Saved

Fetch = Callable[[str], bytes]


@dataclass(frozen=True)
class Progress:
    """How far a job is; the fields of `redraw.pipeline.Progress`.

    Attributes:
        stage: "encode", "sample" or "decode".
        image, images: 0-based index of the picture at work, and how many there are.
        step, steps: sampler steps done and in all.
        fraction: 0..1 over the whole job.
        elapsed, remaining: seconds since it began, and an estimate of what is left (None where nobody knows).
    """

    stage: Literal["encode", "sample", "decode"] = "encode"
    image: int = 0
    images: int = 1
    step: int = 0
    steps: int = 0
    fraction: float = 0.0
    elapsed: float = 0.0
    remaining: float | None = None

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Progress:
        """Return what an event or a job tells; what a newer server adds is left out."""
        return cls(**{f.name: data[f.name] for f in fields(cls) if f.name in data})


@dataclass(frozen=True, eq=False)
class Result:
    """One finished picture on the server; its bytes are fetched when they are asked for, and checked.

    Attributes:
        record: everything the server says about it.
        links: its addresses: picture, thumbnail, maybe mask and cutout.
    """

    record: ResultRecord
    links: Mapping[str, str]
    _fetch: Fetch = field(repr=False)

    @property
    def id(self) -> str:
        """Its id on the server."""
        return self.record.id

    @property
    def index(self) -> int:
        """0-based place in its job."""
        return self.record.index

    @property
    def seed(self) -> int:
        """What it was made from."""
        return self.record.seed

    @property
    def infotext(self) -> str:
        """Its recipe as A1111 writes it."""
        return self.record.infotext

    @property
    def recipe(self) -> Mapping[str, Any]:
        """Its whole recipe."""
        return self.record.recipe

    @property
    def notes(self) -> tuple[str, ...]:
        """Plain sentences about what was decided or went wrong on the way."""
        return self.record.notes

    @property
    def format(self) -> str:
        """The file's format ("png")."""
        return self.record.format

    @property
    def edge(self) -> Edge | None:
        """How well the new part meets what surrounds it; None without a mask."""
        if not self.record.edge:
            return None
        from redraw.image.edge import Edge

        told = self.record.edge
        return Edge(seam=told["seam"], seam_before=told["seam_before"], ring=int(told["ring"]))

    @cached_property
    def data(self) -> bytes:
        """The bytes of the file, recipe and infotext inside; `Refused` if they are not what the server promised."""
        data = self._fetch(self.links["picture"])
        if hashlib.sha256(data).hexdigest() != self.record.blob:
            raise Refused(200, "damaged", f"picture {self.id} came damaged")
        return data

    @cached_property
    def picture(self) -> Picture:
        """The pixels and what goes with them."""
        return _opened(self.data, f"{self.id}.{self.format}")

    @cached_property
    def mask(self) -> Picture | None:
        """The mask as it was used, 255 = new; None without one, or where the job was not asked for it."""
        return _opened(self._fetch(self.links["mask"]), "mask.png") if "mask" in self.links else None

    @cached_property
    def cutout(self) -> Picture | None:
        """The new part alone, RGBA; None without a mask, or where the job was not asked for it."""
        return _opened(self._fetch(self.links["cutout"]), "cutout.png") if "cutout" in self.links else None

    @property
    def image(self) -> Image.Image:
        """The picture as a Pillow image of 8 bits, for display."""
        from PIL import Image

        from redraw.image.profile import to_eight_bits

        return Image.fromarray(to_eight_bits(self.picture.pixels))

    @property
    def extras(self) -> Extras:
        """What is written into a file beside the pixels."""
        from redraw.image.encode import Extras

        return Extras.of(self.picture, infotext=self.infotext, recipe=self.recipe)

    def save(self, path: str | Path, *, overwrite: bool = False, quality: int = 80) -> Saved:
        """Write the picture with its recipe; the format follows the name's ending (the server's if it has none).

        In the server's own format the file is the server's, byte for byte. An existing file is never replaced unless
        `overwrite`: a number is appended. Raises `OutputError`.
        """
        from redraw.image.save import Saved, save_bytes, save_picture

        target = Path(path)
        ending = target.suffix[1:].lower() or self.format
        if ending == self.format:
            return Saved(save_bytes(self.data, target.with_suffix(f".{ending}"), overwrite=overwrite))
        return save_picture(self.picture.pixels, target, extras=self.extras, overwrite=overwrite, quality=quality)


def job_record(data: Mapping[str, Any]) -> JobRecord:
    """Return a job as the server tells it; who works on it stays the server's own."""
    values = {f.name: data[f.name] for f in fields(JobRecord) if f.name in data}
    return JobRecord(**{**values, "notes": tuple(values.get("notes", ()))})


def result_of(data: Mapping[str, Any], fetch: Fetch) -> Result:
    """Return a result as the server tells it."""
    values = {f.name: data[f.name] for f in fields(ResultRecord) if f.name in data}
    values |= {"blob": data["sha256"], "thumbnail": "", "extras": {}, "notes": tuple(data.get("notes", ()))}
    return Result(ResultRecord(**values), dict(data["links"]), fetch)


def _opened(data: bytes, name: str) -> Picture:
    from redraw.image.io import open_picture
    from redraw.request.picture import PictureRef

    return open_picture(PictureRef.from_bytes(data, name))
