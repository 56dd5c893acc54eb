"""What each kind of network adds equals its published formula, computed here with plain matrix algebra."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from tests.models.lora.conftest import (
    CONV,
    LINEAR,
    NORM,
    POINT,
    SQUARE,
    Write,
    changed,
    delta,
    kohya,
    weight_of,
)

from redraw.errors import ModelError
from redraw.models.lora import Use, prepare
from redraw.models.model import Model

TOLERANCE = 2e-6


def close(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Equal but for the rounding of a sum in fp32."""
    return a.shape == b.shape and float((a.double() - b.double()).abs().max()) < TOLERANCE * max(
        1.0, float(b.abs().max())
    )


def r(g: torch.Generator, *shape: int, size: float = 0.3) -> torch.Tensor:
    """Random numbers."""
    return torch.randn(*shape, generator=g) * size


def test_lora_on_a_linear_layer_is_up_down_alpha_over_rank(model: Model, write: Write, g: torch.Generator) -> None:
    # Hu et al. 2021, arXiv:2106.09685: W + alpha / r * B A
    up, down = r(g, 32, 4), r(g, 4, 16)
    k = kohya(LINEAR)
    file = write({f"{k}.lora_up.weight": up, f"{k}.lora_down.weight": down, f"{k}.alpha": torch.tensor(2.0)})
    expected = torch.tensor(
        [[sum(up[o, n] * down[n, i] for n in range(4)) * 2 / 4 for i in range(16)] for o in range(32)]
    )
    assert close(delta(model, file, LINEAR), expected)
    assert close(delta(model, file, LINEAR, -0.7), -0.7 * expected)


def test_lora_without_alpha_is_not_scaled(model: Model, write: Write, g: torch.Generator) -> None:
    up, down = r(g, 32, 4), r(g, 4, 16)
    k = kohya(LINEAR)
    assert close(delta(model, write({f"{k}.lora_up.weight": up, f"{k}.lora_down.weight": down}), LINEAR), up @ down)


def test_an_explicit_scale_stands_instead_of_alpha(model: Model, write: Write, g: torch.Generator) -> None:
    up, down = r(g, 32, 4), r(g, 4, 16)
    k = kohya(LINEAR)
    more = {f"{k}.scale": torch.tensor(0.25), f"{k}.alpha": torch.tensor(100.0)}
    file = write({f"{k}.lora_up.weight": up, f"{k}.lora_down.weight": down} | more)
    assert close(delta(model, file, LINEAR), 0.25 * up @ down)


def test_locon_is_the_same_over_the_flattened_kernel(model: Model, write: Write, g: torch.Generator) -> None:
    # LyCORIS (Yeh et al. 2023, arXiv:2309.14859): a convolution with r outputs, then one with 1x1 kernel
    up, down = r(g, 32, 3, 1, 1), r(g, 3, 32, 3, 3)
    k = kohya(CONV)
    file = write({f"{k}.lora_up.weight": up, f"{k}.lora_down.weight": down, f"{k}.alpha": torch.tensor(1.5)})
    assert close(delta(model, file, CONV), (up[:, :, 0, 0] @ down.reshape(3, -1)).reshape(32, 32, 3, 3) / 2)
    x = r(g, 1, 32, 5, 5)
    conv = torch.nn.functional.conv2d
    assert torch.allclose(conv(x, delta(model, file, CONV)), conv(conv(x, down), up) / 2, atol=1e-4)


def test_locon_with_a_core_is_two_mode_products(model: Model, write: Write, g: torch.Generator) -> None:
    # LyCORIS, use_tucker: 1x1 convolution, k x k convolution of r channels, 1x1 convolution
    up, mid, down = r(g, 32, 2, 1, 1), r(g, 2, 2, 3, 3), r(g, 2, 32, 1, 1)
    k = kohya(CONV)
    file = write({f"{k}.lora_up.weight": up, f"{k}.lora_mid.weight": mid, f"{k}.lora_down.weight": down})
    expected = torch.zeros(32, 32, 3, 3)
    for a, b in product(range(3), range(3)):
        expected[:, :, a, b] = up[:, :, 0, 0] @ mid[:, :, a, b] @ down[:, :, 0, 0]
    assert close(delta(model, file, CONV), expected)


