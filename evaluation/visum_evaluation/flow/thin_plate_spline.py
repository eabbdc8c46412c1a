"""The smoothest map of the plane that takes given points to given places (Bookstein, Principal Warps, 1989)."""

import numpy as np
from numpy.typing import NDArray

_TINY = 1e-12


def warp(points: NDArray[np.float64], source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where points go when `source` goes to `target`.

    Args:
        points: (x, y) [N, 2].
        source: Points whose places are known [K, 2]; where they do not determine the map (fewer than 3, or on a line),
            the solution of least norm is taken.
        target: Their places [K, 2].

    Returns:
        [N, 2].
    """
    count = len(source)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _bending(source, source)
    system[:count, count:] = _affine(source)
    system[count:, :count] = system[:count, count:].T
    places = np.concatenate([target, np.zeros((3, 2))])
    weights = np.linalg.lstsq(system, places, rcond=None)[0]
    return np.concatenate([_bending(points, source), _affine(points)], axis=1) @ weights


def _bending(points: NDArray[np.float64], centers: NDArray[np.float64]) -> NDArray[np.float64]:
    """r^2 log r^2 of all distances [N, K]."""
    squares = ((points[:, None] - centers[None]) ** 2).sum(axis=2)
    return squares * np.log(np.maximum(squares, _TINY))


def _affine(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([np.ones(len(points)), points])
