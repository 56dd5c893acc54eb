"""The starter model inside the package: weights, model card, two networks for it, and the example of `redraw demo`.

How it was made is in `training/`; what it can and cannot draw in `MODEL_CARD.md` beside this file.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

NAME = "redraw-starter"

DEFAULTS = {"cfg_scale": 2.0}
"""What a request gets that names the starter (or no model) and does not say otherwise: it follows words so closely that
at the usual 7 they replace the source at any strength."""


def weights() -> Path | None:
    """Return the file of the starter model, or None if this installation has none."""
    path = Path(str(files(__name__))) / f"{NAME}.safetensors"
    return path if path.is_file() else None


def networks() -> tuple[Path, ...]:
    """Return the demonstration networks for the starter model (a LoRA, a textual inversion), by name; () without."""
    return tuple(sorted((Path(str(files(__name__))) / "networks").glob("*.safetensors")))
