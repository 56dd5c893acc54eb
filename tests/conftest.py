"""Fixtures every test can use."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

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
