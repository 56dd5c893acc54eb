"""Runs heal themselves: faults on purpose in every network, and what becomes of picture, notes, recipe and model."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import redraw.pipeline.healing as healing
from redraw.errors import NonFinite, OutOfMemory
from redraw.models.faults import inject
from redraw.models.loader import load_model
from redraw.models.model import Model
from redraw.pipeline import Result, run
from redraw.request import Img2Img, PictureRef, Txt2Img

Array = np.ndarray[Any, Any]
Make = Callable[..., Array]
Redraw = Callable[..., list[Result]]
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
FAULTS = 200
STEPS = 2


@pytest.fixture(scope="module", autouse=True)
def _quick_collections() -> Iterator[None]:
    """Spare what is there already from the collections that follow a lack of memory: half a second each."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="module")
def models(tiny_checkpoint: Path) -> dict[str, Model]:
    """The tiny model in both number formats."""
    return {name: load_model(tiny_checkpoint, dtype=dtype) for name, dtype in DTYPES.items()}


@pytest.fixture(scope="module")
def requests(colors: Make, part: Make, as_ref: Callable[..., PictureRef]) -> dict[str, Any]:
    """A request of every sort, each of 16x16 pixels."""
    source, mask = as_ref(colors(16, 16), "source.png"), as_ref(part(16, 16), "mask.png")
    fast: dict[str, Any] = {"steps": STEPS, "sampler": "Euler", "cfg_scale": 2, "seed": 3, "variation_seed": 4}
    redraws: dict[str, Any] = {"images": (source,), "strength": 1, **fast}
    return {
        "img2img": Img2Img(**redraws),
        "inpaint": Img2Img(**redraws, mask=mask, mask_blur=1),
        "only masked": Img2Img(**redraws, mask=mask, mask_blur=1, only_masked=True, padding=2, width=16, height=16),
        "soft": Img2Img(**redraws, mask=mask, soft=True),
        "txt2img": Txt2Img(**fast, width=16, height=16),
        "batch": Img2Img(**redraws, batch_size=2),
    }


def results(request: Any, model: Model) -> list[Result]:
    return [event for event in run(request, model) if isinstance(event, Result)]


def pixels(found: list[Result]) -> list[Array]:
    return [result.picture.pixels for result in found]


def state(model: Model) -> tuple[Any, ...]:
    """Everything of a model that healing may change."""
    formats = tuple({p.dtype for p in net.parameters()} for net in (model.unet, model.vae, model.text_encoder))
    return model.dtype, model.vae_dtype, model.vae_tile, formats, tuple(model.notes)


def references(request: Any, model: Model) -> list[list[Array]]:
    """The pictures of runs without faults, in every mixture of formats that healing may end in; as it is first."""
    found, chosen = [pixels(results(request, model))], (model.dtype, model.vae_dtype)
    if chosen[0] is torch.float32:
        return found
    for unet, encoder, decoder in product(DTYPES.values(), repeat=3):
        if encoder is torch.float32 and decoder is not torch.float32:
            continue
        model.to(dtype=unet, vae_dtype=encoder)
        made = []
        for event in run(request, model):
            if isinstance(event, Result):
                made.append(event.picture.pixels)
            elif event.stage == "sample" and decoder is torch.float32:
                model.raise_precision("vae")
        found.append(made)
    model.to(dtype=chosen[0], vae_dtype=chosen[1])
    return found


def random_faults() -> list[dict[str, Any]]:
    """Return seeded faults: one call fails, or in bf16 maybe every call in that format."""
    rng, faults = random.Random(11), []
    while len(faults) < FAULTS:
        sort = rng.choice(["img2img", "inpaint", "only masked", "soft", "txt2img", "batch"])
        dtype = rng.choice(list(DTYPES))
        where = rng.choice(["unet", "unet", "vae-decode", "vae-encode"])
        fault = rng.choice(["nan", "inf", "out-of-memory", *(["black"] if where == "vae-decode" else [])])
        if sort == "txt2img" and where == "vae-encode":
            continue
        pictures = 2 if sort == "batch" else 1
        calls = {"unet": STEPS * pictures, "vae-decode": pictures, "vae-encode": 1}[where]
        more: dict[str, Any] = {"at": rng.randint(1, calls)}
        if dtype == "bf16" and fault != "out-of-memory" and rng.random() < 0.4:
            more |= {"times": 1000, "only_dtype": torch.bfloat16}
        faults.append({"sort": sort, "dtype": dtype, "where": where, "fault": fault, **more})
    return faults