def test_linear_and_pointwise_factors_mean_the_same(model: Model, write: Write, g: torch.Generator) -> None:
    up, down = r(g, 32, 2), r(g, 2, 32)
    k = kohya(POINT)
    flat = write({f"{k}.lora_up.weight": up, f"{k}.lora_down.weight": down}, name="flat")
    conv = write(
        {f"{k}.lora_up.weight": up[:, :, None, None], f"{k}.lora_down.weight": down[:, :, None, None]}, name="c"
    )
    assert torch.equal(delta(model, flat, POINT), delta(model, conv, POINT))
    assert close(delta(model, flat, POINT), (up @ down)[:, :, None, None])


def test_a_limited_rank_uses_the_first_ranks_and_the_same_scale(model: Model, write: Write, g: torch.Generator) -> None:

    up, down = r(g, 32, 4), r(g, 4, 16)
    k = kohya(LINEAR)
    file = write({f"{k}.lora_up.weight": up, f"{k}.lora_down.weight": down, f"{k}.alpha": torch.tensor(2.0)})
    patch = prepare(model, [Use(file, dyn=3)])
    assert close(changed(model, patch, LINEAR), up[:, :3] @ down[:3] / 2)


def test_loha_is_the_product_of_two_low_rank_matrices(model: Model, write: Write, g: torch.Generator) -> None:
    # FedPara (Hyeon-Woo et al. 2021, arXiv:2108.06098), LyCORIS LoHa: (w1_a w1_b) * (w2_a w2_b)
    for module, wide in ((LINEAR, 16), (CONV, 32 * 9)):
        a, b, c, d = r(g, 32, 3), r(g, 3, wide), r(g, 32, 3), r(g, 3, wide)
        k = kohya(module)
        names = ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")
        file = write(
            {f"{k}.{n}": t for n, t in zip(names, (a, b, c, d), strict=True)} | {f"{k}.alpha": torch.tensor(6.0)},
            name=f"w{wide}",
        )
        shape = weight_of(model, module).shape
        assert close(delta(model, file, module), (2 * (a @ b) * (c @ d)).reshape(shape))


def test_loha_with_cores_is_two_mode_products(model: Model, write: Write, g: torch.Generator) -> None:
    # LyCORIS LoHa, use_tucker: t_n times w_n_a (outputs) and w_n_b (inputs), for both factors
    a, b, c, d = r(g, 2, 32), r(g, 2, 32), r(g, 2, 32), r(g, 2, 32)
    s, t = r(g, 2, 2, 3, 3), r(g, 2, 2, 3, 3)
    k = kohya(CONV)
    names = ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2")
    file = write(
        {f"{k}.{n}": v for n, v in zip(names, (a, b, c, d, s, t), strict=True)} | {f"{k}.alpha": torch.tensor(1.0)}
    )
    expected = torch.zeros(32, 32, 3, 3)
    for y, x in product(range(3), range(3)):
        expected[:, :, y, x] = (a.T @ s[:, :, y, x] @ b) * (c.T @ t[:, :, y, x] @ d) / 2
    assert close(delta(model, file, CONV), expected)


@pytest.mark.parametrize("first", ["full", "factors"])
@pytest.mark.parametrize("second", ["full", "factors"])
def test_lokr_is_the_kronecker_product(model: Model, write: Write, g: torch.Generator, first: str, second: str) -> None:
    # LyCORIS LoKr: kron(w1, w2); alpha counts only where a factor is itself a product
    w1a, w1b, w2a, w2b = r(g, 4, 2), r(g, 2, 2), r(g, 8, 2), r(g, 2, 8)
    k = kohya(LINEAR)
    tensors = {f"{k}.lokr_w1": w1a @ w1b} if first == "full" else {f"{k}.lokr_w1_a": w1a, f"{k}.lokr_w1_b": w1b}
    tensors |= {f"{k}.lokr_w2": w2a @ w2b} if second == "full" else {f"{k}.lokr_w2_a": w2a, f"{k}.lokr_w2_b": w2b}
    file = write(tensors | {f"{k}.alpha": torch.tensor(1.0)})
    scale = 1.0 if (first, second) == ("full", "full") else 1 / 2
    assert close(delta(model, file, LINEAR), torch.kron(w1a @ w1b, w2a @ w2b) * scale)


