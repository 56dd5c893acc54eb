"""A folder of pictures redrawn by one request, as A1111's batch tab does (reference 5.8), as plain data.

`plan_batch` looks at the folders and says what is to be done; iterating the plan gives for each source a `BatchItem`
with an ordinary `Img2Img`, or why it is left out. `run_batch` runs a plan. No picture that fails stops the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import field_validator

from redraw.errors import Cancelled, OutputError, PictureError, RedrawError, RequestError
from redraw.image.infotext import parse
from redraw.image.io import open_picture
from redraw.image.metadata import read_metadata
from redraw.image.names import NameValues, file_stem, next_number
from redraw.image.picture import Limits
from redraw.request import Img2Img, PictureRef, Request
from redraw.request.advanced import fix_seed
from redraw.request.fields import option
from redraw.workflows.folders import Finished, Found, Shelf, find_pictures, finished_in, unique_stems

if TYPE_CHECKING:
    from redraw.pipeline import Progress, Result

NAME_PATTERN: Final = "[basename]-[generation_number]"
PNG_INFO_PROPS: Final = ("Prompt", "Negative prompt", "Seed", "CFG scale", "Sampler", "Steps", "Model hash")


class BatchOptions(Request):
    """How the pictures of a batch are found, what each brings along, and how results are named."""

    mask_folder: Path | None = option(
        None,
        "Mask folder",
        "Folder with a mask of the same name for each picture, or with one mask for all; a picture without one is"
        " left out.",
        group="Batch",
    )
    use_png_info: bool = option(
        False, "Use PNG info", "Take settings from the recipe each picture carries.", group="Batch"
    )
    png_info_folder: Path | None = option(
        None, "PNG info folder", "Take them from the pictures of the same names in this folder.", group="Batch"
    )
    png_info_props: frozenset[str] = option(
        frozenset(PNG_INFO_PROPS[:-1]),
        "PNG info properties",
        "What to take, separated by commas: " + ", ".join(PNG_INFO_PROPS) + ". Prompts are appended to the command's,"
        " the others replace them. All but Model hash if nothing is said.",
        group="Batch",
    )
    recursive: bool = option(True, "Recursive", "Take the pictures of sub-folders too.", group="Batch")
    number: bool = option(
        False, "Number prefix", "Begin each name with a number of five digits, as A1111 does.", group="Batch"
    )
    resume: bool = option(
        False, "Resume", "Leave out pictures whose results lie in the output folder already.", group="Batch"
    )

    @field_validator("png_info_props", mode="before")
    @classmethod
    def _known_props(cls, props: Any) -> Any:
        words = props.split(",") if isinstance(props, str) else props
        by_lower = {known.lower(): known for known in PNG_INFO_PROPS}
        names = [str(word).strip().lower() for word in words]
        for name in names:
            if name and name not in by_lower:
                raise RequestError("png_info_props", name, "they are " + ", ".join(PNG_INFO_PROPS))
        return frozenset(by_lower[name] for name in names if name)

    @property
    def reads_png_info(self) -> bool:
        """Whether anything is taken from infotexts."""
        return self.use_png_info or self.png_info_folder is not None or "png_info_props" in self.model_fields_set


@dataclass(frozen=True)
class BatchItem:
    """One picture to be redrawn.

    Attributes:
        path: the source.
        request: the run, with seeds fixed.
        folder: where its results go below the output folder.
        stem: what its results are named after; its file name without the ending, unless another picture has the same.
        done: indexes of the run's pictures that exist already; only with `resume`.
        notes: plain sentences for people.
    """

    path: Path
    request: Img2Img
    folder: Path
    stem: str
    done: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()

    def name(self, index: int, number: int | None = None) -> str:
        """Return the name of result `index` (from 0) without its ending: `cat`, or `cat-1` where there are several."""
        count = self.request.image_count
        values = NameValues(basename=self.stem, generation_number=index + 1, run_size=count)
        return file_stem(NAME_PATTERN, values, number)


@dataclass(frozen=True)
class Skipped:
    """A source that is left out: unreadable, without a mask, or (`finished`) made before."""

    path: Path
    why: str
    finished: bool = False


@dataclass(frozen=True)
class Failed:
    """A source whose run came to nothing."""

    path: Path
    why: str


@dataclass(frozen=True, eq=False)
class Made:
    """A result, what it was made from, and the file it was written to, if it was."""

    item: BatchItem
    result: Result
    file: Path | None = None

    @property
    def source(self) -> Path:
        """The picture it was made from."""
        return self.item.path


@dataclass(frozen=True)
class BatchPlan:
    """A batch that was checked; its length is the number of sources.

    Attributes:
        sources: what is to be redrawn.
        fields: of each request but its own picture, with seeds fixed.
        options: of the batch.
        template: a request like those of the items, for whoever wants to load the model first.
        masks, infos: the pictures of the mask folder and of the PNG info folder, if there are such.
        finished: what lies in the output folder already; empty without `resume`.
    """

    sources: tuple[Found, ...]
    fields: Mapping[str, Any]
    options: BatchOptions
    template: Img2Img
    masks: Shelf | None
    infos: Shelf | None
    finished: Finished

    def __len__(self) -> int:
        return len(self.sources)

    def __iter__(self) -> Iterator[BatchItem | Skipped]:
        stems = unique_stems(self.sources)
        seen: Counter[tuple[str, str | None]] = Counter()
        for source, stem in zip(self.sources, stems, strict=True):
            try:
                ref = PictureRef.from_path(source.path).hashed()
                step = self._step(source, stem, ref, seen[ref.name, ref.sha256])
                seen[ref.name, ref.sha256] += 1
                yield step
            except PictureError as error:
                yield Skipped(source.path, error.allowed)
            except RequestError as error:  # what its PNG info asks for
                yield Skipped(source.path, str(error))

    def _step(self, source: Found, stem: str, ref: PictureRef, before: int) -> BatchItem | Skipped:
        infotext = read_metadata(ref).infotext
        changes: dict[str, Any] = {}
        notes: tuple[str, ...] = ()
        if self.masks:
            mask = self.masks.alone or self.masks.of(source)
            if mask is None:
                return Skipped(source.path, "it has no mask")
            changes["mask"] = PictureRef.from_path(mask).hashed()
        if self.options.reads_png_info:
            text = _infotext_beside(self.infos, source) if self.infos else infotext
            if text:
                changes |= _taken(text, self.options.png_info_props, self.fields)
            else:
                notes = ("no PNG info was found; the command's own settings were used",)
        request = Img2Img(images=(ref,), **{**self.fields, **changes})
        done = self.finished.of(ref, before)
        if len(done) >= request.image_count:
            return Skipped(source.path, "it was made before", finished=True)
        return BatchItem(source.path, request, source.folder, stem, done, notes)


def plan_batch(
    sources: str | Path | Sequence[str | Path],
    fields: Mapping[str, Any],
    options: BatchOptions | None = None,
    *,
    output: Path | None = None,
) -> BatchPlan:
    """Look at the folders and return what is to be done; nothing is opened yet.

    Args:
        sources: folders, files, or both. Files may have any ending; of a folder's files those with a picture's.
        fields: fields of `Img2Img` for every picture, but `images`. A seed of -1 is drawn once, for all pictures.
        options: of the batch.
        output: where results will go; pictures in there are no sources.

    Raises:
        RequestError: a field or an option is wrong, or a folder is missing or without pictures.
    """
    options = options or BatchOptions()
    given = [Path(one) for one in ([sources] if isinstance(sources, str | Path) else sources)]
    if options.mask_folder is not None and fields.get("mask") is not None:
        raise RequestError("mask_folder", str(options.mask_folder), "give one mask or a folder of masks, not both")
    masks = Shelf.of_folder("mask_folder", options.mask_folder) if options.mask_folder else None
    infos = Shelf.of_folder("png_info_folder", options.png_info_folder) if options.png_info_folder else None
    beside = [folder for folder in (options.mask_folder, options.png_info_folder) if folder is not None]
    found = tuple(find_pictures(given, recursive=options.recursive, output=output, beside=beside))
    if not found:
        where = ", ".join(str(path) for path in given)
        raise RequestError("input", where, "there is no picture in it outside the output folder")
    fixed = _fixed(fields)
    first = PictureRef.from_path(found[0].path)
    template = Img2Img(images=(first,), **({**fixed, "mask": first} if masks else fixed))
    finished = finished_in(output) if options.resume and output is not None else Finished({})
    return BatchPlan(found, fixed, options, template, masks, infos, finished)


def run_batch(
    plan: BatchPlan,
    run: Callable[[Img2Img], Iterable[Progress | Result]],
    *,
    output: Path | None = None,
    limits: Limits | None = None,
) -> Iterator[Made | Skipped | Failed]:
    """Run a plan and yield what comes of each source.

    Args:
        plan: what is to be done.
        run: makes one request.
        output: folder that results are written to as PNG; None writes nothing.
        limits: on pictures, to tell an unreadable source from a failed run.

    `Cancelled` and `OutputError` stop the batch; every other error of ours is that picture's own.
    """
    from redraw.pipeline import Result

    for step in plan:
        if isinstance(step, Skipped):
            yield step
            continue
        try:
            for event in run(step.request):
                if isinstance(event, Result) and event.index not in step.done:
                    yield Made(step, event, _saved(step, event, output, plan.options.number))
        except (Cancelled, OutputError):
            raise
        except RedrawError as error:
            yield not_made(step, error, limits)


def _saved(item: BatchItem, result: Result, output: Path | None, numbered: bool) -> Path | None:
    if output is None:
        return None
    place = output / item.folder
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write to {place}: {error.strerror or error}") from None
    number = next_number(path.name for path in place.iterdir()) if numbered else None
    return result.save(place / f"{item.name(result.index, number)}.png").path


def not_made(item: BatchItem, error: RedrawError, limits: Limits | None = None) -> Skipped | Failed:
    """Return what an error means for the batch: a source that turned out to be unreadable is skipped."""
    if isinstance(error, PictureError):
        try:
            open_picture(item.request.images[0], limits)
        except PictureError as unreadable:
            return Skipped(item.path, unreadable.allowed)
    return Failed(item.path, str(error))


def _fixed(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with every seed drawn."""
    fixed = dict(fields)
    for name in ("seed", "variation_seed"):
        value = fixed.get(name, -1)
        fixed[name] = fix_seed(value) if isinstance(value, int) else value
    return fixed


