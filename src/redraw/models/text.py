"""Text encoders: rows of 77 tokens in, vectors for the UNet out.

All are CLIP text transformers; what differs is which layer is listened to, whether the final layer norm follows, what
fills a row behind its first EOS, and whether the sentence as a whole ("pooled") is wanted too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakMethod

import torch

from redraw.errors import ModelError
from redraw.models.families import EOS, TextRule


@dataclass(frozen=True, eq=False)
class Insert:
    """Vectors that stand in a row of tokens instead of the tokens' own embeddings.

    Attributes:
        at: place in the row of 77 of the first vector; 0 is BOS.
        vectors: `[v, width]`; what would reach beyond the row is left out.
    """

    at: int
    vectors: torch.Tensor


class TextEncoder:
    """One text encoder of a model.

    Attributes:
        rule: how it is listened to.
        network: transformers' `CLIPTextModel`, or `CLIPTextModelWithProjection` where `rule.pooled`.
    """

    def __init__(self, rule: TextRule, network: Any) -> None:
        self.rule, self.network = rule, network
        self._bring: Callable[[], Callable[[], torch.device] | None] = lambda: None

    @property
    def name(self) -> str:
        """`clip_l`, `clip_h` or `clip_g`."""
        return self.rule.name

    @property
    def pad(self) -> int:
        """The id that fills a row behind its first EOS: 49407 for clip_l, 0 for the OpenCLIP ones."""
        return self.rule.pad

    @property
    def body(self) -> Any:
        """The module with `embeddings`, `encoder` and `final_layer_norm`: the network or its `text_model`."""
        return getattr(self.network, "text_model", self.network)

    @property
    def width(self) -> int:
        """Width of its vectors."""
        return int(self.body.embeddings.token_embedding.embedding_dim)

    @property
    def layers(self) -> int:
        """How many layers it has."""
        return len(self.body.encoder.layers)

    @property
    def skips_by_request(self) -> bool:
        """Whether clip skip chooses its layer; else the family has a fixed one."""
        return self.rule.skips == "request"

    def belongs_to(self, bring: Callable[[], torch.device]) -> None:
        """Say what moves it where it computes and returns that device: a method, which is not kept alive."""
        self._bring = WeakMethod(bring)

    @torch.no_grad()
    def states(
        self,
        tokens: torch.Tensor,
        clip_skip: int = 1,
        inserts: Sequence[Sequence[Insert]] = (),
        *,
        by_option: bool = False,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the vectors `[k, n, width]`, and where it pools the sentences `[k, p]`, fp32 on the CPU.

        Rows are computed one at a time, so a row never depends on its neighbours. The pooled sentence is that of the
        row's first EOS behind the last layer and the final norm, projected, whatever layer the vectors are of.

        Args:
            tokens: ids `[k, n]`.
            clip_skip: n leaves the last n - 1 layers out; without effect where the family has a fixed layer.
            inserts: for each row, what replaces token embeddings; empty for none at all.
            by_option: let clip skip choose the layer of SDXL's first encoder too (A1111's "Clip skip SDXL").

        Raises:
            ModelError: there are fewer layers than clip skip leaves out.
        """
        asked = self.skips_by_request or (self.rule.skips == "option" and by_option)
        if asked and not 1 <= clip_skip <= self.layers:
            raise ModelError(f"clip skip {clip_skip}: the text encoder {self.name} has {self.layers} layers")
        used = self.layers + 1 - clip_skip if asked else self.layers - self.rule.drop
        bring = self._bring()
        device = self.body.final_layer_norm.weight.device if bring is None else bring()
        rows, pooled = [], []
        for i, row in enumerate(self._refilled(tokens).to(device).split(1)):
            states, sentence = self._row(row, used, inserts[i] if inserts else ())
            rows.append(states)
            pooled.append(sentence)
        return torch.cat(rows), torch.cat([p for p in pooled if p is not None]) if self.rule.pooled else None

    def _row(self, row: torch.Tensor, used: int, inserts: Sequence[Insert]) -> tuple[torch.Tensor, torch.Tensor | None]:
        body = self.body
        h = self._embedded(row, inserts)
        mask = torch.full((row.shape[1], row.shape[1]), float("-inf"), dtype=h.dtype, device=h.device).triu(1)
        for layer in body.encoder.layers[:used]:
            h = layer(h, attention_mask=mask[None, None])
        states = (body.final_layer_norm(h) if self.rule.norm else h).float().cpu()
        if not self.rule.pooled:
            return states, None
        for layer in body.encoder.layers[used:]:
            h = layer(h, attention_mask=mask[None, None])
        end = row[0].argmax()  # EOS has the highest id; the first of several counts
        return states, self.network.text_projection(body.final_layer_norm(h)[:, end]).float().cpu()

    def _embedded(self, row: torch.Tensor, inserts: Sequence[Insert]) -> torch.Tensor:
        embeddings = self.body.embeddings
        if not inserts:
            found: torch.Tensor = embeddings(input_ids=row)
            return found
        h = embeddings.token_embedding(row)
        for insert in inserts:
            if insert.vectors.shape[-1] != h.shape[-1]:
                raise ModelError(
                    f"vectors of width {insert.vectors.shape[-1]} do not fit {self.name}, {h.shape[-1]} wide"
                )
            taken = insert.vectors[: max(0, row.shape[1] - insert.at)]
            h[0, insert.at : insert.at + len(taken)] = taken.to(h)
        placed: torch.Tensor = embeddings(inputs_embeds=h)
        return placed

    def _refilled(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return rows with `pad` behind their first EOS, for encoders where that is another id than EOS."""
        if self.pad == EOS:
            return tokens
        ends = (tokens == EOS).cumsum(1)
        behind = (ends > 1) | ((ends == 1) & (tokens != EOS))
        return tokens.masked_fill(behind, self.pad)
