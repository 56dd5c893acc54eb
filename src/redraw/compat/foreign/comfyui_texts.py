"""What ComfyUI's conditioning nodes say, as one prompt."""

from __future__ import annotations

from redraw.compat.foreign.found import Foreign
from redraw.compat.foreign.graph import Graph, Link, Node
from redraw.compat.foreign.weights import from_comfyui

_DEEPEST = 60
_MOST_READ = 300
_TEXTS = ("text", "text_g", "prompt", "string", "t5xxl", "clip_l", "text_positive", "text_negative")
_THROUGH = ("conditioning", "conditioning_to", "conditioning_1", "cond", "positive", "negative")


class Texts:
    """Follows conditioning to its texts.

    Args:
        graph: whose nodes.
        found: gets what was understood and what was not.
        used: gets the numbers of the nodes that were followed.
    """

    def __init__(self, graph: Graph, found: Foreign, used: set[str]) -> None:
        self._graph, self._found, self._used = graph, found, used
        self.encoders: list[Node] = []
        self._left = _MOST_READ

    def read(self, node: Node, name: str, *, negative: bool) -> str:
        """Return the prompt that an input of a node brings."""
        link = node.inputs.get(name)
        return self._read(link, negative, 0) if isinstance(link, Link) else ""

    def _read(self, link: Link, negative: bool, depth: int) -> str:
        node = self._graph[link]
        self._left -= 1
        if node is None:
            return ""
        if depth > _DEEPEST or self._left < 0:
            self._found.note("the texts of the graph branch too often to be followed to their ends")
            return ""
        self._used.add(node.id)
        inputs = node.inputs
        if node.kind == "ConditioningZeroOut":
            return ""
        if "conditioning_from" in inputs and "conditioning_to" in inputs:
            return self._two(node, negative, depth)
        if "conditioning_1" in inputs and "conditioning_2" in inputs:
            return self._combined(node, negative, depth)
        own = "negative" if negative else "positive"
        written = self._text(node, own)
        if written is not None:
            return written
        through = own if isinstance(inputs.get(own), Link) else None
        through = through or next((n for n in _THROUGH if isinstance(inputs.get(n), Link)), None)
        if through is None and len(list(node.links())) == 1:
            through = next(name for name, _ in node.links())
        if through is None:
            self._found.leave(node.name, "its text was not found")
            return ""
        literal = {name: value for name, value in inputs.items() if isinstance(value, str | int | float)}
        if literal or len(list(node.links())) > 1:
            self._found.leave(node.name, literal)
        source = inputs[through]
        return self._read(source, negative, depth + 1) if isinstance(source, Link) else ""

    def _text(self, node: Node, own: str) -> str | None:
        """Return a node's own text, None if it holds none."""
        conditioned = any(isinstance(node.inputs.get(name), Link) for name in _THROUGH[:4])
        names = (own, *_TEXTS) if not isinstance(node.inputs.get(own), Link) else _TEXTS
        held = next((n for n in names if n in node.inputs), None)
        if held is None or conditioned:
            return None
        text = self._graph.value(node, held)
        if not isinstance(text, str):
            self._found.leave(f"{node.name}: {held}", "its text is made while the graph runs")
            return ""
        self.encoders.append(node)
        self._found.know(f"{node.name}: {held}")
        second = self._graph.value(node, "text_l")
        if held == "text_g" and isinstance(second, str) and second != text:
            self._found.leave(f"{node.name}: text_l", second)
        return from_comfyui(text)

    def _two(self, node: Node, negative: bool, depth: int) -> str:
        """Return two texts one after the other (concat), or the first where they are mixed (average)."""
        first, second = (node.inputs[name] for name in ("conditioning_to", "conditioning_from"))
        texts = [self._read(one, negative, depth + 1) for one in (first, second) if isinstance(one, Link)]
        if "conditioning_to_strength" in node.inputs:
            self._found.leave(node.name, {"mixed with": texts[-1]})
            return texts[0]
        return " BREAK ".join(text for text in texts if text)

    def _combined(self, node: Node, negative: bool, depth: int) -> str:
        """Return two texts that work side by side."""
        links = [node.inputs[name] for name in ("conditioning_1", "conditioning_2")]
        texts = [text for one in links if isinstance(one, Link) and (text := self._read(one, negative, depth + 1))]
        if len(texts) < 2:
            return "".join(texts)
        if negative:
            self._found.note("parts of a negative prompt cannot be combined here; they stand one behind the other")
            return ", ".join(texts)
        return f"{texts[0]} :0.5 AND {texts[1]} :0.5"
