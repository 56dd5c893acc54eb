"""`POST /parameters`: what pictures and texts say about how they were made."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from safetensors.torch import save_file

URL = "/api/v1/parameters"
TEXT = "a fox\nSteps: 9, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 64x32, Model: nowhere, Dream: deep"
JSON = {"content-type": "application/json"}
RAW = {"content-type": "application/octet-stream"}


def picture_with(**texts: Any) -> bytes:
    """A PNG with these text entries."""
    info, out = PngInfo(), io.BytesIO()
    for key, value in texts.items():
        info.add_itxt(key, value)
    Image.new("RGB", (8, 8)).save(out, "PNG", pnginfo=info)
    return out.getvalue()


def kept(server: Any, data: bytes) -> str:
    """The SHA-256 of an upload."""
    return str(server.client.post("/api/v1/pictures", content=data, headers=RAW).json()["sha256"])


@pytest.mark.parametrize("as_picture", [True, False])
def test_an_infotext_is_read(server: Any, as_picture: bool) -> None:
    body = {"sha256": kept(server, picture_with(parameters=TEXT))} if as_picture else {"text": TEXT}
    found = server.client.post(URL, json=body).json()
    assert (found["kind"], found["exact"], found["infotext"]) == ("txt2img", False, TEXT)
    assert found["request"]["prompt"] == "a fox"
    assert (found["request"]["sampler"], found["request"]["width"], found["request"]["height"]) == ("Euler a", 64, 32)
    assert found["unknown"] == {"Model": "nowhere", "Dream": "deep"}
    assert found["notes"] == ["the model 'nowhere' is not here"]


def test_a_picture_we_made_comes_back_by_its_recipe_and_can_be_made_again(
    server: Any, make_png: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = base64.b64encode(make_png()).decode()
    request = {"prompt": "a cat", "images": [{"data": source, "name": "cat.png"}], "steps": 2, "strength": 0.4}
    job = server.client.post("/api/v1/jobs", json={"kind": "img2img", "request": request}).json()
    server.work()
    result = server.client.get(job["links"]["results"]).json()[0]
    found = server.client.post(URL, json={"sha256": result["sha256"]}).json()
    assert (found["kind"], found["exact"]) == ("img2img", True)
    said = found["request"]
    assert (said["prompt"], said["strength"], said["seed"]) == ("a cat", 0.4, result["seed"])
    assert said["images"] == [{"sha256": job["request"]["images"][0]["sha256"], "name": "cat.png"}]
    again = server.client.post("/api/v1/jobs", json={"kind": found["kind"], "request": said, "parent": result["id"]})
    assert again.status_code == 201, again.text


def test_a_picture_without_parameters_says_so(server: Any, make_png: Callable[..., bytes]) -> None:
    found = server.client.post(URL, json={"sha256": kept(server, make_png())}).json()
    assert (found["request"], found["notes"]) == ({}, ["the picture carries no parameters"])


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "text"),
        ({"text": "x", "sha256": "0" * 64}, 422, "text"),
        ({"sha256": "0" * 64}, 404, "sha256"),
        ({"sha256": "nope"}, 422, "sha256"),
        ({"text": 5}, 422, "text"),
        ({"text": "x", "more": 1}, 422, "more"),
    ],
)
def test_a_wrong_question_is_refused(server: Any, body: dict[str, Any], status: int, field: str | None) -> None:
    answer = server.client.post(URL, json=body)
    assert (answer.status_code, answer.json().get("field")) == (status, field)
    assert answer.headers["content-type"] == "application/problem+json"


def test_no_text_is_an_error(server: Any) -> None:
    for text in ("", "\ud800", "Steps: 1, " * 500, "x\nSteps: 1e999, Seed: -9, Size: 0x0, CFG scale: inf"):
        answer = server.client.post(URL, content=json.dumps({"text": text}), headers=JSON)
        assert answer.status_code == (422 if text == "\ud800" else 200), answer.text


GRAPH = {
    "3": {"class_type": "KSampler", "inputs": {
        "seed": 42, "steps": 20, "cfg": 8.0, "sampler_name": "dpmpp_2m", "scheduler": "karras", "denoise": 1.0,
        "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}},
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "gone.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 32, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a fox", "clip": ["10", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "bad", "clip": ["4", 1]}},
    "10": {"class_type": "FreeU_V2", "inputs": {"b1": 1.3, "model": ["4", 0]}},
}  # fmt: skip


@pytest.mark.parametrize("as_picture", [True, False])
def test_a_graph_of_comfyui_is_read_from_a_picture_or_a_text(server: Any, as_picture: bool) -> None:
    text = json.dumps(GRAPH)
    body = {"sha256": kept(server, picture_with(prompt=text, workflow="{}"))} if as_picture else {"text": text}
    found = server.client.post(URL, json=body).json()
    assert (found["program"], found["kind"], found["exact"]) == ("ComfyUI", "txt2img", False)
    said = {"prompt": "a fox", "negative_prompt": "bad", "seed": 42, "steps": 20, "sampler": "DPM++ 2M", "width": 64}
    assert found["request"].items() >= said.items()
    assert "KSampler 3: seed" in found["understood"]
    assert found["unknown"] == {"Model": "gone"}
    assert "the model 'gone' is not here" in found["notes"]


@pytest.mark.parametrize(
    ("entries", "program"),
    [
        ({"Software": "NovelAI", "Comment": '{"uc": "", "prompt": "{a fox}", "sampler": "k_euler"}'}, "NovelAI"),
        ({"invokeai_metadata": '{"positive_prompt": "(a fox)1.05", "scheduler": "euler"}'}, "InvokeAI"),
        ({"parameters": '{"sui_image_params": {"prompt": "(a fox:1.05)", "sampler": "euler"}}'}, "SwarmUI"),
        ({"parameters": "(a fox:1.05)\nSteps: 5, Sampler: Euler, Seed: 3, Version: f2.0.1"}, "Forge"),
    ],
)
def test_a_picture_of_any_program_is_read(server: Any, entries: dict[str, str], program: str) -> None:
    found = server.client.post(URL, json={"sha256": kept(server, picture_with(**entries))}).json()
    assert (found["program"], found["request"]["prompt"]) == (program, "(a fox:1.05)")
    assert found["request"]["sampler"] == "Euler"


def test_styles_in_the_prompts_are_named(server: Any) -> None:
    style = {"prompt": "photo of {prompt}, grain", "negative_prompt": "cartoon"}
    assert server.client.put("/api/v1/styles/film", json=style).status_code < 300
    text = "photo of a fox, grain\nNegative prompt: bad, cartoon\nSteps: 5, Sampler: Euler, Seed: 3"
    found = server.client.post(URL, json={"text": text}).json()
    assert found["styles"] == {"names": ["film"], "prompt": "a fox", "negative_prompt": "bad"}
    assert found["request"]["prompt"] == "photo of a fox, grain"
    assert server.client.post(URL, json={"text": "a dog"}).json()["styles"] is None


def test_only_json_may_be_very_long(server: Any) -> None:
    long = server.client.post(URL, json={"text": "a" * 200_001})
    assert (long.status_code, long.json()["field"]) == (422, "text")
    graph = json.dumps({**GRAPH, "99": {"class_type": "Note", "inputs": {"text": "a" * 300_000}}})
    assert server.client.post(URL, json={"text": graph}).json()["program"] == "ComfyUI"


@pytest.mark.parametrize("text", ['{"a":' * 100_000, "{" * 150_000, '{"1": {"class_type": "KSampler", "inputs": {"positive": ["1", 0], "seed": ["1", 0]}}}'])  # fmt: skip # noqa: E501
def test_hostile_json_is_no_error(server: Any, text: str) -> None:
    assert server.client.post(URL, json={"text": text}).status_code == 200


def test_a_lora_is_found_by_its_hash_under_the_name_it_has_here(local: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "models" / "Lora"
    folder.mkdir(parents=True)
    down = "lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight"
    up = down.replace("lora_down", "lora_up")
    tensors = {
        down: torch.zeros(4, 8),
        up: torch.zeros(8, 4),
        down.replace("lora_down.weight", "alpha"): torch.ones(()),
    }
    save_file(tensors, folder / "ink.safetensors", metadata={"sshs_model_hash": "4f35fae5dd0a" + "0" * 52})
    server = local(models_dirs=(tmp_path / "models",))
    pairs = "Steps: 5, Sampler: Euler, Seed: 3"
    theirs = f'x <lora:old:0.5>\n{pairs}, Lora hashes: "old: 4f35fae5dd0a"'
    found = server.client.post(URL, json={"text": theirs}).json()
    assert found["request"]["prompt"] == "x <lora:ink:0.5>"
    assert found["notes"] == ["the LoRA 'old' (4f35fae5dd0a) is called 'ink' here"]
    assert "Lora hashes" in found["understood"]
    here = server.client.post(URL, json={"text": f"x <lora:ink:1> <lora:gone:1>\n{pairs}"}).json()
    assert here["notes"] == ["the LoRA 'gone' is not here"]
    assert here["request"]["prompt"] == "x <lora:ink:1> <lora:gone:1>"
