"""Do no harm: what a mask leaves out keeps every bit, through chains of edits, files and every option."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import product
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from redraw.geometry import Size
from redraw.image.encode import encode_picture
from redraw.image.io import open_picture
from redraw.image.mask import blur
from redraw.image.resize import RESIZE_MODES, ResizeMode, resize_pixels
from redraw.models.model import Model
from redraw.pipeline import Result
from redraw.request import PictureRef

Array = np.ndarray[Any, Any]
Make = Callable[..., Array]
Redraw = Callable[..., list[Result]]

KINDS = ("RGB", "RGBA", "L", "RGB 16", "RGBA 16")
AREAS = ("whole", "only masked")
SIZES = [(17, 31), (211, 97), (64, 64), (401, 263), (1, 90), (8, 8), (120, 265), (93, 43), (333, 334), (5, 3)]
SAMPLE = [(*cell, SIZES[i % len(SIZES)], (1, 3, 2)[i % 3]) for i, cell in enumerate(product(KINDS, AREAS, (0, 4, 32)))]
LONG = [
    ("RGB", "whole", 4, (131, 77), 50),
    ("RGBA", "only masked", 4, (77, 131), 50),
    ("RGB 16", "whole", 32, (160, 107), 10),
    ("RGBA 16", "only masked", 0, (107, 160), 10),
    ("RGBA 16", "whole", 4, (1600, 1203), 1),
    ("L", "only masked", 4, (61, 59), 10),
]
TINY = [
    (kind, area, blur, size, 10 if i % 3 == 0 else 1)
    for i, (size, (kind, area, blur)) in enumerate(
        zip(
            [(17, 31), (64, 48), (97, 101), (256, 40), (31, 17), (256, 256), (73, 37), (8, 120)] * 3,
            product(("RGB", "RGBA", "L", "RGB 16"), AREAS, (0, 4, 32)),
            strict=True,
        )
    )
]


def proven(harm: ModuleType, cell: Any, model: Model, icc: bytes | None) -> None:
    (outcome,) = harm.chain(cell, model, icc)
    # A blur of 32 reaches over the whole of a small picture: then there is nothing outside.
    assert outcome.compared > 0 or max(cell.size) <= 5 * cell.blur
    assert (outcome.differing, outcome.lost) == (0, ())
    assert outcome.changed > 0.5, "every edit changes what it masks"


@pytest.mark.parametrize(("kind", "area", "blur", "size", "edits"), SAMPLE + LONG)
def test_unmasked_pixels_stay_identical_whatever_the_networks_give(
    harm: ModuleType, adobe_rgb: bytes, kind: str, area: str, blur: int, size: tuple[int, int], edits: int
) -> None:
    cell = harm.Cell(kind, area, blur, Size(*size), edits, sum(size) + edits, {})
    proven(harm, cell, harm.RandomModel(1), None if kind == "L" else adobe_rgb)


@pytest.mark.parametrize(("kind", "area", "blur", "size", "edits"), TINY)
def test_unmasked_pixels_stay_identical_with_a_real_network(
    harm: ModuleType, tiny_model: Model, kind: str, area: str, blur: int, size: tuple[int, int], edits: int
) -> None:
    options = {"width": 64, "height": 64} if area == "only masked" else {}
    proven(harm, harm.Cell(kind, area, blur, Size(*size), edits, sum(size), options), tiny_model, None)


@pytest.mark.slow
def test_unmasked_pixels_stay_identical_through_fifty_edits_with_a_real_network(
    harm: ModuleType, tiny_model: Model, adobe_rgb: bytes
) -> None:
    proven(harm, harm.Cell("RGBA 16", "whole", 4, Size(61, 47), 50, 9, {}), tiny_model, adobe_rgb)


OPTIONS: dict[str, dict[str, Any]] = {
    "soft": {"soft": True},
    "soft close-up": {"soft": True, "only_masked": True, "width": 64, "height": 64},
    "soft that shows all": {"soft": True, "soft_threshold": 0},
    "latent noise": {"masked_content": "latent-noise"},
    "latent nothing": {"masked_content": "latent-nothing"},
    "fill": {"masked_content": "fill"},
    "grey mask kept": {"round_mask": False},
    "inverted": {"invert_mask": True},
    "color correction": {"color_correction": True},
    "match color": {"match_color": True},
    "match color close-up": {"match_color": True, "only_masked": True, "width": 72, "height": 40},
    "blur along one axis": {"mask_blur_x": 12, "mask_blur_y": 0},
    "tall close-up": {"only_masked": True, "width": 24, "height": 160},
    "wide close-up without padding": {"only_masked": True, "width": 160, "height": 24, "padding": 0},
    "close-up with much padding": {"only_masked": True, "width": 64, "height": 64, "padding": 9999},
    "a part of the steps": {"strength": 0.4, "steps": 4},
    "timesteps": {"sampler": "DDIM", "steps": 2},
    "tiling": {"tiling": True},
}


@pytest.mark.parametrize(("channels", "depth"), [(3, 8), (4, 8), (3, 16), (4, 16)])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_unmasked_pixels_stay_identical_with_every_option(
    random_model: Model, redrawn: Redraw, colors: Make, options: dict[str, Any], channels: int, depth: int
) -> None:
    source = colors(101, 83, channels, depth)
    mask = np.zeros((83, 101), np.uint8)
    mask[30:50, 20:61] = 255
    used = ~mask if options.get("invert_mask") else mask
    outside = blur(used, options.get("mask_blur_x", 4), options.get("mask_blur_y", 4)) == 0
    result = redrawn(random_model, source, mask, **options)[0].picture.pixels
    np.testing.assert_array_equal(result[outside], source[outside])
    assert (result[used == 255] != source[used == 255]).any(-1).mean() > 0.5
    if channels == 4:
        np.testing.assert_array_equal(result[..., 3], source[..., 3])


@pytest.mark.parametrize("scale", [2, 0.5])
def test_a_mask_of_another_size_is_scaled_and_keeps_what_it_leaves_out(
    random_model: Model, redrawn: Redraw, colors: Make, part: Make, scale: float
) -> None:
    source = colors(96, 64)
    mask = part(round(96 * scale), round(64 * scale))
    result = redrawn(random_model, source, mask, mask_blur=0)[0].picture.pixels
    differs = (result != source).any(-1)
    inside = np.zeros((64, 96), bool)
    inside[16:48, 24:72] = True
    edge = np.zeros_like(inside)
    edge[14:50, 22:74] = True
    assert not (differs & ~edge).any()
    assert differs[18:46, 26:70].mean() > 0.9


@pytest.mark.parametrize(("channels", "depth"), [(3, 8), (4, 8), (4, 16)])
@pytest.mark.parametrize("size", [(64, 64), (61, 97), (130, 40), (23, 29), (192, 128)])
@pytest.mark.parametrize("mode", RESIZE_MODES)
def test_a_resized_result_equals_the_resized_source_outside_of_the_mask(
    random_model: Model, redrawn: Redraw, colors: Make, mode: str, size: tuple[int, int], channels: int, depth: int
) -> None:
    source = colors(96, 64, channels, depth)
    mask = np.zeros((64, 96), np.uint8)
    mask[24:40, 40:60] = 255
    result = redrawn(random_model, source, mask, width=size[0], height=size[1], resize_mode=mode)[0]
    plain = RESIZE_MODES[mode]
    plain = ResizeMode.JUST_RESIZE if plain is ResizeMode.LATENT_UPSCALE else plain
    expected = resize_pixels(source, Size(*size), plain)
    assert result.picture.size == size
    assert result.mask is not None
    outside = result.mask.pixels[..., 0] == 0
    assert 0.3 < outside.mean() < 0.99
    np.testing.assert_array_equal(result.picture.pixels[outside], expected[outside])
    assert (result.picture.pixels[~outside] != expected[~outside]).any(-1).mean() > 0.3


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("area", AREAS)
def test_the_transparent_part_is_repainted_opaque_and_the_rest_stays(
    random_model: Model, redrawn: Redraw, colors: Make, area: str, depth: int
) -> None:
    most = 2**depth - 1
    source = colors(67, 53, 4, depth)
    source[..., 3] = most
    source[20:40, 15:45, 3] = 0
    fields = {"only_masked": True, "width": 48, "height": 48} if area == "only masked" else {}
    result = redrawn(random_model, source, "alpha", mask_blur=2, **fields)[0]
    mask = np.zeros((53, 67), np.uint8)
    mask[20:40, 15:45] = 255
    soft = blur(mask, 2, 2)
    pixels = result.picture.pixels
    np.testing.assert_array_equal(pixels[soft == 0], source[soft == 0])
    assert (pixels[soft == 255] != source[soft == 255])[..., :3].any(-1).mean() > 0.9
    assert (pixels[soft == 255][:, 3] == most).all()


@pytest.mark.parametrize("first", ["PNG", "TIFF", "JPEG", "WEBP"])
def test_profile_and_metadata_survive_a_change_of_format(
    harm: ModuleType, random_model: Model, redrawn: Redraw, colors: Make, part: Make, adobe_rgb: bytes, first: str
) -> None:
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    stream = io.BytesIO()
    Image.fromarray(colors(61, 47)).save(stream, first, icc_profile=adobe_rgb, exif=exif, dpi=(300, 300), quality=90)
    source = open_picture(stream.getvalue())
    ref, mask = PictureRef.from_bytes(stream.getvalue()), part(61, 47)
    for kind in ("tiff", "png", "tiff"):
        result = redrawn(random_model, ref, mask, width=61, height=47)[0]
        ref = PictureRef.from_bytes(encode_picture(result.picture.pixels, format=kind, extras=result.extras).data)
    last = open_picture(ref)
    outside = blur(mask, 4, 4) == 0
    np.testing.assert_array_equal(last.pixels[outside], source.pixels[outside])
    assert last.icc == adobe_rgb
    assert b"A camera" in (last.exif or b"")
    if source.dpi is not None:
        assert last.dpi == pytest.approx(source.dpi, abs=0.1)


def test_the_source_in_the_request_is_never_written_to(random_model: Model, redrawn: Redraw, colors: Make) -> None:
    source = colors(64, 48)
    kept = source.copy()
    both = redrawn(random_model, [source, source[::-1].copy()], np.full((48, 64), 255, np.uint8))
    np.testing.assert_array_equal(source, kept)
    assert not np.array_equal(both[0].picture.pixels, both[1].picture.pixels)
