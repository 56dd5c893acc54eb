"""Every request A1111 was recorded with, sent to a live server with a real worker: the same status, the same shape.

Pixels are compared where they depend on nothing but the request. What Redraw answers otherwise on purpose is in
`OTHERWISE`, and in the table of docs/a1111-api.md.
"""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

import redraw.starter

GOLDENS = Path(__file__).resolve().parents[3] / "shared" / "goldens"
OTHERWISE = {"/sdapi/v1/create/embedding": 501}

pytestmark = [pytest.mark.golden, pytest.mark.slow]


def recorded(name: str) -> list[Any]:
    """Recorded requests, or one that skips where the goldens are absent."""
    file = GOLDENS / "api" / name
    if not file.is_file():
        return [pytest.param({}, marks=pytest.mark.skip(reason="../shared/goldens is not beside this checkout"))]
    rows = json.loads(file.read_text())
    if isinstance(rows, dict):
        rows = [{"path": path, "note": path, **answer} for path, answer in rows.items()]
    return [pytest.param(row, id=f"{row['path'].rpartition('/')[2]}: {row['note']}") for row in rows]


SHIPPED = {file.stem for file in Path(redraw.starter.__file__).parent.glob("networks/*")}
"""The demonstration networks inside the package, which A1111 does not have."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, lively: Callable[..., Any]) -> Iterator[httpx.Client]:
    """A client of a server with the tiny checkpoints, on the CPU in fp32."""
    if not GOLDENS.is_dir():
        pytest.skip("../shared/goldens is not beside this checkout")
    models = tmp_path_factory.mktemp("models")
    shutil.copytree(GOLDENS / "model", models, dirs_exist_ok=True)
    subprocess.run([sys.executable, str(GOLDENS / "merge_inpainting.py"), str(models)], check=True)
    live = lively(engine="real", models_dirs=[str(models)], model="tiny-sd1", device="cpu", dtype="fp32")
    with live.client() as client:
        client.timeout = httpx.Timeout(120)
        yield client


@pytest.fixture(scope="module")
def files() -> list[str]:
    """The goldens' input pictures in base64; recorded requests hold only the beginning of one."""
    names = [*(GOLDENS / "inputs").glob("*.png"), GOLDENS / "api" / "sample_img2img_response.png"]
    return [base64.b64encode(name.read_bytes()).decode() for name in names]


def whole(value: Any, files: list[str]) -> Any:
    """A recorded value with its shortened pictures made whole."""
    if isinstance(value, str) and "..." in value:
        head = value.split("...")[0]
        uri, _, start = head.rpartition(",")
        return (f"{uri}," if uri else "") + next(file for file in files if file.startswith(start))
    if isinstance(value, dict):
        return {key: whole(one, files) for key, one in value.items()}
    return [whole(one, files) for one in value] if isinstance(value, list) else value


def assert_same_shape(ours: Any, theirs: Any, at: str = "") -> None:
    """Fail where types differ or a key is missing; an empty list of ours is a list, and null goes with anything."""
    if ours is None or theirs is None:
        return
    if isinstance(theirs, dict):
        assert isinstance(ours, dict), at
        if at not in ("parameters", ".parameters", "[0].metadata", ".loaded", ".records", "[0].options"):
            assert set(theirs) <= set(ours), f"{at}: {set(theirs) - set(ours)} missing"
        for key in set(theirs) & set(ours):
            assert_same_shape(ours[key], theirs[key], f"{at}.{key}")
    elif isinstance(theirs, list):
        assert isinstance(ours, list), at
        if ours and theirs:
            assert_same_shape(ours[0], theirs[0], f"{at}[0]")
    else:
        numbers = isinstance(ours, int | float) and isinstance(theirs, int | float)
        assert numbers or type(ours) is type(theirs), f"{at}: {ours!r}, there {theirs!r}"


@pytest.mark.parametrize("row", recorded("post_examples.json"))
def test_a_request_is_answered_as_a1111_did(row: dict[str, Any], client: httpx.Client, files: list[str]) -> None:
    body = whole(row["request"], files)
    if row["note"] == "infotext field":  # 512x512 there, for its pictures; the size is not what this is about
        body |= {"width": 64, "height": 64}
    answer = client.post(row["path"], json=body)
    assert answer.status_code == OTHERWISE.get(row["path"], row["status"]), answer.text
    if row["path"] in OTHERWISE:
        return
    ours, theirs = answer.json(), row["response"]
    assert (ours is None) == (theirs is None)
    assert_same_shape(ours, theirs)
    if ours is None:
        return
    if answer.status_code == 422 and "error" not in ours:
        assert ours["detail"][0]["loc"] == theirs["detail"][0]["loc"]
    elif answer.status_code != 200:
        assert (ours["error"], ours["detail"]) == (theirs["error"], theirs["detail"])
    elif "images" in ours:
        assert len(ours["images"]) == len(theirs["images"])
    if "parameters" in ours and "info" in ours and row["path"].endswith("2img"):
        echoed = {**theirs["parameters"], **{key: body[key] for key in ("width", "height") if key in body}}
        assert ours["parameters"] == whole(echoed, files)
    elif row["path"].endswith("png-info"):
        assert ours == theirs