def test_two_hundred_random_faults_end_in_good_pictures(models: dict[str, Model], requests: dict[str, Any]) -> None:
    good = {(name, dtype): references(request, models[dtype]) for name, request in requests.items() for dtype in models}
    before = {name: state(model) for name, model in models.items()}
    bad, black = [], []
    for i, plan in enumerate(random_faults()):
        fault = dict(plan)
        sort, dtype = fault.pop("sort"), fault.pop("dtype")
        model, clean = models[dtype], good[sort, dtype]
        try:
            with inject(model, fault.pop("where"), fault.pop("fault"), **fault) as faults:
                found = results(requests[sort], model)
        except (NonFinite, OutOfMemory) as error:
            bad.append((plan, str(error)))
            continue
        finally:
            assert state(model) == before[dtype], plan
        assert faults.count >= 1, f"{plan} never struck"
        for k, result in enumerate(found):
            if result.picture.pixels.max() <= 1:
                black.append(plan)
            # Prompts evaluated one after another are added up in another order: rarely a level somewhere.
            levels = 1 if any("one prompt at a time" in note for note in result.notes) else 0
            apart = min(int(np.abs(result.picture.pixels.astype(int) - run_of[k]).max()) for run_of in clean)
            if apart > levels:
                bad.append((plan, f"{apart} levels from every run without faults"))
        assert any(result.notes for result in found), f"{plan}: nothing was said"
        assert [result.recipe["notes"] for result in found] == [list(result.notes) for result in found]
        if i % 8 == 0:
            for again, same in zip(pixels(results(requests[sort], model)), clean[0], strict=True):
                np.testing.assert_array_equal(again, same)
    assert black == []
    assert len(bad) <= FAULTS // 100, bad


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("fault", ["nan", "inf"])
@pytest.mark.parametrize("where", ["unet", "vae-encode", "vae-decode"])
def test_a_fault_that_stays_is_a_clear_error_and_no_result(
    models: dict[str, Model], requests: dict[str, Any], where: Any, fault: Any, dtype: str
) -> None:
    model, events = models[dtype], []
    before = state(model)
    with inject(model, where, fault, times=1000), pytest.raises(NonFinite, match=r"fp32|float32"):
        events.extend(run(requests["inpaint"], model))
    assert not any(isinstance(event, Result) for event in events)
    assert state(model) == before


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("where", ["unet", "vae-encode", "vae-decode"])
def test_memory_that_never_suffices_is_an_error_that_names_what_was_tried(
    models: dict[str, Model], requests: dict[str, Any], where: Any, dtype: str
) -> None:
    model = models[dtype]
    before = state(model)
    with inject(model, where, "out-of-memory", times=1000), pytest.raises(OutOfMemory) as caught:
        results(requests["inpaint"], model)
    assert "once more" in caught.value.tried
    assert "16x16" in str(caught.value) or "2x2" in str(caught.value)
    assert state(model) == before


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sort", ["img2img", "inpaint", "txt2img"])
def test_a_picture_that_stays_black_is_delivered_with_a_warning(
    models: dict[str, Model], requests: dict[str, Any], sort: str, dtype: str
) -> None:
    with inject(models[dtype], "vae-decode", "black", times=1000):
        (result,) = results(requests[sort], models[dtype])
    assert any("black" in note and "again" in note for note in result.notes)
    assert result.picture.size == (16, 16)


def test_a_fault_of_one_picture_is_not_told_of_the_next(models: dict[str, Model], requests: dict[str, Any]) -> None:
    with inject(models["fp32"], "vae-decode", "black", at=1):
        first, second = results(requests["batch"], models["fp32"])
    assert any("black" in note for note in first.notes)
    assert not any("black" in note for note in second.notes)


@pytest.mark.parametrize("where", ["unet", "vae-encode", "vae-decode"])
def test_a_run_says_nothing_of_the_faults_of_the_run_before(
    models: dict[str, Model], requests: dict[str, Any], where: Any
) -> None:
    model = models["bf16"]
    clean = results(requests["img2img"], model)[0]
    with inject(model, where, "nan"):
        healed = results(requests["img2img"], model)[0]
    after = results(requests["img2img"], model)[0]
    assert len(healed.notes) > len(clean.notes)
    assert after.notes == clean.notes
    assert after.recipe == clean.recipe


@pytest.mark.parametrize(
    ("where", "raised"), [("unet", "dtype"), ("vae-encode", "vae_dtype"), ("vae-decode", "vae_dtype")]
)
def test_the_smallest_change_is_made_and_the_recipe_says_so(
    models: dict[str, Model], requests: dict[str, Any], where: Any, raised: str
) -> None:
    with inject(models["bf16"], where, "nan", times=1000, only_dtype=torch.bfloat16):
        (result,) = results(requests["inpaint"], models["bf16"])
    environment = result.recipe["environment"]
    assert {name: environment[name] for name in ("dtype", "vae_dtype")} == {
        "dtype": "bf16", "vae_dtype": "bf16", raised: "fp32"
    }  # fmt: skip
    assert any("float32" in note for note in result.notes)


