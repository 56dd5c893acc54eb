"""Embeddings are found in a prompt by the tokens of their names, and only those that fit the model are used."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file

from redraw.models.embedding_files import Embedding
from redraw.models.embeddings import Embeddings, load_embeddings
from redraw.models.tokenizer import clip_tokenizer

IDS = clip_tokenizer().ids


def _one(name: str, count: int = 1, width: int = 8, **more: Any) -> Embedding:
    return Embedding(name, {"clip_l": torch.ones(count, width)}, **more)


def _model(**widths: int) -> Any:
    return SimpleNamespace(text_encoders=[SimpleNamespace(name=n, width=w) for n, w in widths.items()])


def test_a_name_is_found_where_its_tokens_begin() -> None:
    style = _one("my style")
    found = Embeddings([style])
    ids = IDS("a cat in my style, my style")
    at = len(IDS("a cat in"))
    assert found.match(ids, at) == (style, 2)
    assert found.match(ids, at + 3) == (style, 2)
    assert [i for i in range(len(ids)) if found.match(ids, i)] == [at, at + 3]


def test_the_longest_name_wins_whatever_the_order() -> None:
    names = ["cat", "cat girl", "cat girl dance", "cat girl dance now"]
    for order in (names, names[::-1]):
        found = Embeddings(map(_one, order))
        for text, name, length in (
            ("cat sleeps", "cat", 1),
            ("cat girl sleeps", "cat girl", 2),
            ("cat girl dance hall", "cat girl dance", 3),
            ("cat girl dance", "cat girl dance", 3),
        ):
            match = found.match(IDS(text), 0)
            assert match is not None
            assert (match[0].name, match[1]) == (name, length)


def test_case_and_spacing_matter_as_little_as_in_other_words() -> None:
    found = Embeddings([_one("EasyNegative")])
    assert found.match(IDS("EASYNEGATIVE"), 0) is not None
    assert found.match(IDS("easynegative"), 0) is not None
    assert found.match(IDS("easy negative"), 0) is None


def test_places_outside_the_tokens_match_nothing() -> None:
    found = Embeddings([_one("cat")])
    ids = IDS("cat")
    assert found.match(ids, 1) is None
    assert found.match(ids, -1) is None
    assert found.match([], 0) is None


def test_an_empty_one_is_false_and_matches_nothing() -> None:
    assert not Embeddings()
    assert Embeddings().match(IDS("cat"), 0) is None
    assert Embeddings([_one("cat")])


def test_of_two_with_one_name_the_last_counts_and_that_is_said() -> None:
    first, last = _one("cat", path=Path("a/cat.pt")), _one("Cat", path=Path("b/Cat.pt"))
    found = Embeddings([first, _one("dog"), last])
    match = found.match(IDS("cat"), 0)
    assert match is not None
    assert match[0] is last
    assert found.names() == ["dog", "Cat"]
    (note,) = found.notes
    assert "b/Cat.pt is used, a/cat.pt is not" in note.replace("\\", "/")


def test_a_name_without_letters_is_left_out_with_the_reason() -> None:
    found = Embeddings([_one("\x01")])
    assert not found
    assert found.left_out[0].why == "its name has no letters"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "a b", "a b c", "b c", "c a"]), max_size=6), st.text("abc ", max_size=12))
def test_matching_equals_trying_every_name(names: list[str], text: str) -> None:
    found, ids = Embeddings(map(_one, names)), IDS(text)
    for at in range(len(ids)):
        lengths = [len(IDS(n)) for n in names if ids[at : at + len(IDS(n))] == IDS(n)]
        match = found.match(ids, at)
        assert (match[1] if match else 0) == max(lengths, default=0)


def test_matching_takes_no_longer_with_thousands_of_names() -> None:
    def seconds(found: Embeddings) -> float:
        ids = [random.Random(0).choice(IDS("bad hand picture of a cat")) for _ in range(3000)]
        best = 9.0
        for _ in range(5):
            start = time.perf_counter()
            for at in range(len(ids)):
                found.match(ids, at)
            best = min(best, time.perf_counter() - start)
        return best

    few = Embeddings(_one(f"bad {i}") for i in range(10))
    many = Embeddings(_one(f"bad {i}") for i in range(10, 3000))
    assert seconds(many) < 20 * seconds(few) + 0.01  # a search through all names takes hundreds of times as long


def test_only_those_that_fit_the_model_are_kept() -> None:
    sd1 = _one("sd1", width=768)
    sd2 = Embedding("sd2", {"clip_h": torch.ones(1, 1024)})
    xl = Embedding("xl", {"clip_l": torch.ones(2, 768), "clip_g": torch.ones(2, 1280)})
    found = Embeddings([sd1, sd2, xl])
    for model, kept in (
        (_model(clip_l=768), ["sd1"]),
        (_model(clip_h=1024), ["sd2"]),
        (_model(clip_l=768, clip_g=1280), ["xl"]),
    ):
        fitting = found.for_model(model)
        assert fitting.names() == kept
        assert {left.name for left in fitting.left_out} == {"sd1", "sd2", "xl"} - set(kept)
        for embedding in fitting:
            assert list(embedding.vectors) == [e.name for e in model.text_encoders]


def test_a_misfit_says_what_it_was_made_for() -> None:
    xl = Embedding("xl", {"clip_l": torch.ones(2, 768), "clip_g": torch.ones(2, 1280)}, path=Path("xl.safetensors"))
    fitting = Embeddings([xl]).for_model(_model(clip_h=1024))
    assert not fitting
    (left,) = fitting.left_out
    assert left.embedding is xl
    assert left.why == "it is 768 and 1280 numbers wide and seems made for SDXL; the model takes 1024"


def test_one_list_of_vectors_goes_to_the_only_encoder_of_its_width() -> None:
    vectors = torch.ones(3, 24)
    fitting = Embeddings([Embedding("a", {"clip_l": vectors})]).for_model(_model(clip_h=24))
    assert torch.equal(next(iter(fitting)).vectors["clip_h"], vectors)


def test_the_refiner_takes_its_half_of_a_pair() -> None:
    xl = Embedding("xl", {"clip_l": torch.ones(2, 768), "clip_g": torch.ones(2, 1280)}, step=9)
    (kept,) = Embeddings([xl]).for_model(_model(clip_g=1280))
    assert (list(kept.vectors), kept.step) == (["clip_g"], 9)


def test_a_folder_is_read_once_and_bad_files_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_file({"emb_params": torch.ones(2, 8)}, tmp_path / "good.safetensors")
    (tmp_path / "bad.pt").write_bytes(b"nothing")
    (tmp_path / "notes.txt").write_text("x")
    for name in ("good.preview.png", "poster.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    paths = [*sorted(tmp_path.iterdir()), tmp_path / "gone.pt"]
    found = load_embeddings(paths)
    assert found.names() == ["good"]
    assert [(left.name, left.path and left.path.name) for left in found.left_out] == [
        ("bad", "bad.pt"),
        ("gone", "gone.pt"),
    ]
    assert "not a weight file" in found.left_out[0].why
    monkeypatch.setattr("redraw.models.embeddings.load_embedding", lambda path: pytest.fail(f"{path} is read again"))
    assert load_embeddings([tmp_path / "good.safetensors"]).names() == ["good"]


def test_a_file_that_was_replaced_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    for count in (1, 2, 3):
        save_file({"emb_params": torch.ones(count, 8)}, path)
        (found,) = load_embeddings([path])
        assert found.count == count


def test_a1111_finds_the_same_embeddings_at_the_same_tokens(goldens: Path) -> None:
    cases = json.loads((goldens / "pure" / "tokenize.json").read_text())
    found = load_embeddings([goldens / "model" / "tinyti.safetensors", goldens / "model" / "tinypt.pt"])
    checked = 0
    for case in cases.values():
        if not isinstance(case, dict) or "ids" not in case:
            continue
        ids = case["ids"]
        ours = [m[0].name for at in range(len(ids)) if (m := found.match(ids, at))]
        theirs = [name for chunk in case["chunks"] for _, name in chunk["fixes"]]
        assert ours == theirs, case["prompt"]
        checked += len(theirs)
    assert checked >= 5
