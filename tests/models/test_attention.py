"""Both forms of attention give the same numbers."""

from __future__ import annotations

import pytest
import torch

from redraw.models.attention import attention, chunked_attention


def _qkv(length: int, source: int, d: int, heads: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    return (
        torch.randn(2, heads, length, d, generator=g),
        torch.randn(2, heads, source, d, generator=g),
        torch.randn(2, heads, source, d, generator=g),
    )


def _exact(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    q, k, v = q.double(), k.double(), v.double()
    return torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5, -1) @ v


@pytest.mark.parametrize(("length", "source", "d"), [(300, 300, 40), (256, 256, 80), (513, 1030, 8), (1, 256, 16)])
def test_rows_in_chunks_equal_the_formula(length: int, source: int, d: int) -> None:
    q, k, v = _qkv(length, source, d)
    assert torch.allclose(chunked_attention(q, k, v, rows=128).double(), _exact(q, k, v), atol=1e-5)


@pytest.mark.parametrize("source", [77, 300])
def test_bf16_stays_near_the_exact_value(source: int) -> None:
    q, k, v = (t.bfloat16() for t in _qkv(300, source, 40))
    assert (attention(q, k, v).double() - _exact(q, k, v)).abs().max() < 0.01


def test_fp32_always_takes_the_fused_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("redraw.models.attention.chunked_attention", lambda *_: pytest.fail("chunked form in fp32"))
    q, k, v = _qkv(400, 400, 8)
    assert torch.allclose(attention(q, k, v).double(), _exact(q, k, v), atol=1e-5)


def test_long_bf16_self_attention_takes_the_chunked_form(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr("redraw.models.attention.chunked_attention", lambda q, k, v: seen.append(q.shape) or q)
    for source in (77, 256):
        attention(*(t.bfloat16() for t in _qkv(256, source, 8)))
    assert len(seen) == 1
