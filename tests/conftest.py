"""Fixtures every test can use."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch

GOLDENS = Path(__file__).resolve().parents[2] / "shared" / "goldens"


@pytest.fixture(scope="session")
def goldens() -> Path:
    """The folder of A1111's own results, or a skip where this checkout has none beside it."""
    if not GOLDENS.is_dir():
        pytest.skip("the golden pictures of A1111 are not beside this checkout (../shared/goldens)")
    return GOLDENS


@pytest.fixture(scope="session")
def fake_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that draws squares, started as a user starts one; jobs of all tests meet there."""
    home = tmp_path_factory.mktemp("server")
    environment = {**os.environ, "HOME": str(home), "REDRAW_DATA_DIR": str(home / "data"), "REDRAW_MODELS_DIR": ""}
    command = [sys.executable, "-m", "redraw", "serve", "--engine", "fake", "--port", "0"]
    with (home / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("Redraw is at http://"), (home / "log").read_text()
    yield line.rpartition(" ")[2].strip()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)


def _random_state(network: torch.nn.Module, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Weights of sensible size for a network on the meta device."""
    state = {}
    for name, tensor in network.state_dict().items():
        if name.endswith("position_ids"):
            continue
        if tensor.ndim == 1:
            state[name] = torch.full(tensor.shape, float(name.endswith("weight")))
        else:
            fan_in = tensor[0].numel() if tensor.ndim > 1 else 1
            state[name] = torch.randn(tensor.shape, generator=generator) * fan_in**-0.5
    return state


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Stable Diffusion 1 checkpoint with random weights: the real key names, 64 channels wide, about 8 MB."""
    from safetensors.torch import save_file

    from redraw.models.architecture import Architecture, TextShape, UNetShape, VaeShape
    from redraw.models.keymap import to_checkpoint
    from redraw.models.networks import build_text_encoder, build_unet, build_vae

    shape = Architecture(
        UNetShape(
            in_channels=4,
            out_channels=4,
            channels=(64, 64, 64, 64),
            blocks=(1, 1, 1, 1),
            depth=(1, 1, 1, 0),
            mid_depth=1,
            context=16,
            linear=False,
            time_width=256,
            heads=(8, 8, 8, 8),
        ),
        VaeShape(channels=(32, 32, 64, 64), blocks=1, latent_channels=4),
        TextShape(width=16, layers=12, mlp=32, positions=77, vocabulary=49408, heads=2),
    )
    generator = torch.Generator().manual_seed(0)
    unet, vae, text = (
        _random_state(network, generator)
        for network in (build_unet(shape.unet), build_vae(shape.vae), build_text_encoder(shape.text))
    )
    path = tmp_path_factory.mktemp("models") / "tiny.safetensors"
    state = {k: v.half().contiguous() for k, v in to_checkpoint(shape, unet, vae, text).items()}
    save_file(state, path, metadata={"redraw.text_encoder": '{"num_attention_heads": 2}', "redraw.native_size": "64"})
    return path


@dataclass
class TinyFamily:
    """A tiny model of one family with random weights: diffusers' own networks, saved as a folder and as one file.

    Attributes:
        parts: diffusers' and transformers' networks, by the folder each is in.
        folder: as diffusers saves it.
        file: the same weights under the original code's names.
    """

    parts: dict[str, Any]
    folder: Path
    file: Path


# name: (in_channels, text encoders as (part, projection), what the UNet is told besides, prediction)
_FAMILIES: dict[str, tuple[int, dict[str, int], int, str]] = {
    "sd2": (4, {"text_encoder": 0}, 0, "epsilon"),
    "sd2-v": (4, {"text_encoder": 0}, 0, "v_prediction"),
    "sd2-inpainting": (9, {"text_encoder": 0}, 0, "epsilon"),
    "sdxl": (4, {"text_encoder": 0, "text_encoder_2": 24}, 6, "epsilon"),
    "sdxl-v": (4, {"text_encoder": 0, "text_encoder_2": 24}, 6, "v_prediction"),
    "sdxl-inpainting": (9, {"text_encoder": 0, "text_encoder_2": 24}, 6, "epsilon"),
    "sdxl-edit": (8, {"text_encoder": 0, "text_encoder_2": 24}, 6, "epsilon"),
    "sdxl-refiner": (4, {"text_encoder_2": 24}, 5, "epsilon"),
}


def _family_parts(name: str) -> dict[str, Any]:
    """Return diffusers' and transformers' networks of a tiny model."""
    from redraw.models.networks import quietly

    with quietly():
        from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
        from transformers.models.clip.configuration_clip import CLIPTextConfig
        from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection

        channels, texts, sizes, _ = _FAMILIES[name]
        told = {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": 24 + 8 * sizes,
        }
        parts: dict[str, Any] = {}
        torch.manual_seed(7)
        parts["unet"] = UNet2DConditionModel(
            in_channels=channels,
            block_out_channels=(32, 64),
            layers_per_block=1,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=(1, 2),
            attention_head_dim=(2, 4),
            cross_attention_dim=16 * len(texts),
            use_linear_projection=True,
            norm_num_groups=8,
            **(told if sizes else {}),
        )
        parts["vae"] = AutoencoderKL(
            block_out_channels=(16, 16, 16, 16),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            norm_num_groups=8,
            latent_channels=4,
            scaling_factor=0.13025 if sizes else 0.18215,
        )
        for part, projection in texts.items():
            config = CLIPTextConfig(
                vocab_size=49408,
                hidden_size=16,
                intermediate_size=32,
                num_attention_heads=2,
                num_hidden_layers=3,
                hidden_act="quick_gelu" if sizes and part == "text_encoder" else "gelu",
                projection_dim=projection or 16,
            )
            parts[part] = (CLIPTextModelWithProjection if projection else CLIPTextModel)(config)
        for network in parts.values():
            _liven(network.eval().requires_grad_(False))
    return parts


def _liven(network: torch.nn.Module) -> None:
    """Give biases and norms numbers too, so that a mistake with them shows."""
    for name, parameter in network.named_parameters():
        if parameter.ndim == 1:
            parameter.add_(torch.randn(parameter.shape) * 0.1)
        elif name.endswith("embedding.weight"):
            parameter.mul_(20)


def _saved_family(name: str, path: Path) -> TinyFamily:
    """Write a tiny model in both layouts."""
    import json

    from safetensors.torch import save_file

    from redraw.models.configs import from_configs
    from redraw.models.keymap import to_checkpoint

    _, texts, sizes, prediction = _FAMILIES[name]
    parts = _family_parts(name)
    for part, network in parts.items():
        network.save_pretrained(path / "model" / part)
    (path / "model" / "scheduler").mkdir()
    (path / "model" / "scheduler" / "scheduler_config.json").write_text(json.dumps({"prediction_type": prediction}))
    configs = {part: json.loads((path / "model" / part / "config.json").read_text()) for part in parts}
    pooled = [projection > 0 for projection in texts.values()]
    shape = from_configs(configs["unet"], configs["vae"], *(configs[t] for t in texts), pooled=pooled)
    states = {part: dict(network.state_dict()) for part, network in parts.items()}
    if not sizes:  # diffusers leaves the last layer out of SD2's text encoder; the file has it
        last = {k: v for k, v in states["text_encoder"].items() if "layers.2." in k}
        states["text_encoder"] |= {k.replace("layers.2.", "layers.3."): v + 1 for k, v in last.items()}
    family = "sd2" if not sizes else "sdxl-refiner" if sizes == 5 else "sdxl"
    state = to_checkpoint(shape, states["unet"], states["vae"], *(states[t] for t in texts), family=family)
    metadata = {
        "redraw.unet": '{"attention_head_dim": [2, 4], "norm_num_groups": 8}',
        "redraw.vae": '{"norm_num_groups": 8}',
        "redraw.scheduler": json.dumps({"prediction_type": prediction}),
        **{f"redraw.{part}": '{"num_attention_heads": 2}' for part in texts},
    }
    save_file({k: v.contiguous() for k, v in state.items()}, path / f"{name}.safetensors", metadata=metadata)
    return TinyFamily(parts, path / "model", path / f"{name}.safetensors")


@pytest.fixture(scope="session")
def tiny_family(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], TinyFamily]:
    """Make a tiny model by name (sd2, sd2-v, sd2-inpainting, sdxl, sdxl-inpainting, ...), each once."""
    made: dict[str, TinyFamily] = {}

    def make(name: str) -> TinyFamily:
        if name not in made:
            made[name] = _saved_family(name, tmp_path_factory.mktemp(name))
        return made[name]

    return make


# XYZ columns under D50 of Adobe RGB (1998), wider than sRGB in green.
ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))


def _profile(space: bytes, pcs: bytes, tags: dict[bytes, bytes]) -> bytes:
    table, body, at = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += struct.pack(">4sII", name, at + len(body), len(data))
        body += data
    kind = b"prtr" if space == b"CMYK" else b"mntr"
    head = struct.pack(">I4sI4s4s4s", 0, b"test", 0x02400000, kind, space, pcs)
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += struct.pack(">3i", 63190, 65536, 54061)
    data = head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", len(data)) + data[4:]


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))


def _gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


@pytest.fixture(scope="session")
def adobe_rgb() -> bytes:
    """A matrix profile with Adobe RGB's primaries and gamma 2.2."""
    tags = {name + b"XYZ": _xyz(column) for name, column in zip((b"r", b"g", b"b"), ADOBE, strict=True)}
    tags |= {name + b"TRC": _gamma(563 / 256) for name in (b"r", b"g", b"b")}
    return _profile(b"RGB ", b"XYZ ", {b"wtpt": _xyz((0.9642, 1.0, 0.8249)), **tags})


@pytest.fixture(scope="session")
def grey_profile() -> bytes:
    """A grey profile with gamma 1.8, darker than sRGB reads the same numbers."""
    return _profile(b"GRAY", b"XYZ ", {b"wtpt": _xyz((0.9642, 1.0, 0.8249)), b"kTRC": _gamma(1.8)})


@pytest.fixture(scope="session")
def cmyk_profile() -> bytes:
    """A table profile for four inks that only knows light and dark."""
    grid = bytearray()
    for inks in product((0, 1), repeat=4):
        grid += bytes([max(0, 255 - 80 * sum(inks)), 128, 128])
    line = bytes(range(256))
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + struct.pack(">9i", *(65536 * (i % 4 == 0) for i in range(9)))
    return _profile(b"CMYK", b"Lab ", {b"wtpt": _xyz((0.9642, 1.0, 0.8249)), b"A2B0": lut + line * 4 + grid + line * 3})
