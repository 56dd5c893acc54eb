"""Networks that change a model: LoRA, LoCon, LoHa, LoKr, GLoRA, IA3, OFT, DoRA, full and norm differences.

`open_lora` reads a file, `prepare` computes what a model's weights become, `Patch.worn` puts them in place for a
while. Every key that was not applied is reported.
"""

from __future__ import annotations

from redraw.models.lora.file import Layer, LoraFile, open_lora
from redraw.models.lora.match import Report
from redraw.models.lora.origin import family_label
from redraw.models.lora.patch import Patch, Use, prepare

__all__ = ["Layer", "LoraFile", "Patch", "Report", "Use", "family_label", "open_lora", "prepare"]
