"""The families of models Redraw can run, and the other kinds of files it knows by sight, as two tables.

To add a family is to add one `Family` to `FAMILIES`: the names and shapes that prove it, and the facts that no
tensor shape tells; see docs/how-to/add-a-model-family.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from redraw.models.architecture import Shapes

Prediction = Literal["eps", "v"]
Skips = Literal["request", "option", "never"]
Layout = Literal["transformers", "openclip"]
EOS: Final = 49407
VOCABULARY: Final = 49408

# Color of each latent channel in SD1's VAE, for previews (r, g, b in [-1, 1] units; found by regression, keturn 2022).
_SD1_PREVIEW: Final = (
    (0.298, 0.207, 0.208),
    (0.187, 0.286, 0.173),
    (-0.158, 0.189, 0.264),
    (-0.184, -0.271, -0.473),
)
# The same for SDXL's VAE; A1111 and others publish these.
_SDXL_PREVIEW: Final = (
    (0.3448, 0.4168, 0.4395),
    (-0.1953, -0.0290, 0.0250),
    (0.1074, 0.0886, -0.0163),
    (-0.3730, -0.2499, -0.2088),
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
class TextRule:
    """How a family listens to one of its text encoders.

    Attributes:
        name: `clip_l` (SD1, SDXL's first), `clip_h` (SD2), `clip_g` (SDXL's second, the refiner's only one).
        drop: layers at the end that are left out, unless clip skip says otherwise.
        norm: whether the final layer norm follows.
        pad: id that fills a row behind its first EOS.
        skips: whether clip skip chooses the layer: always on `request`, only with the `option` for SDXL, or `never`.
        pooled: whether the sentence as a whole is projected too.
    """

    name: str
    drop: int = 0
    norm: bool = True
    pad: int = EOS
    skips: Skips = "request"
    pooled: bool = False


@dataclass(frozen=True)
class TextSlot:
    """One text encoder of a family: where it is found, and what its shapes do not tell.

    Attributes:
        rule: how it is listened to.
        part: its folder in diffusers' layout, and its section in hints.
        prefixes: where its tensors may begin in a single file, best first.
        layout: whose names its tensors have there.
        head_width: channels of one attention head.
        activation: of its layers.
        cut: how many layers there are where the layer that is left out was not even saved (diffusers' SD2); 0: never.
    """

    rule: TextRule
    part: str
    prefixes: tuple[str, ...]
    layout: Layout = "transformers"
    head_width: int = 64
    activation: str = "quick_gelu"
    cut: int = 0

    def token_embedding(self, prefix: str) -> str:
        """Return the name of the token embedding's tensor behind `prefix`."""
        return (
            prefix
            + {"transformers": "embeddings.token_embedding.weight", "openclip": "token_embedding.weight"}[self.layout]
        )


@dataclass(frozen=True)
class Family:
    """What all models of one kind share.

    Attributes:
        name: internal name (`sd1`).
        label: what people see.
        conditions: what a checkpoint's tensors must fulfil, besides having its text encoders and a VAE.
        text: its text encoders; their vectors stand side by side.
        sizes: how many numbers about the picture the UNet is told, with the pooled sentence; 0: none, nor the sentence.
        heads: attention heads of the UNet at every level; 0 where `head_width` tells.
        head_width: channels of one attention head of the UNet; 0 where `heads` tells.
        in_channels: what the UNet may take: 4, 8 (editing), 9 (inpainting).
        prediction: what the UNet predicts.
        probed: models of both predictions are about without a mark, so a test run decides where nothing is said.
        native_size: side in pixels of the pictures it was trained on.
        native_size_v: the same for models that predict v.
        scale_factor: VAE output times this is a latent.
        vae_overflows: the VAE gives NaN in fp16, so fp32 is taken instead.
        zeros_for_empty: an empty negative prompt is a context of zeros.
        betas: first and last of the scaled-linear noise schedule.
        timesteps: length of the schedule.
        preview: latent channel to RGB, rows per channel.
        preview_widths: widths of the VAE that `preview` belongs to; another VAE has another code.
    """

    name: str
    label: str
    conditions: tuple[Condition, ...]
    text: tuple[TextSlot, ...]
    sizes: int = 0
    heads: int = 8
    head_width: int = 0
    in_channels: tuple[int, ...] = (4, 8, 9)
    prediction: Prediction = "eps"
    probed: bool = False
    native_size: int = 512
    native_size_v: int = 768
    scale_factor: float = 0.18215
    vae_overflows: bool = False
    zeros_for_empty: bool = False
    betas: tuple[float, float] = (0.00085, 0.012)
    timesteps: int = 1000
    preview: tuple[tuple[float, ...], ...] | None = None
    preview_widths: tuple[int, ...] = (128, 256, 512, 512)

    @property
    def marks(self) -> tuple[Condition, ...]:
        """Every condition: its own, its text encoders, and what all families have."""
        embeddings = (
            Condition("|".join(slot.token_embedding(p) for p in slot.prefixes), 0, (VOCABULARY,)) for slot in self.text
        )
        return (
            Condition("model.diffusion_model.input_blocks.0.0.weight", 1, self.in_channels),
            Condition("model.diffusion_model.middle_block.1.transformer_blocks.0.attn2.to_k.weight"),
            Condition("model.diffusion_model.out.2.weight", 0, (4,)),
            Condition("first_stage_model.encoder.conv_in.weight", 1, (3,)),
            Condition("first_stage_model.decoder.conv_in.weight", 1, (4,)),
            *embeddings,
            *self.conditions,
        )

    def size_for(self, prediction: Prediction) -> int:
        """Return the side in pixels that models with this prediction were trained on."""
        return self.native_size if prediction == self.prediction else self.native_size_v


_NO_SIZES: Final = Condition("model.diffusion_model.label_emb.0.0.weight", absent=True)
_SIZES: Final = Condition("model.diffusion_model.label_emb.0.0.weight")
# Marks of models whose noise is weighed in another way (EDM, Playground 2.5).
_NO_EDM: Final = Condition("edm_mean|edm_vpred.sigma_max", absent=True)
_CLIP_G: Final = TextRule("clip_g", drop=1, norm=False, pad=0, skips="never", pooled=True)

FAMILIES: Final[tuple[Family, ...]] = (
    Family(
        name="sd1",
        label="Stable Diffusion 1",
        conditions=(_NO_SIZES,),
        text=(
            TextSlot(
                TextRule("clip_l"),
                part="text_encoder",
                prefixes=("cond_stage_model.transformer.text_model.", "cond_stage_model.transformer."),
            ),
        ),
        native_size_v=512,
        preview=_SD1_PREVIEW,
    ),
    Family(
        name="sd2",
        label="Stable Diffusion 2",
        conditions=(_NO_SIZES,),
        text=(
            TextSlot(
                TextRule("clip_h", drop=1, pad=0, skips="never"),
                part="text_encoder",
                prefixes=("cond_stage_model.model.",),
                layout="openclip",
                activation="gelu",
                cut=23,
            ),
        ),
        heads=0,
        head_width=64,
        probed=True,
        preview=_SD1_PREVIEW,
    ),
    Family(
        name="sdxl",
        label="Stable Diffusion XL",
        conditions=(_SIZES, _NO_EDM),
        text=(
            TextSlot(
                TextRule("clip_l", drop=1, norm=False, skips="option"),
                part="text_encoder",
                prefixes=("conditioner.embedders.0.transformer.text_model.",),
            ),
            TextSlot(
                _CLIP_G,
                part="text_encoder_2",
                prefixes=("conditioner.embedders.1.model.",),
                layout="openclip",
                activation="gelu",
            ),
        ),
        sizes=6,
        heads=0,
        head_width=64,
        native_size=1024,
        native_size_v=1024,
        scale_factor=0.13025,
        vae_overflows=True,
        zeros_for_empty=True,
        preview=_SDXL_PREVIEW,
    ),
    Family(
        name="sdxl-refiner",
        label="Stable Diffusion XL refiner",
        conditions=(_SIZES,),
        text=(
            TextSlot(
                _CLIP_G,
                part="text_encoder_2",
                prefixes=("conditioner.embedders.0.model.",),
                layout="openclip",
                activation="gelu",
            ),
        ),
        sizes=5,
        heads=0,
        head_width=64,
        in_channels=(4,),
        native_size=1024,
        native_size_v=1024,
        scale_factor=0.13025,
        vae_overflows=True,
        zeros_for_empty=True,
        preview=_SDXL_PREVIEW,
    ),
)


def family_named(name: str) -> Family:
    """Return the family with this internal name."""
    return next(family for family in FAMILIES if family.name == name)


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
    Kind("sdxl", "a part of a Stable Diffusion XL checkpoint", (r"^conditioner\.embedders\.",)),
    Kind("sdxl", "a part of a Stable Diffusion XL checkpoint", (r"^model\.diffusion_model\.label_emb\.",)),
    Kind(
        "sd2",
        "a part of a Stable Diffusion 2 checkpoint",
        (r"^cond_stage_model\.model\.", r"^model\.diffusion_model\."),
    ),
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
