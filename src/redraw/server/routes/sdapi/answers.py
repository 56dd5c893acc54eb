"""A finished job as A1111's answer: pictures in base64, the request again, `info` as a JSON text (reference 7.3)."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final

from PIL import Image

from redraw.compat.refusals import Refusal
from redraw.conditioning.tags import without_comments
from redraw.image import infotext
from redraw.image.encode import Extras, encode_picture
from redraw.image.grid import grid_shape, image_grid
from redraw.image.io import open_picture
from redraw.jobs.record import JobRecord, ResultRecord
from redraw.server.state import Shared

# What A1111 writes from the request itself; every other key of an infotext is an "extra generation parameter".
_PLAIN: Final = frozenset(
    {
        *("Prompt", "Negative prompt", "Steps", "Sampler", "CFG scale", "Image CFG scale", "Seed", "Size-1", "Size-2"),
        *("Model hash", "Model", "VAE hash", "VAE", "Variation seed", "Variation seed strength", "Clip skip", "ENSD"),
        *("Seed resize from-1", "Seed resize from-2", "Conditional mask weight", "RNG", "Tiling", "Version"),
    }
)
_REQUEST_ERRORS: Final = frozenset({"RequestError", "UnknownName", "PictureError", "UnsupportedModel", "UnsafeFile"})


def answer(parts: Shared, job: JobRecord, echo: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return `{images, parameters, info}` of an ended job.

    Args:
        parts: the server.
        job: done, or cancelled with what was made until then.
        echo: the request as A1111 repeats it.
        settings: A1111's settings in force for it.

    Raises:
        Refusal: the job failed: 422 where the request is to blame, else 500 as A1111 answers an exception.
    """
    if job.state == "failed":
        raise failure(job)
    results = parts.queue.results(job)
    pictures = [data for result in results for data in files_of(parts, job, result)]
    texts = [result.infotext for result in results]
    grid = wants_grid(echo, settings) and len(results) > 1
    if grid:
        pictures.insert(0, overview(parts, job, results, settings))
        texts.insert(0, texts[0])
    info = info_of(job, results, echo) | {"index_of_first_image": int(grid), "infotexts": texts}
    images = [base64.b64encode(data).decode() for data in pictures] if echo["send_images"] else []
    return {"images": images, "parameters": dict(echo), "info": json.dumps(info, ensure_ascii=False)}


def failure(job: JobRecord) -> Refusal:
    """Return the answer for a job that failed."""
    error = job.error or {}
    kind, detail = str(error.get("type", "RuntimeError")), str(error.get("detail", "the job failed"))
    if kind in _REQUEST_ERRORS or "field" in error:
        return Refusal(422, error=kind, errors=detail)
    return Refusal(500, error={"OutOfMemory": "OutOfMemoryError"}.get(kind, kind), errors=detail)


def files_of(parts: Shared, job: JobRecord, result: ResultRecord) -> list[bytes]:
    """Return the files of a result: the picture, and what A1111 appends to it."""
    wanted = job.options.get("outputs", ())
    blobs = [result.blob, *(result.extras[name] for name in wanted if name in result.extras)]
    return [parts.queue.blobs.read(blob) for blob in blobs]


