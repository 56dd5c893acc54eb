"""Text entries of pictures that other programs made."""

from __future__ import annotations

import json
from typing import Any

import pytest

from redraw.compat.foreign import read_texts
from redraw.compat.readback import read_picture
from redraw.image.metadata import Metadata

NOVELAI = {
    "Software": "NovelAI",
    "Source": "Stable Diffusion 81274D13",
    "Description": "{fox}, sky",
    "Comment": json.dumps({"steps": 28, "sampler": "k_euler_ancestral", "seed": 5, "strength": 0.69, "noise": 0.667,
                           "scale": 11, "uc": "lowres, [bad]"}),
}  # fmt: skip
OLD_INVOKE = {
    "model": "stable diffusion",
    "model_weights": "stable-diffusion-1.5",
    "model_hash": "cc6cb27103417325ff94f52b7a5d2dde45a7515b25c255d8e396c90014281516",
    "app_id": "invoke-ai/InvokeAI",
    "app_version": "2.3.0",
    "image": {
        "prompt": [{"prompt": "a fox++ [blur] sitting [noise]", "weight": 1}], "steps": 30, "cfg_scale": 7.5,
        "threshold": 0, "perlin": 0.2, "height": 512, "width": 640, "seed": 9, "type": "txt2img", "sampler":
        "k_dpmpp_2", "seamless": True, "strength": 0.75, "variations": [],
    },
}  # fmt: skip


def picture(items: dict[str, str], infotext: str | None = None, recipe: dict[str, Any] | None = None) -> Metadata:
    """What a file with these text entries carries."""
    return Metadata(infotext, recipe, items)


def test_a_picture_of_novelais_first_models_is_read() -> None:
    back = read_picture(picture(NOVELAI, "what A1111 would make of it\nSteps: 28, Seed: 5, Size: 8x8"))
    said = {"prompt": "(fox:1.05), sky", "negative_prompt": "lowres, (bad:0.9524)", "sampler": "Euler a", "ensd": 31337,
            "clip_skip": 2, "steps": 28, "cfg_scale": 11, "seed": 5}  # fmt: skip
    assert back.request.items() >= said.items()
    assert (back.program, back.kind) == ("NovelAI", "txt2img")
    assert back.unknown == {"Source": "Stable Diffusion 81274D13", "strength": "0.69", "noise": "0.667"}
    assert any("Stable Diffusion 81274D13" in note for note in back.notes)


def test_a_later_picture_of_novelai_has_no_clip_skip_of_the_first_models() -> None:
    found = read_texts({**NOVELAI, "Source": "NovelAI Diffusion V4.5 4BDE2A90"})
    assert found is not None
    assert not found.params.keys() & {"Clip skip", "ENSD"}


def test_a_picture_redrawn_by_novelai_has_a_strength() -> None:
    comment = json.dumps(
        {"request_type": "Img2ImgRequest", "strength": 0.6, "steps": 5, "uc": "", "sampler": "ddim_v3"}
    )
    back = read_picture(picture({**NOVELAI, "Comment": comment}))
    assert (back.kind, back.request["strength"], back.request["sampler"]) == ("img2img", 0.6, "DDIM")
    assert any("made from a picture" in note for note in back.notes)


def test_what_version_2_of_invokeai_wrote_is_read() -> None:
    back = read_picture(picture({"sd-metadata": json.dumps(OLD_INVOKE), "Dream": "ignored"}))
    said = {"prompt": "a (fox:1.21) sitting", "negative_prompt": "blur, noise", "steps": 30, "width": 640, "seed": 9,
            "tiling": True}  # fmt: skip
    assert back.request.items() >= said.items()
    assert (back.program, back.kind) == ("InvokeAI 2", "txt2img")
    assert set(back.unknown) == {"perlin", "Sampler"}


def test_a_command_line_of_the_first_invokeai_is_read() -> None:
    line = '"a fox [blur]" -s 50 -S 42 -W512 -H 768 -C 7.5 -A k_euler_a --seamless -G 0.8'
    back = read_picture(picture({"Dream": line}))
    said = {"prompt": "a fox", "negative_prompt": "blur", "steps": 50, "seed": 42, "width": 512, "height": 768,
            "cfg_scale": 7.5, "sampler": "Euler a"}  # fmt: skip
    assert back.request.items() >= said.items()
    assert back.unknown == {"--seamless": "", "-G": "0.8"}


def test_easy_diffusion_writes_one_entry_for_each_setting() -> None:
    items = {"prompt": "a fox", "negative_prompt": "bad", "seed": "7", "num_inference_steps": "25", "width": "512",
             "height": "640", "guidance_scale": "7.5", "sampler_name": "dpmpp_2m", "use_stable_diffusion_model":
             "dream"}  # fmt: skip
    back = read_picture(picture(items))
    said = {"prompt": "a fox", "negative_prompt": "bad", "seed": 7, "steps": 25, "width": 512, "sampler": "DPM++ 2M"}
    assert back.request.items() >= said.items()
    assert back.program == "Easy Diffusion"


def test_json_in_the_place_of_an_infotext_is_read() -> None:
    text = json.dumps({"sui_image_params": {"prompt": "a fox", "steps": 5, "seed": 3}})
    back = read_picture(picture({}, text))
    assert (back.program, back.request["prompt"], back.request["steps"]) == ("SwarmUI", "a fox", 5)


def test_an_infotext_counts_before_a_graph_and_a_recipe_before_both() -> None:
    graph = {"3": {"class_type": "KSampler", "inputs": {"seed": 1, "steps": 99}}}
    items = {"prompt": json.dumps(graph)}
    text = "a fox\nSteps: 5, Sampler: Euler, Seed: 3"
    recipe = {"kind": "txt2img", "request": {"steps": 7, "prompt": "a recipe"}}
    assert read_picture(picture(items, text, recipe)).request["steps"] == 7
    assert read_picture(picture(items, text)).request["steps"] == 5
    assert read_picture(picture(items)).request["steps"] == 99
    assert read_picture(picture(items, "no parameters here")).request["steps"] == 99


def test_a_picture_that_says_nothing_says_so() -> None:
    back = read_picture(picture({"Software": "Paint", "prompt": "not a graph"}))
    assert (back.request, back.program, back.notes) == ({}, "", ["the picture carries no parameters"])


@pytest.mark.parametrize(
    "items",
    [
        {"Software": "NovelAI"},
        {"Software": "NovelAI", "Comment": "[1]"},
        {"Software": "NovelAI", "Comment": '{"v4_prompt": 5, "uc": [], "steps": {}, "seed": "x", "width": "a"}'},
        {"invokeai_metadata": "{}"},
        {"invokeai_metadata": '{"model": 5, "loras": [1, {}], "scheduler": 3, "clip_skip": "x", "width": null}'},
        {"sd-metadata": '{"image": []}'},
        {"sd-metadata": '{"image": {"prompt": [[]], "sampler": 5}}'},
        {"Dream": "'unclosed -s"},
        {"Dream": "-s 5"},
        {"use_stable_diffusion_model": "x", "prompt": "y", "use_lora_model": "z", "lora_alpha": "many"},
        {"prompt": '{"a": {"class_type": "KSampler", "inputs": 5}}'},
    ],
)
def test_damaged_entries_are_no_error(items: dict[str, str]) -> None:
    read_picture(picture(items))
