"""Requests check themselves, stay frozen, and describe their fields."""

from __future__ import annotations

from pathlib import Path

import pytest

from redraw.errors import PictureError, RequestError, UnknownName
from redraw.request import Img2Img, PictureRef, Txt2Img, describe_fields
from redraw.request.defaults import with_defaults


@pytest.mark.parametrize(
    ("field", "value", "phrase"),
    [
        ("strength", 2, "between 0 and 1"),
        ("strength", -0.1, "between 0 and 1"),
        ("steps", 0, "between 1 and 1000"),
        ("width", 0, "between 1 and 16384"),
        ("width", 100_000, "between 1 and 16384"),
        ("rng", "dice", "nv, cpu, gpu"),
        ("background", "grey-ish", "#ffffff"),
        ("seed", -2, "-1"),
        ("seed_resize_from", (0, 5), "value"),
        ("colour", 1, "no such field"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(field: str, value: object, phrase: str) -> None:
    with pytest.raises(RequestError, match=field) as caught:
        Img2Img(images=["a.png"], **{field: value})
    assert phrase in str(caught.value)
    assert "\n" not in str(caught.value)


def test_names_match_in_any_case_by_label_name_or_alias() -> None:
    for spelling in ("DPM++ 2M SDE", "dpm++ 2m sde", "dpmpp_2m_sde", "K_DPMPP_2M_SDE"):
        assert Txt2Img(sampler=spelling).sampler == "DPM++ 2M SDE"
    assert Txt2Img(scheduler="sgm_uniform").scheduler == "SGM Uniform"


@pytest.mark.parametrize(("name", "near"), [("eulr a", "Euler a"), ("dpm++ 2n", "DPM++ 2M"), ("unipcc", "UniPC")])
def test_an_unknown_sampler_is_refused_with_the_nearest_right_name(name: str, near: str) -> None:
    with pytest.raises(UnknownName) as caught:
        Txt2Img(sampler=name)
    assert near in caught.value.near


def test_numbers_keep_their_spelling() -> None:
    assert str(Txt2Img(cfg_scale=7).cfg_scale) == "7"
    assert str(Txt2Img(cfg_scale=7.0).cfg_scale) == "7.0"
    again = Txt2Img.model_validate_json(Txt2Img(cfg_scale=7.0).model_dump_json())
    assert str(again.cfg_scale) == "7.0"


def test_a_picture_serialises_as_name_and_hash_never_as_a_path(tmp_path: Path) -> None:
    file = tmp_path / "secret-folder" / "cat.png"
    file.parent.mkdir()
    file.write_bytes(b"not really a png")
    request = Img2Img(images=[PictureRef.from_path(file).hashed()])
    text = request.model_dump_json()
    assert "secret-folder" not in text
    assert "cat.png" in text
    again = Img2Img.model_validate_json(text)
    assert again.images[0].sha256 == request.images[0].sha256
    assert not again.images[0].at_hand
    with pytest.raises(PictureError, match="not at hand"):
        again.images[0].open_bytes()


def test_a_change_is_checked_and_leaves_the_original_alone() -> None:
    request = Txt2Img(steps=10)
    assert request.changed(steps=5).steps == 5
    assert request.steps == 10
    with pytest.raises(RequestError, match="steps"):
        request.changed(steps=0)


def test_scale_and_size_together_are_refused() -> None:
    with pytest.raises(RequestError, match="scale"):
        Img2Img(images=["a"], scale=2, width=64)


@pytest.mark.parametrize("model", [Img2Img, Txt2Img])
def test_every_described_field_has_a_title_and_a_sentence(model: type[Txt2Img]) -> None:
    for field in describe_fields(model):
        assert field.title
        assert field.help.endswith((".", "?")), field.name
        assert field.allowed


def test_a_missing_file_a_folder_and_a_wrong_type_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="no such file"):
        PictureRef.from_path(tmp_path / "none.png").open_bytes()
    with pytest.raises(PictureError, match="folder"):
        PictureRef.from_path(tmp_path).open_bytes()
    with pytest.raises(TypeError, match="int"):
        PictureRef.of(5)


def test_defaults_that_do_not_fit_a_request_are_left_out() -> None:
    defaults = {"only_masked": True, "width": 512, "steps": 7, "strength": 0.4}
    plain = with_defaults(Img2Img, {"images": (b"x",), "scale": 2}, defaults)
    assert plain == {"images": (b"x",), "scale": 2, "steps": 7, "strength": 0.4}
    masked = with_defaults(Img2Img, {"images": (b"x",), "mask": b"y", "steps": 9}, defaults)
    assert (masked["only_masked"], masked["width"], masked["steps"]) == (True, 512, 9)
    assert with_defaults(Txt2Img, {}, defaults) == {"width": 512, "steps": 7}
