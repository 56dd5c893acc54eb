"""Fixtures for tests about networks: files written from a table of tensors, and a model that may be changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from redraw.models.architecture import Architecture, TextShape, UNetShape, VaeShape
from redraw.models.families import family_named
from redraw.models.loader import load_model
from redraw.models.lora import LoraFile, Patch, Use, open_lora, prepare
from redraw.models.model import Model
from redraw.models.model_facts import ModelFacts
from redraw.models.networks import build_text_encoder, build_unet, build_vae, fill
from redraw.models.text import TextEncoder

Write = Callable[..., LoraFile]
LINEAR = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"  # [32, 16]
SQUARE = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"  # [32, 32]
CONV = "down_blocks.0.resnets.0.conv1"  # [32, 32, 3, 3]
POINT = "down_blocks.0.attentions.0.proj_in"  # [32, 32, 1, 1]
NORM = "down_blocks.0.attentions.0.transformer_blocks.0.norm1"
TEXT = "encoder.layers.0.mlp.fc1"  # [32, 16]


def kohya(module: str) -> str:
    """A UNet module's name as kohya's trainers write it."""
    return "lora_unet_" + module.replace(".", "_")


def weight_of(model: Model, module: str, name: str = "weight") -> torch.Tensor:
    """A copy of a UNet module's tensor."""
    tensor = getattr(model.unet.get_submodule(module), name)
    assert isinstance(tensor, torch.Tensor)
    return tensor.detach().clone()


def changed(model: Model, patch: Patch, module: str, name: str = "weight") -> torch.Tensor:
    """What a worn patch adds to a UNet module's tensor, fp32."""
    before = weight_of(model, module, name)
    with patch.worn():
        after = weight_of(model, module, name)
    return after.float() - before.float()


def every_parameter(model: Model) -> dict[str, tuple[int, torch.Tensor]]:
    """Address and copy of every parameter of UNet and text encoders."""
    networks = {"unet": model.unet} | {e.name: e.network for e in model.text_encoders}
    return {
        f"{part}.{name}": (tensor.data_ptr(), tensor.detach().clone())
        for part, network in networks.items()
        for name, tensor in network.named_parameters()
    }


def assert_untouched(model: Model, before: Mapping[str, tuple[int, torch.Tensor]]) -> None:
    """Every parameter is the very same storage with the very same bits."""
    after = every_parameter(model)
    assert after.keys() == before.keys()
    assert [k for k in after if after[k][0] != before[k][0]] == []
    assert [k for k in after if not torch.equal(after[k][1], before[k][1])] == []


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a network file of the given tensors and opens it."""

    def written(
        tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str] | None = None, name: str = "net"
    ) -> LoraFile:
        path = tmp_path / f"{name}.safetensors"
        save_file(
            {k: v.clone(memory_format=torch.contiguous_format) for k, v in tensors.items()},
            path,
            metadata=dict(metadata or {}),
        )
        return open_lora(path)

    return written


@pytest.fixture
def g() -> torch.Generator:
    """Random numbers that are always the same."""
    return torch.Generator().manual_seed(7)


@pytest.fixture(scope="module")
def _own(tiny_checkpoint: Path) -> Model:
    return load_model(tiny_checkpoint)


@pytest.fixture
def model(_own: Model) -> Iterator[Model]:
    """The tiny model; every test also shows that its weights come back untouched."""
    before = every_parameter(_own)
    yield _own
    assert_untouched(_own, before)


def delta(model: Model, file: LoraFile, module: str, strength: float = 1.0, name: str = "weight") -> torch.Tensor:
    """What a file adds to a module's tensor."""
    return changed(model, prepare(model, [Use(file, strength, strength)]), module, name)


@pytest.fixture(scope="module")
def sdxl() -> Model:
    """A narrow model with SDXL's names: two text encoders, transformers of 2 and 10 blocks."""
    texts = (TextShape(16, 3, 32, 77, 49408, 2), TextShape(24, 4, 48, 77, 49408, 2, projection=24))
    unet = UNetShape(4, 4, (32,) * 3, (2, 2, 2), (0, 2, 10), 10, 40, True, 128, (8,) * 3, vector=48, waves=4)
    shape = Architecture(unet, VaeShape((32, 32), 1, 4), texts[0], texts[1:])
    generator = torch.Generator().manual_seed(3)
    networks = [build_unet(shape.unet), build_vae(shape.vae), *map(build_text_encoder, texts)]
    for network in networks:
        state = {k: torch.randn(v.shape, generator=generator) * 0.1 for k, v in network.state_dict().items()}
        fill(network, state, "the tiny SDXL")
    family = family_named("sdxl")
    facts = ModelFacts(Path("tiny-xl.safetensors"), family, shape, "eps", 1024, 0.13025, None)
    encoders = [TextEncoder(slot.rule, network) for slot, network in zip(family.text, networks[2:], strict=True)]
    return Model(facts, networks[0], networks[1], encoders, torch.linspace(0.99, 0.01, 1000)).to("cpu")
