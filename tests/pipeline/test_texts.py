"""Networks, embeddings and regions named in prompts, through the library's door."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from redraw.conditioning.brackets import weighted_tokens
from redraw.errors import ModelError, PictureError, RequestError, UnknownName
from redraw.geometry import Size
from redraw.image.picture import Limits
from redraw.models.keymap import vae_keys
from redraw.models.tokenizer import clip_tokenizer
from redraw.pipeline import Result
from redraw.pipeline.networks import Networks, wear
from redraw.pipeline.shots import plan_shots
from redraw.pipeline.stages import _guided, make_plan
from redraw.pipeline.texts import Conditions, Reader
from redraw.replay import replay_recipe
from redraw.request import Generation, Txt2Img
from redraw.settings import Settings
from redraw.studio import Studio

MODULE = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k"
SHORT = {"steps": 2, "width": 64, "height": 64, "seed": 5, "cfg_scale": 3, "model": "tiny"}


@pytest.fixture
def studio(tiny_checkpoint: Path, tmp_path: Path) -> Studio:
    """A studio with the tiny model, a LoRA `ink` and an embedding `blot`."""
    folder = tmp_path / "models"
    folder.mkdir()
    shutil.copy(tiny_checkpoint, folder / "tiny.safetensors")
    for sidecar in tiny_checkpoint.parent.glob(f"{tiny_checkpoint.stem}.*"):
        if sidecar.suffix in (".json", ".yaml"):
            shutil.copy(sidecar, folder / f"tiny{sidecar.suffix}")
    studio = Studio(settings=Settings(models_dirs=(folder,), data_dir=tmp_path / "data"), device="cpu", dtype="fp32")
    model = studio.load(Txt2Img(**SHORT))
    weight = model.unet.get_submodule("mid_block.attentions.0.transformer_blocks.0.attn2.to_k").weight
    torch.manual_seed(3)
    lora = {
        f"{MODULE}.lora_down.weight": torch.randn(2, weight.shape[1]),
        f"{MODULE}.lora_up.weight": torch.randn(weight.shape[0], 2) * 3,
        "lora_unet_mid_block_attentions_9_proj_in.lora_up.weight": torch.randn(4, 2),
    }
    save_file(lora, folder / "ink.safetensors")
    save_file({"emb_params": torch.randn(2, model.text_encoders[0].width)}, folder / "blot.safetensors")
    studio.catalog.refresh()
    return studio


def made(studio: Studio, prompt: str, **options: object) -> Result:
    return studio.txt2img(prompt, **{**SHORT, **options}).result()


def test_a_lora_changes_the_picture_and_leaves_the_model_as_it_was(studio: Studio) -> None:
    model = studio.load(Txt2Img(**SHORT))
    before = {name: (p.data_ptr(), p.clone()) for name, p in model.unet.named_parameters()}
    plain, inked = made(studio, "a fox"), made(studio, "a fox <lora:ink:1>")
    assert np.abs(plain.picture.pixels.astype(int) - inked.picture.pixels).max() > 0
    assert np.array_equal(made(studio, "a fox").picture.pixels, plain.picture.pixels)
    for name, parameter in model.unet.named_parameters():
        assert parameter.data_ptr() == before[name][0]
        assert torch.equal(parameter, before[name][1])
    assert 'Lora hashes: "ink: ' in inked.infotext
    assert "<lora:ink:1>" in inked.infotext
    assert any("attentions_9" in note for note in inked.notes)


@pytest.mark.parametrize("written", ["ink:0.5", "lora:ink:0.5", "<lora:ink:0.5>"])
def test_a_network_of_the_request_is_one_of_every_prompt(studio: Studio, written: str) -> None:
    said = made(studio, "a fox <lora:ink:0.5>")
    listed = made(studio, "a fox ", networks=(written,))
    assert np.array_equal(said.picture.pixels, listed.picture.pixels)


def test_an_unknown_network_is_refused_with_near_names_or_left_out(studio: Studio) -> None:
    with pytest.raises(UnknownName, match="did you mean ink"):
        made(studio, "a fox <lora:inks:1>")
    result = made(studio, "a fox <lora:inks:1>", unknown_networks="ignore")
    assert any("inks" in note for note in result.notes)
    assert np.array_equal(result.picture.pixels, made(studio, "a fox ").picture.pixels)


def test_an_embedding_is_found_by_its_name_in_both_prompts(studio: Studio) -> None:
    result = made(studio, "a blot", negative_prompt="blot")
    assert result.infotext.count("blot: ") == 1
    assert np.abs(
        result.picture.pixels.astype(int) - made(studio, "a spot", negative_prompt="spot").picture.pixels
    ).max()


def test_a_lora_is_no_hypernetwork(studio: Studio) -> None:
    with pytest.raises(UnknownName, match="unknown hypernetwork 'ink'"):
        made(studio, "a fox <hypernet:ink:1>")


def denoised(studio: Studio, prompt: str, at: slice, scale: float = 3) -> torch.Tensor:
    """One guided estimate under a prompt, in some columns of the latent."""
    request: Generation = Txt2Img(prompt=prompt, negative_prompt="no", **{**SHORT, "cfg_scale": scale})
    model = studio.load(request)
    plan, size = make_plan(model, request), Size(8, 8)
    texts = Reader(model, request, Networks(model, studio.shelf), request.steps, request.steps, size).texts(
        plan_shots(request)
    )
    guided = _guided(plan, request, Conditions(model, texts, request, size), together=True)
    x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        value = guided(x, torch.tensor([2.0])).value
    wear(model)
    return value[0, :, :, at]


def test_each_region_follows_its_own_part_and_its_own_networks(studio: Studio) -> None:
    left, right = slice(0, 4), slice(4, 8)
    both = "a fox <region:left> <lora:ink:1> AND a bear <region:right>"
    fox, against = denoised(studio, "a fox <lora:ink:1>", left, 1), denoised(studio, "no", left, 1)
    torch.testing.assert_close(denoised(studio, both, left), against + 3 * (fox - against), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(denoised(studio, both, right), denoised(studio, "a bear", right))


def test_a_region_by_mask_needs_a_mask_that_marks_something(studio: Studio) -> None:
    with pytest.raises(RequestError, match="there are 0 region masks"):
        made(studio, "a fox <region:1>")
    with pytest.raises(RequestError, match="marks nothing"):
        made(studio, "a fox <region:1>", region_masks=[np.zeros((64, 64), np.uint8)])
    mask = np.zeros((64, 64), np.uint8)
    mask[:, :32] = 255
    masked = made(studio, "a fox <region:1> AND a bear", region_masks=[mask])
    boxed = made(studio, "a fox <region:left> AND a bear")
    assert np.array_equal(masked.picture.pixels, boxed.picture.pixels)
    assert [given["role"] for given in masked.recipe["inputs"]] == ["region"]


def test_replay_refuses_another_network_of_the_same_name(studio: Studio, tmp_path: Path) -> None:
    result = made(studio, "a blot <lora:ink:1>")
    file = result.save(tmp_path / "a.png").path
    recipe = dict(result.recipe)
    assert {one["kind"] for one in recipe["networks"]} == {"lora", "embedding"}
    assert replay_recipe(studio, recipe, beside=file).identical
    for i, one in enumerate(recipe["networks"]):
        changed = [{**other, "hash": "0" * 12} if k == i else other for k, other in enumerate(recipe["networks"])]
        with pytest.raises(RequestError, match=f"{one['hash']}|000000000000"):
            replay_recipe(studio, {**recipe, "networks": changed}, beside=file)


def test_weights_in_eight_bits_are_said_and_gone_afterwards(studio: Studio) -> None:
    full = made(studio, "a fox")
    small = made(studio, "a fox", fp8="yes")
    assert "Model: tiny, FP8 weight: Enable," in small.infotext
    assert np.abs(full.picture.pixels.astype(int) - small.picture.pixels).max() > 0
    assert "FP8" not in made(studio, "a fox", fp8="sdxl").infotext
    assert np.array_equal(made(studio, "a fox").picture.pixels, full.picture.pixels)


def test_a_stand_in_for_the_vae_that_is_not_at_hand_is_an_error(studio: Studio) -> None:
    with pytest.raises(ModelError, match="no TAESD at hand"):
        made(studio, "a fox", vae_decoder="taesd")


def test_a_vae_of_the_checkpoints_name_is_taken_unless_none_is_asked_for(studio: Studio) -> None:
    own = made(studio, "a fox")
    model = studio.load(Txt2Img(**SHORT))
    folder = model.path.parent
    vae = {
        f"first_stage_model.{k}": v * 1.01
        for k, v in vae_keys(model.facts.shape.vae).to_ldm(model.vae.state_dict()).items()
    }
    save_file({k: v.contiguous() for k, v in vae.items()}, folder / "tiny.vae.safetensors")
    studio.catalog.refresh()
    beside = made(studio, "a fox")
    assert "VAE: tiny.vae.safetensors" in beside.infotext
    assert np.abs(own.picture.pixels.astype(int) - beside.picture.pixels).max() > 0
    plain = made(studio, "a fox", vae="none")
    assert "VAE" not in plain.infotext
    assert np.array_equal(plain.picture.pixels, own.picture.pixels)


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("a (red hat)", {"a": 1.0, "red": 1.1, "hat": 1.1}),
        ("a [red] hat", {"a": 1.0, "red": 1 / 1.1, "hat": 1.0}),
        ("((red)) hat", {"red": 1.21, "hat": 1.0}),
        ("(red:1.5)", {"red": 1.1, ":": 1.1, "1": 1.1, ".": 1.1, "5": 1.1}),
    ],
)
def test_the_old_way_weighs_by_brackets_alone(text: str, weights: dict[str, float]) -> None:
    tokenizer = clip_tokenizer()
    found = {tokenizer.text([token]): weight for token, weight in weighted_tokens(tokenizer, text)}
    assert found == pytest.approx(weights)


def test_a_region_mask_is_held_to_the_limits_of_pictures(studio: Studio) -> None:
    studio.limits = Limits(max_pixels=1000)
    with pytest.raises(PictureError, match="limit"):
        made(studio, "a fox <region:1>", region_masks=[np.full((64, 64), 255, np.uint8)])
