"""Tiles of the VAE give what the whole picture gives, at any size, also where the picture wraps around."""

from __future__ import annotations

import copy

import pytest
import torch

from redraw.models.model import Model
from redraw.models.vae_tiles import decode_tiled, decoder_stages, encode_tiled, encoder_stages, spans

SIZES = [(64, 48), (8, 72), (16, 16), (8, 8)]


def _picture(height: int, width: int) -> torch.Tensor:
    """A picture whose left is dark and flat and whose right is bright and rough, so that tiles differ."""
    g = torch.Generator().manual_seed(height * 1000 + width)
    ramp = torch.linspace(-0.9, 0.8, width)[None, None, None, :]
    rough = torch.randn(1, 3, height, width, generator=g) * torch.linspace(0, 0.6, width)
    return (ramp + rough).clamp(-1, 1)


def _latent(height: int, width: int) -> torch.Tensor:
    return torch.nn.functional.interpolate(_picture(height, width), size=(height // 8, width // 8), mode="nearest")[
        :, [0, 1, 2, 0]
    ]


@pytest.mark.parametrize("wraps", [False, True], ids=["plain", "wrapping"])
@pytest.mark.parametrize("tile", [8, 24])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_tiles_equal_the_whole_picture_within_rounding(
    tiny: Model, height: int, width: int, tile: int, wraps: bool
) -> None:
    image, latent = _picture(height, width), _latent(height, width)
    with torch.no_grad(), tiny.tiling(wraps):
        mean = tiny.vae.encode(image, return_dict=False)[0].mean
        picture = tiny.vae.decode(latent, return_dict=False)[0]
        assert torch.allclose(encode_tiled(tiny.vae, image, tile), mean, atol=1e-5, rtol=1e-5)
        assert torch.allclose(decode_tiled(tiny.vae, latent, tile), picture, atol=1e-5, rtol=1e-5)


def test_the_test_pictures_tell_shared_statistics_from_separate_ones(tiny: Model) -> None:
    latent = _latent(64, 64)
    with torch.no_grad():
        whole = tiny.vae.decode(latent, return_dict=False)[0]
        separate = torch.cat([tiny.vae.decode(half, return_dict=False)[0] for half in latent.chunk(2, 3)], 3)
    assert (separate - whole).abs().mean() > 1000 * (decode_tiled(tiny.vae, latent, 32) - whole).abs().mean()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_differs_no_more_than_its_own_rounding(tiny: Model, dtype: torch.dtype) -> None:
    vae = copy.deepcopy(tiny.vae).to(dtype)
    latent, image = _latent(32, 24).to(dtype), _picture(32, 24).to(dtype)
    with torch.no_grad():
        pairs = (
            (decode_tiled(vae, latent, 16), vae.decode(latent, return_dict=False)[0]),
            (encode_tiled(vae, image, 16), vae.encode(image, return_dict=False)[0].mean),
        )
        exact = (
            tiny.vae.decode(latent.float(), return_dict=False)[0],
            tiny.vae.encode(image.float(), return_dict=False)[0].mean,
        )
    for (tiled, whole), truth in zip(pairs, exact, strict=True):
        assert tiled.dtype is dtype
        rounding = (whole.float() - truth).abs()
        error = (tiled.float() - truth).abs()
        assert error.mean() <= 1.5 * rounding.mean()
        assert error.max() <= 2 * rounding.max()


def test_the_network_is_left_as_it_was(tiny: Model) -> None:
    before = {name: (id(m), dict(m.__dict__)) for name, m in tiny.vae.named_modules()}
    decode_tiled(tiny.vae, _latent(48, 48), 16)
    with pytest.raises(RuntimeError):
        decode_tiled(tiny.vae, torch.zeros(1, 5, 6, 6), 16)
    after = {name: (id(m), dict(m.__dict__)) for name, m in tiny.vae.named_modules()}
    assert before.keys() == after.keys()
    assert all(before[name][0] == after[name][0] for name in before)
    assert all(before[name][1].keys() == after[name][1].keys() for name in before)


def test_no_more_than_a_tile_is_ever_computed_at_full_size(tiny: Model) -> None:
    widths: list[int] = []
    hook = tiny.vae.decoder.conv_out.register_forward_pre_hook(lambda _, given: widths.append(max(given[0].shape[2:])))
    try:
        decode_tiled(tiny.vae, _latent(256, 256), 64)
    finally:
        hook.remove()
    assert len(widths) == 16
    assert max(widths) <= 64 + 2 * 24


def test_a_number_that_is_not_finite_spreads_over_the_picture_and_is_seen(tiny: Model) -> None:
    latent = _latent(64, 64)
    latent[0, 0, 0, 0] = float("nan")
    assert not torch.isfinite(decode_tiled(tiny.vae, latent, 32)).all()


@pytest.mark.parametrize("tile", [0, -8, 12])
def test_a_side_that_is_no_multiple_of_8_is_refused(tiny: Model, tile: int) -> None:
    with pytest.raises(ValueError, match="a tile's side must be a positive multiple of 8"):
        decode_tiled(tiny.vae, torch.zeros(1, 4, 2, 2), tile)
    with pytest.raises(ValueError, match="a picture's side must be a positive multiple of 8, not 20"):
        encode_tiled(tiny.vae, torch.zeros(1, 3, 16, 20), 8)


def test_nothing_of_full_size_is_kept_between_stages(tiny: Model) -> None:
    decoder, encoder = decoder_stages(tiny.vae.decoder), encoder_stages(tiny.vae.encoder)
    assert [stage.ops[-1].after for stage in decoder] == [8, 8, 8, 4, 4, 4, 2, 2, 2, 1]
    assert [stage.ops[-1].after for stage in encoder] == [2, 2, 4, 4, 8, 8, 8]
    for stages, net in ((decoder, tiny.vae.decoder), (encoder, tiny.vae.encoder)):
        norms = [m for m in net.modules() if isinstance(m, torch.nn.GroupNorm)]
        found = [op.module for stage in stages for op in stage.ops if op.kind == "norm"]
        elsewhere = [*net.mid_block.modules(), *([net.conv_norm_out] if net is tiny.vae.encoder else [])]
        assert {id(m) for m in norms} - {id(m) for m in elsewhere} == {id(m) for m in found}


@pytest.mark.parametrize(("length", "tile"), [(8, 8), (16, 8), (136, 32), (2048, 512), (1032, 512)])
@pytest.mark.parametrize("wraps", [False, True])
def test_spans_cover_the_picture_once(length: int, tile: int, wraps: bool) -> None:
    found = spans(length, tile, 24, 8, wraps)
    assert [i for span in found for i in range(span.start, span.stop)] == list(range(length))
    assert all(span.stop - span.start <= tile and span.start % 8 == 0 for span in found)
    assert all(span.first <= span.start and span.last >= span.stop for span in found)
    inside = all(span.first >= 0 and span.last <= length for span in found)
    assert inside != (wraps and len(found) > 1)
