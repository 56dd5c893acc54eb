"""What shapes cannot tell comes from metadata, then the sidecar, then A1111's yaml, then the family."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from redraw.errors import ModelError
from redraw.models.checkpoint import open_checkpoint
from redraw.models.detect import detect
from redraw.models.hints import Hints, hints_for

YAML = """
model:
  params:
    parameterization: "v"
    linear_start: 0.001
    scale_factor: 0.2
    unet_config:
      params: {num_heads: 4, model_channels: 32}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a weight file `m.safetensors` that says nothing about itself."""
    save_file({"a": torch.zeros(1)}, tmp_path / "m.safetensors")
    return tmp_path


def _hints(place: Path, **metadata: str) -> Hints:
    if metadata:
        names = {f"redraw.{k}": v for k, v in metadata.items()}
        save_file({"a": torch.zeros(1)}, place / "m.safetensors", metadata=names)
    return hints_for(open_checkpoint(place / "m.safetensors"))


def test_nothing_is_said_by_default(place: Path) -> None:
    assert _hints(place) == Hints()


def test_metadata_wins_over_the_sidecar_and_that_over_yaml(place: Path) -> None:
    (place / "m.yaml").write_text(YAML)
    assert _hints(place).unet == {"num_attention_heads": 4}
    assert _hints(place).prediction == "v"
    assert _hints(place).vae == {"scaling_factor": 0.2}
    (place / "m.json").write_text('{"unet": {"num_attention_heads": 2}, "native_size": 256}')
    assert _hints(place).unet == {"num_attention_heads": 2}
    assert _hints(place).prediction == "v"
    found = _hints(
        place,
        unet='{"num_attention_heads": 1}',
        native_size="128",
        preview="[[1, 2, 3], [0, 0, 0], [0, 0, 0], [0, 0, 0.5]]",
    )
    assert found.unet == {"num_attention_heads": 1}
    assert found.native_size == 128
    assert found.preview == ((1.0, 2.0, 3.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.5))
    assert found.sources == ("metadata", "m.json", "m.yaml")


def test_modelspec_metadata_tells_the_prediction(place: Path) -> None:
    save_file({"a": torch.zeros(1)}, place / "m.safetensors", metadata={"modelspec.prediction_type": "v"})
    assert _hints(place).prediction == "v"


@pytest.mark.parametrize(
    ("metadata", "prediction", "zero"),
    [
        ({"modelspec.predict_key": "v"}, "v", False),
        ({"modelspec.prediction_type": "epsilon", "modelspec.predict_key": "v"}, "eps", False),
        ({"modelspec.prediction_type": "v_prediction"}, "v", False),
        ({"modelspec.prediction_type": "whatever"}, None, False),
        ({"ss_v_parameterization": "True", "ss_zero_terminal_snr": "True"}, "v", True),
        ({"ss_v_parameterization": "False", "ss_zero_terminal_snr": "False"}, None, False),
        ({"redraw.scheduler": '{"prediction_type": "epsilon"}', "modelspec.prediction_type": "v"}, "eps", False),
        ({"redraw.scheduler": '{"rescale_betas_zero_snr": true}'}, None, True),
    ],
)
def test_metadata_of_trainers_tell_the_prediction_and_the_schedule(
    place: Path, metadata: dict[str, str], prediction: str | None, zero: bool
) -> None:
    save_file({"a": torch.zeros(1)}, place / "m.safetensors", metadata=metadata)
    found = hints_for(open_checkpoint(place / "m.safetensors"))
    assert (found.prediction, found.zero_terminal_snr) == (prediction, zero)
    assert found.sources == (("metadata",) if prediction or zero else ())


def test_marks_win_over_the_metadata_of_trainers(place: Path) -> None:
    marks = {"v_pred": torch.tensor([]), "ztsnr": torch.tensor([])}
    save_file(marks, place / "m.safetensors", metadata={"modelspec.prediction_type": "epsilon"})
    found = hints_for(open_checkpoint(place / "m.safetensors"))
    assert (found.prediction, found.zero_terminal_snr) == ("v", True)


@pytest.mark.parametrize(
    ("said", "scheduler"),
    [
        ("parameterization: v, ztsnr: true", {"prediction_type": "v", "rescale_betas_zero_snr": True}),
        ("zero_terminal_snr: 'True'", {"rescale_betas_zero_snr": True}),
        ("beta_schedule: linear", {"beta_schedule": "scaled_linear"}),
        ("beta_schedule: sqrt_linear", {"beta_schedule": "linear"}),
        ("beta_schedule: cosine", {"beta_schedule": "squaredcos_cap_v2"}),
        (
            "denoiser_config: {params: {scaling_config: {target: sgm.modules.denoiser_scaling.VScaling}}}",
            {"prediction_type": "v_prediction"},
        ),
        (
            "denoiser_config: {params: {scaling_config: {target: sgm.modules.denoiser_scaling.EpsScaling}}}",
            {},
        ),
    ],
)
def test_yaml_tells_the_schedule_in_its_own_words(place: Path, said: str, scheduler: dict[str, object]) -> None:
    (place / "m.yaml").write_text(f"model: {{params: {{{said}}}}}")
    assert _hints(place).scheduler == scheduler


def test_head_width_in_yaml_becomes_a_head_count(tiny_checkpoint: Path, tmp_path: Path) -> None:
    shutil.copy(tiny_checkpoint, tmp_path / "m.safetensors")
    (tmp_path / "m.yaml").write_text("model: {params: {unet_config: {params: {num_heads: -1, num_head_channels: 16}}}}")
    assert detect(open_checkpoint(tmp_path / "m.safetensors")).shape.unet.heads == (2, 2, 2, 2)


@pytest.mark.parametrize("text", ["[]", '"words"', "{}", '{"description": "a fine model", "activation text": "x"}'])
def test_a_json_file_of_another_program_is_no_hint(place: Path, text: str) -> None:
    (place / "m.json").write_text(text)
    assert _hints(place) == Hints()


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("m.json", "{not json", "is no JSON"),
        ("m.json", '{"native_size": "big"}', "not a number"),
        ("m.json", '{"preview": [["a"]]}', "not a number"),
        ("m.json", '{"preview": [[1, 2, 3]]}', "not a matrix"),
        ("m.json", '{"preview": [[1, 2], [1, 2], [1, 2], [1, 2]]}', "not a matrix"),
        ("m.yaml", "a: [1, 2", "is no YAML"),
        ("m.yaml", "!!python/object/apply:os.system ['touch executed']", "is no YAML"),
    ],
)
def test_a_broken_or_dangerous_description_is_one_clear_line(place: Path, file: str, text: str, message: str) -> None:
    (place / file).write_text(text)
    with pytest.raises(ModelError, match=message) as caught:
        _hints(place)
    assert "\n" not in str(caught.value)


def test_an_enormous_description_is_refused(place: Path) -> None:
    (place / "m.json").write_text(json.dumps("x" * 2**21))
    with pytest.raises(ModelError, match="larger than 1 MiB"):
        _hints(place)


def test_broken_metadata_names_the_entry(place: Path) -> None:
    with pytest.raises(ModelError, match=r"metadata redraw.unet is no JSON"):
        _hints(place, unet="{")


def test_an_unknown_prediction_type_is_refused(place: Path) -> None:
    with pytest.raises(ModelError, match="'sample' is not supported"):
        _ = _hints(place, scheduler='{"prediction_type": "sample"}').prediction
