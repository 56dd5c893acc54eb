"""OpenCLIP's weights become transformers' and back without loss."""

from __future__ import annotations

import pytest
import torch

from redraw.models.openclip import places, to_openclip, to_transformers, transformers_shapes


def _openclip(width: int = 4) -> dict[str, torch.Tensor]:
    shapes = {
        "token_embedding.weight": (9, width),
        "positional_embedding": (77, width),
        "ln_final.weight": (width,),
        "ln_final.bias": (width,),
        "text_projection": (width, 6),
    }
    for i in range(2):
        block = f"transformer.resblocks.{i}."
        shapes |= {
            f"{block}attn.in_proj_weight": (3 * width, width),
            f"{block}attn.in_proj_bias": (3 * width,),
            f"{block}attn.out_proj.weight": (width, width),
            f"{block}attn.out_proj.bias": (width,),
            f"{block}ln_1.weight": (width,),
            f"{block}ln_2.bias": (width,),
            f"{block}mlp.c_fc.weight": (8, width),
            f"{block}mlp.c_proj.bias": (width,),
        }
    return {k: torch.randn(v) for k, v in shapes.items()}


def test_the_joined_projection_is_query_key_value_in_this_order() -> None:
    state = _openclip()
    named = to_transformers(state)
    thirds = state["transformer.resblocks.1.attn.in_proj_weight"].split(4)
    for part, third in zip(("q", "k", "v"), thirds, strict=True):
        assert torch.equal(named[f"encoder.layers.1.self_attn.{part}_proj.weight"], third)
    assert torch.equal(named["text_projection.weight"], state["text_projection"].t())
    assert named["encoder.layers.0.self_attn.q_proj.weight"].data_ptr() == (
        state["transformer.resblocks.0.attn.in_proj_weight"].data_ptr()
    ), "a matrix is cut without copying"


def test_every_weight_comes_back() -> None:
    state = _openclip()
    back = to_openclip(to_transformers(state))
    assert back.keys() == state.keys()
    assert all(torch.equal(back[k], state[k]) for k in state)


def test_shapes_follow_the_weights() -> None:
    state = _openclip()
    shapes = transformers_shapes({k: tuple(v.shape) for k, v in state.items()})
    assert shapes == {k: tuple(v.shape) for k, v in to_transformers(state).items()}


@pytest.mark.parametrize("name", ["logit_scale", "attn_mask"])
def test_what_is_no_weight_is_left_out(name: str) -> None:
    assert to_transformers({name: torch.zeros(1)}) == {}


def test_an_unknown_name_stays_as_it_is() -> None:
    assert to_transformers({"odd.weight": torch.zeros(1)}).keys() == {"odd.weight"}
    assert places("transformer.resblocks.0.odd.weight") == []
    assert [p.name for p in places("text_projection.weight")] == ["text_projection.weight"]