def test_lokr_on_a_convolution_keeps_the_kernel(model: Model, write: Write, g: torch.Generator) -> None:
    w1, w2, w2a, w2b = r(g, 4, 2), r(g, 8, 16, 3, 3), r(g, 8, 3), r(g, 3, 16 * 9)
    k = kohya(CONV)
    whole = write({f"{k}.lokr_w1": w1, f"{k}.lokr_w2": w2}, name="whole")
    expected = torch.zeros(32, 32, 3, 3)
    for y, x in product(range(3), range(3)):
        expected[:, :, y, x] = torch.kron(w1, w2[:, :, y, x])
    assert close(delta(model, whole, CONV), expected)
    factors = write({f"{k}.lokr_w1": w1, f"{k}.lokr_w2_a": w2a, f"{k}.lokr_w2_b": w2b}, name="factors")
    second = (w2a @ w2b).reshape(8, 16, 3, 3)
    for y, x in product(range(3), range(3)):
        expected[:, :, y, x] = torch.kron(w1, second[:, :, y, x])
    assert close(delta(model, factors, CONV), expected)


def test_lokr_with_a_core_is_two_mode_products(model: Model, write: Write, g: torch.Generator) -> None:
    w1, a, b, t = r(g, 4, 2), r(g, 3, 8), r(g, 3, 16), r(g, 3, 3, 3, 3)
    k = kohya(CONV)
    file = write({f"{k}.lokr_w1": w1, f"{k}.lokr_w2_a": a, f"{k}.lokr_w2_b": b, f"{k}.lokr_t2": t})
    expected = torch.zeros(32, 32, 3, 3)
    for y, x in product(range(3), range(3)):
        expected[:, :, y, x] = torch.kron(w1, a.T @ t[:, :, y, x] @ b)
    assert close(delta(model, file, CONV), expected)


def test_ia3_scales_outputs_or_inputs(model: Model, write: Write, g: torch.Generator) -> None:
    # Liu et al. 2022, arXiv:2205.05638; LyCORIS learns the change of the factor, so W + diag(w) W
    w, v = r(g, 32), r(g, 16)
    k, c = kohya(LINEAR), kohya(CONV)
    outputs = write({f"{k}.weight": w, f"{k}.on_input": torch.tensor(False)}, name="outputs")
    assert close(delta(model, outputs, LINEAR, 0.5), 0.5 * torch.diag(w) @ weight_of(model, LINEAR))
    inputs = write({f"{k}.weight": v, f"{k}.on_input": torch.tensor(True)}, name="inputs")
    assert close(delta(model, inputs, LINEAR), weight_of(model, LINEAR) @ torch.diag(v))
    conv = write({f"{c}.weight": w[None, :, None, None], f"{c}.on_input": torch.tensor(False)}, name="conv")
    assert close(delta(model, conv, CONV), weight_of(model, CONV) * w[:, None, None, None])


def test_peft_ia3_holds_the_factor_itself(model: Model, write: Write, g: torch.Generator) -> None:
    w, v = 1 + r(g, 32, 1), 1 + r(g, 1, 16)
    outputs = write({f"base_model.model.{LINEAR}.ia3_l": w}, name="outputs")
    assert close(delta(model, outputs, LINEAR), weight_of(model, LINEAR) * (w - 1))
    inputs = write({f"base_model.model.{LINEAR}.ia3_l": v}, name="inputs")
    assert close(delta(model, inputs, LINEAR), weight_of(model, LINEAR) * (v - 1))


def test_full_and_bias_differences_are_added(model: Model, write: Write, g: torch.Generator) -> None:
    d, b, q = r(g, 32, 32, 3, 3), r(g, 32), r(g, 32)
    k, m = kohya(CONV), kohya(SQUARE)
    file = write({f"{k}.diff": d, f"{k}.diff_b": b, f"{m}.diff_b": q})
    assert close(delta(model, file, CONV, 0.5), 0.5 * d)
    assert close(delta(model, file, CONV, 0.5, "bias"), 0.5 * b)


def test_a_bias_difference_gives_a_layer_without_bias_one(model: Model, write: Write, g: torch.Generator) -> None:
    b = r(g, 32)
    file = write({f"{kohya(SQUARE)}.diff_b": b})
    layer = model.unet.get_submodule(SQUARE)
    with prepare(model, [Use(file, 1, 0.5)]).worn():
        assert close(layer.bias.detach(), 0.5 * b)
    assert layer.bias is None


