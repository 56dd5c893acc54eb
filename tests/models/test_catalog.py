"""Models are found by every name A1111 accepts, and by nothing less than a clear one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from redraw.errors import ModelError, RequestError, UnknownName
from redraw.models import catalog as catalog_module
from redraw.models.catalog import Catalog
from redraw.models.hashes import file_sha256, old_hash


@pytest.fixture
def folder(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """A folder with two models, and several files that are none."""
    root = tmp_path / "models"
    (root / "art").mkdir(parents=True)
    (root / "empty").mkdir()
    shutil.copy(tiny_checkpoint, root / "Dream.safetensors")
    whole = bytearray(tiny_checkpoint.read_bytes())
    whole[0x100010] ^= 1
    (root / "art" / "ink v2.safetensors").write_bytes(whole)
    save_file({"x.lora_down.weight": torch.zeros(2, 2)}, root / "style.safetensors")
    (root / "broken.ckpt").write_text("no model at all")
    (root / "notes.txt").write_text("hello")
    return root


def test_only_models_are_offered(folder: Path) -> None:
    catalog = Catalog([folder, folder / "not there"], starter=False)
    assert sorted(m.name for m in catalog) == ["Dream", "art/ink v2"]
    assert {m.family for m in catalog} == {"Stable Diffusion 1"}
    assert {p.name for p in catalog.rejected} == {"style.safetensors", "broken.ckpt"}
    assert "this is a LoRA" in catalog.rejected[folder / "style.safetensors"]
    assert len(catalog) == 2


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Dream", "Dream"),
        ("dream", "Dream"),
        (" DREAM.safetensors ", "Dream"),
        ("art/ink v2", "art/ink v2"),
        ("art/ink v2.safetensors", "art/ink v2"),
        ("ink v2", "art/ink v2"),
        ("ink v2.safetensors", "art/ink v2"),
        ("art_ink v2", "art/ink v2"),
        ("ink", "art/ink v2"),
        ("rea", "Dream"),
    ],
)
def test_a_model_answers_to_its_names(folder: Path, name: str, found: str) -> None:
    assert Catalog([folder], starter=False).find(name).name == found


def test_a_model_answers_to_its_hashes_and_titles(folder: Path, tmp_path: Path) -> None:
    catalog = Catalog([folder], starter=False, cache=tmp_path / "cache.sqlite")
    path = folder / "art" / "ink v2.safetensors"
    full = file_sha256(path)
    model = catalog.find("ink v2")
    assert catalog.sha256(model) == full
    assert catalog.title(model) == f"art/ink v2.safetensors [{full[:10]}]"
    for name in (full, full[:10], full.upper(), old_hash(path), f"ink v2 [{full[:10]}]", catalog.title(model)):
        assert catalog.find(name) == model
    assert catalog.find(f"renamed since [{full[:10]}]") == model


def test_a_title_with_a_strange_hash_is_not_answered_with_a_namesake(folder: Path) -> None:
    with pytest.raises(UnknownName):
        Catalog([folder], starter=False).find("Dream [0123456789]")


def test_an_unknown_name_proposes_the_nearest(folder: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean Dream"):
        Catalog([folder], starter=False).find("Draem")
    with pytest.raises(UnknownName):
        Catalog([folder], starter=False).find("")
    with pytest.raises(UnknownName):
        Catalog([], starter=False).find("style")


def test_a_name_several_models_share_is_refused_with_the_places(folder: Path) -> None:
    shutil.copy(folder / "Dream.safetensors", folder / "art" / "Dream.safetensors")
    catalog = Catalog([folder], starter=False)
    assert catalog.find("Dream").path == folder / "Dream.safetensors", "its listed name is still clear"
    assert catalog.find("art/Dream").path == folder / "art" / "Dream.safetensors"
    with pytest.raises(RequestError, match="it could be any of"):
        catalog.find("rea")
    other = folder.parent / "more"
    other.mkdir()
    shutil.copy(folder / "Dream.safetensors", other / "Dream.safetensors")
    with pytest.raises(RequestError, match="it could be any of"):
        Catalog([folder, other], starter=False).find("Dream")


def test_a_path_is_taken_as_it_is_unless_forbidden(folder: Path) -> None:
    path = folder / "Dream.safetensors"
    assert Catalog([], starter=False).find(str(path)).path == path
    with pytest.raises(UnknownName):
        Catalog([], starter=False).find(str(path), paths=False)
    with pytest.raises(ModelError, match="this is a LoRA"):
        Catalog([], starter=False).find(str(folder / "style.safetensors"))


def test_a_flat_folder_is_sorted_by_content_not_by_name(tiny_checkpoint: Path, tmp_path: Path) -> None:
    shutil.copy(tiny_checkpoint, tmp_path / "lora.vae.safetensors")
    save_file({"x.lora_down.weight": torch.zeros(2, 2)}, tmp_path / "best model.safetensors")
    save_file({"decoder.up.0.block.0.conv1.weight": torch.zeros(2, 2)}, tmp_path / "colors.safetensors")
    save_file({"emb_params": torch.zeros(1, 16)}, tmp_path / "cat.safetensors")
    save_file({"who.knows": torch.zeros(1)}, tmp_path / "odd.safetensors")
    torch.save({"hello": 1}, tmp_path / "empty.pth")
    (tmp_path / "noise.bin").write_bytes(b"\0" * 64)
    catalog = Catalog([tmp_path], starter=False)
    assert [model.name for model in catalog] == ["lora.vae"]
    assert {other.name: other.kind for other in catalog.others} == {
        "best model.safetensors": "lora",
        "colors.safetensors": "vae",
        "cat.safetensors": "embedding",
        "odd.safetensors": "unknown",
        "empty.pth": "unknown",
        "noise.bin": "unknown",
    }
    assert all(other.why for other in catalog.others)


def test_the_folder_of_the_goldens_serves_two_models(goldens: Path) -> None:
    catalog = Catalog([goldens / "model"], starter=False)
    assert catalog.find("tiny-sd1").name == "tiny-sd1"
    assert {other.kind for other in catalog.others} == {"unet", "lora", "loha", "embedding"}


def test_new_files_are_seen_after_a_refresh(folder: Path) -> None:
    catalog = Catalog([folder], starter=False, look_again=60)
    assert len(catalog) == 2
    shutil.copy(folder / "Dream.safetensors", folder / "new.safetensors")
    assert len(catalog) == 2
    catalog.refresh()
    assert len(catalog) == 3


def test_links_in_a_circle_end(folder: Path) -> None:
    (folder / "art" / "back").symlink_to(folder, target_is_directory=True)
    assert len(Catalog([folder], starter=False)) == 2


def test_the_starter_model_is_offered_where_the_package_has_one(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "redraw-starter.safetensors"
    monkeypatch.setattr(catalog_module, "starter_weights", lambda: weights if weights.exists() else None)
    assert list(Catalog([])) == []
    shutil.copy(tiny_checkpoint, weights)
    assert [m.name for m in Catalog([])] == ["redraw-starter"]
    assert list(Catalog([], starter=False)) == []


def test_the_starter_s_networks_are_offered_with_it_and_are_not_among_the_files_that_are_no_model() -> None:
    catalog = Catalog([])
    shipped = [file.path for kind in ("lora", "embedding") for file in catalog.files(kind)]
    assert sorted(shipped) == list(catalog_module.starter_networks())
    assert catalog.others == ()
    assert Catalog([], starter=False).files("lora") == ()


def test_listing_needs_no_torch(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from redraw.models.catalog import Catalog; "
        "from redraw.models.describe import describe; "
        f"c = Catalog([Path({str(folder)!r})], starter=False); print(len(c)); "
        "describe(next(iter(c)).path); sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "2\n", "")
