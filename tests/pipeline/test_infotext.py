"""Infotext of results: A1111's order of keys, and the way back from infotext and recipe to the request."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

import redraw.pipeline.recipe as recipes
from redraw.compat.readback import read_infotext, read_recipe
from redraw.errors import RequestError
from redraw.geometry import Size
from redraw.image.infotext import parse
from redraw.pipeline.recipe import Used, build_infotext, build_recipe, with_tags
from redraw.pipeline.shots import plan_shots
from redraw.registry import SAMPLERS, SCHEDULERS
from redraw.request import FieldInfo, Generation, Img2Img, PictureRef, Txt2Img, describe_fields
from redraw.sampling.naming import resolve

SOURCE = PictureRef(name="cat.png", sha256="a" * 64)
USED = Used({"ink": "4f35fae5dd0a", "a: b, c": "7bb49a6054f1"}, {"tinyti": "16853008966a"}, ("refine", "7440042bbd"))


def model(name: str = "tiny", vae: str = "", channels: int = 4) -> Any:
    """What infotext and recipe ask of a model."""
    return SimpleNamespace(
        name=name, short_hash="a35f23fa7d", sha256="a35f23fa7d" + "0" * 54, vae_name=vae,
        vae_sha256="b" * 64 if vae else "", in_channels=channels, device=torch.device("cpu"), dtype=torch.float32,
        vae_dtype=torch.float32, vae_tile=None, fp8=True,
    )  # fmt: skip


def written(request: Generation, used: Used = recipes.NOTHING, made_by: Any = None) -> str:
    """The infotext of the first picture of a request."""
    label, schedule = resolve(request.sampler, request.scheduler)
    size = Size(request.width or 64, request.height or 64)
    masked = isinstance(request, Img2Img) and request.masked
    return build_infotext(
        request,
        plan_shots(request)[0],
        made_by or model(),
        SAMPLERS.get(label),
        schedule,
        size,
        masked=masked,
        used=used,
    )


def all_keys(monkeypatch: pytest.MonkeyPatch, sampler: str) -> list[str]:
    """Every key a picture can have with a sampler, in our order."""
    kept: list[str] = []

    def keep(prompt: str, negative: str, params: dict[str, Any]) -> str:
        kept.extend(params)
        return ""

    monkeypatch.setattr("redraw.image.infotext.build", keep)
    request = Img2Img(
        images=(SOURCE,), mask="alpha", soft=True, sampler=sampler, eta=0.5, scheduler="Beta", refiner="x"
    )
    written(request, USED, model(channels=9))
    return kept


@pytest.mark.golden
@pytest.mark.parametrize("sampler", ["Euler a", "DDIM"])
def test_keys_stand_in_the_order_of_every_recorded_infotext(
    goldens: Path, monkeypatch: pytest.MonkeyPatch, sampler: str
) -> None:
    ours = all_keys(monkeypatch, sampler)
    compared = set()
    for file in sorted((goldens / "cases").glob("*.json")):
        for case in json.loads(file.read_text()):
            for text in case.get("infotexts", []):
                said = [key for key in parse(text) if key in ours]
                assert said == sorted(said, key=ours.index), text
                compared |= set(said)
    assert {"Lora hashes", "TI hashes", "Emphasis", "Pad conds", "Old prompt editing timelines", "Clip skip",
            "Skip Early CFG", "NGMS all steps", "Mask blur", "Noise multiplier"} <= compared  # fmt: skip


def test_networks_refiner_and_the_rest_are_written_as_a1111_writes_them() -> None:
    request = Txt2Img(
        prompt="a (cat)", refiner="refine", refiner_switch_at=0.7, refiner_by_steps=True, pad_prompts="pad",
        prompt_timeline="old", emphasis="no-norm", clip_skip=2, seed=5, sampler="Euler", skip_early_cfg=0.4,
    )  # fmt: skip
    used = Used(USED.loras, USED.embeddings, USED.refiner, padded=True, old_timeline=True)
    assert written(request, used).rpartition(", Version")[0] == (
        "a (cat)\nSteps: 20, Sampler: Euler, Schedule type: Automatic, CFG scale: 7, Seed: 5, Size: 64x64, "
        'Model hash: a35f23fa7d, Model: tiny, Clip skip: 2, RNG: NV, Lora hashes: "ink: 4f35fae5dd0a, a b c: '
        '7bb49a6054f1", Old prompt editing timelines: True, TI hashes: "tinyti: 16853008966a", Emphasis: No norm, '
        "Refiner: refine [7440042bbd], Refiner switch at: 0.7, Refiner switch by sampling steps: True, "
        "Skip Early CFG: 0.4, Pad conds: True"
    )


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("a cat", False),
        ("(cat)", True),
        ("[cat]", True),
        ("a [cat|dog]", False),
        ("[a:(b):0.5]", True),
        ("x # (", False),
    ],
)
def test_emphasis_is_noted_where_a_text_that_is_encoded_has_brackets(prompt: str, said: bool) -> None:
    text = written(Txt2Img(prompt=prompt, emphasis="none", seed=1))
    assert ("Emphasis: None" in text) is said


@pytest.mark.parametrize(
    ("networks", "tags"),
    [
        (("ink",), "<lora:ink:1>"),
        (("ink:0.8",), "<lora:ink:0.8>"),
        (("lora:ink:0.5:1", "hypernet:anime"), "<lora:ink:0.5:1><hypernet:anime:1>"),
        (("<lyco:ink:te=0.5>",), "<lora:ink:te=0.5>"),
    ],
)
def test_networks_of_a_request_stand_as_tags_behind_the_prompt(networks: tuple[str, ...], tags: str) -> None:
    assert with_tags("a cat", networks) == f"a cat{tags}"
    assert written(Txt2Img(prompt="a cat", networks=networks, seed=1)).startswith(f"a cat{tags}\n")


def test_a_recipe_lists_the_files_of_its_networks() -> None:
    request = Txt2Img(prompt="x", seed=1)
    made = build_recipe(
        request, plan_shots(request)[0], model(), Size(8, 8), np.zeros((8, 8, 3), np.uint8), 1, (), USED
    )
    assert made["networks"] == [
        {"kind": "lora", "name": "ink", "hash": "4f35fae5dd0a"},
        {"kind": "lora", "name": "a: b, c", "hash": "7bb49a6054f1"},
        {"kind": "embedding", "name": "tinyti", "hash": "16853008966a"},
        {"kind": "refiner", "name": "refine", "hash": "7440042bbd"},
    ]


# What the format loses for good: spaces around lines, blank lines at the start, comments, and lines that begin as the
# negative prompt does.
PIECES = [*"ab \"'\\:,()[]{}<>|=-/é漢🙂\u200b\u2028", "Steps: 5, Seed: 3, Size: 8x8", "AND"]
NASTY = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
LINE = NASTY.map(str.strip).filter(lambda line: not line.startswith("Negative prompt:"))
PROMPT = st.lists(LINE, max_size=4).map("\n".join).map(str.strip)
NAME = st.text(st.sampled_from(list("ab \"'\\:,()[]é漢x12")), min_size=1).map(str.strip).filter(
    lambda name: name.lower() not in ("", "none", "automatic", "default") and not name.startswith('"')
)  # fmt: skip
SKIPPED = {"device", "dtype", "vae_tile", "scale", "mask_blur", "mask_blur_x", "mask_blur_y", "content_seed"}
NUMBERS = {int, float, bool, tuple}


def value_of(info: FieldInfo) -> st.SearchStrategy[Any]:
    """Right values of a field."""
    if info.choices:
        return st.sampled_from(info.choices)
    if info.kind is bool:
        return st.booleans()
    if info.kind is tuple:
        return st.tuples(st.integers(1, 2048), st.integers(1, 2048))
    low, high = info.minimum, info.maximum
    if info.kind is int:
        return st.integers(int(low or 0), int(high if high is not None else 1000))
    return st.floats(0.01 if low is None else low, 100 if high is None else high).map(lambda x: round(x, 4))


@st.composite
def requests(draw: st.DrawFn) -> Generation:
    """Requests of both kinds with any values in their fields, but those about pictures and machines."""
    kinds: list[type[Img2Img | Txt2Img]] = [Img2Img, Txt2Img]
    kind = draw(st.sampled_from(kinds))
    mask = draw(st.sampled_from([None, "alpha"])) if kind is Img2Img else None
    left = {"Paint"} if mask else {"Paint", "Inpaint", "Soft inpainting"}
    infos = [info for info in describe_fields(kind) if info.name not in SKIPPED and info.group not in left]
    chosen = [info for info in infos if (info.kind in NUMBERS or bool(info.choices)) and draw(st.booleans())]
    fields: dict[str, Any] = {info.name: draw(value_of(info)) for info in chosen}
    fields |= {"prompt": draw(PROMPT), "negative_prompt": draw(PROMPT), "seed": draw(st.integers(0, 2**64 - 1))}
    fields |= {"width": draw(st.integers(1, 2048)), "height": draw(st.integers(1, 2048)), "prompt_comments": False}
    fields |= {"sampler": draw(st.sampled_from([e.label for e in SAMPLERS])), "batch_size": 1, "batch_count": 1}
    fields |= {"scheduler": draw(st.sampled_from([e.label for e in SCHEDULERS])), "refiner": draw(st.none() | NAME)}
    fields |= {"images": (SOURCE,), "mask": mask} if kind is Img2Img else {}
    try:
        return kind(**fields)
    except RequestError:  # fields may contradict each other
        reject()


def used_by(request: Generation) -> Used:
    """What a run of the request would have found."""
    refiner = (request.refiner, "7440042bbd") if request.refiner else None
    return Used({}, {}, refiner, padded=request.pad_prompts != "no", old_timeline=request.prompt_timeline == "old")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(requests(), NAME, st.just("") | NAME)
def test_what_an_infotext_says_is_read_back(request: Generation, name: str, vae: str) -> None:
    made_by = model(name, vae)
    text = written(request, used_by(request), made_by)
    back = read_infotext(text)
    assert (back.kind, back.unknown, back.program) == (request.kind, {}, "Redraw")
    said = {"prompt", "negative_prompt", "steps", "cfg_scale", "seed", "width", "height", "sampler", "tiling", "rng",
            "clip_skip", "seed_resize_from", "refiner", "ngms", "skip_early_cfg", "strength", "prompt_timeline",
            "pad_prompts", "only_masked", "invert_mask", "masked_content"}  # fmt: skip
    defaults = {info.name: info.default for info in describe_fields(type(request))}
    for field in said & defaults.keys():
        assert back.request.get(field, defaults[field]) == getattr(request, field), field
    assert (back.request["model"], back.request.get("vae", "")) == (name, vae)
    given = {**back.request, "prompt_comments": False}
    if isinstance(request, Img2Img):
        given |= {"images": request.images, "mask": request.mask, "mask_blur": request.mask_blur}
    again = type(request)(**given)
    assert written(again, used_by(again), made_by) == text


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(requests(), NAME)
def test_what_a_recipe_says_is_the_request(request: Generation, name: str) -> None:
    shot = plan_shots(request)[0]
    size = Size(request.width or 8, request.height or 8)
    pixels = np.zeros((8, 8, 3), np.uint8)
    made = build_recipe(request, shot, model(name), size, pixels, 1, (), used_by(request))
    back = read_recipe(json.loads(json.dumps(made)), kept=lambda sha256: True)
    assert back is not None
    assert (back.kind, back.exact, back.unknown, back.notes) == (request.kind, True, {}, [])
    assert back.request["model"] == name
    again = type(request)(**back.request)
    machine = {"device", "dtype", "vae_tile", "model", "vae", "variation_seed"}
    assert again.model_dump(exclude=machine) == request.model_dump(exclude=machine)
