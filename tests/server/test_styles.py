"""`/api/v1/styles`: saved pieces of prompts, on disk as A1111 keeps them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

URL = "/api/v1/styles"


def listed(server: Any) -> dict[str, dict[str, Any]]:
    """Every style by its name."""
    return {style["name"]: style for style in server.client.get(URL).json()}


def test_a_style_is_saved_listed_applied_and_deleted(server: Any) -> None:
    body = {"prompt": "a photo of {prompt}", "negative_prompt": "blur"}
    saved = server.client.put(f"{URL}/my photo", json=body)
    assert (saved.status_code, saved.json()) == (200, {"name": "my photo", "own": True, **body})
    assert listed(server) == {"my photo": saved.json()}
    assert (server.config.data_dir / "styles.csv").read_bytes().startswith(b"\xef\xbb\xbfname,prompt,negative_prompt")
    prompts = {"prompt": "a cat", "negative_prompt": "bad", "names": ["my photo", "none"]}
    applied = server.client.post(f"{URL}/apply", json=prompts).json()
    assert applied == {"prompt": "a photo of a cat", "negative_prompt": "bad, blur", "missing": ["none"]}
    assert server.client.get("/sdapi/v1/prompt-styles").json()[0]["name"] == "my photo"
    assert server.client.delete(f"{URL}/my photo").status_code == 204
    assert listed(server) == {}


def test_a_name_may_have_any_printable_character(server: Any) -> None:
    for name in ("50% / more?", "猫", 'a,b"c'):
        assert server.client.put(f"{URL}/{quote(name)}", json={"prompt": "x"}).json()["name"] == name
    assert len(listed(server)) == 3


def test_styles_of_models_folders_are_only_saved_over(local: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "styles.csv").write_text("name,prompt,negative_prompt\ntheirs,old,\n")
    server = local(models_dirs=(folder,))
    assert (listed(server)["theirs"]["own"], listed(server)["theirs"]["prompt"]) == (False, "old")
    refused = server.client.delete(f"{URL}/theirs")
    assert (refused.status_code, refused.headers["content-type"]) == (409, "application/problem+json")
    server.client.put(f"{URL}/theirs", json={"prompt": "new"})
    assert (listed(server)["theirs"]["own"], listed(server)["theirs"]["prompt"]) == (True, "new")
    assert server.client.delete(f"{URL}/theirs").status_code == 204
    assert listed(server)["theirs"]["prompt"] == "old"
    assert (folder / "styles.csv").read_text() == "name,prompt,negative_prompt\ntheirs,old,\n"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("DELETE", "/none", None, 404, "name"),
        ("PUT", "/%23x", {}, 422, "name"),
        ("PUT", "/%20x", {}, 422, "name"),
        ("PUT", f"/{'x' * 201}", {}, 422, "name"),
        ("PUT", "/x", {"prompt": 5}, 422, "prompt"),
        ("PUT", "/x", {"prompt": "a\0b"}, 422, "prompt"),
        ("PUT", "/x", {"text": "y"}, 422, "text"),
        ("POST", "/apply", {"prompt": "x"}, 422, "names"),
    ],
)
def test_what_is_wrong_is_named(server: Any, method: str, path: str, body: Any, status: int, field: str) -> None:
    answer = server.client.request(method, URL + path, json=body)
    assert (answer.status_code, answer.json()["field"]) == (status, field)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_file_that_is_none_of_styles_is_not_written_over(server: Any) -> None:
    file = server.config.data_dir / "styles.csv"
    file.write_bytes(b"something else")
    assert server.client.put(f"{URL}/x", json={}).status_code == 422
    assert file.read_bytes() == b"something else"


def test_many_savers_lose_nothing(server: Any) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: server.client.put(f"{URL}/style {n}", json={"prompt": str(n)}), range(20)))
    assert len(listed(server)) == 20
