"""`/models`, `/samplers`, `/request-schema`, `/tokens`, `/settings`, `/health`, `/metrics`."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from redraw.registry import SAMPLERS, SCHEDULERS

API = "/api/v1"


def test_names_come_from_the_shelves(server: Any) -> None:
    assert [s["label"] for s in server.client.get(f"{API}/samplers").json()] == SAMPLERS.labels()
    assert [s["label"] for s in server.client.get(f"{API}/schedulers").json()] == SCHEDULERS.labels()
    assert {u["name"] for u in server.client.get(f"{API}/upscalers").json()} >= {"lanczos", "nearest"}


def test_models_are_listed_by_content_and_never_by_path(local: Any, tmp_path: Path, tiny_checkpoint: Path) -> None:
    folder = tmp_path / "models"
    (folder / "sub").mkdir(parents=True)
    shutil.copy(tiny_checkpoint, folder / "sub" / "Tiny.safetensors")
    (folder / "evil.safetensors").write_bytes(b"\x80\x04\x95not safetensors at all")
    server = local(models_dirs=(folder,), model="tiny")
    answer = server.client.get(f"{API}/models")
    assert {m["name"]: m["default"] for m in answer.json() if m["name"] != "redraw-starter"} == {"sub/Tiny": True}
    assert str(tmp_path) not in answer.text
    assert {m["name"]: m["defaults"] for m in answer.json()} == {"redraw-starter": {"cfg_scale": 2.0}, "sub/Tiny": {}}
    body = {"kind": "txt2img", "request": {"prompt": "x"}}
    assert server.client.post(f"{API}/jobs", json=body).json()["request"]["model"] == "sub/Tiny"
    body["request"]["model"] = str(folder / "sub" / "Tiny.safetensors")
    assert server.client.post(f"{API}/jobs", json=body).status_code == 422
    (folder / "sub" / "Tiny.safetensors").rename(folder / "Other.safetensors")
    assert any(m["name"] == "Other" for m in server.client.post(f"{API}/models/refresh").json())


def test_the_schema_describes_every_field_for_a_form(server: Any) -> None:
    kinds = server.client.get(f"{API}/request-schema").json()
    fields = {field["name"]: field for field in kinds["img2img"]["fields"]}
    assert fields["steps"]["maximum"] == 1000
    assert fields["mask"]["kind"] == "picture"
    assert (fields["resize_mode"]["choices"][0], fields["resize_mode"]["labels"][0]) == ("just-resize", "Just resize")
    assert (fields["mask_blur"]["slider"], fields["seed"]["slider"]) == ([0, 64, 1], None)
    assert fields["invert_mask"]["labels"] == ["Inpaint masked", "Inpaint not masked"]
    assert (fields["eta"]["advanced"], fields["strength"]["advanced"]) == (True, False)
    assert (fields["prompt"]["multiline"], fields["model"]["multiline"]) == (True, False)
    assert "images" in kinds["img2img"]["body"]["$defs"]["Img2imgFields"]["required"]


@pytest.mark.parametrize(
    ("prompt", "used", "limit"), [("", 0, 75), ("a photo of a cat", 5, 75), ("cat " * 76, 76, 150)]
)
def test_tokens_are_counted(server: Any, prompt: str, used: int, limit: int) -> None:
    answer = server.client.post(f"{API}/tokens", json={"prompt": prompt})
    assert (answer.json()["used"], answer.json()["limit"]) == (used, limit)


def test_a_prompt_is_explained(server: Any) -> None:
    body = {"prompt": "a [b:c:0.5] (d e <lora:x:0.7> AND e :2", "steps": 10, "sampler": "Heun", "strength": 0.4}
    told = server.client.post(f"{API}/tokens", json=body).json()
    assert (told["used"], told["chunks"], told["evaluations"]) == (4, 1, 10)
    assert [part["weight"] for part in told["parts"]] == [1.0, 2.0]
    assert told["parts"][0]["schedule"] == [{"first": 1, "last": 10, "text": "a b (d e"}]
    assert told["parts"][0]["tags"] == told["tags"] == [{"kind": "lora", "name": "x", "args": ["0.7"], "named": {}}]
    assert told["texts"][0]["chunks"][0][2] == {"text": "d", "weight": 1.1, "vectors": 0}
    assert len(told["warnings"]) == 3
    assert "there is no lora called 'x'" in told["warnings"][2]


def test_embeddings_at_hand_are_counted_by_their_vectors(local: Any, tmp_path: Path) -> None:
    (tmp_path / "models" / "embeddings").mkdir(parents=True)
    save_file({"emb_params": torch.zeros(5, 16)}, tmp_path / "models" / "embeddings" / "blob.safetensors")
    server = local(models_dirs=(tmp_path / "models",))
    told = server.client.post(f"{API}/tokens", json={"prompt": "a blob"}).json()
    assert (told["used"], told["embeddings"]) == (6, ["blob"])


def test_a_negative_prompt_is_explained_as_one(server: Any) -> None:
    told = server.client.post(f"{API}/tokens", json={"prompt": "a AND b", "negative": True}).json()
    assert (len(told["parts"]), told["used"]) == (1, 3)
    assert server.client.post(f"{API}/tokens", json={"prompt": "a", "sampler": "oiler"}).status_code == 422


def test_the_longest_prompt_with_the_most_steps_is_answered_soon(server: Any) -> None:
    prompt = "[" + "|".join(f"{i} cats" for i in range(9_000)) + "]"
    begun = time.perf_counter()
    told = server.client.post(f"{API}/tokens", json={"prompt": prompt[:99_999] + "]", "steps": 1000}).json()
    assert time.perf_counter() - begun < 20
    assert 10 < told["evaluations"] < 30


def test_settings_are_shown_without_secrets_or_folders_and_changed(local: Any, tmp_path: Path) -> None:
    server = local(
        auth=(("someone", "hunter22"),), webhooks=True, webhook_secret="s" * 20, models_dirs=(tmp_path / "deep" / "sd",)
    )
    client = server.client
    client.auth = ("someone", "hunter22")
    answer = client.get(f"{API}/settings")
    assert "hunter22" not in answer.text
    assert "s" * 20 not in answer.text
    assert "deep" not in answer.text
    changed = client.patch(f"{API}/settings", json={"defaults": {"txt2img": {"steps": 33, "sampler": "Euler"}}})
    assert changed.json()["defaults"]["txt2img"] == {"steps": 33, "sampler": "Euler"}
    again = client.patch(f"{API}/settings", json={"defaults": {"txt2img": {"sampler": None}}})
    assert again.json()["defaults"]["txt2img"] == {"steps": 33}
    job = client.post(f"{API}/jobs", json={"kind": "txt2img", "request": {"prompt": "x"}}).json()
    assert job["request"]["steps"] == 33


@pytest.mark.parametrize(
    ("defaults", "field"),
    [
        ({"txt2img": {"steps": 0}}, "steps"),
        ({"txt2img": {"nothing": 0}}, "nothing"),
        ({"img2img": {"mask": "alpha"}}, "mask"),
        ({"video": {}}, "defaults"),
        ({"txt2img": {"model": "/etc/passwd"}}, "model"),
    ],
)
def test_wrong_defaults_are_refused(server: Any, defaults: Any, field: str) -> None:
    answer = server.client.patch(f"{API}/settings", json={"defaults": defaults})
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_compat_expands_into_the_options_that_a1111s_own_door_gets(local: Any) -> None:
    from redraw.compat.a1111 import txt2img

    client = local(compat="a1111").client
    request = client.post(f"{API}/jobs", json={"kind": "txt2img", "request": {"rng": "cpu"}}).json()["request"]
    assert (request["rng"], request["size_rule"]) == ("cpu", "floor-8")
    told = client.get(f"{API}/settings").json()["defaults"]["txt2img"]
    theirs = txt2img({}).request
    assert told == {name: getattr(theirs, name) for name in told}


class Supervisor:
    """Stands in for the worker's."""

    alive = False


def test_health_is_the_process_and_readiness_is_the_worker_too(server: Any) -> None:
    assert server.client.get("/health").json() == {"status": "ok"}
    assert server.client.get("/ready").status_code == 200
    shared = server.client.app.state.shared
    object.__setattr__(shared, "supervisor", Supervisor())
    answer = server.client.get("/ready")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    details = server.client.get(f"{API}/health").json()
    assert (details["database"], details["worker"], details["held"]) == (True, False, False)
    object.__setattr__(shared, "supervisor", None)


def test_metrics_count_by_route_and_state_and_not_by_what_clients_make_up(server: Any) -> None:
    server.submit()
    for number in range(5):
        server.client.get(f"/made/up/{number}")
        server.client.get(f"{API}/jobs/{number}")
    text = server.client.get("/metrics").text
    assert 'redraw_jobs{state="waiting"} 1.0' in text
    assert 'redraw_requests_total{method="POST",route="/api/v1/jobs",status="201"} 1.0' in text
    assert 'redraw_requests_total{method="GET",route="/api/v1/jobs/{id}",status="404"} 5.0' in text
    assert "made" not in text
