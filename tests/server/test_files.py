"""`/api/v1/files` and A1111's listings: every kind of model file, by name, and no folder of this machine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import redraw.starter

API = "/api/v1"
SHIPPED = {file.stem for file in Path(redraw.starter.__file__).parent.glob("networks/*")}
"""The demonstration networks inside the package, which are listed too."""
KEY = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight"


def own(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The files that are not the package's."""
    return [row for row in rows if row["name"] not in SHIPPED]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A webui's folder with LoRAs, embeddings, a VAE and a hypernetwork."""
    root = tmp_path / "webui"
    for name in ("models/Lora/deep", "models/VAE", "models/hypernetworks", "models/Stable-diffusion", "embeddings"):
        (root / name).mkdir(parents=True)
    tags = json.dumps({"5_x": {"ink": 9, "paper": 3}})
    metadata = {
        "ss_output_name": "Ink",
        "ss_tag_frequency": tags,
        "modelspec.title": "Ink wash",
        "ssmd_cover_images": "[]",
    }
    save_file({KEY: torch.zeros(2, 768)}, root / "models/Lora/deep/ink.safetensors", metadata=metadata)
    save_file({KEY: torch.ones(2, 2048)}, root / "models/Lora/big.safetensors")
    save_file({"decoder.up.0.block.0.conv1.weight": torch.zeros(2, 2)}, root / "models/VAE/color.safetensors")
    torch.save({768: (torch.zeros(2), torch.zeros(2))}, root / "models/hypernetworks/anime.pt")
    save_file({"emb_params": torch.zeros(3, 16)}, root / "embeddings/fits.safetensors")
    save_file({"emb_params": torch.zeros(3, 768)}, root / "embeddings/fits_not.safetensors")
    Image.new("RGB", (8, 8), "red").save(root / "models/Lora/deep/ink.png")
    return root


@pytest.fixture
def client(local: Callable[..., Any], folder: Path, tiny_checkpoint: Path) -> Any:
    """A server with that folder and a tiny checkpoint."""
    shutil.copy(tiny_checkpoint, folder / "models/Stable-diffusion/tiny.safetensors")
    return local(a1111_dir=folder, model="tiny").client


def test_files_are_listed_with_what_is_known_about_them(client: Any, folder: Path) -> None:
    answer = client.get(f"{API}/files", params={"kind": "lora"})
    big, ink = own(answer.json())
    assert (big["name"], ink["name"]) == ("big", "deep/ink")
    assert (ink["alias"], ink["family"], ink["title"], ink["triggers"]) == ("Ink", "sd1", "Ink wash", ["ink", "paper"])
    assert (ink["hash"], ink["file"], ink["size"] > 100) == (None, "deep/ink.safetensors", True)
    assert big["family"] == "sdxl"
    assert str(folder) not in answer.text
    for kind, names in (("vae", ["color"]), ("hypernetwork", ["anime"]), ("embedding", ["fits", "fits_not"])):
        assert [f["name"] for f in own(client.get(f"{API}/files", params={"kind": kind}).json())] == names
    assert client.get(f"{API}/files", params={"kind": "secret"}).status_code == 422


def test_a_name_is_answered_with_its_file_and_a_wrong_one_with_the_nearest(client: Any) -> None:
    one = client.get(f"{API}/files/one", params={"kind": "lora", "name": "INK"})
    assert one.json()["name"] == "deep/ink"
    wrong = client.get(f"{API}/files/one", params={"kind": "lora", "name": "inq"})
    assert (wrong.status_code, "did you mean ink" in wrong.json()["detail"].lower()) == (422, True), wrong.text


@pytest.mark.parametrize(
    "name", ["../webui/models/Lora/big", "/etc/passwd", "deep/../big", "~root/x", "..%2f..", "\x00"]
)
def test_path_tricks_are_names_nobody_has(client: Any, folder: Path, name: str) -> None:
    for path in ("files/one", "files/preview"):
        for tricked in (name, str(folder / "models" / "Lora" / "big.safetensors")):
            answer = client.get(f"{API}/{path}", params={"kind": "lora", "name": tricked})
            assert (answer.status_code, answer.json()["title"]) == (422, "unknown name")


