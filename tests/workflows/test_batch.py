"""What a batch takes from its folders, and what it makes of each picture; nothing is computed but in the last tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from redraw.errors import Cancelled, ModelError, NonFinite, OutputError, PictureError, RequestError
from redraw.image.save import Extras, save_picture
from redraw.request import Img2Img, PictureRef
from redraw.workflows.batch import BatchItem, BatchOptions, BatchPlan, Failed, Skipped, plan_batch, run_batch
from redraw.workflows.folders import find_pictures

INFO = (
    "a blue square\nNegative prompt: red\n"
    "Steps: 5, Sampler: DPM++ 2M Karras, CFG scale: 4, Seed: 4321, Size: 64x64, Model hash: 0123456789, Model: other"
)


def picture(path: Path, infotext: str | None = None, recipe: dict[str, Any] | None = None) -> Path:
    """Write a very small picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((3, 5, 3), len(path.name), np.uint8)
    extras = Extras(infotext=infotext, recipe=recipe)
    return save_picture(pixels, path, extras=extras, overwrite=True).path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with a picture at the top, and some in sub-folders."""
    for name in ("a2.png", "a10.jpg", "sub/b.webp", "sub/deep/c.tiff"):
        picture(tmp_path / "photos" / name)
    return tmp_path / "photos"


def items(plan: BatchPlan) -> list[BatchItem]:
    """The items of a plan that leaves nothing out."""
    steps = list(plan)
    assert not [step for step in steps if isinstance(step, Skipped)], steps
    return [step for step in steps if isinstance(step, BatchItem)]


def test_pictures_come_in_the_order_people_count_and_keep_their_sub_folders(photos: Path) -> None:
    plan = plan_batch(photos, {"prompt": "a fox"})
    assert len(plan) == 4
    assert [(str(item.folder), item.stem) for item in items(plan)] == [
        (".", "a2"),
        (".", "a10"),
        ("sub", "b"),
        ("sub/deep", "c"),
    ]
    assert [item.request.prompt for item in items(plan)] == ["a fox"] * 4


@pytest.mark.parametrize("ending", ["png", "jpg", "jpeg", "webp", "tif", "tiff", "avif", "gif", "bmp", "heic", "PNG"])
def test_every_ending_of_a_picture_is_taken(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"a.{ending}").touch()
    (tmp_path / "notes.txt").touch()
    (tmp_path / ".hidden.png").touch()
    assert [found.path.name for found in find_pictures([tmp_path])] == [f"a.{ending}"]


def test_sub_folders_can_be_left_out(photos: Path) -> None:
    plan = plan_batch(photos, {}, BatchOptions(recursive=False))
    assert [item.stem for item in items(plan)] == ["a2", "a10"]


def test_folders_and_files_may_be_mixed_and_a_file_may_have_any_ending(photos: Path, tmp_path: Path) -> None:
    odd = picture(tmp_path / "odd.png").rename(tmp_path / "odd.dat")
    assert [item.stem for item in items(plan_batch([odd, photos / "sub"], {}))] == ["odd", "b", "c"]


def test_what_lies_in_the_output_folder_is_no_source(photos: Path) -> None:
    picture(photos / "out" / "done.png")
    assert [item.stem for item in items(plan_batch(photos, {}, output=photos / "out"))] == ["a2", "a10", "b", "c"]
    with pytest.raises(RequestError, match="no picture"):
        plan_batch(photos, {}, output=photos)
    with pytest.raises(RequestError, match="no picture"):
        plan_batch([photos / "sub", photos / "a2.png"], {}, output=photos)


@pytest.mark.parametrize(
    ("sources", "fields", "options", "words"),
    [
        ("nowhere", {}, {}, "no such file or folder"),
        ("empty", {}, {}, "no picture"),
        ("photos", {"strength": 2}, {}, "strength"),
        ("photos", {"strenght": 0.5}, {}, "strenght"),
        ("photos", {}, {"mask_folder": "nowhere"}, "mask_folder.*no such folder"),
        ("photos", {}, {"mask_folder": "empty"}, "mask_folder.*no picture"),
        ("photos", {}, {"png_info_folder": "nowhere"}, "png_info_folder.*no such folder"),
        ("photos", {"mask": "alpha"}, {"mask_folder": "photos"}, "not both"),
        ("photos", {}, {"png_info_props": "Prompt,Size"}, "png_info_props.*size.*Model hash"),
        ("photos", {}, {"masks": "photos"}, "no such field"),
        ("photos", {"only_masked": True}, {}, "give a mask too"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_opened(
    photos: Path,
    monkeypatch: pytest.MonkeyPatch,
    sources: str,
    fields: dict[str, Any],
    options: dict[str, Any],
    words: str,
) -> None:
    (photos.parent / "empty").mkdir()
    monkeypatch.chdir(photos.parent)
    with pytest.raises(RequestError, match=words):
        plan_batch(sources, fields, BatchOptions(**options))


def test_unreadable_pictures_are_left_out_with_the_reason(photos: Path) -> None:
    (photos / "a3.png").write_text("I am no picture")
    (photos / "a4.png").touch()
    skipped = [step for step in plan_batch(photos, {}) if isinstance(step, Skipped)]
    assert [(step.path.name, step.why.split(",")[0]) for step in skipped] == [
        ("a3.png", "is text"),
        ("a4.png", "the file is empty"),
    ]


def test_a_seed_is_drawn_once_and_a_given_one_is_kept(photos: Path) -> None:
    drawn = [item.request for item in items(plan_batch(photos, {"seed": -1}))]
    assert len({(request.seed, request.variation_seed) for request in drawn}) == 1
    assert drawn[0].seed != -1
    assert drawn[0].variation_seed != -1
    assert {item.request.seed for item in items(plan_batch(photos, {"seed": 7}))} == {7}
    assert {item.request.seed for item in items(plan_batch(photos, {}))} != {-1}


def test_fields_that_were_not_given_stay_unsaid_so_that_a_models_own_defaults_hold(photos: Path) -> None:
    item = items(plan_batch(photos, {"prompt": "x"}))[0]
    assert item.request.model_fields_set == {"images", "prompt", "seed", "variation_seed"}


def test_one_mask_in_the_folder_serves_every_picture(photos: Path, tmp_path: Path) -> None:
    picture(tmp_path / "masks" / "any.png")
    plan = plan_batch(photos, {"only_masked": True}, BatchOptions(mask_folder=tmp_path / "masks"))
    assert [mask_name(item) for item in items(plan)] == ["any.png"] * 4


def mask_name(item: BatchItem) -> str:
    """The file name of an item's mask."""
    assert isinstance(item.request.mask, PictureRef)
    return item.request.mask.name


