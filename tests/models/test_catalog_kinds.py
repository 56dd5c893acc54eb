"""Every kind of model file is listed, told apart by content and folder, and found by the names A1111 takes."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from safetensors.torch import load_file, save_file

from redraw.errors import ModelError, RequestError, UnknownName
from redraw.models.catalog import KINDS, Catalog
from redraw.models.hashes import file_sha256, tensors_sha256

Z = torch.zeros


def save_lora(path: Path, alias: str = "", **metadata: str) -> Path:
    """Write a LoRA with one module."""
    path.parent.mkdir(parents=True, exist_ok=True)
    said = {"ss_output_name": alias} if alias else {}
    key = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
    tensors = {f"{key}.lora_down.weight": torch.randn(2, 768), f"{key}.lora_up.weight": Z(4, 2)}
    save_file(tensors, path, metadata={**said, **metadata} or None)
    return path


def listed(catalog: Catalog) -> dict[str, list[str]]:
    """Names by kind."""
    return {kind: [f.name for f in catalog.files(kind)] for kind in KINDS if catalog.files(kind)}


@pytest.fixture
def folder(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """A1111's folders with a file of every kind."""
    root = tmp_path / "models"
    for name in ("Stable-diffusion/art", "VAE", "hypernetworks", "ControlNet", "ESRGAN", "VAE-approx", "embeddings"):
        (root / name).mkdir(parents=True)
    shutil.copy(tiny_checkpoint, root / "Stable-diffusion" / "art" / "Dream.safetensors")
    save_lora(root / "Lora" / "style.safetensors", "inkwash")
    save_lora(root / "Lora" / "people" / "Ann.safetensors")
    save_file({"decoder.up.0.block.0.conv1.weight": Z(2, 2)}, root / "VAE" / "color.vae.safetensors")
    torch.save({768: (Z(2, 2), Z(2, 2)), "name": "hn"}, root / "hypernetworks" / "anime.pt")
    save_file({"input_hint_block.0.weight": Z(1)}, root / "ControlNet" / "canny.safetensors")
    save_file({"body.0.adapter.weight": Z(1)}, root / "ControlNet" / "t2i.safetensors")
    torch.save({"layers.strange": Z(1)}, root / "ESRGAN" / "4x_new.pth")
    save_file({"decoder.layers.1.weight": Z(1)}, root / "VAE-approx" / "taesd_decoder.safetensors")
    torch.save(
        {"string_to_param": {"*": Z(3, 768)}, "step": 10, "sd_checkpoint": "abc"}, root / "embeddings" / "cat.pt"
    )
    save_file({"clip_l": Z(2, 768), "clip_g": Z(2, 1280)}, root / "embeddings" / "big.safetensors")
    return root


def test_every_kind_is_listed_below_its_own_folder(folder: Path) -> None:
    catalog = Catalog([folder], starter=False)
    assert listed(catalog) == {
        "checkpoint": ["art/Dream"],
        "lora": ["style", "people/Ann"],
        "embedding": ["big", "cat"],
        "hypernetwork": ["anime"],
        "vae": ["color.vae"],
        "controlnet": ["canny", "t2i"],
        "upscaler": ["4x_new"],
        "taesd": ["taesd_decoder"],
    }
    assert all(other.offered for other in catalog.others)
    assert catalog.files("nothing") == ()