@pytest.mark.parametrize("row", recorded("get_endpoints.json"))
def test_a_listing_has_the_shape_a1111s_has(row: dict[str, Any], client: httpx.Client) -> None:
    answer = client.get(row["path"])
    assert answer.status_code == row["status"]
    assert answer.headers["content-type"].split(";")[0] == row["ctype"].split(";")[0]
    if row["ctype"].startswith("application/json"):
        assert_same_shape(answer.json(), row["body"])


@pytest.mark.parametrize(
    "path",
    [
        *("samplers", "schedulers", "latent-upscale-modes", "prompt-styles", "sd-vae"),
        *("hypernetworks", "embeddings", "loras"),
    ],
)
def test_a_listing_of_what_is_built_is_a1111s(path: str, client: httpx.Client) -> None:
    rows = json.loads((GOLDENS / "api" / "get_endpoints.json").read_text())[f"/sdapi/v1/{path}"]["body"]
    if path == "loras":  # ours tells no folders
        rows = [{**row, "path": Path(row["path"]).name} for row in rows]
    ours = client.get(f"/sdapi/v1/{path}").json()
    if path == "loras":
        ours = [lora for lora in ours if lora["name"] not in SHIPPED]
    if path == "embeddings":
        ours = {part: {n: v for n, v in some.items() if n not in SHIPPED} for part, some in ours.items()}
    assert ours == rows


def test_the_models_have_the_titles_and_hashes_a1111_gives_them(client: httpx.Client, files: list[str]) -> None:
    client.post("/sdapi/v1/txt2img", json={"steps": 1, "width": 64, "height": 64}).raise_for_status()
    rows = json.loads((GOLDENS / "api" / "get_endpoints.json").read_text())["/sdapi/v1/sd-models"]["body"]
    wanted = next(row for row in rows if row["model_name"] == "tiny-sd1")
    found = next(model for model in client.get("/sdapi/v1/sd-models").json() if model["model_name"] == "tiny-sd1")
    assert [found[key] for key in ("title", "hash", "sha256")] == [wanted[key] for key in ("title", "hash", "sha256")]
    options = client.get("/sdapi/v1/options").json()
    assert options["sd_model_checkpoint"] == wanted["title"]
    assert options["sd_checkpoint_hash"] == wanted["sha256"]


def test_pixels_and_metadata_are_a1111s(client: httpx.Client, files: list[str]) -> None:
    rows = json.loads((GOLDENS / "api" / "post_examples.json").read_text())
    body = whole(next(row["request"] for row in rows if row["note"] == "ok"), files)
    reply = client.post("/sdapi/v1/img2img", json=body).json()
    ours = Image.open(io.BytesIO(base64.b64decode(reply["images"][0])))
    theirs = Image.open(GOLDENS / "api" / "sample_img2img_response.png")
    assert np.abs(np.asarray(ours).astype(int) - np.asarray(theirs).astype(int)).max() <= 1
    text, wanted = ours.info["parameters"], theirs.info["parameters"]
    assert text.rpartition(", Version: ")[0] == wanted.rpartition(", Version: ")[0]
    info = json.loads(reply["info"])
    case = next(c for c in json.loads((GOLDENS / "cases" / "b_denoise.json").read_text()) if c["info"])
    assert set(case["info"]) <= set(info)
    assert info["infotexts"] == [text]
    assert info["extra_generation_params"] == {"Denoising strength": 0.6}
    assert (info["sd_model_name"], info["sd_model_hash"], info["seed"]) == ("tiny-sd1", "a35f23fa7d", 1234)


@pytest.mark.parametrize("name", ["lanczos2", "two"])
def test_the_pixels_of_extras_are_a1111s(name: str, client: httpx.Client, files: list[str]) -> None:
    rows = json.loads((GOLDENS / "api" / "post_examples.json").read_text())
    row = next(row for row in rows if row["note"] == name)
    reply = client.post(row["path"], json=whole(row["request"], files)).json()
    ours = Image.open(io.BytesIO(base64.b64decode(reply["image"])))
    theirs = Image.open(GOLDENS / "api" / f"extras_{name}.png")
    assert np.array_equal(np.asarray(ours), np.asarray(theirs))
    assert ours.info["postprocessing"] == theirs.info["postprocessing"]
    assert reply["html_info"] == row["response"]["html_info"]


def test_what_is_not_honoured_is_listed(client: httpx.Client, files: list[str]) -> None:
    body = {
        "init_images": [files[0]],
        "steps": 2,
        "width": 64,
        "height": 64,
        "sampler_name": "bogus",
        "scheduler": "nonsense",
        "unknown_field": 1,
        "override_settings": {"sd_model_checkpoint": "no such model"},
    }
    info = json.loads(client.post("/sdapi/v1/img2img", json=body).json()["info"])
    text = "\n".join(info["not_honoured"])
    for word in ("bogus", "nonsense", "unknown_field", "no such model"):
        assert word in text
    assert (info["sampler_name"], info["sd_model_name"]) == ("DPM++ 2M", "tiny-sd1")


def test_an_override_takes_another_model_for_one_job(client: httpx.Client) -> None:
    body = {"steps": 1, "width": 64, "height": 64, "override_settings": {"sd_model_checkpoint": "tiny-sd1-inpainting"}}
    info = json.loads(client.post("/sdapi/v1/txt2img", json=body).json()["info"])
    assert info["sd_model_name"] == "tiny-sd1-inpainting"
    assert info["is_using_inpainting_conditioning"] is True
    assert client.get("/sdapi/v1/options").json()["sd_model_checkpoint"].startswith("tiny-sd1.safetensors")
