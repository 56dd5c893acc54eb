"""TAESD files of every layout become one small autoencoder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from redraw.errors import ModelError, UnsupportedModel
from redraw.models.model import Model
from redraw.models.networks import quietly
from redraw.models.taesd import Taesd, find_taesd, load_taesd

State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def reference() -> Any:
    """diffusers' own, with random weights."""
    with quietly():
        from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

        torch.manual_seed(0)
        return AutoencoderTiny(encoder_block_out_channels=(16,) * 4, decoder_block_out_channels=(16,) * 4).eval()


def _half(reference: Any, side: str, prefix: str = "") -> State:
    """One half with the names of the original files, whose decoder counts a clamp as layer 0."""
    shift = int(side == "decoder")
    named = {}
    for key, tensor in getattr(reference, side).layers.state_dict().items():
        number, _, rest = key.partition(".")
        named[f"{prefix}{int(number) + shift}.{rest}"] = tensor.clone()
    return named


def _save(state: State, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, path) if path.suffix == ".pth" else save_file(state, path)
    return path


def _layouts(reference: Any, folder: Path) -> dict[str, Path]:
    both = {**_half(reference, "encoder", "taesd_encoder."), **_half(reference, "decoder", "taesd_decoder.")}
    plain = {**_half(reference, "encoder", "encoder."), **_half(reference, "decoder", "decoder.")}
    diffusers = {k: v.clone() for k, v in reference.state_dict().items()}
    _save(_half(reference, "encoder"), folder / "two" / "taesd_encoder.pth")
    _save(diffusers, folder / "tiny" / "diffusion_pytorch_model.safetensors")
    (folder / "tiny" / "config.json").write_text(json.dumps({"_class_name": "AutoencoderTiny"}))
    return {
        "two .pth files": _save(_half(reference, "decoder"), folder / "two" / "taesd_decoder.pth"),
        "the other of them": folder / "two" / "taesd_encoder.pth",
        "one file of ComfyUI": _save(both, folder / "a" / "taesd.safetensors"),
        "one file": _save(plain, folder / "b" / "taesd.safetensors"),
        "a file of diffusers": _save(diffusers, folder / "c" / "taesd.safetensors"),
        "a folder of diffusers": folder / "tiny",
    }


LAYOUTS = ["two .pth files", "the other of them", "one file of ComfyUI", "one file", "a file of diffusers"]


@pytest.mark.parametrize("layout", [*LAYOUTS, "a folder of diffusers"])
def test_every_layout_computes_as_diffusers_does(reference: Any, tmp_path: Path, layout: str) -> None:
    taesd = load_taesd(_layouts(reference, tmp_path)[layout])
    picture = torch.rand(2, 3, 24, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.no_grad():
        latents = reference.encode(picture).latents
        decoded = reference.decode(latents).sample
    assert torch.allclose(taesd.encode(picture), latents, atol=1e-5)
    assert torch.allclose(taesd.decode(latents), decoded, atol=1e-5)
    assert (taesd.latent_channels, taesd.encodes, taesd.decodes) == (4, True, True)


def test_a_decoder_alone_decodes_and_says_what_it_lacks(reference: Any, tmp_path: Path) -> None:
    taesd = load_taesd(_save(_half(reference, "decoder"), tmp_path / "taesd_decoder.safetensors"))
    assert taesd.decode(torch.zeros(1, 4, 2, 3)).shape == (1, 3, 16, 24)
    with pytest.raises(ModelError, match="has no encoder; put taesd_encoder beside it"):
        taesd.encode(torch.zeros(1, 3, 16, 16))


@pytest.mark.parametrize(
    ("name", "sdxl"),
    [("taesd_decoder", False), ("taesdxl_decoder", True), ("taesdxl", True), ("sdxl-tiny", True)],
)
def test_the_name_tells_the_family(reference: Any, tmp_path: Path, name: str, sdxl: bool) -> None:
    taesd = load_taesd(_save(_half(reference, "decoder"), tmp_path / f"{name}.safetensors"))
    assert taesd.fits("sdxl", 4) is sdxl
    assert taesd.fits("sd1", 4) is not sdxl
    assert not taesd.fits("sdxl" if sdxl else "sd1", 16)


def test_it_computes_in_the_number_format_it_was_cast_to(reference: Any, tmp_path: Path) -> None:
    taesd = load_taesd(_layouts(reference, tmp_path)["one file"])
    full = taesd.decode(torch.ones(1, 4, 2, 2))
    half: Taesd = taesd.to("cpu", torch.bfloat16)
    assert half.decode(torch.ones(1, 4, 2, 2)).dtype is torch.float32
    assert torch.allclose(half.decode(torch.ones(1, 4, 2, 2)), full, atol=0.05)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"5.conv.0.weight": None}, "layers.4.conv.0.weight missing"),
        ({"1.weight": torch.zeros(16, 4)}, "does not meet the latents"),
        ({"1.weight": None}, "does not meet the latents"),
        ({"77.weight": torch.zeros(1)}, "layers that TAESD has not: layers.76.weight"),
    ],
)
def test_a_damaged_file_says_what_is_wrong(
    reference: Any, tmp_path: Path, change: dict[str, torch.Tensor | None], message: str
) -> None:
    state: dict[str, torch.Tensor | None] = {**_half(reference, "decoder"), **change}
    whole = {k: v for k, v in state.items() if v is not None}
    with pytest.raises(ModelError, match=message):
        load_taesd(_save(whole, tmp_path / "taesd_decoder.safetensors"))