def _infotext_beside(infos: Shelf, source: Found) -> str | None:
    """Return the infotext of the picture that stands for `source`, None if there is none such."""
    path = infos.of(source)
    if path is None:
        return None
    try:
        return read_metadata(path).infotext
    except PictureError:
        return None


def _taken(infotext: str, props: frozenset[str], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields an infotext changes: prompts are appended after a space, the others replace."""
    from redraw.sampling.naming import split_scheduler

    found = {key: value for key, value in parse(infotext).items() if key in props and value != ""}
    taken: dict[str, Any] = {}
    for key, name in (("Prompt", "prompt"), ("Negative prompt", "negative_prompt")):
        if key in found:
            taken[name] = " ".join(part for part in (fields.get(name), found[key]) if part)
    # [Q] A1111 prints a CFG scale taken from PNG info as a decimal number (4 becomes 4.0)
    kinds: tuple[tuple[str, str, Callable[[str], Any]], ...] = (
        ("Seed", "seed", int), ("Steps", "steps", int), ("CFG scale", "cfg_scale", float),
    )  # fmt: skip
    for key, name, kind in kinds:
        if key in found:
            try:
                taken[name] = kind(found[key])
            except ValueError:
                raise RequestError(key, found[key], "the PNG info holds no number there") from None
    if "Sampler" in found:
        sampler, scheduler = split_scheduler(found["Sampler"])
        taken |= {"sampler": sampler, **({"scheduler": scheduler} if scheduler else {})}
    if "Model hash" in found:
        taken["model"] = found["Model hash"]
    return taken
