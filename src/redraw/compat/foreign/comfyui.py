"""ComfyUI: the sampler nearest to an empty canvas or a loaded picture, and what leads to it.

The graph can be anything; what is read is what most of them are: checkpoint, networks, two texts, one sampler, perhaps
a second one behind it. Every node that was not read is listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from redraw.compat.foreign.comfyui_models import literals, read_model
from redraw.compat.foreign.comfyui_texts import Texts
from redraw.compat.foreign.found import Foreign, load_object, number, stem, words
from redraw.compat.foreign.graph import MOST_HOPS, MOST_NODES, Graph, Link, Node, from_prompt, from_workflow
from redraw.compat.foreign.names import sampler_of, schedule_of

_MOST_LISTED: Final = 40
_LATENTS: Final = ("latent_image", "samples", "latent", "optional_latent", "samples1")
_PIXELS: Final = ("pixels", "image", "images")
_SEEDS: Final = ("seed", "noise_seed")
_OWN: Final = frozenset({"SamplerCustom", "SamplerCustomAdvanced", "KSampler", "KSamplerAdvanced"})
_LATER: Final = ("Detailer", "Upscale", "Iterative")
_PLUMBING: Final = frozenset({"Reroute", "PrimitiveNode", "Note", "MarkdownNote", "VAEDecode", "VAEDecodeTiled"})
_SHOWS: Final = ("Save", "Preview", "Show", "Display", "Primitive", "Reroute", "String", "Text", "Seed", "Switch")


def read_comfyui(texts: Mapping[str, str]) -> Foreign | None:
    """Return what a picture's text chunks say, None if they hold no graph of ComfyUI's."""
    return read_graphs(load_object(texts.get("prompt")), load_object(texts.get("workflow")))


def read_graphs(prompt: Mapping[str, Any] | None, workflow: Mapping[str, Any] | None) -> Foreign | None:
    """Return what the graph that was run says, else the one that is drawn; None if there is neither."""
    graph = (from_prompt(prompt) if prompt else None) or (from_workflow(workflow) if workflow else None)
    return None if graph is None else _Reading(graph).read()


class _Reading:
    """One graph being read."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.found = Foreign("ComfyUI")
        self.used: set[str] = set()
        self.tags: list[str] = []

    def read(self) -> Foreign:
        if len(self.graph.nodes) >= MOST_NODES:
            self.found.note(f"the graph is very large; only {MOST_NODES:,} nodes were looked at")
        reached = self._reached()
        samplers = [node for node in reached if _samples(node)]
        if not samplers:
            self.found.note("no sampler was found in the graph")
            self._rest(reached)
            return self.found
        chain = self._chain(samplers[0])
        first, later = chain[-1], chain[:-1]
        self._sampler(first)
        self._texts(first)
        self._canvas(first)
        self._vae(reached)
        for node in reversed(later):
            self._pass(first, node)
        self._rest(reached)
        self.found.note("ComfyUI weights words and makes noise in another way: expect a picture like it, not the same")
        return self.found

    def _reached(self) -> list[Node]:
        """Return the nodes that the first result depends on, the last first; results that are saved come first."""
        feeding = {link.node for node in self.graph.nodes.values() if not node.off for _, link in node.links()}
        ends = [node for node in self.graph.nodes.values() if node.id not in feeding and not node.off]
        ends.sort(key=lambda node: (not node.kind.startswith("SaveImage"), "Save" not in node.kind))
        for end in ends:
            reached = self.graph.above(end)
            if any(_samples(node) for node in reached):
                return reached
        return list(self.graph.nodes.values())

    def _chain(self, last: Node) -> list[Node]:
        """Return a sampler and those before it whose latents it goes on with, up to the first."""
        chain, node = [last], self._source(last)
        seen = {last.id}
        for _ in range(MOST_HOPS):
            if node is None or node.id in seen:
                break
            seen.add(node.id)
            if _samples(node):
                chain.append(node)
            node = self._source(node)
        return chain

    def _source(self, node: Node) -> Node | None:
        """Return where a node's latents, or the pixels they are made of, come from."""
        for name in (*_LATENTS, *_PIXELS):
            if isinstance(node.inputs.get(name), Link):
                return self.graph[node.inputs[name]]
        return None

    def _part(self, node: Node, name: str) -> Node:
        """Return the node that holds a part of a sampler's settings, or the sampler itself."""
        link = node.inputs.get(name)
        part = self.graph[link] if isinstance(link, Link) else None
        if part is None:
            return node
        self.used.add(part.id)
        return part

    def _sampler(self, node: Node) -> None:
        self.used.add(node.id)
        noise, guider = self._part(node, "noise"), self._part(node, "guider")
        chosen, sigmas = self._part(node, "sampler"), self._part(node, "sigmas")
        seed = next((name for name in _SEEDS if name in noise.inputs), "seed")
        self._take("Seed", noise, seed)
        self._take("CFG scale", guider, "cfg")
        self._take("Steps", sigmas, "steps")
        name = self.graph.value(chosen, "sampler_name")
        if isinstance(name, str):
            self.found.take("Sampler", sampler_of(name), f"{chosen.name}: sampler_name")
            if name.startswith("uni_pc"):
                self.found.params["UniPC variant"] = "bh2" if name.endswith("bh2") else "bh1"
        schedule = self.graph.value(sigmas, "scheduler")
        if sigmas.kind == "KarrasScheduler":
            schedule = "karras"
        if isinstance(schedule, str):
            self.found.take("Schedule type", schedule_of(schedule), f"{sigmas.name}: scheduler")
        self.found.params["RNG"] = "CPU"
        model, self.tags = read_model(self.graph, guider if "model" in guider.inputs else node, self.found, self.used)
        if model:
            self.found.take("Model", model, "checkpoint")
        else:
            self.found.note("the checkpoint was not found in the graph")

    def _take(self, key: str, node: Node, name: str) -> None:
        self.found.take(key, self.graph.value(node, name), f"{node.name}: {name}")

    def _texts(self, node: Node) -> None:
        guider = self._part(node, "guider")
        texts = Texts(self.graph, self.found, self.used)
        positive = "positive" if "positive" in guider.inputs else "conditioning"
        self.found.params["Prompt"] = texts.read(guider, positive, negative=False) + "".join(self.tags)
        self.found.params["Negative prompt"] = texts.read(guider, "negative", negative=True)
        for encoder in texts.encoders[:1]:
            self._clip(encoder)

    def _clip(self, encoder: Node) -> None:
        """Take the layer of the text encoder, which stands on the way to it."""
        node: Node | None = encoder
        for _ in range(MOST_HOPS):
            link = node.inputs.get("clip") if node else None
            node = self.graph[link] if isinstance(link, Link) else None
            if node is None:
                return
            self.used.add(node.id)
            layer = number(self.graph.value(node, "stop_at_clip_layer"))
            if layer is None:
                layer = number(self.graph.value(node, "clip_skip"))
            if layer is not None and layer < 0:
                self.found.take("Clip skip", int(-layer), f"{node.name}: layer")
                return

    def _canvas(self, node: Node) -> None:
        """Take size and source: an empty canvas, or a picture and with it the strength."""
        source: Node | None = node
        for _ in range(MOST_HOPS):
            source = self._source(source) if source else None
            if source is None or _samples(source):
                return
            self.used.add(source.id)
            self._size(source)
            masked = next((n for n in ("mask", "grow_mask_by") if n in source.inputs), None)
            if masked:
                self.found.note("a mask was used, which is not in the file")
            if isinstance(source.inputs.get("image"), str):
                name = stem(source.inputs["image"])
                self._strength(node)
                self.found.note(f"it was made from the picture {name!r}, which is not in the file")
                return
            if source.kind.startswith("Empty"):
                self._unlikely(node)
                return

    def _size(self, source: Node) -> None:
        for width, height in (("width", "height"), ("empty_latent_width", "empty_latent_height")):
            w, h = number(self.graph.value(source, width)), number(self.graph.value(source, height))
            if w and h and "Size" not in self.found.params:
                self.found.take("Size", f"{int(w)}x{int(h)}", f"{source.name}: {width}, {height}")

    def _strength(self, node: Node) -> None:
        sigmas = self._part(node, "sigmas")
        if number(self.graph.value(sigmas, "denoise")) is not None:
            self._take("Denoising strength", sigmas, "denoise")
            return
        begin, steps = (number(self.graph.value(node, name)) for name in ("start_at_step", "steps"))
        if begin is not None and steps:
            strength = round(max(0.0, 1 - begin / steps), 4)
            self.found.take("Denoising strength", strength, f"{node.name}: start_at_step")

    def _unlikely(self, node: Node) -> None:
        denoise = number(self.graph.value(self._part(node, "sigmas"), "denoise"))
        if denoise is not None and denoise < 1:
            self.found.leave(f"{node.name}: denoise", denoise)

    def _vae(self, reached: list[Node]) -> None:
        """Take the VAE of the node that made the pixels, where it is a file of its own."""
        decoder = next((n for n in reached if "VAEDecode" in n.kind and isinstance(n.inputs.get("vae"), Link)), None)
        if decoder is None:
            return
        self.used.add(decoder.id)
        loader = self._part(decoder, "vae")
        name = words(self.graph.value(loader, "vae_name"))
        if name and name != "Baked VAE":
            self.found.take("VAE", stem(name), f"{loader.name}: vae_name")

    def _pass(self, first: Node, node: Node) -> None:
        """Take a second sampler where it is a refiner, else say what it does."""
        self.used.add(node.id)
        begin = number(self.graph.value(node, "start_at_step"))
        steps = number(self.graph.value(first, "steps"))
        if self.graph.value(node, "add_noise") == "disable" and begin and steps:
            own = set(self.used) - {n.id for n in self.graph.nodes.values() if "ckpt_name" in n.inputs}
            model, _ = read_model(self.graph, node, Foreign(""), own)
            if model and model != self.found.params.get("Model"):
                self.found.take("Refiner", model, node.name)
                self.found.params["Refiner switch at"] = round(begin / steps, 4)
                self.found.params["Refiner switch by sampling steps"] = True
                self.used |= own
                return
        self.found.leave(node.name, {"a further pass": dict(literals(node))})

    def _rest(self, reached: list[Node]) -> None:
        """List the nodes that were not read."""
        rest = [n for n in self.graph.nodes.values() if n.id not in self.used and not _silent(n)]
        near = {node.id for node in reached}
        rest.sort(key=lambda node: node.id not in near)
        for node in rest[:_MOST_LISTED]:
            self.found.leave(node.name, dict(literals(node)) or "not read")
        if len(rest) > _MOST_LISTED:
            self.found.note(f"{len(rest) - _MOST_LISTED} more nodes were not read")


def _samples(node: Node) -> bool:
    """Return whether a node turns noise into a picture as a whole."""
    if node.off or any(word in node.kind for word in _LATER):
        return False
    guided = isinstance(node.inputs.get("positive"), Link) or "guider" in node.inputs
    return node.kind in _OWN or (guided and any(n in node.inputs for n in (*_SEEDS, "sigmas", "noise")))


def _silent(node: Node) -> bool:
    return node.off or node.kind in _PLUMBING or node.kind.startswith(_SHOWS)