def test_several_masks_are_found_by_name_and_a_picture_without_one_is_left_out(photos: Path, tmp_path: Path) -> None:
    for name in ("a2.jpg", "a2.png", "b.png", "sub/deep/c.png", "c.png"):
        picture(tmp_path / "masks" / name)
    steps = list(plan_batch(photos, {}, BatchOptions(mask_folder=tmp_path / "masks")))
    assert isinstance(steps[1], Skipped)
    assert (steps[1].path.name, steps[1].why) == ("a10.jpg", "it has no mask")
    made = [step for step in steps if isinstance(step, BatchItem)]
    assert [(item.stem, mask_name(item)) for item in made] == [("a2", "a2.png"), ("b", "b.png"), ("c", "c.png")]
    assert made[2].request.mask.path == tmp_path / "masks" / "sub" / "deep" / "c.png"  # type: ignore[union-attr]


def test_a_mask_folder_inside_the_sources_holds_no_sources(photos: Path) -> None:
    picture(photos / "masks" / "any.png")
    plan = plan_batch(photos, {}, BatchOptions(mask_folder=photos / "masks"))
    assert [item.stem for item in items(plan)] == ["a2", "a10", "b", "c"]


def test_a_mask_folder_around_the_sources_takes_nothing_away(photos: Path, tmp_path: Path) -> None:
    plan = plan_batch(photos, {}, BatchOptions(png_info_folder=tmp_path))
    assert len(items(plan)) == 4


def with_info(tmp_path: Path, infotext: str = INFO) -> Path:
    """A folder with one picture that carries an infotext."""
    picture(tmp_path / "in" / "a.png", infotext)
    return tmp_path / "in"


GIVEN = {"prompt": "a red circle", "negative_prompt": "green", "steps": 9, "seed": 1}


def test_png_info_appends_prompts_and_replaces_the_rest(tmp_path: Path) -> None:
    (item,) = items(plan_batch(with_info(tmp_path), GIVEN, BatchOptions(use_png_info=True)))
    request = item.request
    assert (request.prompt, request.negative_prompt) == ("a red circle a blue square", "green red")
    assert (request.steps, request.seed, request.sampler, request.scheduler) == (5, 4321, "DPM++ 2M", "Karras")
    assert repr(request.cfg_scale) == "4.0"
    assert request.model is None


