"""What a prompt means, told in a form people and programs can read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraw.conditioning.explain import (
    SECOND_ORDER,
    Explained,
    Glossary,
    Vectors,
    as_json,
    evaluations,
    explain,
    runs,
    words,
)
from redraw.registry import SAMPLERS


def spans(explained: Explained) -> list[list[tuple[int, int, str]]]:
    """When each part's texts are used."""
    return [[(span.first, span.last, span.text) for span in part] for part in explained.spans]


def test_samplers_of_second_order_are_those_that_say_so() -> None:
    assert {entry.name for entry in SAMPLERS if SAMPLERS.get(entry.name).second_order} == SECOND_ORDER


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ((20, None, None), (20, 20)),
        ((20, "Heun", None), (40, 40)),
        ((20, "DPM++ 2M", 0.5), (20, 11)),
        ((20, "DPM2 a", 0.5), (40, 22)),
        ((20, None, 1.0), (20, 20)),
        ((20, None, 0.0), (20, 1)),
    ],
)
def test_runs_are_counted_in_evaluations(
    asked: tuple[int, str | None, float | None], expected: tuple[int, int]
) -> None:
    assert evaluations(*asked) == expected


def test_an_entry_lasts_one_evaluation_longer_than_its_number() -> None:
    """The count begins at 0 and an entry is used up to its end, as in A1111."""
    assert spans(explain("[a:b:5]", 20)) == [[(1, 6, "a"), (7, 20, "b")]]
    assert spans(explain("[a|b]", 4)) == [[(1, 2, "a"), (3, 3, "b"), (4, 4, "a")]]


def test_what_a_short_run_does_not_reach_is_left_out_and_said() -> None:
    found = explain("[a:b:0.5] AND c :0.3", 20, 11)
    assert spans(found) == [[(1, 11, "a")], [(1, 11, " c")]]
    assert list(found.chunks) == ["a", " c"]
    assert found.warnings[0].startswith('"b" is never reached')


def test_tokens_come_with_weights_and_embeddings_with_their_places() -> None:
    found = explain("a (red blob:1.5) réd", 20, embeddings=Glossary([Vectors("blob", 2)]))
    (chunk,) = found.longest.chunks
    assert [(w.text, w.weight, w.vectors) for w in words(chunk)] == [
        ("a", 1.0, 0),
        ("red", 1.5, 0),
        ("blob", 1.5, 2),
        ("ré", 1.0, 0),
        ("d", 1.0, 0),
    ]
    assert [(w.text, w.weight) for w in runs(chunk)] == [("a", 1.0), ("red", 1.5), ("blob", 1.5), ("réd", 1.0)]
    assert (found.longest.used, found.embeddings) == (6, ("blob",))


def test_everything_is_plain_data() -> None:
    told = as_json(explain("a [b:c:3] <lora:x:0.5:unet=1> AND d :2", 10))
    assert json.loads(json.dumps(told)) == told
    assert (told["used"], told["limit"], told["chunks"], told["evaluations"]) == (2, 75, 1, 10)
    assert told["tags"] == [{"kind": "lora", "name": "x", "args": ["0.5"], "named": {"unet": "1"}}]
    assert told["parts"][1] == {"weight": 2.0, "schedule": [{"first": 1, "last": 10, "text": " d"}], "tags": []}
    assert [text["text"] for text in told["texts"]] == ["a b", "a c", " d"]


def test_only_so_many_letters_are_cut() -> None:
    found = explain("[" + "|".join("abcdefgh") + "]" + "x" * 100, 8, letters=350)
    assert len(found.chunks) == 3


def test_an_embedding_longer_than_a_chunk_is_remarked_upon() -> None:
    assert "100 vectors" in explain("blob", 5, embeddings=Glossary([Vectors("blob", 100)])).warnings[0]


@given(st.text(alphabet="ab[]()|:0.5 AND1", max_size=40), st.integers(1, 12), st.integers(1, 12))
def test_every_evaluation_has_exactly_one_text_a_part(text: str, measure: int, run: int) -> None:
    found = explain(text, measure, run)
    for part in found.spans:
        covered = [count for span in part for count in range(span.first, span.last + 1)]
        assert covered == list(range(1, min(measure, run) + 1))
