"""ICC profiles made of three curves and a matrix, computed in floats (ICC.1:2022, sections 8.3, 10.6 and 10.18)."""

from __future__ import annotations

import struct
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

# Linear sRGB to XYZ under D50, as the ICC's own sRGB profile has it.
_SRGB_TO_XYZ: Final = np.array(
    [[0.4360657, 0.3851471, 0.1430664], [0.2224884, 0.7168732, 0.0606079], [0.0139160, 0.0970764, 0.7140961]]
)
_SAMPLES: Final = 4096
# How many numbers each kind of parametric curve has.
_PARAMETERS: Final = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}


class Shaper(NamedTuple):
    """A matrix profile.

    Attributes:
        matrix: 3x3, the profile's linear RGB to XYZ.
        curves: [3, n], each channel's linear value at n even steps from 0 to 1, rising.
    """

    matrix: NDArray[np.float64]
    curves: NDArray[np.float64]

    def from_srgb(self, colour: Floats) -> Floats:
        """Return sRGB `colour` ([h, w, 3], 0..1) in this profile; what lies outside its gamut is clipped."""
        linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
        own = np.clip(linear @ (np.linalg.inv(self.matrix) @ _SRGB_TO_XYZ).T, 0, 1)
        steps = np.linspace(0, 1, self.curves.shape[1])
        planes = [np.interp(own[..., c], self.curves[c], steps) for c in range(3)]
        return np.stack(planes, axis=-1).astype(np.float32)


def read_shaper(icc: bytes) -> Shaper | None:
    """Return the profile's curves and matrix, None if it is of another kind or damaged."""
    try:
        tags = _tags(icc)
        if b"A2B0" in tags or b"B2A0" in tags:
            return None
        columns = [_xyz(tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
        curves = np.stack([_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")])
        matrix = np.array(columns).T
    except (KeyError, ValueError, ArithmeticError, struct.error):
        return None
    rising = bool((np.diff(curves, axis=1) >= 0).all())
    return Shaper(matrix, curves) if rising and abs(np.linalg.det(matrix)) > 1e-6 else None


def _tags(icc: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", icc, 128)
    found = {}
    for index in range(min(count, 200)):
        name, at, length = struct.unpack_from(">4sII", icc, 132 + 12 * index)
        found[name] = icc[at : at + length]
    return found


def _xyz(data: bytes) -> tuple[float, ...]:
    return tuple(value / 65536 for value in struct.unpack_from(">3i", data, 8))


def _curve(data: bytes) -> NDArray[np.float64]:
    """Return the curve's linear values at even steps."""
    steps = np.linspace(0, 1, _SAMPLES)
    if data[:4] == b"curv":
        (count,) = struct.unpack_from(">I", data, 8)
        if count == 0:
            return steps
        points = np.frombuffer(data, ">u2", count, 12)
        if count == 1:
            return np.asarray(steps ** (points[0] / 256))
        return np.interp(steps, np.linspace(0, 1, count), points / 65535)
    if data[:4] != b"para":
        raise ValueError("no curve")
    (kind,) = struct.unpack_from(">H", data, 8)
    if kind not in _PARAMETERS:
        raise ValueError("an unknown kind of curve")
    g, *rest = (value / 65536 for value in struct.unpack_from(f">{_PARAMETERS[kind]}i", data, 12))
    rest = rest or [1.0]
    a, b, c, d, e, f = rest + [0.0] * (6 - len(rest))
    return _parametric(steps, kind, g, a, b, c, d, e, f)


def _parametric(
    x: NDArray[np.float64], kind: int, g: float, a: float, b: float, c: float, d: float, e: float, f: float
) -> NDArray[np.float64]:
    power = np.maximum(a * x + b, 0) ** g
    if kind in (1, 2):  # below -b/a the curve is flat; `c` is its offset in kind 2
        offset = c if kind == 2 else 0.0
        return np.clip(np.where(x >= -b / a, power + offset, offset), 0, 1)
    if kind in (3, 4):
        return np.clip(np.where(x >= d, power + e, c * x + f), 0, 1)
    return np.clip(power, 0, 1)