def test_a_bias_difference_goes_with_low_rank_factors(model: Model, write: Write, g: torch.Generator) -> None:
    up, down, b, c = r(g, 32, 2, 1, 1), r(g, 2, 32, 3, 3), r(g, 32), r(g, 32)
    k = kohya(CONV)
    tensors = {f"{k}.lora_up.weight": up, f"{k}.lora_down.weight": down, f"{k}.alpha": torch.tensor(1.0)}
    file = write(tensors | {f"{k}.diff_b": b, f"{k}.lora_up.bias": c})
    assert close(delta(model, file, CONV), (up[:, :, 0, 0] @ down.reshape(2, -1)).reshape(32, 32, 3, 3) / 2)
    assert close(delta(model, file, CONV, name="bias"), b + c / 2)


def test_norm_differences_are_added(model: Model, write: Write, g: torch.Generator) -> None:
    w, b = r(g, 32), r(g, 32)
    file = write({f"{kohya(NORM)}.w_norm": w, f"{kohya(NORM)}.b_norm": b})
    assert close(delta(model, file, NORM, 0.25), 0.25 * w)
    assert close(delta(model, file, NORM, 0.25, "bias"), 0.25 * b)


def test_single_numbers_of_an_extracted_network_are_added(model: Model, write: Write, g: torch.Generator) -> None:
    up, down = r(g, 32, 2), r(g, 2, 16)
    k = kohya(LINEAR)
    more = {
        f"{k}.bias_indices": torch.tensor([[0, 31], [3, 15]], dtype=torch.int16),
        f"{k}.bias_values": torch.tensor([2.0, -1.0]),
        f"{k}.bias_size": torch.tensor([32, 16], dtype=torch.int16),
    }
    expected = up @ down
    expected[0, 3] += 2
    expected[31, 15] -= 1
    assert close(
        delta(model, write({f"{k}.lora_up.weight": up, f"{k}.lora_down.weight": down} | more), LINEAR), expected
    )


@pytest.mark.parametrize("order", ["present", "older"])
def test_glora_is_b_plus_w_a(model: Model, write: Write, g: torch.Generator, order: str) -> None:
    # Chavan et al. 2023, arXiv:2306.07967; LyCORIS: W A + B, A = a1 a2, B = b1 b2 (older files: A = a2 a1, B = b2 b1)
    names = ("a1", "a2", "b1", "b2") if order == "present" else ("a2", "a1", "b2", "b1")
    for module, kernel in ((LINEAR, ()), (CONV, (3, 3))):
        w = weight_of(model, module)
        out, into = w.shape[:2]
        point = (1,) * len(kernel)
        a = (r(g, into, 3, *point), r(g, 3, into, *point))
        b = (r(g, out, 3, *point), r(g, 3, into, *kernel))
        k = kohya(module)
        tensors = {f"{k}.{n}.weight": t for n, t in zip(names, a + b, strict=True)}
        file = write(tensors | {f"{k}.alpha": torch.tensor(1.5)}, name=f"g{len(kernel)}")
        product_a = a[0].flatten(1) @ a[1].flatten(1)
        taps = w.reshape(out, into, -1).unbind(2)
        through = torch.stack([tap @ product_a for tap in taps], 2).reshape(w.shape)
        assert close(delta(model, file, module), 0.5 * (through + (b[0].flatten(1) @ b[1].flatten(1)).reshape(w.shape)))


def cayley(q: torch.Tensor) -> torch.Tensor:
    """The rotation (I + Q)(I - Q)^-1 of a skew-symmetric matrix."""
    eye = torch.eye(len(q), dtype=torch.float64)
    turn: torch.Tensor = (eye + q.double()) @ torch.linalg.inv(eye - q.double())
    return turn


