"""`/networks`: what there is beside the checkpoints, and the pictures beside that."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from redraw.server.routes import networks

API = "/api/v1"
KEY = "lora_unet_input_blocks_1_1_transformer_blocks_0_attn2_to_k"


def save_lora(path: Path, width: int = 768, **metadata: str) -> None:
    """A LoRA for models whose text is so wide."""
    path.parent.mkdir(parents=True, exist_ok=True)
    down, up = torch.zeros(2, width), torch.zeros(320, 2)
    save_file({f"{KEY}.lora_down.weight": down, f"{KEY}.lora_up.weight": up}, path, metadata=metadata or None)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder of models."""
    return tmp_path / "models"


@pytest.fixture
def listed(local: Callable[..., Any], models: Path) -> Callable[..., dict[str, Any]]:
    """Lists what is in the folder, by name; the starter's own networks are left out."""

    def ask(**query: str) -> dict[str, Any]:
        server = local(models_dirs=(models,))
        answer = server.client.get(f"{API}/networks", params=query)
        assert answer.status_code == 200, answer.text
        assert str(models) not in answer.text
        found = {one["name"]: one for one in answer.json()["networks"] if not one["name"].startswith("redraw-")}
        assert len(answer.json()["networks"]) >= len(found)
        return found

    return ask


def test_every_kind_is_listed_with_what_calls_for_it(listed: Any, models: Path) -> None:
    save_lora(models / "Lora" / "art" / "ink.safetensors", ss_output_name="Ink by me")
    (models / "embeddings").mkdir()
    save_file({"emb_params": torch.zeros(5, 768)}, models / "embeddings" / "blob.safetensors")
    (models / "hypernetworks").mkdir()
    save_file({"768.0.weight": torch.zeros(2, 2)}, models / "hypernetworks" / "warm.safetensors")
    found = listed()
    assert {name: (one["kind"], one["prompt"]) for name, one in found.items()} == {
        "art/ink": ("lora", "<lora:art/ink:1>"),
        "blob": ("embedding", "blob"),
        "warm": ("hypernetwork", "<hypernet:warm:1>"),
    }
    assert (found["art/ink"]["alias"], found["art/ink"]["family"]) == ("Ink by me", "Stable Diffusion 1")
    assert (found["blob"]["vectors"], found["art/ink"]["preview"]) == (5, False)


def test_what_people_wrote_beside_and_inside_a_file_is_told(listed: Any, models: Path) -> None:
    tags = json.dumps({"10_ink": {"inkwash": 9, "paper": 3}})
    save_lora(models / "Lora" / "ink.safetensors", 768, ss_tag_frequency=tags, **{"modelspec.title": "Ink <b>wash</b>"})
    save_lora(models / "Lora" / "pen.safetensors")
    wrote = {"activation text": "penstyle, hatching", "preferred weight": 0.7, "notes": "mine", "negative text": "blur"}
    (models / "Lora" / "pen.json").write_text(json.dumps(wrote))
    found = listed()
    assert (found["ink"]["title"], found["ink"]["triggers"]) == ("Ink wash", ["inkwash", "paper"])
    pen = found["pen"]
    assert (pen["triggers"], pen["weight"]) == (["penstyle", "hatching"], 0.7)
    assert (pen["notes"], pen["negative"]) == ("mine", "blur")


def test_a_name_that_a_tag_would_cut_is_called_otherwise_or_not_at_all(listed: Any, models: Path) -> None:
    save_lora(models / "Lora" / "a=b.safetensors", ss_output_name="plain")
    save_lora(models / "Lora" / "no #1.safetensors", sshs_model_hash="ab" * 32)
    save_lora(models / "Lora" / "odd:name.safetensors")
    found = listed()
    assert found["a=b"]["prompt"] == "<lora:plain:1>"
    assert found["no #1"]["prompt"] in ("", f"<lora:{'ab' * 6}:1>")
    assert found["odd:name"]["prompt"] == ""


