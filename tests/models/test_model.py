"""A loaded model gives the same bits for a picture whatever stands beside it, and heals its VAE."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from redraw.errors import ModelError, NonFinite
from redraw.models.loader import load_model
from redraw.models.model import Extras, Model


def _noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("batch", [2, 4])
def test_neighbours_in_a_batch_change_no_bit(tiny_checkpoint: Path, dtype: torch.dtype, batch: int) -> None:
    model = load_model(tiny_checkpoint, dtype=dtype)
    x, context = _noise(batch, 4, 6, 5), _noise(batch, 77, 16, seed=1)
    t = torch.linspace(0, 999, batch)
    together = model.predict(x, t, context)
    pictures = model.decode(x)
    latents = model.encode(pictures.clamp(-1, 1))
    for i in range(batch):
        one = slice(i, i + 1)
        assert torch.equal(together[one], model.predict(x[one], t[one], context[one]))
        assert torch.equal(pictures[one], model.decode(x[one]))
        assert torch.equal(latents[one], model.encode(pictures[one].clamp(-1, 1)))
    assert together.dtype == pictures.dtype == latents.dtype == torch.float32


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 8), (13, 9), (1, 1), (3, 17)])
def test_every_latent_size_works(tiny: Model, height: int, width: int) -> None:
    x = _noise(1, 4, height, width)
    assert tiny.predict(x, torch.tensor(10.5), _noise(1, 154, 16)).shape == x.shape
    assert tiny.decode(x).shape == (1, 3, 8 * height, 8 * width)


def test_one_time_and_one_context_serve_the_whole_batch(tiny: Model) -> None:
    x, context = _noise(3, 4, 4, 4), _noise(1, 77, 16)
    a = tiny.predict(x, torch.tensor(300.0), context)
    b = tiny.predict(x, torch.tensor([300.0] * 3), context.repeat(3, 1, 1))
    assert torch.equal(a, b)


def test_encoding_gives_the_scaled_mean_without_noise(tiny: Model) -> None:
    image = _noise(1, 3, 16, 16).clamp(-1, 1)
    moments = tiny.vae.quant_conv(tiny.vae.encoder(image))
    assert torch.equal(tiny.encode(image), moments[:, :4] * 0.18215)
    assert torch.equal(tiny.encode(image), tiny.encode(image))


def test_a_latent_with_the_wrong_channels_is_refused(tiny: Model) -> None:
    with pytest.raises(ModelError, match="takes 4 latent channels; 9 were given"):
        tiny.predict(_noise(1, 4, 4, 4), torch.tensor(1.0), _noise(1, 77, 16), Extras(concat=_noise(1, 5, 4, 4)))


def test_tiling_wraps_every_convolution_and_is_put_back(tiny: Model) -> None:
    x, context = _noise(1, 4, 8, 8), _noise(1, 77, 16)
    plain = tiny.predict(x, torch.tensor(500.0), context)
    with tiny.tiling(False):
        assert torch.equal(tiny.predict(x, torch.tensor(500.0), context), plain)
    with tiny.tiling():
        wrapped = tiny.decode(x)
        moved = tiny.decode(x.roll(4, dims=3))
        assert not torch.equal(tiny.predict(x, torch.tensor(500.0), context), plain)
    assert torch.allclose(wrapped.roll(32, dims=3), moved, atol=1e-4)
    assert torch.equal(tiny.predict(x, torch.tensor(500.0), context), plain)
    with pytest.raises(RuntimeError), tiny.tiling():
        raise RuntimeError
    modes = {m.padding_mode for net in (tiny.unet, tiny.vae) for m in net.modules() if isinstance(m, nn.Conv2d)}
    assert modes == {"zeros"}


class _Overflowing(nn.Module):
    """Gives NaN in half precision, like some VAEs."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * math.nan if x.dtype is torch.float16 else x


@pytest.mark.parametrize("direction", ["encode", "decode"])
def test_a_vae_that_overflows_goes_on_in_fp32_and_says_so(tiny_checkpoint: Path, direction: str) -> None:
    good, bad = load_model(tiny_checkpoint), load_model(tiny_checkpoint, vae_dtype=torch.float16)
    bad.vae.decoder.conv_act = nn.Sequential(bad.vae.decoder.conv_act, _Overflowing())
    bad.vae.encoder.conv_act = nn.Sequential(bad.vae.encoder.conv_act, _Overflowing())
    x = _noise(2, 3, 16, 16) if direction == "encode" else _noise(2, 4, 2, 2)
    healed = getattr(bad, direction)(x)
    assert torch.allclose(healed, getattr(good, direction)(x), atol=1e-3)
    assert bad.notes == ["the VAE gave NaN or infinity in float16; it went on in float32"]
    assert bad.vae_dtype is torch.float32


def test_numbers_that_stay_wrong_are_an_error(tiny: Model) -> None:
    nan = torch.full((1, 4, 2, 2), math.nan)
    with pytest.raises(NonFinite, match="VAE gave NaN or infinity while decoding"):
        tiny.decode(nan)
    with pytest.raises(NonFinite, match="UNet gave NaN or infinity in float32"):
        tiny.predict(nan, torch.tensor(1.0), _noise(1, 77, 16))


def test_clip_skip_leaves_layers_out_and_keeps_the_norm(tiny: Model) -> None:
    tokens = torch.randint(0, 49408, (2, 77), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        states = tiny.text_encoder(tokens, output_hidden_states=True)
        for skip in (1, 2, 12):
            expected = tiny.text_encoder.final_layer_norm(states.hidden_states[-skip])
            assert torch.allclose(tiny.text_states(tokens, skip), expected, atol=1e-5)
    with pytest.raises(ModelError, match="has 12 layers"):
        tiny.text_states(tokens, 13)
    with pytest.raises(ModelError, match="clip skip 0"):
        tiny.text_states(tokens, 0)


def test_moving_and_casting_changes_the_networks_in_place(tiny_checkpoint: Path) -> None:
    model = load_model(tiny_checkpoint)
    assert model.to(dtype=torch.bfloat16) is model
    assert model.dtype is torch.bfloat16
    assert {p.dtype for p in model.vae.parameters()} == {torch.bfloat16}
    model.to(dtype=torch.float32)
    assert {p.dtype for p in model.unet.parameters()} == {torch.float32}
