"""The outline of a mask as an SVG path."""

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Point = tuple[int, int]

TOLERANCE_VIEW_PIXELS = 0.6
"""How far an outline may run beside the border that it stands for: enough to take the stairs out of slanted borders."""


def outline_path(mask: NDArray[np.bool_]) -> str:
    """Traces the border between a mask [H, W] and the rest.

    Returns:
        Path data in view pixels, one closed loop for each border, holes included: fill it with the even-odd rule.
        Straightened within TOLERANCE_VIEW_PIXELS. Empty for an empty mask.
    """
    return "".join(_loop_data(loop) for loop in _loops(mask))


def _loops(mask: NDArray[np.bool_]) -> Iterator[list[Point]]:
    """Follows pixel edges, mask to the right; yields corner points."""
    following = _edges(mask)
    while following:
        start = next(iter(following))
        loop, corner = [], start
        while corner in following:
            ends = following[corner]
            loop.append(corner)
            end = ends.pop()
            if not ends:
                del following[corner]
            corner = end
        yield loop


def _edges(mask: NDArray[np.bool_]) -> dict[Point, list[Point]]:
    padded = np.pad(mask, 1)
    inside = padded[1:-1, 1:-1]
    borders = (
        (inside & ~padded[:-2, 1:-1], (0, 0), (1, 0)),
        (inside & ~padded[1:-1, 2:], (1, 0), (1, 1)),
        (inside & ~padded[2:, 1:-1], (1, 1), (0, 1)),
        (inside & ~padded[1:-1, :-2], (0, 1), (0, 0)),
    )
    following: dict[Point, list[Point]] = {}
    for border, (from_x, from_y), (to_x, to_y) in borders:
        for y, x in np.argwhere(border).tolist():
            following.setdefault((x + from_x, y + from_y), []).append((x + to_x, y + to_y))
    return following


def _loop_data(corners: list[Point]) -> str:
    points = _simplified_loop(_doubled_middles(corners))
    steps = [f"M{_half(points[0][0])} {_half(points[0][1])}"]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        steps.append(f"l{_half(x1 - x0)} {_half(y1 - y0)}")
    return "".join(steps) + "z"


def _doubled_middles(corners: list[Point]) -> list[Point]:
    """Middles of the edges, in half pixels so that they stay integers."""
    ends = corners[1:] + corners[:1]
    return [(x0 + x1, y0 + y1) for (x0, y0), (x1, y1) in zip(corners, ends, strict=True)]


def _simplified_loop(points: list[Point]) -> list[Point]:
    far = int(np.argmax(np.square(np.subtract(points, points[0])).sum(axis=1)))
    return _simplified([*points[: far + 1]])[:-1] + _simplified([*points[far:], points[0]])[:-1]


def _simplified(points: list[Point]) -> list[Point]:
    """Leaves out points that a straight line passes closely (Douglas and Peucker, 1973)."""
    if len(points) <= 2:
        return points
    distances = _distances(np.array(points, dtype=np.float64))
    worst = int(np.argmax(distances))
    if distances[worst] <= TOLERANCE_VIEW_PIXELS * 2:
        return [points[0], points[-1]]
    return _simplified(points[: worst + 1])[:-1] + _simplified(points[worst:])


def _distances(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances of points [n, 2] from the line through the first and the last of them."""
    chord = points[-1] - points[0]
    offsets = points - points[0]
    area = np.abs(chord[0] * offsets[:, 1] - chord[1] * offsets[:, 0])
    return np.asarray(area / max(1.0, float(np.hypot(*chord))))


def _half(doubled: int) -> str:
    return f"{doubled / 2:g}"
