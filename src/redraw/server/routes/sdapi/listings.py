"""What there is to choose from, as A1111 lists it; only what works here is listed (reference 7.2)."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse

from redraw.compat.facts import DEFAULT_RHO, LATENT_UPSCALE_MODES, NEEDS_INNER_MODEL, SAMPLER_FACTS
from redraw.compat.flags import flags
from redraw.compat.options import DEFAULTS
from redraw.compat.scripts import script_info, script_titles
from redraw.jobs.worker import WISH
from redraw.registry import SAMPLERS, SCHEDULERS, UPSCALERS
from redraw.server.routes.sdapi.door import TAG, SdapiRoute, door, stored_options
from redraw.server.routes.sdapi.models import embedding_items, lora_items, model_items
from redraw.server.state import Parts

router = door()
internal = APIRouter(prefix="/internal", tags=[TAG], route_class=SdapiRoute)

_SCALE = 4.0


@router.get("/samplers")
def samplers() -> list[dict[str, Any]]:
    """List the samplers."""
    found = []
    for entry in SAMPLERS:
        facts = SAMPLER_FACTS.get(entry.label)
        aliases = list(facts.aliases if facts else entry.aliases)
        found.append({"name": entry.label, "aliases": aliases, "options": dict(facts.options if facts else {})})
    return found


@router.get("/schedulers")
def schedulers() -> list[dict[str, Any]]:
    """List the noise schedules."""
    return [
        {
            "name": entry.name,
            "label": entry.label,
            "aliases": list(entry.aliases) or None,
            "default_rho": DEFAULT_RHO.get(entry.name, -1.0),
            "need_inner_model": entry.name in NEEDS_INNER_MODEL,
        }
        for entry in SCHEDULERS
    ]


@router.get("/upscalers")
def upscalers() -> list[dict[str, Any]]:
    """List the upscalers."""
    nothing = {"model_name": None, "model_path": None, "model_url": None, "scale": _SCALE}
    return [{"name": name, **nothing} for name in ("None", *UPSCALERS.labels())]


@router.get("/latent-upscale-modes")
def latent_upscale_modes() -> list[dict[str, str]]:
    """List the latent upscalers of hires fix."""
    return [{"name": name} for name in LATENT_UPSCALE_MODES]


@router.get("/sd-models")
def sd_models(parts: Parts) -> list[dict[str, Any]]:
    """List the checkpoints."""
    return model_items(parts)


@router.get("/sd-vae")
def sd_vae(parts: Parts) -> list[dict[str, str]]:
    """List the separate VAEs."""
    return [{"model_name": vae.path.name, "filename": vae.file} for vae in parts.library.vaes()]


@router.get("/hypernetworks")
def hypernetworks(parts: Parts) -> list[dict[str, str]]:
    """List the hypernetworks."""
    return [{"name": file.path.stem, "path": file.file} for file in parts.library.files("hypernetwork")]


@router.get("/loras")
def loras(parts: Parts) -> list[dict[str, Any]]:
    """List the LoRAs and their relatives."""
    return lora_items(parts)


@router.get("/face-restorers")
@router.get("/realesrgan-models")
@router.get("/extensions")
def nothing_yet() -> list[dict[str, Any]]:
    """List what Redraw does not have yet: nothing."""
    return []


@router.get("/embeddings")
def embeddings(parts: Parts) -> dict[str, dict[str, Any]]:
    """List the textual inversions: those that fit the model in use, and the others."""
    return embedding_items(parts, stored_options(parts).get("sd_model_checkpoint"))


@router.get("/prompt-styles")
def prompt_styles(parts: Parts) -> list[dict[str, str]]:
    """List the prompt styles of styles.csv in the data folder and the models folders."""
    return [style._asdict() for style in parts.styles.all()]


@router.get("/scripts")
def scripts() -> dict[str, list[str]]:
    """List the scripts that work."""
    return script_titles()


@router.get("/script-info")
def scripts_arguments() -> list[dict[str, Any]]:
    """List the arguments of the scripts that work."""
    return script_info()


@router.get("/cmd-flags")
def cmd_flags(parts: Parts) -> dict[str, Any]:
    """Show A1111's command line flags with what is true here; folders and passwords are never told."""
    config = parts.config
    return flags(
        medvram=config.memory == "medvram",
        lowvram=config.memory == "lowvram",
        listen=config.listen,
        api_server_stop=config.api_server_stop,
        use_cpu=["all"] if config.device == "cpu" else [],
        precision="full" if config.dtype == "fp32" else "autocast",
        no_half=config.dtype == "fp32",
        port=str(config.port),
    )


@router.get("/memory")
def memory() -> dict[str, Any]:
    """Show the memory of this process and machine; the device's memory is the worker's."""
    return {"ram": _ram(), "cuda": {"error": "unavailable"}}


@router.post("/refresh-checkpoints")
@router.post("/refresh-vae")
@router.post("/refresh-embeddings")
@router.post("/refresh-loras")
def refresh(parts: Parts) -> None:
    """Look into the models folders again."""
    parts.library.refresh()


@router.post("/unload-checkpoint")
def unload_checkpoint(parts: Parts) -> JSONResponse:
    """Ask the worker to let go of its models once no job is at work; the next job loads its own."""
    parts.queue.set_setting(WISH, ["unload", time.time()])
    return JSONResponse({})


@router.post("/reload-checkpoint")
def reload_checkpoint(parts: Parts) -> JSONResponse:
    """Ask the worker to load the model of requests that name none, once no job is at work."""
    parts.queue.set_setting(WISH, ["load", time.time()])
    return JSONResponse({})


@internal.get("/quicksettings-hint")
def quicksettings_hint() -> list[dict[str, str]]:
    """List the names of the settings."""
    return [{"name": key, "label": key} for key in DEFAULTS]


@internal.get("/profile-startup")
def profile_startup() -> dict[str, Any]:
    """Say how long the start took: nothing is recorded."""
    return {"total": 0.0, "records": {}}


@internal.get("/sysinfo", response_class=PlainTextResponse)
@internal.get("/sysinfo-download", response_class=PlainTextResponse)
def sysinfo() -> PlainTextResponse:
    """Say which program this is and what it runs on."""
    lines = [f"Redraw {version('redraw-studio')}", f"Python {platform.python_version()}", platform.system()]
    return PlainTextResponse("\n".join(lines))


def _ram() -> dict[str, Any]:
    """Return the machine's memory and this process's part of it, bytes, as A1111 counts them."""
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        used = int(Path("/proc/self/statm").read_text("ascii").split()[1]) * page
        total = os.sysconf("SC_PHYS_PAGES") * page
    except (OSError, ValueError, IndexError, AttributeError) as error:
        return {"error": str(error)}
    return {"free": float(total - used), "used": used, "total": float(total)}