def test_oft_turns_blocks_of_outputs(model: Model, write: Write, g: torch.Generator) -> None:
    # Qiu et al. 2023, arXiv:2306.07280; kohya's networks/oft.py: x W' R per block, so the weight becomes R' W
    for module in (LINEAR, CONV):
        blocks = r(g, 4, 8, 8)
        k = kohya(module).replace("lora_unet", "oft_unet")
        w = weight_of(model, module).double()
        turn = torch.block_diag(*(cayley(b - b.T) for b in blocks))
        expected = (turn.T @ w.flatten(1)).reshape(w.shape) - w
        file = write({f"{k}.oft_blocks": blocks, f"{k}.alpha": torch.tensor(0.0)}, name=module[-5:])
        assert close(delta(model, file, module), expected)
        assert close(delta(model, file, module, 0.5), 0.5 * expected)
        assert torch.allclose(turn @ turn.T, torch.eye(32, dtype=torch.float64))


def test_the_constraint_bounds_the_length_of_all_blocks_together(
    model: Model, write: Write, g: torch.Generator
) -> None:
    # kohya and LyCORIS: |Q| is at most alpha times the number of outputs
    blocks, alpha = r(g, 4, 8, 8), 1e-3
    k = kohya(LINEAR)
    file = write({f"{k}.oft_blocks": blocks, f"{k}.alpha": torch.tensor(alpha)})
    skew = blocks - blocks.transpose(1, 2)
    assert skew.norm() > alpha * 32
    skew = skew * (alpha * 32 / skew.norm())
    w = weight_of(model, LINEAR).double()
    assert close(delta(model, file, LINEAR), torch.block_diag(*map(cayley, skew)).T @ w - w)


def test_rescaled_oft_multiplies_rows_after_turning(model: Model, write: Write, g: torch.Generator) -> None:
    blocks, rescale = r(g, 8, 4, 4), 1 + r(g, 32, 1, 1, 1)
    k = kohya(CONV).replace("lora_unet", "lycoris")
    w = weight_of(model, CONV).double()
    turn = torch.block_diag(*(cayley(b - b.T) for b in blocks))
    expected = rescale.double() * (turn.T @ w.flatten(1)).reshape(w.shape) - w
    assert close(delta(model, write({f"{k}.oft_blocks": blocks, f"{k}.rescale": rescale}), CONV), expected)


def test_lycoris_first_oft_holds_the_rotations(model: Model, write: Write, g: torch.Generator) -> None:
    turns = torch.stack([cayley(b - b.T).float() for b in r(g, 4, 8, 8)])
    file = write({f"{kohya(LINEAR)}.oft_diag": turns})
    w = weight_of(model, LINEAR)
    assert close(delta(model, file, LINEAR), torch.block_diag(*turns).T @ w - w)


