"""ComfyUI's graphs: the one that is run (`prompt`) and the one that is drawn (`workflow`), as one kind of nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from redraw.compat.foreign.found import entries, table, words

MOST_NODES: Final = 3000
MOST_HOPS: Final = 300
"""How many links are followed from one node to where a value comes from."""

# The names of the values a drawn node holds in a row; "" for the page's own controls.
_WIDGETS: Final[Mapping[str, str]] = {
    "KSampler": "seed,,steps,cfg,sampler_name,scheduler,denoise",
    "KSamplerAdvanced": "add_noise,noise_seed,,steps,cfg,sampler_name,scheduler,start_at_step,end_at_step,"
    "return_with_leftover_noise",
    "SamplerCustom": "add_noise,noise_seed,,cfg",
    "KSamplerSelect": "sampler_name",
    "BasicScheduler": "scheduler,steps,denoise",
    "KarrasScheduler": "steps,sigma_max,sigma_min,rho",
    "SDTurboScheduler": "steps,denoise",
    "RandomNoise": "noise_seed,",
    "CFGGuider": "cfg",
    "CLIPTextEncode": "text",
    "CLIPTextEncodeSDXL": "width,height,crop_w,crop_h,target_width,target_height,text_g,text_l",
    "CLIPSetLastLayer": "stop_at_clip_layer",
    "CheckpointLoaderSimple": "ckpt_name",
    "CheckpointLoader": "config_name,ckpt_name",
    "UNETLoader": "unet_name,weight_dtype",
    "VAELoader": "vae_name",
    "LoraLoader": "lora_name,strength_model,strength_clip",
    "LoraLoaderModelOnly": "lora_name,strength_model",
    "HypernetworkLoader": "hypernetwork_name,strength",
    "EmptyLatentImage": "width,height,batch_size",
    "EmptySD3LatentImage": "width,height,batch_size",
    "LatentUpscale": "upscale_method,width,height,crop",
    "LatentUpscaleBy": "upscale_method,scale_by",
    "ImageScale": "upscale_method,width,height,crop",
    "LoadImage": "image,",
    "VAEEncodeForInpaint": "grow_mask_by",
    "ConditioningAverage": "conditioning_to_strength",
    "ControlNetApply": "strength",
    "ControlNetApplyAdvanced": "strength,start_percent,end_percent",
    "ModelSamplingDiscrete": "sampling,zsnr",
    "FreeU_V2": "b1,b2,s1,s2",
    "PrimitiveNode": "value,",
    "PrimitiveInt": "value,",
    "PrimitiveFloat": "value",
    "PrimitiveString": "value",
    "PrimitiveStringMultiline": "value",
}
# Where nodes that only hold or pass on a value keep it, the likeliest first.
_HOLDERS: Final = (
    *("value", "seed", "noise_seed", "text", "string", "prompt", "int", "float", "number", "Value", "Text", "String"),
    *("Number", "sampler_name", "scheduler", "steps", "cfg", "ckpt_name", "any", "input", "source", "anything"),
)
_JOINED: Final = (("string_a", "string_b"), ("text_a", "text_b", "text_c", "text_d"), ("text1", "text2"))


class Link(NamedTuple):
    """Where an input comes from: a node, and which of its outputs."""

    node: str
    output: int


@dataclass
class Node:
    """One node.

    Attributes:
        id: its number.
        kind: the class that runs it.
        inputs: literal values and links by name.
        off: it is drawn, but is passed by.
    """

    id: str
    kind: str
    inputs: dict[str, Any] = field(default_factory=dict)
    off: bool = False

    @property
    def name(self) -> str:
        """What people are told."""
        return f"{self.kind} {self.id}"

    def links(self) -> Iterator[tuple[str, Link]]:
        """Return its inputs that come from other nodes."""
        return ((name, value) for name, value in self.inputs.items() if isinstance(value, Link))


class Graph:
    """Nodes by number, with safe ways to follow their links: every way ends, also in a circle."""

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self.nodes = dict(nodes)

    def __getitem__(self, link: Link) -> Node | None:
        """Return the node a link comes from, through nodes that are passed by; None where there is none."""
        seen = set[str]()
        node = self.nodes.get(link.node)
        while node is not None and node.off and node.id not in seen:
            seen.add(node.id)
            through = next((source for _, source in node.links()), None)
            node = self.nodes.get(through.node) if through else None
        return None if node is None or node.off else node

    def value(self, node: Node, name: str) -> Any:
        """Return a literal input, or the literal that nodes without other work hand on; None where there is none."""
        return self._literal(node.inputs.get(name), set())

    def _literal(self, value: Any, seen: set[str]) -> Any:
        for _ in range(MOST_HOPS):
            if not isinstance(value, Link):
                return value if isinstance(value, str | int | float) else None
            node = self[value]
            if node is None or node.id in seen:
                return None
            seen.add(node.id)
            for names in _JOINED:
                if any(name in node.inputs for name in names):
                    return self._joined(node, names, seen)
            only = list(node.inputs) if len(node.inputs) == 1 else []
            held = next((name for name in (*_HOLDERS, *only) if name in node.inputs), None)
            value = None if held is None else node.inputs.get(held)
        return None

    def _joined(self, node: Node, names: tuple[str, ...], seen: set[str]) -> str:
        parts = [self._literal(node.inputs.get(name), seen) for name in names]
        between = node.inputs.get("delimiter")
        return (between if isinstance(between, str) else "").join(part for part in parts if isinstance(part, str))

    def above(self, start: Node) -> list[Node]:
        """Return a node and everything it depends on, the nearest first."""
        found, queue = {start.id: start}, [start]
        for node in queue:
            for _, link in node.links():
                source = self[link]
                if source is not None and source.id not in found:
                    found[source.id] = source
                    queue.append(source)
        return queue


def from_prompt(said: Mapping[str, Any]) -> Graph | None:
    """Return the graph that is run: nodes by number with `class_type` and `inputs`; None if it is none."""
    nodes: dict[str, Node] = {}
    for key, value in list(said.items())[:MOST_NODES]:
        kind = words(table(value).get("class_type"))
        if not kind:
            continue
        given = table(table(value).get("inputs"))
        nodes[key] = Node(key, kind, {name: _link(one) for name, one in given.items()})
    return Graph(nodes) if nodes else None


def _link(value: Any) -> Any:
    """Return a link for a pair of node and output, else the value."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[1], int) and isinstance(value[0], str | int):
        return Link(str(value[0]), value[1])
    return value


