"""The families of models Redraw can run, and the other kinds of files it knows by sight, as two tables.

To add a family is to add one `Family` to `FAMILIES`: the names and shapes that prove it, and the facts that no
tensor shape tells.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from redraw.models.architecture import Shapes

Prediction = Literal["eps", "v"]

# Colour of each latent channel in SD1's VAE, for previews (r, g, b in [-1, 1] units; found by regression, keturn 2022).
_SD1_PREVIEW: Final = (
    (0.298, 0.207, 0.208),
    (0.187, 0.286, 0.173),
    (-0.158, 0.189, 0.264),
    (-0.184, -0.271, -0.473),
)


@dataclass(frozen=True)
class Condition:
    """Something that must be true of a file's tensors.

    Attributes:
        key: a tensor's name; `|` separates alternatives.
        dimension: which side of its shape is looked at, or None.
        sizes: the sizes that side may have; empty for any.
        absent: the tensor must not be there.
    """

    key: str
    dimension: int | None = None
    sizes: tuple[int, ...] = ()
    absent: bool = False

    def problem(self, shapes: Shapes) -> str | None:
        """Return why this condition does not hold, or None if it does."""
        names = self.key.split("|")
        found = next((n for n in names if n in shapes), None)
        if self.absent:
            return None if found is None else f"{found} is there, which this family does not have"
        if found is None:
            return f"{names[0]} is missing"
        shape = shapes[found]
        if self.dimension is None:
            return None
        size = shape[self.dimension] if self.dimension < len(shape) else 0
        if self.sizes and size not in self.sizes:
            allowed = " or ".join(str(s) for s in self.sizes)
            return f"{found} has {size} where {allowed} was expected (shape {list(shape)})"
        return None


@dataclass(frozen=True)
class Family:
    """What all models of one kind share.

    Attributes:
        name: internal name (`sd1`).
        label: what people see.
        conditions: what a checkpoint's tensors must fulfil.
        text_prefixes: where the text encoder's tensors may begin, best first.
        heads: attention heads of the UNet at every level.
        text_head_width: channels of one text attention head.
        activation: of the text encoder.
        prediction: what the UNet predicts.
        native_size: side in pixels of the pictures it was trained on.
        scale_factor: VAE output times this is a latent.
        betas: first and last of the scaled-linear noise schedule.
        timesteps: length of the schedule.
        preview: latent channel to RGB, rows per channel.
        preview_widths: widths of the VAE that `preview` belongs to; another VAE has another code.
    """

    name: str
    label: str
    conditions: tuple[Condition, ...]
    text_prefixes: tuple[str, ...]
    heads: int = 8
    text_head_width: int = 64
    activation: str = "quick_gelu"
    prediction: Prediction = "eps"
    native_size: int = 512
    scale_factor: float = 0.18215
    betas: tuple[float, float] = (0.00085, 0.012)
    timesteps: int = 1000
    preview: tuple[tuple[float, ...], ...] | None = None
    preview_widths: tuple[int, ...] = (128, 256, 512, 512)


FAMILIES: Final[tuple[Family, ...]] = (
    Family(
        name="sd1",
        label="Stable Diffusion 1",
        conditions=(
            Condition("model.diffusion_model.input_blocks.0.0.weight", 1, (4, 8, 9)),
            Condition("model.diffusion_model.middle_block.1.transformer_blocks.0.attn2.to_k.weight"),
            Condition("model.diffusion_model.out.2.weight", 0, (4,)),
            Condition("model.diffusion_model.label_emb.0.0.weight", absent=True),
            Condition("first_stage_model.encoder.conv_in.weight", 1, (3,)),
            Condition("first_stage_model.decoder.conv_in.weight", 1, (4,)),
            Condition(
                "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"
                "|cond_stage_model.transformer.embeddings.token_embedding.weight",
                0,
                (49408,),
            ),
            Condition("cond_stage_model.model.token_embedding.weight", absent=True),
        ),
        text_prefixes=("cond_stage_model.transformer.text_model.", "cond_stage_model.transformer."),
        preview=_SD1_PREVIEW,
    ),
)


@dataclass(frozen=True)
class Kind:
    """A kind of file that is no model Redraw runs, known by the names in it.

    Attributes:
        name: internal name (`lora`).
        label: with its article, for "this is ...".
        all_of: patterns each of which must match some tensor's name.
    """

    name: str
    label: str
    all_of: tuple[str, ...]

    def matches(self, keys: Mapping[str, object]) -> bool:
        """Return whether the names `keys` show this kind."""
        return all(any(re.search(p, k) for k in keys) for p in self.all_of)


KINDS: Final[tuple[Kind, ...]] = (
    Kind("sd3", "a Stable Diffusion 3 checkpoint", (r"joint_blocks\.0\.",)),
    Kind("flux", "a Flux model", (r"double_blocks\.0\.",)),
    Kind("sdxl", "a Stable Diffusion XL checkpoint", (r"^conditioner\.embedders\.",)),
    Kind("sdxl", "a Stable Diffusion XL checkpoint", (r"^model\.diffusion_model\.label_emb\.",)),
    Kind("sd2", "a Stable Diffusion 2 checkpoint", (r"^cond_stage_model\.model\.", r"^model\.diffusion_model\.")),
    Kind(
        "controlnet",
        "a ControlNet",
        (r"^(control_model\.)?input_hint_block\.|controlnet_cond_embedding|^controlnet_blocks\.",),
    ),
    Kind("loha", "a LoHa (LyCORIS)", (r"\.hada_w1_a$",)),
    Kind("lokr", "a LoKr (LyCORIS)", (r"\.lokr_w[12]",)),
    Kind("lora", "a LoRA", (r"\.(lora_down|lora_A|lora_up|lora_B|lora_mid)\b|\.lora\.(down|up)\.",)),
    Kind("embedding", "an embedding (textual inversion)", (r"^(emb_params|string_to_param\.\*|clip_[lg])$",)),
    Kind("embedding", "an embedding (textual inversion)", (r"^<[^>]+>$",)),
    Kind("hypernetwork", "a hypernetwork", (r"^(320|640|768|1280)\.\d",)),
    Kind("unet", "a UNet without VAE and text encoder", (r"^model\.diffusion_model\.input_blocks\.0\.",)),
    Kind("unet", "a diffusers UNet without VAE and text encoder", (r"^down_blocks\.0\.", r"^time_embedding\.")),
    Kind("vae", "a VAE", (r"^(first_stage_model\.)?decoder\.(up\.0\.block|up_blocks\.0\.)",)),
    Kind("taesd", "a small preview decoder (TAESD)", (r"^(decoder\.layers\.|taesd_decoder|\d\.conv\.0\.weight)",)),
    Kind("text", "a text encoder", (r"token_embedding\.weight$",)),
    Kind(
        "upscaler", "an upscaler", (r"^(model\.)?(conv_first|RRDB_trunk|body\.0|model\.0\.weight|layers\.0\.residual)",)
    ),
    Kind("upscaler", "an upscaler", (r"^params(_ema)?\.",)),
)
