"""Few-step models are known by what is said about them, and advice says who said it."""

from __future__ import annotations

import pytest

from redraw.models.advice import advice_for


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sdxl_lightning_4step", "lightning"),
        ("LCM_Dreamshaper_v7", "lcm"),
        ("dreamshaperXL_v21TurboDPMSDE", "turbo"),
        ("sd_xl_turbo_1.0_fp16", "turbo"),
        ("juggernautXL_v9Rdphoto2Lightning", "lightning"),
        ("Hyper-SDXL-8steps", "hyper"),
        ("hyperSD_15", "hyper"),
        ("model-DMD2-4step", "dmd"),
        ("tcd-sdxl", "tcd"),
        ("v1-5-pruned-emaonly", None),
        ("turbocharged", None),
        ("calcmark", None),
        ("hyperrealism_v3", None),
    ],
)
def test_a_name_tells(name: str, kind: str | None) -> None:
    found = advice_for(name)
    assert (found.kind if found else None) == kind


def test_a_scheduler_and_metadata_tell_too() -> None:
    found = advice_for("x", {}, {"_class_name": "LCMScheduler"})
    assert found is not None
    assert (found.kind, found.source) == ("lcm", "scheduler")
    found = advice_for("x", {"modelspec.title": "My model, Lightning"})
    assert found is not None
    assert str(found).startswith("Lightning by its metadata: made for 1 to 8 steps, CFG 1 to 2, Euler or DPM++ SDE, ")
    assert advice_for("x", {"anything": "turbo"}) is None
