"""Networks: taking up a LoRA, switching between two, and what is left afterwards; against diffusers with peft.

A UNet of SD 1.5's size with random weights is built in memory; two LoRAs of rank 16 over its attention and the text
encoder's (kohya's names, fp16, 264 layers, as its trainers write them) are the only files. A LoRA is taken up from its
file and taken off again in every turn:

* Redraw opens the file, computes new weights, puts them in place and takes them off;
* diffusers loads it, fuses it into the weights, unfuses and unloads it;
* diffusers loads it beside the weights, where it costs time in every step instead, and unloads it.

Switching is between two LoRAs that were both taken up before. Without peft, which Redraw itself never needs, only
Redraw's times are shown: `pip install peft` for the comparison.
"""

from __future__ import annotations

import gc
import importlib.util
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import peers
import sd15
import torch
from machine import Setting
from report import Goal, Section
from safetensors.torch import save_file
from timing import Samples, interleave, ratio

from redraw.models.architecture import Architecture, TextShape, VaeShape
from redraw.models.families import FAMILIES
from redraw.models.lora import Use, open_lora, prepare
from redraw.models.lora.names import Names
from redraw.models.lora.wardrobe import Wardrobe
from redraw.models.model import Model
from redraw.models.model_facts import ModelFacts
from redraw.models.networks import build_text_encoder, build_unet, build_vae, fill, quietly
from redraw.models.text import TextEncoder, TextRule

RANK: Final = 16
OURS: Final = "Redraw"
FUSED: Final = "diffusers, fused"
BESIDE: Final = "diffusers, beside the weights"
_LAYERS: Final = ("to_q", "to_k", "to_v", "to_out_0", "_proj", "net_2", "proj_in", "proj_out", "fc1", "fc2")
Calls = dict[str, Callable[[], object]]


def run(setting: Setting) -> Section:
    """Measure, compare, and hold Redraw against diffusers and the weights against themselves."""
    passes = 2 if setting.quick else 3
    model = build(sd15.SLIM if setting.quick else sd15.FULL)
    section = Section(
        "lora",
        f"Networks: a LoRA of rank {RANK} on a model of {'slim' if setting.quick else 'SD 1.5'} size, fp32",
        ["what", "path", "min s", "median s", "time against Redraw"],
    )
    with TemporaryDirectory() as folder:
        paths = [write(model, Path(folder) / f"{name}.safetensors", seed) for seed, name in enumerate("ab")]
        before = _prints(model.unet)
        whole: Calls = {OURS: lambda: take_up(model, paths[0])}
        switch: Calls = {OURS: switching(model, paths)}
        pipe = peer(model) if importlib.util.find_spec("peft") else None
        if pipe is not None:
            whole |= {FUSED: lambda: peer_fused(pipe, paths[0]), BESIDE: lambda: peer_beside(pipe, paths[0])}
        taken = _timed(section, setting, "take up and off, from the file", whole, passes)
        drift = "not measured" if pipe is None else f"{_difference(pipe.unet, model.unet):.1g}"
        if pipe is not None:
            switch |= peer_switching(pipe, paths)
        switched = _timed(section, setting, "switch between two", switch, passes)
    section.notes.append(
        "Redraw makes new weights in memory it used before; a model's first LoRA also waits for fresh memory"
    )
    same = sum(now == before[name] for name, now in _prints(model.unet).items())
    section.notes.append(f"largest difference that fusing and unfusing left in a weight of diffusers: {drift}")
    what = "Redraw's weights are the same storage with the same bits as before"
    section.goals.append(Goal(what, f"{same} of {len(before)} tensors", same == len(before)))
    for what, samples in (("taking up a LoRA", taken), ("switching", switched)):
        if pipe is None:
            section.goals.append(Goal(f"{what} is faster than diffusers + peft", "peft is not installed", None))
            continue
        for path in list(samples)[1:]:
            seen = ratio(samples[path], samples[OURS], setting.clock)
            section.goals.append(Goal(f"{what} is faster than {path}", str(seen), seen.median > 1))
    return section


