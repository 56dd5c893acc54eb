"""The folders of A1111 and ComfyUI are understood, and nothing outside them is looked into."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from redraw.errors import RequestError
from redraw.models.catalog import Catalog
from redraw.models.places import Place, candidate, places, search


def put(path: Path) -> None:
    """Write a file that could be anything."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"x.lora_down.weight": torch.zeros(2, 2)}, path)


def found(wanted: tuple[Place, ...]) -> dict[str, str]:
    """Names below their folder, and what the folder says."""
    return {c.path.relative_to(c.base).as_posix(): c.hint for c in search(wanted).candidates}


def test_a1111s_folders_are_searched_and_its_other_ones_are_not(tmp_path: Path) -> None:
    for name in (
        "models/Lora/a",
        "models/LyCORIS/b",
        "embeddings/deep/c",
        "venv/d",
        "outputs/e",
        "models/Stable-diffusion/f",
    ):
        put(tmp_path / f"{name}.safetensors")
    put(tmp_path / "extensions/sd-webui-controlnet/models/g.safetensors")
    assert found(places([], a1111_dir=tmp_path)) == {
        "a.safetensors": "lora",
        "b.safetensors": "lora",
        "f.safetensors": "checkpoint",
        "deep/c.safetensors": "embedding",
        "g.safetensors": "controlnet",
    }


def test_comfyuis_folders_and_its_list_of_others_are_searched(tmp_path: Path) -> None:
    comfy, far = tmp_path / "ComfyUI", tmp_path / "far"
    for name in ("checkpoints/a", "loras/x/b", "vae/c", "upscale_models/d", "diffusion_models/e"):
        put(comfy / "models" / f"{name}.safetensors")
    put(far / "my nets" / "f.safetensors")
    put(far / "more" / "g.safetensors")
    put(comfy / "rel" / "h.safetensors")
    text = f"a111:\n  base_path: {far}\n  loras: |\n    my nets\n    more\nown:\n  vae: rel\n  unknown: x\nnote: text\n"
    (comfy / "extra_model_paths.yaml").write_text(text)
    assert found(places([], comfyui_dir=comfy)) == {
        "a.safetensors": "checkpoint",
        "x/b.safetensors": "lora",
        "c.safetensors": "vae",
        "d.safetensors": "upscaler",
        "diffusion_models/e.safetensors": "",
        "f.safetensors": "lora",
        "g.safetensors": "lora",
        "h.safetensors": "vae",
    }


@pytest.mark.parametrize("text", ["a: [", "!!python/object/apply:os.system ['true']", "\0"])
def test_a_list_of_folders_that_is_damaged_or_would_run_code_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "extra_model_paths.yaml").write_text(text)
    with pytest.raises(RequestError, match="readable YAML"):
        places([], comfyui_dir=tmp_path)


def test_a_list_of_folders_may_be_empty_but_not_huge(tmp_path: Path) -> None:
    config = tmp_path / "extra_model_paths.yaml"
    config.write_text("# nothing\n")
    assert places([], comfyui_dir=tmp_path) == (Place(tmp_path / "models"),)
    config.write_text("#" * (2**20 + 1))
    with pytest.raises(RequestError, match="1 MiB"):
        places([], comfyui_dir=tmp_path)


def test_hidden_folders_circles_and_dead_links_are_passed_over(tmp_path: Path) -> None:
    put(tmp_path / "a.safetensors")
    put(tmp_path / ".trash" / "b.safetensors")
    (tmp_path / "c.safetensors").symlink_to(tmp_path / "gone")
    (tmp_path / "back").symlink_to(tmp_path, target_is_directory=True)
    assert found((Place(tmp_path), Place(tmp_path / "nowhere"))) == {"a.safetensors": ""}


def test_sidecars_and_previews_are_found_but_links_are_not_read(tmp_path: Path) -> None:
    put(tmp_path / "a.safetensors")
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "secret").write_text("{}")
    (tmp_path / "a.civitai.info").symlink_to(tmp_path / "secret")
    (tmp_path / "a.preview.png").write_bytes(b"")
    (one,) = search([Place(tmp_path)]).candidates
    assert one.sidecars == (tmp_path / "a.json",)
    assert one.preview == tmp_path / "a.preview.png"
    assert candidate(tmp_path / "a.safetensors").stamp == one.stamp
    (tmp_path / "a.png").write_bytes(b"")
    assert search([Place(tmp_path)]).candidates[0].preview == tmp_path / "a.png"


def test_what_a_list_names_is_what_its_files_are_where_they_do_not_tell(tmp_path: Path) -> None:
    save_file({"odd.weight": torch.zeros(1)}, tmp_path / "a.safetensors")
    assert [f.name for f in Catalog([Place(tmp_path, "upscaler")], starter=False).files("upscaler")] == ["a"]
    assert Catalog([Place(tmp_path, "vae")], starter=False).files("vae") == (), "a VAE must be one"
