"""Text encoders listen to the right layer, take vectors in place of tokens, and fill rows as their family does."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest
import torch

from redraw.errors import ModelError
from redraw.models.architecture import TextShape
from redraw.models.families import EOS, TextRule
from redraw.models.loader import load_model
from redraw.models.model import Model
from redraw.models.networks import build_text_encoder, fill
from redraw.models.text import Insert, TextEncoder


def _tokens(rows: int = 2) -> torch.Tensor:
    return torch.randint(0, 49000, (rows, 77), generator=torch.Generator().manual_seed(3))


def test_sd1_has_one_encoder_that_skips_by_request(tiny: Model) -> None:
    (encoder,) = tiny.text_encoders
    assert encoder.network is tiny.text_encoder
    assert (encoder.name, encoder.pad, encoder.width, encoder.layers) == ("clip_l", EOS, 16, 12)
    assert encoder.skips_by_request
    states, pooled = encoder.states(_tokens())
    assert pooled is None
    assert torch.equal(states, tiny.text_states(_tokens()))


def test_inserting_a_tokens_own_embedding_changes_nothing(tiny: Model) -> None:
    (encoder,) = tiny.text_encoders
    tokens = _tokens()
    own = encoder.body.embeddings.token_embedding.weight[tokens[1, 5:8]]
    changed = tokens.clone()
    changed[1, 5:8] = 7
    states, _ = encoder.states(changed, inserts=[[], [Insert(5, own)]])
    assert torch.equal(states, encoder.states(tokens)[0])
    assert not torch.equal(encoder.states(changed)[0][1], states[1])
    assert torch.equal(encoder.states(changed)[0][0], states[0])


def test_an_insert_ends_with_its_row(tiny: Model) -> None:
    (encoder,) = tiny.text_encoders
    states, _ = encoder.states(_tokens(1), inserts=[[Insert(75, torch.ones(9, 16))]])
    short, _ = encoder.states(_tokens(1), inserts=[[Insert(75, torch.ones(2, 16))]])
    assert torch.equal(states, short)
    with pytest.raises(ModelError, match="width 17 do not fit clip_l"):
        encoder.states(_tokens(1), inserts=[[Insert(1, torch.ones(1, 17))]])


def test_a_text_encoder_does_not_keep_its_model_alive(tiny_checkpoint: Path) -> None:
    gc.disable()
    try:
        model = load_model(tiny_checkpoint)
        seen, encoder = weakref.ref(model), model.text_encoders[0]
        expected = encoder.states(_tokens(1))[0]
        del model
        assert seen() is None
        assert torch.equal(encoder.states(_tokens(1))[0], expected)
    finally:
        gc.enable()


def test_an_encoder_that_fills_with_zero_refills_behind_the_first_end() -> None:
    shape = TextShape(width=8, layers=2, mlp=16, positions=77, vocabulary=49408, heads=2, projection=6)
    network = build_text_encoder(shape)
    fill(network, {k: torch.randn(v.shape) for k, v in network.state_dict().items()}, "tiny")
    encoder = TextEncoder(TextRule("clip_g", drop=1, norm=False, pad=0, skips="never", pooled=True), network)
    tokens = _tokens(1)
    tokens[0, 5:] = EOS
    zeros = tokens.clone()
    zeros[0, 6:] = 0
    for given in (tokens, zeros):
        states, pooled = encoder.states(given)
        theirs = network(zeros, output_hidden_states=True)
        assert torch.allclose(states, theirs.hidden_states[-2], atol=1e-5)
        assert pooled is not None
        assert torch.allclose(pooled, theirs.text_embeds, atol=1e-5), "the sentence is that of the first EOS"
