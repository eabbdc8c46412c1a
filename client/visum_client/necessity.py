"""How much more a part's own pixels matter than the same shape elsewhere in its image."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from visum_client.records import Necessity

CONFIDENCE = 0.95
"""Of the interval of a necessity."""
_RESAMPLES = 2000
_TRIES = 50
_SEED = 20_160_901


def place_elsewhere(part: NDArray[np.bool_], count: int, generator: np.random.Generator) -> list[NDArray[np.bool_]]:
    """The shape of a part at random places of its view, clear of the part itself.

    Args:
        part: Its pixels, bool [H, W], at least one.
        count: Number of places.
        generator: Draws them.

    Returns:
        Masks [H, W]. Where no clear place is found, as for a part of more than half the view, the clearest that was.
    """
    rows, columns = np.where(part)
    shape = part[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    return [_clearest(part, shape, generator) for _ in range(count)]


def log_odds_falls(before: float, after: NDArray[np.float64], classes: int) -> NDArray[np.float64]:
    """How far log-odds fall; nothing where they are no better than chance to begin with, one of `classes`.

    A score below chance says nothing for its class and has nothing to lose. Without this, pictures that a network does
    not recognize at all would need every part that it reacts to.

    Args:
        before: Log-odds of the target on the untouched view.
        after: The same on perturbed ones, of any shape.
        classes: Number of classes of the network; of a single one there is no chance to be held against.

    Returns:
        The falls, of the shape of `after`; negative where the log-odds rise.
    """
    chance = -math.log(classes - 1) if classes > 1 else -math.inf
    return before - after if before >= chance else np.zeros_like(after)


def estimate_necessity(effects: Sequence[float], placed: Sequence[float]) -> Necessity:
    """Mean fall of the log-odds under the parts themselves, less that under the same shapes elsewhere.

    Args:
        effects: Fall of the log-odds when a member alone is blurred, one a member, at least one.
        placed: The same for its shape elsewhere, mean over the places, one a member.

    Returns:
        The mean with its percentile bootstrap interval over members (Efron and Tibshirani, An Introduction to the
        Bootstrap, chapter 13); of a single member the interval is unbounded.
    """
    differences = np.asarray(effects, np.float64) - np.asarray(placed, np.float64)
    mean = float(differences.mean())
    if len(differences) == 1:
        return Necessity(mean, None, None)
    generator = np.random.default_rng(_SEED)
    chosen = generator.integers(0, len(differences), (_RESAMPLES, len(differences)))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(differences[chosen].mean(axis=1), [tail, 1 - tail])
    return Necessity(mean, float(low), float(high))


def _clearest(part: NDArray[np.bool_], shape: NDArray[np.bool_], generator: np.random.Generator) -> NDArray[np.bool_]:
    """The first place that is clear of the part, else the one of least overlap among the tries."""
    height, width = shape.shape
    best, least = part, part.size + 1
    for _ in range(_TRIES):
        top = int(generator.integers(0, part.shape[0] - height + 1))
        left = int(generator.integers(0, part.shape[1] - width + 1))
        placed = np.zeros_like(part)
        placed[top : top + height, left : left + width] = shape
        overlap = int((placed & part).sum())
        if overlap < least:
            best, least = placed, overlap
        if overlap == 0:
            break
    return best
