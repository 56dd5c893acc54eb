"""A test run tells a UNet that gives noise back from one that gives something else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file, save_file

from redraw.models.checkpoint import open_checkpoint
from redraw.models.describe import describe
from redraw.models.loader import load_model
from redraw.models.model import Model
from redraw.models.probe import prediction_of, probed

if TYPE_CHECKING:
    from tests.conftest import TinyFamily

Make = Callable[[str], "TinyFamily"]


class _Unet(torch.nn.Module):
    """Answers as a perfectly trained UNet would for a world of one picture."""

    def __init__(self, model: Model, kind: str) -> None:
        super().__init__()
        self.acp, self.kind, self.calls = model.alphas_cumprod, kind, list[float]()

    def forward(self, x: torch.Tensor, t: torch.Tensor, **_: object) -> tuple[torch.Tensor]:
        self.calls.append(float(t[0]))
        keep = self.acp[int(t[0])].sqrt()
        spread = (1 - keep**2).sqrt()
        picture = torch.linspace(-1, 1, x.shape[-1]).expand(x[:, :4].shape)
        noise = (x[:, :4] - keep * picture) / spread
        return (noise,) if self.kind == "eps" else (keep * noise - spread * picture,)


@pytest.mark.parametrize("kind", ["eps", "v"])
@pytest.mark.parametrize("name", ["sd2", "sd2-inpainting", "sdxl"])
def test_what_a_trained_unet_answers_shows_what_it_predicts(
    tiny_family: Make, name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(tiny_family(name).file)
    unet = _Unet(model, kind)
    monkeypatch.setattr(model, "unet", unet)
    assert prediction_of(model) == kind
    assert unet.calls == [999.0]
    facts = probed(model)
    assert (facts.prediction, facts.prediction_from) == (kind, "a test run")
    assert facts.native_size == {"sd2": {"eps": 512, "v": 768}}.get(model.family.name, {}).get(kind, 1024)
    assert probed(model, 640).native_size == 640


def test_a_unet_that_gives_no_numbers_is_taken_for_eps_and_noted(
    tiny_family: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(tiny_family("sd2").file)
    monkeypatch.setattr(model, "_unet_call", lambda x, *_: torch.full_like(x, float("nan")))
    assert probed(model).prediction == "eps"
    assert model.notes == ["nothing says what sd2 predicts and a test run failed; eps is assumed"]


def test_a_file_that_says_nothing_is_probed_when_loaded(
    tiny_family: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tiny_family("sd2")
    metadata = {k: v for k, v in open_checkpoint(made.file).metadata.items() if k != "redraw.scheduler"}
    path = tmp_path / "mute.safetensors"
    save_file(load_file(made.file), path, metadata=metadata)
    monkeypatch.setattr("redraw.models.probe.prediction_of", lambda model: "v")
    model = load_model(path)
    assert (model.prediction, model.native_size, model.facts.prediction_from) == ("v", 768, "a test run")
    assert "test run" in describe(path, hashed=False).facts["prediction"]