def returning(model: Model, picture: Array, calls: int, monkeypatch: pytest.MonkeyPatch) -> list[torch.dtype]:
    """Make the next `calls` decodings give `picture`; return the formats of all decodings, as they come."""
    plain, seen = model._decode_one, list[torch.dtype]()
    given = torch.from_numpy(picture / np.float32(127.5) - 1).float().movedim(-1, 0)[None]

    def decode(latent: torch.Tensor) -> torch.Tensor:
        seen.append(latent.dtype)
        return given if len(seen) <= calls else plain(latent)

    monkeypatch.setattr(model, "_decode_one", decode)
    return seen


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("strength", "calls", "decodings"), [(1, 1, 2), (0.31, 1, 2), (0.3, 1, 1), (1, 1000, 2)])
def test_a_masked_part_that_did_not_change_is_made_again(
    models: dict[str, Model], redrawn: Redraw, colors: Make, part: Make, monkeypatch: pytest.MonkeyPatch,
    strength: float, calls: int, decodings: int, dtype: str,
) -> None:  # fmt: skip
    source = colors(16, 16)
    seen = returning(models[dtype], source, calls, monkeypatch)
    (result,) = redrawn(models[dtype], source, part(16, 16), strength=strength, steps=4, mask_blur=0)
    permanent = calls > 10
    # In bf16 a picture that stays as it was is also sampled and decoded again in fp32.
    assert len(seen) == decodings + (permanent and dtype == "bf16")
    assert seen[1:] == [torch.float32] * (len(seen) - 1)
    said = any("nothing changed" in note for note in result.notes)
    assert said == (strength > 0.3)
    assert any("again in fp32" in note for note in result.notes) == permanent


def test_memory_is_planned_before_the_start(
    models: dict[str, Model], redrawn: Redraw, colors: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []

    def tile_for(model: Model, width: int, height: int, free: int) -> int | None:
        assert free > 0
        asked.append((width, height))
        return 16

    monkeypatch.setattr(healing, "tile_for", tile_for)
    (result,) = redrawn(models["fp32"], colors(37, 21), vae_tile=None)
    assert asked == [(40, 24)]
    assert result.recipe["request"]["vae_tile"] == 16
    assert any("tiles of 16 pixels" in note for note in result.notes)
    assert models["fp32"].vae_tile is None


@pytest.mark.parametrize(("given", "used"), [(0, 0), (24, 24)])
def test_tiles_that_were_asked_for_are_taken_and_zero_means_never(
    models: dict[str, Model], redrawn: Redraw, colors: Make, monkeypatch: pytest.MonkeyPatch, given: int, used: int
) -> None:
    monkeypatch.setattr(healing, "tile_for", lambda *_: pytest.fail("the request said it already"))
    (result,) = redrawn(models["fp32"], colors(40, 24), vae_tile=given)
    assert result.recipe["request"]["vae_tile"] == used
    assert not any("memory" in note for note in result.notes)


def test_a_vae_that_runs_out_of_memory_goes_on_in_tiles(
    models: dict[str, Model], redrawn: Redraw, colors: Make, part: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(healing, "TILES", (32, 16))
    source, model = colors(48, 40), models["fp32"]
    (whole,) = redrawn(model, source, part(48, 40))
    for where in ("vae-encode", "vae-decode"):
        with inject(model, where, "out-of-memory", times=1000, only_untiled=True):  # type: ignore[arg-type]
            (tiled,) = redrawn(model, source, part(48, 40))
        assert np.abs(tiled.picture.pixels.astype(int) - whole.picture.pixels).max() <= 1
        assert any("tiles of 32 pixels" in note for note in tiled.notes)
        assert tiled.recipe["request"]["vae_tile"] == 32


def test_tiles_that_would_not_cut_the_picture_are_not_tried(models: dict[str, Model], requests: dict[str, Any]) -> None:
    with inject(models["fp32"], "vae-decode", "out-of-memory"):
        (result,) = results(requests["img2img"], models["fp32"])
    assert not any("tiles" in note for note in result.notes)
    assert any("repeated" in note for note in result.notes)


def test_several_faults_of_one_run_are_all_healed(models: dict[str, Model], requests: dict[str, Any]) -> None:
    model = models["fp32"]
    clean = pixels(results(requests["batch"], model))
    with ExitStack() as stack:
        for where, fault, at in (("vae-encode", "nan", 1), ("unet", "inf", 3), ("vae-decode", "out-of-memory", 2)):
            stack.enter_context(inject(model, where, fault, at))  # type: ignore[arg-type]
        healed = results(requests["batch"], model)
    for one, other in zip(pixels(healed), clean, strict=True):
        np.testing.assert_array_equal(one, other)