def from_workflow(said: Mapping[str, Any]) -> Graph | None:
    """Return the graph that is drawn, as far as the values of its nodes have known names; None if it is none."""
    sources: dict[Any, Link] = {}
    for link in entries(said.get("links")):
        if isinstance(link, list) and len(link) >= 5 and isinstance(link[0], int) and isinstance(link[2], int):
            sources[link[0]] = Link(str(link[1]), link[2])
    nodes: dict[str, Node] = {}
    for entry in entries(said.get("nodes"))[:MOST_NODES]:
        drawn = table(entry)
        kind = words(drawn.get("type"))
        if not kind or drawn.get("id") is None:
            continue
        node = Node(str(drawn["id"]), kind, _widgets(kind, drawn.get("widgets_values")), drawn.get("mode") in (2, 4))
        for given in entries(drawn.get("inputs")):
            source = table(given).get("link")
            if isinstance(source, int) and source in sources:
                node.inputs[words(table(given).get("name"))] = sources[source]
        nodes[node.id] = node
    return Graph(nodes) if nodes else None


def _widgets(kind: str, values: Any) -> dict[str, Any]:
    """Return a drawn node's values by name; those of unknown kinds only where they have names of their own."""
    if isinstance(values, dict):
        return {str(name): value for name, value in values.items()}
    names = _WIDGETS.get(kind, "").split(",")
    row = entries(values)
    if kind not in _WIDGETS:
        return {f"value {at}": value for at, value in enumerate(row) if isinstance(value, str | int | float)}
    return {name: value for name, value in zip(names, row, strict=False) if name}
