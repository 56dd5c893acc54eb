"""`/controlnet/*` of A1111's ControlNet extension: what is true before units are built (its behaviour, section 8.1)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field

from redraw.compat.refusals import Refusal, not_built
from redraw.registry import PREPROCESSORS
from redraw.server.routes.sdapi.door import door, refusals

router = door("/controlnet")

NONE = "none"
_TYPES = (
    *("Canny", "Depth", "IP-Adapter", "Inpaint", "Instant-ID", "InstructP2P", "Lineart", "MLSD", "NormalMap"),
    *("OpenPose", "Recolor", "Reference", "Revision", "Scribble", "Segmentation", "Shuffle", "SoftEdge"),
    *("SparseCtrl", "T2I-Adapter", "Tile"),
)
_UNSUPPORTED = frozenset({"clip_vision", "revision_clipvision", "revision_ignore_prompt", "ip-adapter-auto"})
_LATER = frozenset(
    # one text, since one name to a line would fill a page
    """
    canny depth depth_anything depth_anything_v2 depth_leres depth_leres++ depth_midas depth_zoe depth_hand_refiner
    normal_bae normal_midas normal_dsine openpose openpose_face openpose_faceonly openpose_full openpose_hand
    dw_openpose_full densepose densepose_parula animal_openpose mlsd lineart_anime lineart_anime_denoise
    lineart_coarse lineart_realistic lineart_standard scribble_hed scribble_pidinet scribble_xdog softedge_hed
    softedge_hedsafe softedge_pidinet softedge_pidisafe softedge_teed softedge_anyline seg_ofade20k seg_ofcoco
    seg_ufade20k seg_anime_face mobile_sam shuffle tile_resample tile_colorfix tile_colorfix+sharp blur_gaussian
    inpaint_only inpaint_only+lama recolor_intensity recolor_luminance reference_adain reference_adain+attn
    reference_only threshold invert mediapipe_face t2ia_color_grid t2ia_sketch_pidi t2ia_style_clipvision
    ip-adapter_clip_g ip-adapter_clip_h ip-adapter_clip_sd15 ip-adapter_clip_sdxl ip-adapter_clip_sdxl_plus_vith
    ip-adapter_face_id ip-adapter_face_id_plus ip-adapter_pulid instant_id_face_embedding instant_id_face_keypoints
    facexlib inpaint_global_harmonious
    """.split()  # noqa: SIM905
)


class Detect(BaseModel):
    """What to make of which pictures."""

    controlnet_module: str = NONE
    controlnet_input_images: list[str] = []
    controlnet_processor_res: int = -1
    controlnet_threshold_a: float = -1
    controlnet_threshold_b: float = -1
    controlnet_masks: list[str] = []
    low_vram: bool = False


class Detected(BaseModel):
    """The pictures a module made."""

    info: str
    images: list[str] = Field(default_factory=list)


@router.get("/version")
def version() -> dict[str, int]:
    """Say which version of the extension's API this is."""
    return {"version": 3}


@router.get("/settings")
def settings() -> dict[str, int]:
    """Say how many units a request may have: none before they are built."""
    return {"control_net_unit_count": 0}


@router.get("/model_list")
def model_list(update: bool = True) -> dict[str, list[str]]:
    """List the ControlNet models that work: none yet."""
    return {"model_list": []}


@router.get("/module_list")
def module_list(alias_names: Annotated[bool, Query(description="Labels instead of names.")] = False) -> dict[str, Any]:
    """List the preprocessors with their sliders."""
    names = [entry.label if alias_names else entry.name for entry in PREPROCESSORS]
    modules = [NONE, *(name for name in names if name != NONE)]
    return {"module_list": modules, "module_detail": {name: {"model_free": True, "sliders": []} for name in modules}}


@router.get("/control_types")
def control_types() -> dict[str, Any]:
    """List the kinds of control."""
    modules = module_list(alias_names=True)["module_list"]
    everything = {"module_list": modules, "model_list": ["None"], "default_option": NONE, "default_model": "None"}
    return {"control_types": dict.fromkeys(("All", *_TYPES), everything)}


@router.post("/detect", responses=refusals(422, 501))
def detect(body: Detect) -> Detected:
    """Run a preprocessor; with "none" the pictures come back as they are."""
    name = body.controlnet_module
    if name in _UNSUPPORTED:
        raise Refusal(422, "Module not supported")
    if name in _LATER:
        raise not_built(f"The preprocessor {name!r}")
    if name != NONE:
        raise Refusal(422, "Module not available")
    if not body.controlnet_input_images:
        raise Refusal(422, "No image selected")
    return Detected(info="Success", images=body.controlnet_input_images)


@router.post("/render_openpose_json", responses=refusals(422, 501))
def render_openpose_json(body: list[dict[str, Any]]) -> Detected:
    """Draw poses: not built yet."""
    if not body:
        return Detected(info="No pose data detected.")
    raise not_built("Drawing poses")
