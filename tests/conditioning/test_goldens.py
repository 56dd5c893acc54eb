"""Every prompt of A1111's goldens is read, cut and encoded as A1111 did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from redraw.conditioning.chunks import chunks_of
from redraw.conditioning.editing import Timeline, schedule
from redraw.conditioning.emphasis import read_emphasis
from redraw.conditioning.prompt import read_prompt, weighted_parts
from redraw.conditioning.tags import Tag, strengths, with_networks
from redraw.conditioning.text import TextOptions, encode_schedule
from redraw.models.embeddings import Embeddings, load_embeddings
from redraw.models.loader import load_model
from redraw.models.lora import Patch, Use, open_lora, prepare
from redraw.models.model import Model

pytestmark = pytest.mark.golden

TIMELINES = {
    "schedule8": Timeline(8),
    "schedule20": Timeline(20),
    "schedule10_hires5": Timeline(10, 5),
    "schedule20_old": Timeline(20, old=True),
}


@pytest.fixture(scope="module")
def prompts(goldens: Path) -> dict[str, dict[str, Any]]:
    """What A1111's reader makes of each prompt."""
    found: dict[str, dict[str, Any]] = json.loads((goldens / "pure" / "prompt_parser.json").read_text())
    return found


@pytest.fixture(scope="module")
def rows(goldens: Path) -> dict[str, Any]:
    """The tokens of each prompt."""
    found: dict[str, Any] = json.loads((goldens / "pure" / "tokenize.json").read_text())
    return found


@pytest.fixture(scope="module")
def embeddings(goldens: Path) -> Embeddings:
    """A1111's two tiny embeddings."""
    return load_embeddings([goldens / "model" / name for name in ("tinyti.safetensors", "tinypt.pt")])


@pytest.fixture(scope="module")
def model(goldens: Path) -> Model:
    """A1111's tiny model."""
    return load_model(goldens / "model" / "tiny-sd1.safetensors")


def test_emphasis_is_read_alike(prompts: dict[str, dict[str, Any]]) -> None:
    for name, case in prompts.items():
        if isinstance(case["attention"], str):
            assert name == "x41"  # the number A1111 fails at
            continue
        found = [["BREAK", -1] if p is None else [p.text, p.weight] for p in read_emphasis(case["prompt"])]
        assert found == [piece for piece in case["attention"] if piece[0]], name


@pytest.mark.parametrize("kind", TIMELINES)
def test_schedules_are_alike(prompts: dict[str, dict[str, Any]], kind: str) -> None:
    for name, case in prompts.items():
        found = [[entry.end, entry.text] for entry in schedule(case["prompt"], TIMELINES[kind])]
        assert found == case[kind], name


def test_parts_and_weights_are_alike(prompts: dict[str, dict[str, Any]]) -> None:
    for name, case in prompts.items():
        parts = weighted_parts(case["prompt"])
        texts = list(dict.fromkeys(text for text, _ in parts))
        assert [[[[texts.index(text), weight] for text, weight in parts]], texts] == case["multicond"], name


def test_tags_are_alike(prompts: dict[str, dict[str, Any]]) -> None:
    for name, case in prompts.items():
        text, tags = with_networks(case["prompt"])
        found: dict[str, list[Any]] = {}
        for tag in tags:
            found.setdefault(tag.kind, []).append([[tag.name, *tag.args], dict(tag.named)])
        assert [text, found] == case["extranets"], name


def test_chunks_counts_and_embeddings_are_alike(rows: dict[str, Any], embeddings: Embeddings) -> None:
    for name, case in rows.items():
        if isinstance(case, str):
            assert name == "x41"
            continue
        found = chunks_of(with_networks(case["prompt"])[0], None, embeddings)
        assert [list(c.tokens) for c in found.chunks] == [c["tokens"] for c in case["chunks"]], name
        assert [list(c.multipliers) for c in found.chunks] == [c["multipliers"] for c in case["chunks"]], name
        fixes = [[[at, one.name] for at, one in c.fixes] for c in found.chunks]
        # The names were cut out of a printed form and kept a bit of it.
        assert fixes == [[[at, text.split("'")[0]] for at, text in c["fixes"]] for c in case["chunks"]], name
        assert found.used == case["token_count"], name


def test_text_encoders_give_the_same_vectors(
    goldens: Path, rows: dict[str, Any], embeddings: Embeddings, model: Model
) -> None:
    expected = np.load(goldens / "pure" / "text_encoder.npz")
    fitting = embeddings.for_model(model)
    assert len(expected.files) == 16
    for name in expected.files:
        case, _, skip = name.partition("|skip")
        (part,) = read_prompt(rows[case]["prompt"], 20).parts
        ((_, context),) = encode_schedule(model, part.entries, TextOptions(int(skip)), fitting)
        wanted = torch.from_numpy(expected[name])
        assert context.text.shape == wanted.shape, name
        assert (context.text - wanted).abs().max() < 1e-4, name


def _wearing(goldens: Path, model: Model, tags: tuple[Tag, ...]) -> Patch:
    uses = [(open_lora(goldens / "model" / f"{tag.name}.safetensors"), strengths(tag)) for tag in tags]
    return prepare(model, [Use(file, how.text, how.unet, how.dyn) for file, how in uses])


def test_what_a_run_listens_to_is_the_same_with_and_without_networks(
    goldens: Path, embeddings: Embeddings, model: Model
) -> None:
    cases = {case["id"]: case["request"] for case in json.loads((goldens / "cases" / "e_prompts.json").read_text())}
    fitting = embeddings.for_model(model)
    files = sorted((goldens / "debug" / "e_prompts").glob("*.npz"))
    compared = 0
    for file in files:
        request, recorded = cases[f"e_prompts/{file.stem}"], np.load(file)
        options = TextOptions(2 if file.stem.endswith("clipskip2") else 1)
        prompt = read_prompt(request["prompt"], request["steps"])
        negative = read_prompt(request["negative_prompt"], request["steps"], negative=True)
        patch = _wearing(goldens, model, prompt.tags)
        with patch.worn():
            found = {
                f"cond_b0_and{i}_w{part.weight}_end{end}": context
                for i, part in enumerate(prompt.parts)
                for end, context in encode_schedule(model, part.entries, options, fitting, key=patch.text_key)
            }
            unwanted = encode_schedule(
                model, negative.parts[0].entries, options, fitting, negative=True, key=patch.text_key
            )
            found |= {f"uncond_b0_end{end}": context for end, context in unwanted}
        for name in [name for name in recorded.files if name.startswith(("cond_", "uncond_"))]:
            difference = (found.pop(name).text[0] - torch.from_numpy(recorded[name])).abs().max()
            assert difference < 1e-4, (file.stem, name)
            compared += 1
        assert not found
    assert compared > 30