def test_boft_turns_channels_from_further_apart_in_each_round(model: Model, write: Write, g: torch.Generator) -> None:
    # Liu et al. 2023, arXiv:2311.06243: a product of block rotations, each between permutations of the channels
    blocks = r(g, 3, 8, 4, 4)
    k = kohya(LINEAR)
    w = expected = weight_of(model, LINEAR).double()
    for i in range(3):
        reach = 2**i * 2
        order = [
            c * 2 * reach + half * reach + n for c in range(32 // (2 * reach)) for n in range(reach) for half in (0, 1)
        ]
        permutation = torch.eye(32, dtype=torch.float64)[order]
        turn = torch.block_diag(*(cayley(b - b.T) for b in blocks[i]))
        expected = permutation.T @ turn @ permutation @ expected
    assert close(delta(model, write({f"{k}.oft_blocks": blocks}), LINEAR), expected - w)


@pytest.mark.parametrize("side", ["inputs", "outputs", "peft"])
def test_dora_brings_rows_or_columns_to_learned_lengths(
    model: Model, write: Write, g: torch.Generator, side: str
) -> None:
    # Liu et al. 2024, arXiv:2402.09353: m * (W + B A) / |W + B A|, over columns as published (LyCORIS, A1111)
    # or over rows (PEFT; LyCORIS with wd_on_output)
    for module, wide in ((LINEAR, 16), (CONV, 288)):
        up, down, w = r(g, 32, 2), r(g, 2, wide), weight_of(model, module)
        merged = (w.flatten(1) + 0.5 * up @ down).reshape(w.shape)
        ones = (1,) * (len(w.shape) - 2)
        if side == "inputs":
            m = 1 + r(g, 1, w.shape[1], *ones).abs()
            length = merged.flatten(2).pow(2).sum(2).sum(0).sqrt() if ones else merged.pow(2).sum(0).sqrt()
            expected = merged * (m / length.reshape(1, -1, *ones)) - w
            shown = m
        else:
            m = 1 + r(g, 32, 1, *ones).abs()
            expected = merged * (m / merged.flatten(1).norm(dim=1).reshape(32, 1, *ones)) - w
            shown = m if side == "outputs" else m.flatten()
        k = kohya(module) if side != "peft" else f"unet.{module}"
        shaped = (up[:, :, None, None], down.reshape(2, 32, 3, 3)) if ones else (up, down)
        if side == "peft":
            pair = {f"{k}.lora_B.weight": shaped[0], f"{k}.lora_A.weight": shaped[1]}
            pair |= {f"{k}.lora_magnitude_vector": shown}
        else:
            pair = {f"{k}.lora_up.weight": shaped[0], f"{k}.lora_down.weight": shaped[1], f"{k}.dora_scale": shown}
        file = write(pair | {f"{k}.alpha": torch.tensor(1.0)}, name=f"d{wide}")
        assert close(delta(model, file, module), expected)
        assert close(delta(model, file, module, 0.3), 0.3 * expected)


def test_dora_stands_on_other_kinds_too(model: Model, write: Write, g: torch.Generator) -> None:
    w1, w2, m = r(g, 4, 2), r(g, 8, 8), 1 + r(g, 1, 16).abs()
    k = kohya(LINEAR)
    file = write({f"{k}.lokr_w1": w1, f"{k}.lokr_w2": w2, f"{k}.dora_scale": m})
    w = weight_of(model, LINEAR)
    merged = w + torch.kron(w1, w2)
    assert close(delta(model, file, LINEAR), merged * m / merged.norm(dim=0) - w)
    assert file.kinds == ("DoRA", "LoKr")


WRONG = [
    ({"lora_up.weight": (31, 4), "lora_down.weight": (4, 16)}, "lora_"),
    ({"lora_up.weight": (32, 4), "lora_down.weight": (5, 16)}, "lora_"),
    ({"lora_up.weight": (32, 4), "lora_down.weight": (4, 17)}, "lora_"),
    ({"lora_up.weight": (32, 0), "lora_down.weight": (0, 16)}, "lora_"),
    ({"lora_up.weight": (32, 9000), "lora_down.weight": (9000, 16)}, "lora_"),
    ({"lora_up.weight": (32, 2), "lora_down.weight": (2, 16), "lora_mid.weight": (3, 2, 1, 1)}, "lora_"),
    ({"hada_w1_a": (300000, 1), "hada_w1_b": (1, 300000), "hada_w2_a": (32, 1), "hada_w2_b": (1, 16)}, "hada_w1_a"),
    ({"lokr_w1": (4, 2), "lokr_w2": (8, 9)}, "lokr_w1"),
    ({"lokr_w1_a": (300000, 1), "lokr_w1_b": (1, 300000), "lokr_w2": (1, 1)}, "lokr_w"),
    ({"weight": (31,), "on_input": ()}, "weight"),
    ({"a1.weight": (16, 2), "a2.weight": (2, 15), "b1.weight": (32, 2), "b2.weight": (2, 16)}, "a1.weight"),
    ({"oft_blocks": (5, 6, 6)}, "oft_blocks"),
    ({"oft_blocks": (2, 3, 6, 6)}, "oft_blocks"),
    ({"diff": (32, 17)}, "diff"),
    ({"diff_b": (33,)}, "diff_b"),
    ({"lora_up.weight": (32, 2), "lora_down.weight": (2, 16), "dora_scale": (1, 17)}, "dora_scale"),
]


@pytest.mark.parametrize(("shapes", "named"), WRONG, ids=lambda x: "+".join(x) if isinstance(x, dict) else "")
def test_shapes_that_do_not_fit_are_refused_with_the_keys_name(
    model: Model, write: Write, shapes: dict[str, tuple[int, ...]], named: str
) -> None:
    k = kohya(LINEAR)
    file = write({f"{k}.{part}": torch.zeros(shape) for part, shape in shapes.items()})
    with pytest.raises(ModelError, match=rf"net\.safetensors: {k}\.{named}.* does not fit the model"):
        delta(model, file, LINEAR)
