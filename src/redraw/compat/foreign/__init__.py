"""Pictures of other programs: what their settings are in the keys of A1111's infotext.

Best effort: formats are followed as they are documented or seen, and what is not understood is listed, never dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redraw.compat.foreign.comfyui import read_comfyui, read_graphs
from redraw.compat.foreign.flat import read_flat
from redraw.compat.foreign.found import Foreign, load_object, table
from redraw.compat.foreign.invokeai import read_invokeai, read_metadata_object
from redraw.compat.foreign.novelai import read_comment, read_novelai

__all__ = ["Foreign", "read_json", "read_texts"]


def read_texts(texts: Mapping[str, str]) -> Foreign | None:
    """Return what a picture's text entries say, None if they are of no program known here."""
    found = read_novelai(texts) or read_invokeai(texts) or read_comfyui(texts)
    if found is None and "use_stable_diffusion_model" in texts:
        found = read_flat(texts)
    return found


def read_json(text: str) -> Foreign | None:
    """Return what a JSON text says, None if it is none, or of no program known here."""
    said = load_object(text)
    return None if said is None else _read(said)


def _read(said: Mapping[str, Any]) -> Foreign | None:
    found = read_flat(said)
    if found is not None:
        return found
    if "positive_prompt" in said and ("scheduler" in said or "model" in said):
        return read_metadata_object(said)
    if "uc" in said and "sampler" in said:
        return read_comment(said)
    if isinstance(said.get("prompt"), dict):  # what ComfyUI's own API is sent
        return read_graphs(said["prompt"], table(table(said.get("extra_data")).get("extra_pnginfo")).get("workflow"))
    return read_graphs(said, said)