@pytest.mark.parametrize(
    ("props", "changed"),
    [
        ("", {}),
        ("Prompt", {"prompt": "a red circle a blue square"}),
        ("negative prompt", {"negative_prompt": "green red"}),
        ("Seed, Steps", {"seed": 4321, "steps": 5}),
        (("Model hash",), {"model": "0123456789"}),
    ],
)
def test_only_what_was_asked_for_is_taken(tmp_path: Path, props: Any, changed: dict[str, Any]) -> None:
    (item,) = items(plan_batch(with_info(tmp_path), GIVEN, BatchOptions(png_info_props=props)))
    plain = Img2Img(images=item.request.images, **{**GIVEN, "variation_seed": item.request.variation_seed, **changed})
    assert item.request == plain


def test_png_info_is_not_read_unless_asked_for(tmp_path: Path) -> None:
    (item,) = items(plan_batch(with_info(tmp_path), GIVEN))
    assert (item.request.prompt, item.request.steps, item.notes) == ("a red circle", 9, ())


def test_png_info_may_lie_in_another_folder_under_the_same_name(photos: Path, tmp_path: Path) -> None:
    picture(tmp_path / "info" / "a2.png", INFO)
    picture(tmp_path / "info" / "a10.png", INFO.replace("4321", "77"))
    picture(tmp_path / "info" / "c.png")
    plan = plan_batch(photos, GIVEN, BatchOptions(png_info_folder=tmp_path / "info"))
    assert [item.request.seed for item in items(plan)] == [4321, 77, 1, 1]
    assert [bool(item.notes) for item in items(plan)] == [False, False, True, True]


def test_one_png_info_does_not_serve_every_picture(photos: Path, tmp_path: Path) -> None:
    picture(tmp_path / "info" / "a2.png", INFO)
    plan = plan_batch(photos, GIVEN, BatchOptions(png_info_folder=tmp_path / "info"))
    assert [item.request.seed for item in items(plan)] == [4321, 1, 1, 1]


@pytest.mark.parametrize(("old", "new", "words"), [("Steps: 5", "Steps: five", "five"), ("DPM++ 2M", "none", "none")])
def test_png_info_that_makes_no_sense_leaves_the_picture_out(tmp_path: Path, old: str, new: str, words: str) -> None:
    (step,) = plan_batch(with_info(tmp_path, INFO.replace(old, new)), {}, BatchOptions(use_png_info=True))
    assert isinstance(step, Skipped)
    assert words in step.why


def test_pictures_of_the_same_name_get_different_results(tmp_path: Path) -> None:
    for name in ("a.png", "A.jpg", "b.png", "sub/a.png"):
        picture(tmp_path / name)
    names = [(item.folder / item.name(0)).as_posix() for item in items(plan_batch(tmp_path, {}))]
    assert sorted(names) == ["A.jpg", "a.png", "b", "sub/a"]


@pytest.mark.parametrize(
    ("count", "index", "number", "name"),
    [(1, 0, None, "a"), (2, 0, None, "a-1"), (2, 1, None, "a-2"), (1, 0, 0, "00000-a"), (2, 1, 7, "00007-a-2")],
)
def test_results_are_named_as_a1111_names_them(
    tmp_path: Path, count: int, index: int, number: int | None, name: str
) -> None:
    picture(tmp_path / "a.png")
    (item,) = items(plan_batch(tmp_path, {"batch_count": count}))
    assert item.name(index, number) == name


def test_resume_leaves_out_what_was_made_and_finishes_what_was_begun(photos: Path, tmp_path: Path) -> None:
    def made(name: str, source: Path, index: int) -> None:
        given = PictureRef.from_path(source).hashed().model_dump()
        picture(tmp_path / "out" / name, recipe={"inputs": [given], "run": {"index": index, "images": 2}})

    made("a2-1.png", photos / "a2.png", 0)
    made("renamed.png", photos / "a2.png", 1)
    made("sub/b-1.png", photos / "sub" / "b.webp", 0)
    picture(tmp_path / "out" / "a10-1.png")  # of the right name, but no result
    (tmp_path / "out" / "broken.png").touch()
    fields, out = {"batch_count": 2}, tmp_path / "out"
    steps = list(plan_batch(photos, fields, BatchOptions(resume=True), output=out))
    assert steps[0] == Skipped(photos / "a2.png", "it was made before", finished=True)
    assert [step.done for step in steps[1:] if isinstance(step, BatchItem)] == [frozenset(), {0}, frozenset()]
    assert len(items(plan_batch(photos, fields, output=out))) == 4


