"""Outlines as arrays of points [n, 2] (x right, y down) and the affine maps [2, 3] that place them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Outline = NDArray[np.float64]
Affine = NDArray[np.float64]
Pair = tuple[float, float]


def polygon(*corners: Pair) -> Outline:
    """Closed outline [n, 2] with straight sides through ``corners``."""
    return np.asarray(corners, dtype=np.float64)


def smooth(*knots: Pair, samples: int = 8) -> Outline:
    """Closed outline [n * samples, 2] through ``knots``, rounded by a uniform Catmull-Rom spline."""
    ring = np.asarray(knots, dtype=np.float64)
    before, after, beyond = np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0), np.roll(ring, -2, axis=0)
    return _spline(before, ring, after, beyond, samples)


def ellipse(x: float, y: float, radius_x: float, radius_y: float | None = None, tilt_deg: float = 0.0) -> Outline:
    """Ellipse [32, 2] around (x, y), or a circle if ``radius_y`` is left out."""
    turn = np.linspace(0.0, 2.0 * np.pi, 32, endpoint=False)
    radii = (radius_x, radius_x if radius_y is None else radius_y)
    ring = np.stack([radii[0] * np.cos(turn), radii[1] * np.sin(turn)], axis=1)
    return transform(ring, compose(shift(x, y), rotation(tilt_deg)))


def rectangle(left: float, top: float, right: float, bottom: float, radius: float = 0.0) -> Outline:
    """Rectangle whose corners are rounded with ``radius`` (not rounded at 0)."""
    if radius == 0.0:
        return polygon((left, top), (right, top), (right, bottom), (left, bottom))
    turn = np.linspace(0.0, np.pi / 2.0, 6)
    arc = radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    corners = [(right, bottom, 1, 1), (left, bottom, -1, 1), (left, top, -1, -1), (right, top, 1, -1)]
    sides = []
    for x, y, sign_x, sign_y in corners:
        side = arc * (sign_x, sign_y) + (x - sign_x * radius, y - sign_y * radius)
        sides.append(side if sign_x == sign_y else side[::-1])
    return np.concatenate(sides)


def star(x: float, y: float, outer: float, inner: float, points: int, turn_deg: float = 0.0) -> Outline:
    """Star [2 * points, 2] around (x, y) that alternates between two radii; its first tip looks up."""
    turn = np.deg2rad(turn_deg - 90.0) + np.arange(2 * points) * np.pi / points
    radii = np.where(np.arange(2 * points) % 2 == 0, outer, inner)
    return np.stack([x + radii * np.cos(turn), y + radii * np.sin(turn)], axis=1)


def fan(x: float, y: float, radius: float, start_deg: float, stop_deg: float, lobes: int, depth: float) -> Outline:
    """Fan that opens from (x, y) between two angles (0 right, 90 down), its edge scalloped into ``lobes``.

    ``depth`` is the share of the radius by which the edge falls back between two lobes.
    """
    share = np.linspace(0.0, 1.0, 12 * lobes + 1)
    radii = radius * (1.0 - depth + depth * np.abs(np.sin(np.pi * lobes * share)))
    turn = np.deg2rad(start_deg + (stop_deg - start_deg) * share)
    edge = np.stack([x + radii * np.cos(turn), y + radii * np.sin(turn)], axis=1)
    return np.concatenate([np.array([[x, y]]), edge])


def ribbon(knots: Sequence[Pair], widths: Sequence[float]) -> Outline:
    """Band along a smooth open line through ``knots``, as wide at each knot as ``widths`` says."""
    line = np.asarray(knots, dtype=np.float64)
    padded = np.concatenate([2 * line[:1] - line[1:2], line, 2 * line[-1:] - line[-2:-1]])
    course = np.concatenate([_spline(padded[:-3], padded[1:-2], padded[2:-1], padded[3:], 8), line[-1:]])
    along = np.gradient(course, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.linalg.norm(along, axis=1, keepdims=True)
    half = 0.5 * np.interp(np.arange(len(course)) / 8.0, np.arange(len(line)), widths)[:, None]
    return np.concatenate([course + half * normal, (course - half * normal)[::-1]])


def stripes(left: float, top: float, right: float, bottom: float, count: int, tilt_deg: float = 0.0) -> list[Outline]:
    """``count`` upright bars, as wide as the gaps between them, over a rectangle turned about its centre."""
    pitch = (right - left) / count
    bars = [rectangle(left + k * pitch, top, left + (k + 0.5) * pitch, bottom) for k in range(count)]
    return [turned(bar, 0.5 * (left + right), 0.5 * (top + bottom), tilt_deg) for bar in bars]


def turned(outline: Outline, x: float, y: float, turn_deg: float) -> Outline:
    """The outline turned clockwise about (x, y)."""
    return transform(outline, compose(shift(x, y), rotation(turn_deg), shift(-x, -y)))


def transform(outline: Outline, affine: Affine) -> Outline:
    """Points [n, 2] mapped by an affine map [2, 3]."""
    return outline @ affine[:, :2].T + affine[:, 2]


def shift(x: float, y: float) -> Affine:
    """Affine map [2, 3] that moves by (x, y)."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y]])


def rotation(turn_deg: float) -> Affine:
    """Affine map [2, 3] that turns clockwise (y looks down) about the origin."""
    cosine, sine = np.cos(np.deg2rad(turn_deg)), np.sin(np.deg2rad(turn_deg))
    return np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0]])


def scaling(factor_x: float, factor_y: float | None = None) -> Affine:
    """Affine map [2, 3] that scales about the origin; a negative ``factor_x`` mirrors."""
    return np.array([[factor_x, 0.0, 0.0], [0.0, factor_x if factor_y is None else factor_y, 0.0]])


def compose(*affines: Affine) -> Affine:
    """The affine map [2, 3] that applies the last of ``affines`` first."""
    product = affines[0]
    for affine in affines[1:]:
        linear = product[:, :2] @ affine
        linear[:, 2] += product[:, 2]
        product = linear
    return product


def _spline(p0: Outline, p1: Outline, p2: Outline, p3: Outline, samples: int) -> Outline:
    """Catmull-Rom points between each p1 and its p2 [n * samples, 2], end points left out."""
    t = np.linspace(0.0, 1.0, samples, endpoint=False)[None, :, None]
    a, b, c, d = (p[:, None, :] for p in (p0, p1, p2, p3))
    span = 2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    return (0.5 * span).reshape(-1, 2)