def test_a_preview_is_shown_unless_it_is_a_link(client: Any, folder: Path, tmp_path: Path) -> None:
    ink, big = (client.get(f"{API}/files/one", params={"kind": "lora", "name": n}).json() for n in ("ink", "big"))
    answer = client.get(ink["preview"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.content == (folder / "models/Lora/deep/ink.png").read_bytes()
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert big["preview"] is None
    assert client.get(f"{API}/files/preview", params={"kind": "lora", "name": "big"}).status_code == 404
    Image.new("RGB", (8, 8)).save(tmp_path / "private.png")
    (folder / "models/Lora/big.png").symlink_to(tmp_path / "private.png")
    again = client.post(f"{API}/files/refresh", params={"kind": "lora"}, headers={"x-redraw": "1"}).json()
    assert own(again)[0]["preview"] is None
    assert client.get(f"{API}/files/preview", params={"kind": "lora", "name": "big"}).status_code == 404


def test_a_refresh_finds_new_files_of_every_kind(client: Any, folder: Path) -> None:
    assert len(own(client.get("/sdapi/v1/loras").json())) == 2
    shutil.copy(folder / "models/Lora/big.safetensors", folder / "models/Lora/new.safetensors")
    shutil.copy(folder / "embeddings/fits.safetensors", folder / "embeddings/new.safetensors")
    shutil.copy(folder / "models/VAE/color.safetensors", folder / "models/VAE/new.safetensors")
    for path in ("loras", "embeddings", "vae", "checkpoints"):
        assert (client.post(f"/sdapi/v1/refresh-{path}").json(), path) == (None, path)
    assert {lora["name"] for lora in own(client.get("/sdapi/v1/loras").json())} == {"big", "ink", "new"}
    assert "new" in client.get("/sdapi/v1/embeddings").json()["loaded"]
    assert [vae["model_name"] for vae in client.get("/sdapi/v1/sd-vae").json()] == [
        "color.safetensors",
        "new.safetensors",
    ]


def test_a1111s_listings_have_its_shapes_and_tell_no_folders(client: Any, folder: Path) -> None:
    loras = client.get("/sdapi/v1/loras")
    ink = next(lora for lora in loras.json() if lora["name"] == "ink")
    assert (ink["alias"], ink["path"]) == ("Ink", "deep/ink.safetensors")
    assert ink["metadata"]["ss_tag_frequency"] == {"5_x": {"ink": 9, "paper": 3}}, "a table, as A1111 has it"
    assert "ssmd_cover_images" not in ink["metadata"]
    assert client.get("/sdapi/v1/hypernetworks").json() == [{"name": "anime", "path": "anime.pt"}]
    listed = client.get("/sdapi/v1/embeddings").json()
    embeddings = {part: {n: v for n, v in some.items() if n not in SHIPPED} for part, some in listed.items()}
    nothing = {"step": None, "sd_checkpoint": None, "sd_checkpoint_name": None}
    assert embeddings == {
        "loaded": {"fits": {**nothing, "shape": 16, "vectors": 3}},
        "skipped": {"fits_not": {**nothing, "shape": 768, "vectors": 3}},
    }
    models = client.get("/sdapi/v1/sd-models").json()
    assert [m["title"] for m in models] == ["redraw-starter.safetensors", "tiny.safetensors"]
    for path in ("loras", "hypernetworks", "embeddings", "sd-models", "sd-vae"):
        assert str(folder) not in client.get(f"/sdapi/v1/{path}").text


def test_a_vae_of_a_subfolder_is_named_by_its_place(client: Any, folder: Path) -> None:
    (folder / "models/VAE/old").mkdir()
    save_file({"decoder.up.0.block.0.conv1.weight": torch.ones(2, 2)}, folder / "models/VAE/old/color.safetensors")
    client.post("/sdapi/v1/refresh-vae")
    body = {"kind": "txt2img", "request": {"prompt": "x", "vae": "old/color"}}
    assert client.post(f"{API}/jobs", json=body).json()["request"]["vae"] == "old/color.safetensors"
    body["request"]["vae"] = "../VAE/color"
    answer = client.post(f"{API}/jobs", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, "vae")