def build(shape: Architecture) -> Model:
    """Return a model with random weights of this shape, but a narrow VAE; nothing is written."""
    generator = torch.Generator().manual_seed(15)
    small = VaeShape(channels=(32, 32, 32, 32), blocks=1, latent_channels=4)
    text = TextShape(shape.text.width, 12, shape.text.mlp, 77, 49408, shape.text.heads)
    shape = Architecture(shape.unet, small, text)
    made = []
    for network in (build_unet(shape.unet), build_vae(shape.vae), build_text_encoder(shape.text)):
        state = {k: v.float() for k, v in sd15._random_state(network, generator).items()}
        fill(network, state, "the random model")
        made.append(network)
    unet, vae, encoder = made
    family = FAMILIES[0]
    facts = ModelFacts(Path("random.safetensors"), family, shape, "eps", 512, 0.18215, None)
    return Model(facts, unet, vae, [TextEncoder(TextRule("clip_l"), encoder)], torch.linspace(0.99, 0.01, 1000)).to(
        "cpu"
    )


def write(model: Model, path: Path, seed: int) -> Path:
    """Write a LoRA of every attention layer as kohya's trainer does, and return its path."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for target, name in Names(model).canonical.items():
        weight = target.modules[0].get_parameter("weight")
        if not name.endswith(_LAYERS) or ("attentions" not in name and "_te_" not in name):
            continue
        point = (1, 1) if weight.ndim == 4 else ()
        for part, rows, columns in (("up", weight.shape[0], RANK), ("down", RANK, weight.shape[1])):
            drawn = torch.randn(rows, columns, *point, generator=generator) * 0.02
            tensors[f"{name}.lora_{part}.weight"] = drawn.half()
        tensors[f"{name}.alpha"] = torch.tensor(RANK / 2)
    save_file(tensors, path)
    return path


def take_up(model: Model, path: Path) -> None:
    """Open, apply and take off a LoRA, with nothing known from before."""
    Wardrobe.of(model).forget()
    with prepare(model, [Use(open_lora(path))]).worn():
        pass


def switching(model: Model, paths: list[Path]) -> Callable[[], object]:
    """Return a call that wears one of two prepared LoRAs after the other."""
    patches: list[Any] = []

    def switch() -> None:
        patches.extend(() if patches else [prepare(model, [Use(open_lora(p))]) for p in paths])
        for patch in patches:
            with patch.worn():
                pass

    return switch


def peer(model: Model) -> Any:
    """Return diffusers' pipeline over its own copy of the weights."""
    unet, vae = peers.networks(model, torch.float32, channels_last=False)
    unet.load_state_dict({k: v.clone() for k, v in unet.state_dict().items()}, assign=True)
    return peers.pipeline(model, unet, vae)


def peer_fused(pipe: Any, path: Path) -> None:
    """Load, fuse, unfuse and unload a LoRA."""
    _load(pipe, path, "one")
    pipe.fuse_lora()
    pipe.unfuse_lora()
    pipe.unload_lora_weights()


def peer_beside(pipe: Any, path: Path) -> None:
    """Load and unload a LoRA that stays apart from the weights."""
    _load(pipe, path, "one")
    pipe.unload_lora_weights()


def peer_switching(pipe: Any, paths: list[Path]) -> Calls:
    """Load both LoRAs and return calls that switch from one to the other and back, in both ways."""
    for name, path in zip("ab", paths, strict=True):
        _load(pipe, path, name)

    def fused() -> None:
        for name in "ab":
            pipe.set_adapters(name)
            pipe.fuse_lora(adapter_names=[name])
            pipe.unfuse_lora()

    def beside() -> None:
        for name in "ab":
            pipe.set_adapters(name)

    return {FUSED: fused, BESIDE: beside}


def _load(pipe: Any, path: Path, name: str) -> None:
    with quietly():
        pipe.load_lora_weights(path.parent, weight_name=path.name, adapter_name=name)


def _timed(section: Section, setting: Setting, what: str, calls: Calls, passes: int) -> dict[str, Samples]:
    for call in calls.values():
        call()
    gc.collect()
    samples = interleave(calls, passes)
    for path, sample in samples.items():
        against = None if path == OURS else str(ratio(sample, samples[OURS], setting.clock))
        section.rows.append([what, path, sample.best(setting.clock), sample.median(setting.clock), against])
    section.raw[what] = {path: {"wall": s.wall, "cpu": s.cpu} for path, s in samples.items()}
    return samples


def _prints(unet: Any) -> dict[str, tuple[int, int]]:
    """Return the address and the sum of the bits of every weight."""
    return {k: (v.data_ptr(), int(v.view(torch.int32).sum())) for k, v in unet.state_dict().items()}


def _difference(unet: Any, own: Any) -> float:
    """Return the largest difference of any weight from Redraw's."""
    now = {k.replace(".base_layer", ""): v for k, v in unet.state_dict().items() if ".lora_" not in k}
    return max(float((now[k] - v).abs().max()) for k, v in own.state_dict().items())