def test_one_flat_folder_is_told_apart_by_content(folder: Path, tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    for file in folder.rglob("*.*"):
        shutil.copy(file, flat / file.name)
    found = listed(Catalog([flat], starter=False))
    assert found["lora"] == ["Ann", "style"]
    assert found["embedding"] == ["big", "cat"]
    assert found["hypernetwork"] == ["anime"]
    assert found["vae"] == ["color.vae"]
    assert found["controlnet"] == ["canny"]
    assert "4x_new.pth" in {o.name for o in Catalog([flat], starter=False).others if o.kind == "unknown"}


def test_a_folder_of_one_kind_may_be_named_itself(folder: Path) -> None:
    assert listed(Catalog([folder / "Lora", folder / "ESRGAN"], starter=False)) == {
        "lora": ["style", "people/Ann"],
        "upscaler": ["4x_new"],
    }


def test_families_and_vectors_are_read_off_the_header(folder: Path) -> None:
    catalog = Catalog([folder], starter=False)
    assert catalog.find_file("lora", "style").family == "sd1"
    cat, big = catalog.find_file("embedding", "cat"), catalog.find_file("embedding", "big")
    assert (cat.family, cat.facts.vectors, cat.facts.widths) == ("sd1", 3, (768,))
    assert (cat.facts.step, cat.facts.sd_checkpoint) == (10, "abc")
    assert (big.family, big.facts.vectors, big.facts.widths) == ("sdxl", 2, (768, 1280))
    assert catalog.find("Dream").facts.widths == (16,)


@pytest.mark.parametrize(
    ("kind", "name", "found"),
    [
        ("lora", "style", "style"),
        ("lora", "STYLE", "style"),
        ("lora", "inkwash", "style"),
        ("lora", "InkWash", "style"),
        ("lora", "Ann", "people/Ann"),
        ("lora", "people/Ann", "people/Ann"),
        ("lora", "Lora/people/ann.safetensors", "people/Ann"),
        ("lora", "models/Lora/people/Ann", "people/Ann"),
        ("embedding", "cat", "cat"),
        ("vae", "color.vae.safetensors", "color.vae"),
        ("vae", "COLOR.vae", "color.vae"),
        ("hypernetwork", "anime", "anime"),
        ("checkpoint", "Stable-diffusion/art/Dream", "art/Dream"),
        ("upscaler", "4x_new", "4x_new"),
    ],
)
def test_files_answer_to_their_names(folder: Path, kind: str, name: str, found: str) -> None:
    assert Catalog([folder], starter=False).find_file(kind, name, paths=False).name == found


def test_hashes_are_a1111s_and_find_their_files(folder: Path, tmp_path: Path) -> None:
    catalog = Catalog([folder], starter=False, cache=tmp_path / "c.sqlite")
    path = folder / "Lora" / "style.safetensors"
    style = catalog.find_file("lora", "style")
    assert catalog.known_short_hash(style) is None
    assert catalog.short_hash(style) == tensors_sha256(path)[:12] == catalog.known_short_hash(style)
    whole = file_sha256(path)
    for name in (tensors_sha256(path)[:12], whole[:10], whole, f"style [{whole[:10]}]"):
        assert catalog.find_file("lora", name) == style
    cat = catalog.find_file("embedding", "cat")
    assert catalog.short_hash(cat) == file_sha256(cat.path)[:12]
    assert (
        catalog.short_hash(catalog.find_file("vae", "color.vae"))
        == file_sha256(folder / "VAE/color.vae.safetensors")[:10]
    )


def test_a_hash_that_a_lora_says_itself_needs_no_reading(folder: Path) -> None:
    save_lora(folder / "Lora" / "said.safetensors", sshs_model_hash="AB" * 32)
    catalog = Catalog([folder], starter=False)
    said = catalog.find_file("lora", "said")
    assert catalog.known_short_hash(said) == catalog.short_hash(said) == "abababababab"
    assert catalog.find_file("lora", "abababababab") == said


def test_an_alias_of_several_means_none_and_says_so(folder: Path) -> None:
    save_lora(folder / "Lora" / "style2.safetensors", "inkwash")
    save_lora(folder / "Lora" / "other.safetensors", "None")
    catalog = Catalog([folder], starter=False)
    with pytest.raises(RequestError, match=r"several files have this alias.*style, style2"):
        catalog.find_file("lora", "inkwash")
    with pytest.raises(UnknownName):
        catalog.find_file("lora", "none")
    assert catalog.find_file("lora", "style").name == "style"


def test_a_files_own_name_wins_over_anothers_alias(folder: Path) -> None:
    save_lora(folder / "Lora" / "inkwash.safetensors")
    assert Catalog([folder], starter=False).find_file("lora", "inkwash").path.name == "inkwash.safetensors"


def test_namesakes_are_listed_apart_and_their_shared_name_is_refused(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "more" / "models" / "Lora"
    save_lora(other / "style.safetensors")
    save_lora(other / "deep" / "Ann.safetensors")
    save_lora(other / "style.pt.safetensors")
    catalog = Catalog([folder, tmp_path / "more" / "models"], starter=False)
    names = [f.name for f in catalog.files("lora")]
    assert len(set(names)) == len(names)
    assert "models(2)/Lora/style.safetensors" in names
    assert {catalog.find_file("lora", name, paths=False).name for name in names} == set(names)
    with pytest.raises(RequestError, match=r"could be any of models/Lora/style.safetensors, models\(2\)/Lora/style"):
        catalog.find_file("lora", "style", paths=False)
    with pytest.raises(RequestError) as caught:
        catalog.find_file("lora", "Ann")
    assert str(folder / "Lora" / "people" / "Ann.safetensors") in str(caught.value), "both paths are said"
    assert str(other / "deep" / "Ann.safetensors") in str(caught.value)
    assert catalog.find_file("lora", "deep/Ann").path.parent.name == "deep"


def test_letters_as_they_are_win_over_any_case(folder: Path) -> None:
    save_lora(folder / "Lora" / "STYLE.safetensors")
    catalog = Catalog([folder], starter=False)
    assert catalog.find_file("lora", "STYLE").name == "STYLE"
    assert catalog.find_file("lora", "style").name == "style"
    with pytest.raises(RequestError, match="could be any of"):
        catalog.find_file("lora", "Style")


def test_copies_that_are_one_file_are_no_namesakes(folder: Path) -> None:
    (folder / "Lora" / "again").mkdir()
    (folder / "Lora" / "again" / "Ann.safetensors").symlink_to(folder / "Lora" / "people" / "Ann.safetensors")
    assert Catalog([folder], starter=False).find_file("lora", "Ann").stem == "Ann"


@pytest.mark.parametrize(
    "name", ["../style", "Lora/../Lora/style", "/etc/passwd", "~/style", "people/../style", "..", "a\0b"]
)
def test_path_tricks_are_names_nobody_has(folder: Path, name: str) -> None:
    catalog = Catalog([folder], starter=False)
    for kind in KINDS:
        with pytest.raises(UnknownName):
            catalog.find_file(kind, name, paths=False)


def test_a_path_is_taken_only_where_it_may_be_and_only_of_its_kind(folder: Path, tmp_path: Path) -> None:
    outside = save_lora(tmp_path / "outside" / "far.safetensors")
    catalog = Catalog([folder], starter=False)
    assert catalog.find_file("lora", str(outside)).path == outside
    with pytest.raises(UnknownName):
        catalog.find_file("lora", str(outside), paths=False)
    with pytest.raises(ModelError, match="this is a LoRA, not a vae"):
        catalog.find_file("vae", str(outside))
    with pytest.raises(ModelError, match="cannot be read"):
        catalog.at_path("lora", tmp_path / "gone.safetensors")


def test_an_unknown_name_says_the_nearest_and_who_lists_them(folder: Path) -> None:
    catalog = Catalog([folder], starter=False)
    with pytest.raises(UnknownName, match="unknown lora 'stile': did you mean style"):
        catalog.find_file("lora", "stile")
    with pytest.raises(UnknownName, match="`redraw models --kind vae` lists them"):
        catalog.find_file("vae", "zzz")
    for nothing in (" ", "~nobody/x", "x" * 5000, "a\0b"):
        with pytest.raises(UnknownName):
            catalog.find_file("lora", nothing)


def test_a1111_finds_a_checkpoint_by_a_part_of_its_shortest_title(folder: Path, tiny_checkpoint: Path) -> None:
    shutil.copy(tiny_checkpoint, folder / "Stable-diffusion" / "Dreamier.safetensors")
    catalog = Catalog([folder], starter=False)
    found = catalog.find_loosely("ream")
    assert found is not None
    assert found.name == "Dreamier"
    cut = catalog.find_loosely("art/Dream.safetensors [0123456789]")
    assert cut is not None
    assert cut.name == "art/Dream"
    assert catalog.find_loosely("nothing") is None
    assert catalog.find_loosely(" ") is None


def test_a_picture_with_an_embedding_is_one_and_other_pictures_are_not_told_of(folder: Path) -> None:
    said = {"name": "fox", "step": 7, "string_to_param": {"*": {"TORCHTENSOR": [[0.0] * 768] * 4}}}
    info = PngInfo()
    info.add_text("sd-ti-embedding", base64.b64encode(json.dumps(said).encode()).decode())
    Image.new("RGB", (8, 8)).save(folder / "embeddings" / "card.png", pnginfo=info)
    Image.new("RGB", (8, 8)).save(folder / "embeddings" / "holiday.png")
    Image.new("RGB", (8, 8)).save(folder / "embeddings" / "cat.preview.png")
    broken = PngInfo()
    broken.add_text("sd-ti-embedding", "?")
    Image.new("RGB", (8, 8)).save(folder / "embeddings" / "broken.png", pnginfo=broken)
    catalog = Catalog([folder], starter=False)
    card = catalog.find_file("embedding", "fox")
    assert (card.name, card.facts.vectors, card.facts.step, card.family) == ("card", 4, 7, "sd1")
    assert [f.name for f in catalog.files("embedding")] == ["big", "card", "cat"]
    assert {o.name for o in catalog.others if not o.offered} == {"broken.png"}
    assert catalog.find_file("embedding", "cat").preview == folder / "embeddings" / "cat.preview.png"


def test_damaged_and_dangerous_files_are_listed_nowhere_but_explained(folder: Path) -> None:
    (folder / "Lora" / "cut.safetensors").write_bytes((folder / "Lora" / "style.safetensors").read_bytes()[:-5])

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (print, ("it ran",))

    torch.save({"a": Evil()}, folder / "Lora" / "evil.pt")
    catalog = Catalog([folder], starter=False)
    assert "evil" not in {f.name for f in catalog.files("lora")}
    why = {other.name: other.why for other in catalog.others if not other.offered}
    assert "cut short" in why["cut.safetensors"]
    assert "would run code" in why["evil.pt"]


def test_a_checkpoint_without_a_vae_is_offered_and_says_so(folder: Path, tiny_checkpoint: Path) -> None:
    whole = load_file(tiny_checkpoint)
    metadata = {"redraw.text_encoder": '{"num_attention_heads": 2}'}
    path = folder / "Stable-diffusion" / "bare.safetensors"
    save_file({k: v for k, v in whole.items() if not k.startswith("first_stage_model.")}, path, metadata=metadata)
    unet = {k: v for k, v in whole.items() if k.startswith("model.diffusion_model.")}
    save_file(unet, folder / "Stable-diffusion" / "unet.safetensors")
    catalog = Catalog([folder], starter=False)
    found = catalog.find("bare")
    assert (found.family, found.facts.label) == ("Stable Diffusion 1", "a checkpoint without a VAE")
    assert [f.name for f in catalog] == ["bare", "art/Dream"]
