"""Schedules become contexts: emphasis, batches, several encoders, embeddings, and what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from redraw.conditioning.chunks import EmphasisMode
from redraw.conditioning.editing import Entry
from redraw.conditioning.text import (
    KEPT,
    Context,
    TextOptions,
    at,
    emphasised,
    encode_schedule,
    forget,
    lengthened,
)
from redraw.models.embeddings import Embedding, Embeddings
from redraw.models.families import TextRule
from redraw.models.loader import load_model
from redraw.models.model import Model
from redraw.models.text import TextEncoder


@pytest.fixture(scope="module")
def model(tiny_checkpoint: Path) -> Model:
    """A tiny SD1 model."""
    return load_model(tiny_checkpoint)


def context(model: Model, text: str, options: TextOptions | None = None, **more: Any) -> Context:
    """The context of one text."""
    ((_, found),) = encode_schedule(model, (Entry(20, text),), options, **more)
    return found


class TwoEars:
    """Stands in for an SDXL model: two text encoders, the second of which pools."""

    facts = SimpleNamespace(zeros_for_empty=True)

    def __init__(self) -> None:
        torch.manual_seed(5)
        common: dict[str, Any] = {"num_hidden_layers": 3, "num_attention_heads": 2, "max_position_embeddings": 77}
        small = CLIPTextConfig(hidden_size=16, intermediate_size=32, **common)
        large = CLIPTextConfig(hidden_size=24, intermediate_size=48, projection_dim=20, **common)
        first = TextRule("clip_l", drop=1, norm=False, skips="option")
        second = TextRule("clip_g", drop=1, norm=False, pad=0, skips="never", pooled=True)
        self.facts = SimpleNamespace(zeros_for_empty=True)
        self.text_encoders = (
            TextEncoder(first, CLIPTextModel(small).eval()),
            TextEncoder(second, CLIPTextModelWithProjection(large).eval()),
        )


@pytest.fixture(scope="module")
def two() -> Model:
    """A model with two text encoders."""
    return cast(Model, TwoEars())


def test_entries_are_encoded_together_and_equally_long(model: Model) -> None:
    entries = (Entry(3, "a cat"), Entry(5, "red " * 80), Entry(20, "a cat"))
    found = encode_schedule(model, entries)
    assert [end for end, _ in found] == [3, 5, 20]
    assert {tuple(c.text.shape) for _, c in found} == {(1, 154, 16)}
    assert found[0][1] is found[2][1]
    alone = context(model, "a cat").text
    assert torch.equal(found[0][1].text[:, :77], alone)
    assert torch.equal(found[0][1].text[:, 77:], context(model, "").text)
    assert found[0][1].pooled is None


def test_the_entry_in_use_lasts_to_its_end_and_afterwards_the_first_counts() -> None:
    first, second = (Context(torch.full((1, 77, 1), value)) for value in (1.0, 2.0))
    schedule = ((5, first), (10, second))
    assert [at(schedule, count) is first for count in (0, 5, 6, 10, 11)] == [True, True, False, False, True]


@pytest.mark.parametrize("rows", [None, (0, 1), (0, 1, 1, 1)])
def test_original_emphasis_keeps_the_mean_over_all_entries(rows: Sequence[int] | None) -> None:
    states = torch.randn(2, 77, 8, generator=torch.Generator().manual_seed(1)) + 0.3
    weights = torch.ones(2, 77)
    weights[0, 3:9], weights[1, 4] = 1.7, 0.2
    weighed = states * weights[:, :, None]
    assert torch.equal(emphasised(states, weights, "no-norm", rows), weighed)
    chosen = [0, 1] if rows is None else list(rows)
    found = emphasised(states, weights, "original", rows)
    assert found[chosen].mean() == pytest.approx(states[chosen].mean().item(), rel=1e-5)
    ratio = found / weighed
    assert ratio.std() < 1e-5
    assert torch.equal(emphasised(states, weights, "ignore", rows), states)


@pytest.mark.parametrize(
    ("mode", "alike"),
    [("ignore", "a red circle"), ("no-norm", None), ("original", None), ("none", None)],
)
def test_the_mode_says_what_brackets_do(model: Model, mode: EmphasisMode, alike: str | None) -> None:
    plain = context(model, "a red circle").text
    found = context(model, "a (red:1.5) circle", TextOptions(emphasis=mode)).text
    assert torch.equal(found, plain) == (alike is not None)
    if mode == "no-norm":
        assert torch.allclose(found[:, 2], plain[:, 2] * 1.5)
        assert torch.equal(found[:, 3:], plain[:, 3:])
    if mode == "none":
        escaped = context(model, r"a \(red:1.5\) circle").text
        assert torch.equal(found, escaped)


def test_alternating_texts_count_as_often_as_they_are_used(model: Model) -> None:
    """The mean that is kept is that of the batch, in which a text stands once for every step."""
    texts = ["(a:1.9) cat", "a dog", "(a:1.9) cat"]
    found = encode_schedule(model, tuple(Entry(i + 1, text) for i, text in enumerate(texts)))
    raw = [context(model, text, TextOptions(emphasis="no-norm")).text for text in texts]
    plain = [context(model, text, TextOptions(emphasis="ignore")).text for text in texts]
    ratio = torch.cat(plain).mean() / torch.cat(raw).mean()
    for (_, one), weighed in zip(found, raw, strict=True):
        assert torch.allclose(one.text, weighed * ratio, atol=1e-6)


def test_two_encoders_stand_side_by_side_and_the_first_chunk_is_pooled(two: Model) -> None:
    first, second = two.text_encoders
    long = context(two, "red " * 80 + "blue")
    assert long.text.shape == (1, 154, 40)
    assert long.pooled is not None
    assert long.pooled.shape == (1, 20)
    begin = context(two, "red " * 75)
    assert begin.pooled is not None
    assert torch.equal(long.pooled, begin.pooled)
    tokens = torch.tensor([[49406, *[736] * 75, 49407]])
    assert torch.equal(long.text[:, :77, :16], first.states(tokens)[0])
    assert torch.equal(long.text[:, :77, 16:], second.states(tokens)[0])


def test_emphasis_acts_on_each_encoder_by_itself_and_not_on_the_pooled_text(two: Model) -> None:
    plain, weighed = context(two, "a red circle"), context(two, "a (red:1.5) circle")
    assert plain.pooled is not None
    assert weighed.pooled is not None
    assert torch.equal(plain.pooled, weighed.pooled)
    for part in (slice(0, 16), slice(16, 40)):
        assert weighed.text[..., part].mean() == pytest.approx(plain.text[..., part].mean().item(), abs=1e-6)


def test_an_empty_negative_prompt_is_silence_where_texts_are_pooled(two: Model, model: Model) -> None:
    silent = context(two, "", negative=True)
    assert silent.pooled is not None
    assert (silent.text.shape, silent.pooled.shape) == ((1, 77, 40), (1, 20))
    assert not silent.text.any()
    assert not silent.pooled.any()
    assert context(two, "").text.any()
    assert context(two, " ", negative=True).text.any()
    assert torch.equal(context(model, "", negative=True).text, context(model, "").text)


def test_clip_skip_is_up_to_the_encoder(two: Model, model: Model) -> None:
    assert not torch.equal(context(model, "a").text, context(model, "a", TextOptions(2)).text)
    assert torch.equal(context(two, "a").text, context(two, "a", TextOptions(3)).text)
    skipped = context(two, "a", TextOptions(3, clip_skip_sdxl=True)).text
    assert not torch.equal(context(two, "a").text[..., :16], skipped[..., :16])
    assert torch.equal(context(two, "a").text[..., 16:], skipped[..., 16:])


def test_an_embedding_replaces_its_tokens(model: Model) -> None:
    (encoder,) = model.text_encoders
    table = encoder.body.embeddings.token_embedding.weight
    vectors = table[torch.tensor([736, 7117])]  # red circle
    embeddings = Embeddings([Embedding("blob", {"clip_l": vectors})])
    found = context(model, "a blob on", embeddings=embeddings)
    assert torch.equal(found.text, context(model, "a red circle on").text)
    assert not torch.equal(found.text, context(model, "a blob on").text)
    others = Embeddings([Embedding("blob", {"clip_l": vectors * 2})])
    assert not torch.equal(found.text, context(model, "a blob on", embeddings=others).text)


def test_each_encoder_gets_its_own_vectors(two: Model) -> None:
    vectors = {
        encoder.name: encoder.body.embeddings.token_embedding.weight[torch.tensor([736])]
        for encoder in two.text_encoders
    }
    found = context(two, "a blob", embeddings=Embeddings([Embedding("blob", vectors)]))
    expected = context(two, "a red")
    assert torch.equal(found.text, expected.text)
    assert found.pooled is not None
    assert expected.pooled is not None
    assert torch.equal(found.pooled, expected.pooled)


def test_a_prompt_is_encoded_once(model: Model) -> None:
    first = context(model, "a cat")
    assert context(model, "a cat") is first
    assert not torch.equal(context(model, "a cat", TextOptions(clip_skip=2)).text, first.text)
    forget(model)
    fresh = context(model, "a cat")
    assert fresh is not first
    assert torch.equal(fresh.text, first.text)


def test_what_the_encoders_wear_is_told_apart(model: Model) -> None:
    """A LoRA changes the text encoder: the same words are other vectors then."""
    bare = context(model, "a cat")
    norm = model.text_encoders[0].body.final_layer_norm.weight
    with torch.no_grad():
        norm.mul_(2)
    try:
        worn = context(model, "a cat", key="a lora")
        assert not torch.equal(worn.text, bare.text)
        assert context(model, "a cat") is bare
        assert context(model, "a cat", key="a lora") is worn
    finally:
        with torch.no_grad():
            norm.div_(2)


def test_only_the_last_prompts_are_kept(model: Model) -> None:
    first = context(model, "number one")
    for i in range(KEPT):
        context(model, f"number {i}")
    again = context(model, "number one")
    assert again is not first
    assert torch.equal(again.text, first.text)


def test_a_context_is_lengthened_by_its_last_vector() -> None:
    made = Context(torch.arange(6.0).reshape(1, 3, 2))
    assert lengthened(made, 3) is made
    assert lengthened(made, 5).text.tolist() == [[[0, 1], [2, 3], [4, 5], [4, 5], [4, 5]]]
