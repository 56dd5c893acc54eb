"""What ComfyUI's model nodes say: the checkpoint, the VAE, and the networks on the way to the sampler."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from redraw.compat.foreign.found import Foreign, lora_tag, number, spelled, stem, table, words
from redraw.compat.foreign.graph import MOST_HOPS, Graph, Link, Node

_CHECKPOINTS: Final = ("ckpt_name", "unet_name", "model_name", "base_ckpt_name")
_MODELS: Final = ("model", "model1", "model_opt", "MODEL", "base_model", "sdxl_tuple", "pipe", "basic_pipe")
_NUMBERED: Final = re.compile(r"lora(?:_name)?_(\d+)")
_NONE: Final = ("", "None", "none")


def read_model(graph: Graph, start: Node, found: Foreign, used: set[str]) -> tuple[str, list[str]]:
    """Return the checkpoint's name and the tags of the networks between it and a sampler.

    Args:
        graph: whose nodes.
        start: the sampler, or its guider.
        found: gets what was understood and what was not.
        used: gets the numbers of the nodes that were followed.
    """
    tags: list[str] = []
    node: Node | None = start
    for _ in range(MOST_HOPS):
        link = next((node.inputs[n] for n in _MODELS if isinstance(node.inputs.get(n), Link)), None) if node else None
        node = graph[link] if link else None
        if node is None or node.id in used:
            break
        used.add(node.id)
        tags = [*_networks(graph, node, found), *tags]
        name = next((graph.value(node, n) for n in _CHECKPOINTS if n in node.inputs), None)
        if isinstance(name, str):
            found.know(node.name)
            return stem(name), tags
        _changes(graph, node, found)
    return "", tags


def _networks(graph: Graph, node: Node, found: Foreign) -> list[str]:
    """Return the tags of the networks a node puts in."""
    tags = [lora_tag(name, unet, text) for name, unet, text in _loras(graph, node)]
    hypernet = words(graph.value(node, "hypernetwork_name"))
    if hypernet:
        weight = number(graph.value(node, "strength"))
        tags.append(f"<hypernet:{stem(hypernet)}:{spelled(1 if weight is None else weight)}>")
    if tags:
        found.know(node.name)
    stack = node.inputs.get("lora_stack") or node.inputs.get("optional_lora_stack")
    if isinstance(stack, Link) and (source := graph[stack]) is not None and source is not node:
        tags += [lora_tag(name, unet, text) for name, unet, text in _loras(graph, source)]
        found.know(source.name)
    return tags


def _loras(graph: Graph, node: Node) -> Iterator[tuple[str, float, float]]:
    """Return a node's LoRAs with their weights for the UNet and the text encoder."""
    name = words(graph.value(node, "lora_name"))
    if name not in _NONE:
        unet = _first(graph, node, ("strength_model", "lora_model_strength", "strength"))
        both = "strength_clip" in node.inputs or "lora_clip_strength" in node.inputs
        text = _first(graph, node, ("strength_clip", "lora_clip_strength")) if both else 0.0
        if unet or text:
            yield name, unet, text if node.kind != "LoraLoaderModelOnly" else 0.0
    for key in list(node.inputs):
        match = _NUMBERED.fullmatch(key)
        if match:
            yield from _one_of_many(graph, node, key, match[1])


def _one_of_many(graph: Graph, node: Node, key: str, digits: str) -> Iterator[tuple[str, float, float]]:
    """Return one LoRA of a node that has several, in the ways such nodes write them."""
    said = table(node.inputs[key])
    if said:
        unet = number(said.get("strength"))
        text = number(said.get("strengthTwo"))
        if said.get("on") and words(said.get("lora")) not in _NONE and unet is not None:
            yield words(said["lora"]), unet, unet if text is None else text
        return
    name = words(graph.value(node, key))
    if name in _NONE or node.inputs.get(f"switch_{digits}") == "Off":
        return
    unet = _first(graph, node, (f"strength_{digits}", f"model_weight_{digits}", f"model_str_{digits}"))
    clip = (f"clip_weight_{digits}", f"clip_str_{digits}")
    yield name, unet, _first(graph, node, clip) if any(n in node.inputs for n in clip) else unet


def _first(graph: Graph, node: Node, names: tuple[str, ...]) -> float:
    found = next((number(graph.value(node, name)) for name in names if name in node.inputs), None)
    return 1.0 if found is None else found


def _changes(graph: Graph, node: Node, found: Foreign) -> None:
    """Say what a node between checkpoint and sampler does to the model, where it is neither network nor passage."""
    if node.name in found.understood:
        return
    if node.kind == "ModelSamplingDiscrete" and graph.value(node, "zsnr") is True:
        found.take("Noise Schedule", "Zero Terminal SNR", f"{node.name}: zsnr")
    if literal := literals(node):
        found.leave(node.name, literal)


def literals(node: Node) -> Mapping[str, Any]:
    """Return a node's own values."""
    return {name: value for name, value in node.inputs.items() if isinstance(value, str | int | float)}