def test_another_file_is_refused(tmp_path: Path, tiny_checkpoint: Path) -> None:
    with pytest.raises(UnsupportedModel, match="this is no TAESD"):
        load_taesd(tiny_checkpoint)


def test_the_first_file_that_fits_is_found(reference: Any, tmp_path: Path) -> None:
    damaged, encoder = tmp_path / "taesd.pth", _save(_half(reference, "encoder"), tmp_path / "e" / "enc.pth")
    damaged.write_bytes(b"no weights")
    for_sdxl = _save(_half(reference, "decoder"), tmp_path / "taesdxl_decoder.pth")
    fits = _save(_half(reference, "decoder"), tmp_path / "taesd_decoder.pth")
    found = find_taesd([damaged, encoder, for_sdxl, fits], "sd1", 4)
    assert found is not None
    assert found.path == fits
    assert find_taesd([damaged, encoder, for_sdxl], "sd1", 4) is None


def test_a_model_encodes_and_decodes_by_it_only_where_told(reference: Any, tmp_path: Path, tiny: Model) -> None:
    taesd = load_taesd(_layouts(reference, tmp_path)["one file"])
    picture, latents = torch.zeros(1, 3, 16, 24), torch.ones(1, 4, 2, 3)
    with pytest.raises(ModelError, match="no TAESD at hand"), tiny.by_taesd():
        pass
    tiny.attach_taesd(taesd)
    try:
        assert not torch.allclose(tiny.decode(latents), taesd.decode(latents))
        with tiny.by_taesd(encode=False):
            assert torch.equal(tiny.decode(latents), taesd.decode(latents))
            assert not torch.allclose(tiny.encode(picture), taesd.encode(picture))
        with tiny.by_taesd(decode=False):
            assert torch.equal(tiny.encode(picture), taesd.encode(picture))
        assert not torch.allclose(tiny.decode(latents), taesd.decode(latents))
    finally:
        tiny.attach_taesd(None)


def test_a_taesd_for_other_latents_is_refused(tmp_path: Path, tiny: Model) -> None:
    with quietly():
        from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

        other = AutoencoderTiny(
            latent_channels=16, encoder_block_out_channels=(8,) * 4, decoder_block_out_channels=(8,) * 4
        )
    taesd = load_taesd(_save(_half(other, "decoder"), tmp_path / "taesd3_decoder.safetensors"))
    with pytest.raises(ModelError, match="latents of 16 channels; tiny's have 4"):
        tiny.attach_taesd(taesd)