def test_a_source_that_changed_is_made_again(photos: Path, tmp_path: Path) -> None:
    given = {"name": "a2.png", "sha256": "0" * 64}
    picture(tmp_path / "out" / "a2.png", recipe={"inputs": [given], "run": {"index": 0, "images": 1}})
    assert len(items(plan_batch(photos, {}, BatchOptions(resume=True), output=tmp_path / "out"))) == 4


def test_twins_are_made_one_by_one(tmp_path: Path) -> None:
    twins = [picture(tmp_path / "in" / folder / "a.png") for folder in ("x", "y")]
    given = PictureRef.from_path(twins[0]).hashed().model_dump()
    picture(tmp_path / "out" / "x" / "a.png", recipe={"inputs": [given], "run": {"index": 0, "images": 1}})
    steps = list(plan_batch(tmp_path / "in", {}, BatchOptions(resume=True), output=tmp_path / "out"))
    assert [type(step) for step in steps] == [Skipped, BatchItem]


def test_nothing_is_taken_twice_and_folders_do_not_mix_their_pictures_up(photos: Path, tmp_path: Path) -> None:
    twice = plan_batch([photos, photos / "sub", photos / "a2.png"], {})
    assert [item.stem for item in items(twice)] == ["a2", "a10", "b", "c"]
    picture(tmp_path / "other" / "a2.png")
    both = plan_batch([photos, tmp_path / "other"], {})
    assert [item.stem for item in items(both)] == ["photos-a2.png", "a10", "b", "c", "other-a2.png"]


class Trouble:
    """A runner that raises what it is told for some sources and makes nothing for the others."""

    def __init__(self, errors: dict[str, Exception]) -> None:
        self.errors = errors
        self.asked: list[str] = []

    def __call__(self, request: Img2Img) -> Iterator[Any]:
        name = request.images[0].name
        self.asked.append(name)
        if name in self.errors:
            raise self.errors[name]
        return iter(())


def test_one_failure_does_not_stop_the_others(photos: Path) -> None:
    trouble = Trouble({"a2.png": NonFinite("NaN again"), "b.webp": PictureError("m.png", "is no mask")})
    outcomes = list(run_batch(plan_batch(photos, {}), trouble))
    assert trouble.asked == ["a2.png", "a10.jpg", "b.webp", "c.tiff"]
    assert outcomes == [
        Failed(photos / "a2.png", "NaN again"),
        Failed(photos / "sub" / "b.webp", "m.png: is no mask"),
    ]


def test_a_source_that_breaks_while_it_is_opened_is_skipped_not_failed(photos: Path) -> None:
    whole = (photos / "a2.png").read_bytes()
    (photos / "a2.png").write_bytes(whole[: len(whole) - 30])
    trouble = Trouble({"a2.png": PictureError("a2.png", "the file ends too early")})
    (outcome,) = run_batch(plan_batch([photos / "a2.png"], {}), trouble)
    assert isinstance(outcome, Skipped)


@pytest.mark.parametrize("error", [Cancelled("stop"), OutputError("disk full")])
def test_a_stop_and_a_full_disk_end_the_batch(photos: Path, error: Exception) -> None:
    trouble = Trouble({"a10.jpg": error})
    with pytest.raises(type(error)):
        list(run_batch(plan_batch(photos, {}), trouble))
    assert trouble.asked == ["a2.png", "a10.jpg"]


def test_a_bug_is_not_taken_for_a_failure(photos: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        list(run_batch(plan_batch(photos, {}), Trouble({"a2.png": ZeroDivisionError()})))
    assert isinstance(next(run_batch(plan_batch(photos, {}), Trouble({"a2.png": ModelError("no")}))), Failed)


def test_a_picture_that_is_opened_is_one_at_a_time(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    original: Callable[[PictureRef], PictureRef] = PictureRef.hashed
    monkeypatch.setattr(PictureRef, "hashed", lambda ref: read.append(ref.name) or original(ref))
    steps = iter(plan_batch(photos, {}))
    assert read == []
    next(steps)
    assert read == ["a2.png"]


def test_prime_sizes_are_pictures_too(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1)).save(tmp_path / "one.png")
    Image.new("RGB", (97, 13)).save(tmp_path / "prime.png")
    assert len(items(plan_batch(tmp_path, {"scale": 0.5}))) == 2
