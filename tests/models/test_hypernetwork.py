"""Hypernetworks change keys and values exactly as their formula says, and leave nothing behind."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from redraw.errors import ModelError
from redraw.models.attention import AttentionProcessor
from redraw.models.hypernetwork import Hypernetwork, applied, load_hypernetwork, misfits
from redraw.models.model import Model

# What A1111 can be asked to train with, and torch's class for it.
ACTIVATIONS: Mapping[str, Any] = {
    "linear": nn.Identity(),
    "relu": nn.ReLU(),
    "leakyrelu": nn.LeakyReLU(),
    "elu": nn.ELU(),
    "swish": nn.Hardswish(),
    "tanh": nn.Tanh(),
    "sigmoid": nn.Sigmoid(),
    "celu": nn.CELU(),
    "gelu": nn.GELU(),
    "hardshrink": nn.Hardshrink(),
    "hardsigmoid": nn.Hardsigmoid(),
    "hardtanh": nn.Hardtanh(),
    "logsigmoid": nn.LogSigmoid(),
    "mish": nn.Mish(),
    "prelu": nn.PReLU(),
    "relu6": nn.ReLU6(),
    "rrelu": nn.RReLU(),
    "selu": nn.SELU(),
    "silu": nn.SiLU(),
    "softplus": nn.Softplus(),
    "softshrink": nn.Softshrink(),
    "softsign": nn.Softsign(),
    "tanhshrink": nn.Tanhshrink(),
}


class Trained:
    """A hypernetwork as a trainer has it: two `nn.Sequential` for each width, with dropout in between."""

    def __init__(
        self,
        widths: tuple[int, ...] = (16,),
        structure: tuple[float, ...] = (1, 2, 1),
        activation: str | None = "relu",
        *,
        norm: bool = False,
        dropout: tuple[float, ...] | None = None,
        activate_output: bool = False,
        seed: int = 0,
    ) -> None:
        self.facts = {
            "step": 700,
            "name": "other",
            "layer_structure": list(structure),
            "activation_func": activation,
            "is_layer_norm": norm,
            "weight_initialization": "Normal",
            "activate_output": activate_output,
            "use_dropout": dropout is not None,
            "last_layer_dropout": False,
            "dropout_structure": None if dropout is None else list(dropout),
            "optional_info": "made in a test",
            "sd_checkpoint": "a35f23fa",
            "sd_checkpoint_name": "tiny",
        }
        self.pairs = {}
        torch.manual_seed(seed)
        for width in widths:
            self.pairs[width] = tuple(
                self._made(width, structure, activation, norm, dropout, activate_output) for _ in range(2)
            )

    @staticmethod
    def _made(width: int, structure: Any, activation: str | None, norm: bool, dropout: Any, out: bool) -> nn.Sequential:
        steps: list[nn.Module] = []
        for i in range(len(structure) - 1):
            steps.append(nn.Linear(int(width * structure[i]), int(width * structure[i + 1])))
            if activation not in (None, "linear") and (i < len(structure) - 2 or out):
                kind = ACTIVATIONS[activation or ""]
                steps.append(nn.PReLU(init=0.3) if activation == "prelu" else kind)
            if norm:
                steps.append(nn.LayerNorm(int(width * structure[i + 1])))
                nn.init.normal_(steps[-1].weight)  # type: ignore[arg-type]
            if dropout is not None and dropout[i + 1] > 0:
                steps.append(nn.Dropout(dropout[i + 1]))
        return nn.Sequential(*steps).eval()

    def save(self, path: Path, old: bool = False, without: tuple[str, ...] = ()) -> Path:
        """Write the file A1111 would."""
        networks: dict[Any, Any] = {
            width: tuple({f"linear.{k}": v for k, v in one.state_dict().items()} for one in pair)
            for width, pair in self.pairs.items()
        }
        facts = {k: v for k, v in self.facts.items() if k not in without}
        torch.save({**networks, **facts}, path, _use_new_zipfile_serialization=not old)
        return path

    def __call__(self, context: torch.Tensor, strength: float) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.no_grad():
            key, value = (context + f(context) * strength for f in self.pairs[context.shape[-1]])
        return key, value


def _changed(hypernetwork: Hypernetwork, context: torch.Tensor, strength: float) -> tuple[torch.Tensor, torch.Tensor]:
    key, value = hypernetwork.pairs[context.shape[-1]]
    return context + key(context) * strength, context + value(context) * strength


CONTEXT = torch.randn(2, 7, 16, generator=torch.Generator().manual_seed(9))


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("activate_output", [False, True])
def test_every_activation_gives_the_trainer_s_numbers(tmp_path: Path, activation: str, activate_output: bool) -> None:
    trained = Trained(activation=activation, structure=(1, 2, 1.5, 1), activate_output=activate_output)
    read = load_hypernetwork(trained.save(tmp_path / "a.pt"))
    for ours, theirs in zip(_changed(read, CONTEXT, 0.7), trained(CONTEXT, 0.7), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)
    if "shrink" not in activation:
        assert not torch.allclose(_changed(read, CONTEXT, 0.7)[0], CONTEXT, atol=1e-3)


@pytest.mark.parametrize("structure", [(1, 1), (1, 2, 1), (1, 2, 2, 1), (1, 0.5, 4, 0.25, 1)])
@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("dropped", [False, True])
@pytest.mark.parametrize("old", [False, True])
def test_structure_norm_and_dropout_are_understood(
    tmp_path: Path, structure: tuple[float, ...], norm: bool, dropped: bool, old: bool
) -> None:
    dropout = (0.0, *[0.3] * (len(structure) - 2), 0.0) if dropped else None
    trained = Trained(structure=structure, norm=norm, dropout=dropout, activation="mish")
    read = load_hypernetwork(trained.save(tmp_path / "a.pt", old))
    for ours, theirs in zip(_changed(read, CONTEXT, 1.0), trained(CONTEXT, 1.0), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_a_file_from_before_activate_output_activates_its_last_layer(tmp_path: Path) -> None:
    trained = Trained(activation="relu", activate_output=True)
    read = load_hypernetwork(trained.save(tmp_path / "a.pt", without=("activate_output", "layer_structure")))
    assert torch.allclose(_changed(read, CONTEXT, 1.0)[0], trained(CONTEXT, 1.0)[0], atol=1e-6)


def test_a_file_of_the_first_weeks_has_two_plain_layers(tmp_path: Path) -> None:
    trained = Trained(activation=None)
    tables = tuple(
        {f"linear{int(k[0]) + 1}.{k[2:]}": v for k, v in one.state_dict().items()} for one in trained.pairs[16]
    )
    torch.save({16: tables, "step": 3}, tmp_path / "a.pt")
    read = load_hypernetwork(tmp_path / "a.pt")
    assert torch.allclose(_changed(read, CONTEXT, 1.0)[1], trained(CONTEXT, 1.0)[1], atol=1e-6)


@pytest.mark.parametrize("activate_output", [False, True])
def test_a_safetensors_file_says_the_same_in_its_metadata(tmp_path: Path, activate_output: bool) -> None:
    trained = Trained(widths=(16, 32), activation="tanh", norm=True, activate_output=activate_output)
    tensors = {
        f"{width}.{side}.linear.{k}": v.half()
        for width, pair in trained.pairs.items()
        for side, one in enumerate(pair)
        for k, v in one.state_dict().items()
    }
    facts = {"activation_func": "tanh", "activate_output": str(activate_output), "step": "700", "sd_checkpoint": "x"}
    save_file(tensors, tmp_path / "a.safetensors", metadata=facts)
    read = load_hypernetwork(tmp_path / "a.safetensors")
    assert (read.name, read.widths, read.step, read.sd_checkpoint) == ("a", (16, 32), 700, "x")
    for ours, theirs in zip(_changed(read, CONTEXT, 1.0), trained(CONTEXT, 1.0), strict=True):
        assert torch.allclose(ours, theirs, atol=0.01)


def test_facts_and_hash_are_the_file_s(tmp_path: Path) -> None:
    path = Trained(widths=(320, 768)).save(tmp_path / "my.net.pt")
    read = load_hypernetwork(path)
    assert (read.name, read.widths, read.step) == ("my.net", (320, 768), 700)
    assert (read.sd_checkpoint, read.sd_checkpoint_name) == ("a35f23fa", "tiny")
    assert read.hash10 == hashlib.sha256(path.read_bytes()).hexdigest()[:10]


class _Plain:
    """Attention as the formula has it, in a diffusers processor; keys and values of what `change` makes."""

    def __init__(self, change: Any) -> None:
        self.change = change

    def __call__(
        self, attn: Any, hidden_states: torch.Tensor, encoder_hidden_states: Any = None, attention_mask: Any = None
    ) -> torch.Tensor:
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        keys, values = self.change(context)
        q, k, v = (
            p(x).unflatten(2, (attn.heads, -1)).transpose(1, 2)
            for p, x in ((attn.to_q, hidden_states), (attn.to_k, keys), (attn.to_v, values))
        )
        weights = torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5, -1)
        done: torch.Tensor = attn.to_out[0]((weights @ v).transpose(1, 2).flatten(2))
        return done


def _predicted(model: Model) -> torch.Tensor:
    g = torch.Generator().manual_seed(3)
    x, text = torch.randn(2, 4, 16, 16, generator=g), torch.randn(2, 77, 16, generator=g)
    return model.predict(x, torch.tensor(500.0), text)


def _by_formula(model: Model, uses: list[tuple[Trained, float]]) -> torch.Tensor:
    def change(context: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        keys = values = context
        with torch.no_grad():
            for trained, strength in uses:
                if context.shape[-1] in trained.pairs:
                    key, value = trained.pairs[context.shape[-1]]
                    keys, values = keys + key(keys) * strength, values + value(values) * strength
        return keys, values

    before = model.unet.attn_processors
    model.unet.set_attn_processor(_Plain(change))
    try:
        return _predicted(model)
    finally:
        model.unet.set_attn_processor(before)


@pytest.mark.parametrize(
    "uses",
    [
        [((16,), 1.0)],
        [((32,), 0.5)],
        [((16, 32), -0.8)],
        [((16,), 1.0), ((16, 32), 0.4), ((32,), 2.0)],
    ],
)
def test_a_unet_with_hypernetworks_predicts_what_the_formula_says(
    tmp_path: Path, tiny: Model, uses: list[tuple[tuple[int, ...], float]]
) -> None:
    trained = [(Trained(widths, activation="swish", seed=i), s) for i, (widths, s) in enumerate(uses)]
    read = [(load_hypernetwork(t.save(tmp_path / f"{i}.pt")), s) for i, (t, s) in enumerate(trained)]
    plain = _predicted(tiny)
    assert torch.allclose(_by_formula(tiny, []), plain, atol=1e-4)
    with applied(tiny, read) as notes:
        assert notes == ()
        ours = _predicted(tiny)
    assert torch.allclose(ours, _by_formula(tiny, trained), atol=1e-4)
    assert (ours - plain).abs().max() > 0.01


def test_order_matters_as_it_does_in_a1111(tmp_path: Path, tiny: Model) -> None:
    one, two = (load_hypernetwork(Trained(seed=i).save(tmp_path / f"{i}.pt")) for i in (0, 1))
    with applied(tiny, [(one, 1.0), (two, 1.0)]):
        forth = _predicted(tiny)
    with applied(tiny, [(two, 1.0), (one, 1.0)]):
        assert not torch.equal(_predicted(tiny), forth)


def test_the_model_is_untouched_afterwards_whatever_happened(tmp_path: Path, tiny: Model) -> None:
    read = load_hypernetwork(Trained((16, 32)).save(tmp_path / "a.pt"))
    before, weights = _predicted(tiny), {k: v.clone() for k, v in tiny.unet.state_dict().items()}

    def fails() -> None:
        with applied(tiny, [(read, 1.0)]):
            assert not torch.equal(_predicted(tiny), before)
            raise KeyError("inside")

    with pytest.raises(KeyError):
        fails()
    assert torch.equal(_predicted(tiny), before)
    assert all(torch.equal(v, weights[k]) for k, v in tiny.unet.state_dict().items())
    assert all(p.sources is None for p in tiny.unet.attn_processors.values())


def test_strength_zero_and_no_hypernetwork_change_not_a_bit(tmp_path: Path, tiny: Model) -> None:
    read = load_hypernetwork(Trained((16, 32)).save(tmp_path / "a.pt"))
    before = _predicted(tiny)
    for uses in ([], [(read, 0.0)]):
        with applied(tiny, uses):
            assert torch.equal(_predicted(tiny), before)


def test_the_text_of_another_call_is_never_mistaken_for_this_one_s(tmp_path: Path, tiny: Model) -> None:
    read = load_hypernetwork(Trained((16,)).save(tmp_path / "a.pt"))
    x, t = torch.randn(1, 4, 8, 8), torch.tensor(10.0)
    texts = [torch.randn(1, 77, 16) for _ in range(3)]
    alone = []
    for text in texts:
        with applied(tiny, [(read, 1.0)]):
            alone.append(tiny.predict(x, t, text))
    with applied(tiny, [(read, 1.0)]):
        for text, expected in [*zip(texts, alone, strict=True)] * 2:
            assert torch.equal(tiny.predict(x, t, text), expected)


def test_bf16_stays_in_bf16_and_near_the_exact_value(tmp_path: Path) -> None:
    read = load_hypernetwork(Trained((16,)).save(tmp_path / "a.pt"))
    processor = AttentionProcessor()
    unet: Any = type("Unet", (nn.Module,), {"attn_processors": {"a": processor}})()
    unet.attn2 = nn.Module()
    unet.attn2.to_k = nn.Linear(16, 8)
    model: Any = type("Fake", (), {"unet": unet, "name": "fake"})()
    with applied(model, [(read, 1.0)]):
        assert processor.sources is not None
        keys, values = processor.sources(CONTEXT.bfloat16(), True)
    exact = _changed(read, CONTEXT.bfloat16().float(), 1.0)
    assert keys.dtype is values.dtype is torch.bfloat16
    assert torch.equal(keys, exact[0].bfloat16())


def test_a_hypernetwork_for_another_family_is_refused_or_reported(tmp_path: Path, tiny: Model) -> None:
    stranger = load_hypernetwork(Trained((320, 768)).save(tmp_path / "sd1.pt"))
    with pytest.raises(
        ModelError, match=r"fits nothing in tiny: it is for widths 320, 768, the model's attention has 16, 32"
    ):
        misfits(tiny, stranger)
    with pytest.raises(ModelError, match="fits nothing"), applied(tiny, [(stranger, 1.0)]):
        pytest.fail("it was applied")
    half = load_hypernetwork(Trained((32, 768)).save(tmp_path / "half.pt"))
    with applied(tiny, [(half, 1.0)]) as (note,):
        assert "half has networks for widths 768" in note
        assert "does nothing to the text, which is 16 wide here" in note
    most = load_hypernetwork(Trained((16, 768)).save(tmp_path / "most.pt"))
    assert "text" not in misfits(tiny, most)[0]


def test_attention_of_another_kind_is_refused(tmp_path: Path, tiny: Model) -> None:
    read = load_hypernetwork(Trained((16,)).save(tmp_path / "a.pt"))
    before = tiny.unet.attn_processors
    tiny.unet.set_attn_processor(_Plain(None))
    try:
        with pytest.raises(ModelError, match="hypernetworks cannot change"), applied(tiny, [(read, 1.0)]):
            pytest.fail("it was applied")
    finally:
        tiny.unet.set_attn_processor(before)
