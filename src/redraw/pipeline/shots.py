"""What a run will make, picture by picture, before anything is computed: seeds, prompts, sources and the canvas."""

from __future__ import annotations

from dataclasses import dataclass

from redraw.errors import RequestError
from redraw.geometry import Size
from redraw.request import Generation, Img2Img
from redraw.request.advanced import fix_seed

LATENT_STEP = 8
MOST_ASPECT = 2  # of a close-up whose size is not given: models draw long pictures badly
SHRINK_ABOVE = 4  # a source of more than this many native areas is reduced unless a size is asked for


@dataclass(frozen=True)
class Shot:
    """One picture to be made.

    Attributes:
        index: 0-based place in the run.
        prompt, negative_prompt: its texts.
        seed, variation_seed: its seeds, never -1.
        source: which of the request's pictures it redraws.
        content_seed: what latent noise under a mask is made from.
    """

    index: int
    prompt: str
    negative_prompt: str
    seed: int
    variation_seed: int
    source: int
    content_seed: int = 0


def plan_shots(request: Generation) -> list[Shot]:
    """Return every picture of the run with its seeds fixed.

    Picture i has seed + i, or the same seed with a variation strength above 0, and variation seed + i (reference 1.1,
    step 9). A list of seeds is used as it stands and must be as long as the run.
    """
    count = request.image_count
    prompts = _spread("prompt", request.prompt, count)
    negatives = _spread("negative_prompt", request.negative_prompt, count)
    if isinstance(request.seed, tuple):
        if len(request.seed) != count:
            raise RequestError("seed", len(request.seed), f"a list of seeds has one for each of the {count} pictures")
        seeds = [fix_seed(seed) for seed in request.seed]
    else:
        first = fix_seed(request.seed)
        seeds = [first + (0 if request.variation_strength else i) for i in range(count)]
    variation = fix_seed(request.variation_seed)
    sources = len(request.images) if isinstance(request, Img2Img) else 1
    # [Q] A1111 makes latent noise from the first batch's seeds for every batch; ours belongs to the picture.
    shared = isinstance(request, Img2Img) and request.mask_rules == "loose"
    contents = [seeds[i % request.group_size if shared else i] % 2**64 for i in range(count)]
    return [
        Shot(i, prompts[i], negatives[i], seeds[i] % 2**64, (variation + i) % 2**64, i % sources, contents[i])
        for i in range(count)
    ]


def _spread(field: str, text: str | tuple[str, ...], count: int) -> list[str]:
    if isinstance(text, str):
        return [text] * count
    if len(text) != count:
        raise RequestError(field, len(text), f"the list has one text for each of the {count} pictures")
    return list(text)


@dataclass(frozen=True)
class Canvas:
    """The sizes of a run.

    Attributes:
        size: of the result.
        work: what the source is resized to, before it is padded to whole latents.
        padded: what the networks see; each side a multiple of 8 unless `size_rule` is floor-8.
        latent: of the latents.
        note: what was decided for the user, or "".
    """

    size: Size
    work: Size
    padded: Size
    latent: Size
    note: str = ""


def plan_canvas(request: Generation, native: int, source: Size | None, close_up: Size | None = None) -> Canvas:
    """Return the sizes of a run.

    Args:
        request: what was asked for.
        native: side of the square the model was trained on, pixels.
        source: size of the upright source, None for txt2img.
        close_up: size of the masked part with its padding, for only masked.
    """
    asked, note = _asked_size(request, native, source, close_up)
    if request.size_rule == "floor-8":
        if min(asked) < LATENT_STEP:
            raise RequestError("width" if asked.width < asked.height else "height", min(asked), "it is at least 8")
        result = asked.floor(LATENT_STEP)
        return Canvas(result, asked, asked, _latent(result), note)
    padded = asked.ceil(LATENT_STEP)
    return Canvas(asked, asked, padded, _latent(padded), note)


def _latent(size: Size) -> Size:
    return Size(size.width // LATENT_STEP, size.height // LATENT_STEP)


def _asked_size(request: Generation, native: int, source: Size | None, close_up: Size | None) -> tuple[Size, str]:
    width, height = request.width, request.height
    if source is None:
        return Size(width or native, height or native), ""
    if isinstance(request, Img2Img) and request.scale is not None:
        return source.scaled(float(request.scale)), ""
    if width and height:
        return Size(width, height), ""
    if close_up is not None:
        source = _native_shape(close_up, native)
    if width:
        return Size(width, max(1, round(source.height * width / source.width))), ""
    if height:
        return Size(max(1, round(source.width * height / source.height)), height), ""
    limit = native * native
    if source.area <= SHRINK_ABOVE * limit:
        return source, ""
    reduced = source.within_area(limit)
    return (
        reduced,
        f"the source of {source} was reduced to {reduced}, the model's size; give --width or --scale for another",
    )


def _native_shape(close_up: Size, native: int) -> Size:
    """Return a canvas of the model's area in the shape of a close-up; the longer side is at most twice the shorter."""
    aspect = min(max(close_up.width / close_up.height, 1 / MOST_ASPECT), MOST_ASPECT)
    wide, high = native * aspect**0.5, native / aspect**0.5
    return Size(*(max(LATENT_STEP, round(side / LATENT_STEP) * LATENT_STEP) for side in (wide, high)))
