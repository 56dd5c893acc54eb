"""The attention of UNet and VAE, in the form that is fastest where it runs.

In bf16 on a CPU torch's fused attention is the slowest part of a UNet; plain products per head, some hundred rows at
a time, are 2.4 times faster for long sequences. Everywhere else the fused form wins. fp32 always takes the fused
form, so its results do not depend on this choice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch
from torch import nn

LONG: Final = 256
ROWS: Final = 512

Sources = Callable[[torch.Tensor, bool], tuple[torch.Tensor, torch.Tensor]]


def chunked_attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, rows: int = ROWS) -> torch.Tensor:
    """Return softmax(q k' / sqrt(d)) v for q `[b, heads, l, d]`, k and v `[b, heads, s, d]`, `rows` rows at a time."""
    b, heads, length, d = q.shape
    out = torch.empty_like(q)
    scale = d**-0.5
    for i in range(b):
        for h in range(heads):
            keys, values = k[i, h].t(), v[i, h]
            for at in range(0, length, rows):
                scores = torch.mm(q[i, h, at : at + rows] * scale, keys)
                torch.mm(torch.softmax(scores, dim=-1), values, out=out[i, h, at : at + rows])
    return out


def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
    """Return attention in the fastest form for this device, dtype and length; shapes as in `chunked_attention`."""
    slow = q.dtype is torch.bfloat16 and q.device.type == "cpu" and k.shape[2] >= LONG and not q.requires_grad
    if slow and mask is None:
        return chunked_attention(q.contiguous(), k.contiguous(), v.contiguous())
    return nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)


class AttentionProcessor:
    """A diffusers attention processor around `attention`; for UNets and VAEs of the Stable Diffusion kind.

    Attributes:
        sources: what keys and values are made of, given what is attended to, `[b, s, c]`, and whether that is text;
            None for that itself. Hypernetworks put themselves in here.
    """

    def __init__(self) -> None:
        self.sources: Sources | None = None

    def __call__(
        self,
        attn: Any,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        temb: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the attended `hidden_states`, `[b, l, c]` or `[b, c, h, w]`; diffusers calls this."""
        residual, shape = hidden_states, hidden_states.shape
        if len(shape) == 4:
            hidden_states = hidden_states.flatten(2).transpose(1, 2)
        if attn.group_norm is not None:
            hidden_states = attn.group_norm(hidden_states.transpose(1, 2)).transpose(1, 2)
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        keys = values = context
        if self.sources is not None:
            keys, values = self.sources(context, encoder_hidden_states is not None)
        b, heads = hidden_states.shape[0], attn.heads
        if attention_mask is not None:
            attention_mask = attn.prepare_attention_mask(attention_mask, context.shape[1], b)
            attention_mask = attention_mask.view(b, heads, -1, attention_mask.shape[-1])
        q, k, v = (
            project(x).unflatten(2, (heads, -1)).transpose(1, 2)
            for project, x in ((attn.to_q, hidden_states), (attn.to_k, keys), (attn.to_v, values))
        )
        out: torch.Tensor = attn.to_out[0](attention(q, k, v, attention_mask).transpose(1, 2).flatten(2))
        if len(shape) == 4:
            out = out.transpose(1, 2).reshape(shape)
        if attn.residual_connection:
            out = out + residual
        if attn.rescale_output_factor != 1:
            out = out / attn.rescale_output_factor
        return out