def test_fits_is_about_the_model_that_is_asked_for(listed: Any, models: Path, tiny_checkpoint: Path) -> None:
    models.mkdir()
    shutil.copy(tiny_checkpoint, models / "Tiny.safetensors")
    save_lora(models / "Lora" / "one.safetensors", 768)
    save_lora(models / "Lora" / "big.safetensors", 2048)
    save_lora(models / "Lora" / "untold.safetensors", 20)
    save_lora(models / "Lora" / "own.safetensors", 20, ss_sd_model_name="redraw-starter.safetensors")
    (models / "embeddings").mkdir()
    save_file({"emb_params": torch.zeros(1, 16)}, models / "embeddings" / "narrow.safetensors")
    fits = {name: one["fits"] for name, one in listed(model="Tiny").items()}
    assert fits == {"one": True, "big": False, "untold": None, "own": False, "narrow": True}
    fits = {name: one["fits"] for name, one in listed(model="redraw-starter").items()}
    assert fits == {"one": False, "big": False, "untold": None, "own": True, "narrow": False}


def test_an_unknown_model_is_refused_with_near_names(server: Any) -> None:
    answer = server.client.get(f"{API}/networks", params={"model": "redraw-startr"})
    assert (answer.status_code, answer.json()["near"]) == (422, ["redraw-starter"])


def test_a_new_file_is_there_after_a_refresh(local: Any, models: Path) -> None:
    client = local(models_dirs=(models,)).client
    before = {one["name"] for one in client.get(f"{API}/networks").json()["networks"]}
    save_lora(models / "Lora" / "late.safetensors")
    assert client.post(f"{API}/models/refresh").status_code == 200
    assert {one["name"] for one in client.get(f"{API}/networks").json()["networks"]} - before == {"late"}


def test_the_picture_beside_a_file_is_shown_small_and_asked_for_once(local: Any, models: Path) -> None:
    save_lora(models / "Lora" / "art" / "ink.safetensors")
    Image.new("RGB", (1600, 800), "teal").save(models / "Lora" / "art" / "ink.preview.png")
    client = local(models_dirs=(models,)).client
    answer = client.get(f"{API}/networks/lora/art/ink/preview")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    with Image.open(io.BytesIO(answer.content)) as shown:
        assert (shown.format, shown.size) == ("WEBP", (512, 256))
    again = client.get(f"{API}/networks/lora/art/ink/preview", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "lora/ink/preview",  # no picture
        "lora/other/preview",
        "lora/INK/preview",  # near, but not its name
        "lora/link/preview",
        "lora/large/preview",
        "embedding/pictured/preview",
        f"lora/{quote('../secret', safe='')}/preview",
        "lora/../secret/preview",
        f"lora/{quote('..%2fsecret', safe='')}/preview",
        "lora//etc/passwd/preview",
        f"lora/{quote('pictured.png', safe='')}/preview",
    ],
)
def test_what_is_not_listed_or_has_no_picture_of_its_own_is_not_here(
    local: Any, models: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ink", "link", "large", "pictured"):
        save_lora(models / "Lora" / f"{name}.safetensors")
    Image.new("RGB", (8, 8)).save(models / "Lora" / "pictured.png")
    Image.new("RGB", (8, 8)).save(models / "secret.png")
    (models / "Lora" / "link.png").symlink_to(models / "secret.png")
    (models / "Lora" / "large.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(2000))
    monkeypatch.setattr(networks, "LARGEST", 1000)
    client = local(models_dirs=(models,)).client
    assert client.get(f"{API}/networks/lora/pictured/preview").status_code == 200
    assert client.get(f"{API}/networks/{path}").status_code == 404


def test_what_only_pretends_to_be_a_picture_is_refused_without_a_path(local: Any, models: Path) -> None:
    save_lora(models / "Lora" / "evil.safetensors")
    (models / "Lora" / "evil.png").write_bytes(b"<html><script>alert(1)</script></html>")
    answer = local(models_dirs=(models,)).client.get(f"{API}/networks/lora/evil/preview")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert str(models) not in answer.text
    assert "script" not in answer.text


def test_kinds_that_prompts_cannot_name_have_no_previews(server: Any) -> None:
    assert server.client.get(f"{API}/networks/checkpoint/redraw-starter/preview").status_code == 422