def wants_grid(echo: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Return whether an overview comes first: [Q] only where pictures are saved on the server too."""
    return bool(echo["save_images"] and not echo["do_not_save_grid"] and settings["return_grid"])


def overview(parts: Shared, job: JobRecord, results: Sequence[ResultRecord], settings: Mapping[str, Any]) -> bytes:
    """Return all pictures of a job as one, in the format of the others."""
    images = [Image.open(io.BytesIO(parts.queue.blobs.read(result.blob))).convert("RGB") for result in results]
    batch = int(job.request.get("batch_size", 1))
    shape = grid_shape(
        len(images),
        batch,
        int(settings["n_rows"] or -1),
        prevent_empty_spots=bool(settings["grid_prevent_empty_spots"]),
    )
    source = io.BytesIO()
    image_grid(images, shape, str(settings["grid_background_color"] or "#ffffff")).save(source, "PNG")
    pixels = open_picture(source.getvalue()).pixels
    kind = str(job.options.get("format", "png"))
    return encode_picture(pixels, format=kind, extras=Extras(infotext=results[0].infotext)).data


def _said(request: Mapping[str, Any], field: str) -> str:
    """Return a text of a recipe's request as A1111 repeats it: without comments."""
    text = str(request.get(field, ""))
    return without_comments(text) if request.get("prompt_comments", True) else text


def info_of(job: JobRecord, results: Sequence[ResultRecord], echo: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of A1111's `info` but pictures' texts, and ours: `not_honoured`, `notes`, `job`."""
    asked = [result.recipe.get("request", {}) for result in results]
    prompts, negatives = ([_said(request, name) for request in asked] for name in ("prompt", "negative_prompt"))
    seeds = [result.seed for result in results]
    subseeds = [int(request.get("variation_seed", -1)) for request in asked]
    said = infotext.parse(results[0].infotext) if results else {}
    model = results[0].recipe.get("model") or {} if results else {}
    vae = results[0].recipe.get("vae") or {} if results else {}
    resize = job.request.get("seed_resize_from") or (-1, -1)
    return {
        "prompt": prompts[0] if prompts else echo["prompt"],
        "all_prompts": prompts,
        "negative_prompt": negatives[0] if negatives else echo["negative_prompt"],
        "all_negative_prompts": negatives,
        "seed": seeds[0] if seeds else job.request.get("seed", -1),
        "all_seeds": seeds,
        "subseed": subseeds[0] if subseeds else -1,
        "all_subseeds": subseeds,
        "subseed_strength": echo["subseed_strength"],
        "width": int(said.get("Size-1", echo["width"])),
        "height": int(said.get("Size-2", echo["height"])),
        "sampler_name": job.request.get("sampler", echo["sampler_name"]),
        "cfg_scale": echo["cfg_scale"],
        "steps": echo["steps"],
        "batch_size": echo["batch_size"],
        "restore_faces": False,
        "face_restoration_model": None,
        "sd_model_name": model.get("name"),
        "sd_model_hash": str(model.get("sha256") or "")[:10] or None,
        "sd_vae_name": vae.get("name"),
        "sd_vae_hash": str(vae.get("sha256") or "")[:10] or None,
        "seed_resize_from_w": resize[0],
        "seed_resize_from_h": resize[1],
        "denoising_strength": echo["denoising_strength"],
        "extra_generation_params": _extra_params(said),
        "styles": list(echo["styles"] or ()),
        "job_timestamp": timestamp(job),
        "clip_skip": int(said.get("Clip skip", 1)),
        "is_using_inpainting_conditioning": "Conditional mask weight" in said,
        "version": f"redraw-{version('redraw-studio')}",
        "not_honoured": list(job.options.get("not_honoured", ())),
        "notes": [*job.notes, *dict.fromkeys(note for result in results for note in result.notes)],
        "job": job.id,
    }


def timestamp(job: JobRecord) -> str:
    """Return when a job began, as A1111 writes it: YYYYmmddHHMMSS."""
    return time.strftime("%Y%m%d%H%M%S", time.localtime(job.started or job.created))


def _extra_params(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an infotext says beyond the request's own fields; a schedule only where it is not Automatic."""
    found = {key: _typed(value) for key, value in said.items() if key not in _PLAIN}
    if found.get("Schedule type") == "Automatic":
        del found["Schedule type"]
    return found


def _typed(value: Any) -> Any:
    """Return the text of an infotext's value as the number or switch it was printed from."""
    if value in ("True", "False"):
        return value == "True"
    for kind in (int, float):
        try:
            return kind(value)
        except (TypeError, ValueError):
            continue
    return value
