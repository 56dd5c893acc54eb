"""A1111's settings: which there are, their defaults, what a client may set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from redraw.compat.options import DEFAULTS, INFOTEXT, as_answered, cast, checked
from redraw.compat.refusals import Refusal

# what the recording server had set, or had for its own model
NOT_DEFAULT = {"samples_save", "grid_save", "live_previews_enable", "sd_model_checkpoint", "sd_checkpoint_hash"}


def is_text_only(key: str) -> bool:
    """Whether a setting is an explanation on A1111's page."""
    return key.endswith("_explanation") or key == "settings_in_ui"


def test_every_setting_is_known_with_its_default(goldens: Path) -> None:
    answered = json.loads((goldens / "api" / "get_endpoints.json").read_text())["/sdapi/v1/options"]["body"]
    assert set(DEFAULTS) == set(answered)
    for key, value in answered.items():
        if key not in NOT_DEFAULT and not is_text_only(key):
            assert repr(as_answered(DEFAULTS[key])) == repr(value), key


def test_the_infotext_names_are_a1111s(goldens: Path) -> None:
    table = json.loads((goldens / "pure" / "options_defaults.json").read_text())
    assert {entry["infotext"]: key for key, entry in table.items() if entry["infotext"]} == INFOTEXT


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("CLIP_stop_at_last_layers", "2", 2),
        ("CLIP_stop_at_last_layers", 2.0, 2),
        ("jpeg_quality", 90.5, 90.5),
        ("s_churn", "0.5", 0.5),
        ("tiling", "True", True),
        ("tiling", "False", False),
        ("tiling", 1, True),
        ("samples_format", 5, "5"),
        ("sd_model_checkpoint", "x", "x"),
        ("jpeg_quality", None, None),
        ("quicksettings_list", ["sd_vae"], ["sd_vae"]),
    ],
)
def test_values_take_the_type_of_the_default(key: str, value: Any, kept: Any) -> None:
    assert repr(cast(key, value)) == repr(kept)


@pytest.mark.parametrize(("key", "value"), [("jpeg_quality", "high"), ("jpeg_quality", float("inf")), ("n_rows", [1]),
                                            ("quicksettings_list", "sd_vae"), ("samples_format", {})])  # fmt: skip
def test_a_value_of_another_kind_is_refused(key: str, value: Any) -> None:
    with pytest.raises(Refusal) as caught:
        checked({key: value})
    assert caught.value.status == 422
    assert key in caught.value.detail


def test_an_unknown_key_is_a_key_error() -> None:
    with pytest.raises(Refusal) as caught:
        checked({"jpeg_quality": 5, "bogus_option": 1})
    assert (caught.value.status, caught.value.body) == (
        500,
        {"error": "KeyError", "detail": "", "body": "", "errors": "'bogus_option'"},
    )


def test_what_the_api_may_not_change_is_passed_over() -> None:
    assert checked({"api_enable_requests": True, "jpeg_quality": 70}) == {"jpeg_quality": 70}
