"""How far the summaries of two runs lie in the same places of the same images."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from visum_client.compare.places import Pixels, Places

CHANCE_SIDE = 48
"""Cells a side on which places in different images are held against each other."""
SHUFFLES = 4999
_ROUNDING = 1e-9
Cells = NDArray[np.float32]
PairKey = TypeVar("PairKey", bound=Hashable)


@dataclass(frozen=True)
class Overlap:
    """Two summaries of different runs, over the images that both runs use."""

    value: float
    """Sum of the intersections over union, divided by `either`, 0..1: 1 where both mark the same pixels of the same
    images; small where they mark other pixels, or other images."""
    iou: float | None
    """Mean intersection over union in the images that show both; None where none does."""
    both: int
    """Images that show both."""
    either: int
    """Images that show one at least."""
    chance: float
    """Mean of the value where the images of one are shuffled, places taken as fractions of width and height: what lying
    in the middle of many images gives."""
    p: float
    """Share of these shuffles, the true order among them, that reach the value."""


@dataclass(frozen=True)
class Absence:
    """What a run does with the place of a summary of another run, over that summary's images."""

    in_summaries: float
    """Mean share of the summary's pixels that lie in any summary of the run, 0..1."""
    in_masks: float
    """Mean share of them that lie in the run's masks, 0..1."""
    mask_area: float
    """Mean share of the whole image that the run's masks mark: what `in_masks` would be for any place."""


def measure_overlaps(
    first: Sequence[Places], second: Sequence[Places], firsts: Sequence[str], seconds: Sequence[str]
) -> dict[tuple[str, str], Overlap]:
    """Every summary of one run with every summary of another.

    Args:
        first: Places of the one run, an entry an image.
        second: Places of the other in the same images, in the same order.
        firsts: Ids of the summaries of the one run.
        seconds: Ids of the summaries of the other.
    """
    return {(a, b): _overlap(first, second, a, b) for a in firsts for b in seconds}


def beyond_chance(overlaps: Mapping[PairKey, Overlap], rate: float) -> list[PairKey]:
    """The pairs that chance does not explain, by the procedure of Benjamini and Hochberg (1995).

    Many pairs are looked at, and some reach any fixed p by chance. The k smallest p are taken, for the largest k whose
    p is at most rate * k / pairs: at most that share of what is found is expected to be chance, and where nothing is
    shared at all, anything is found with that probability at most.

    Args:
        overlaps: All pairs that were looked at.
        rate: The share, 0..1.
    """
    ps = np.sort([overlap.p for overlap in overlaps.values()])
    below = np.flatnonzero(ps <= rate * np.arange(1, len(ps) + 1) / max(1, len(ps)))
    largest = ps[below[-1]] if below.size else -1.0
    return [pair for pair, overlap in overlaps.items() if overlap.p <= largest]


def measure_absence(places: Sequence[Places], others: Sequence[Places], summary: str) -> Absence:
    """What another run does with the places of a summary.

    Args:
        places: Places of the summary's run, an entry an image.
        others: Places of the other run in the same images.
        summary: Its id; one image at least shows it.
    """
    shares = [
        (_share(own.summaries[summary], _any(other)), _share(own.summaries[summary], other.mask), other.mask.mean())
        for own, other in zip(places, others, strict=True)
        if summary in own.summaries
    ]
    in_summaries, in_masks, area = np.mean(shares, axis=0)
    return Absence(float(in_summaries), float(in_masks), float(area))


def _overlap(first: Sequence[Places], second: Sequence[Places], a: str, b: str) -> Overlap:
    values, either = [], 0
    for one, other in zip(first, second, strict=True):
        either += a in one.summaries or b in other.summaries
        if a in one.summaries and b in other.summaries:
            values.append(intersection_over_union(one.summaries[a], other.summaries[b]))
    chance, p = _shuffled(_coarse(first, a), _coarse(second, b))
    mean = float(np.mean(values)) if values else None
    return Overlap(float(np.sum(values)) / either if either else 0.0, mean, len(values), either, chance, p)


def intersection_over_union(one: Pixels, other: Pixels) -> float:
    """Common pixels of two masks over all pixels of both; 0 where both are empty."""
    union = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / union if union else 0.0


def _shuffled(one: Sequence[Cells | None], other: Sequence[Cells | None]) -> tuple[float, float]:
    """Mean of the value over shuffles of the other summary's images, and the share of shuffles that reach the value."""
    has_one, has_other = (np.array([cells is not None for cells in side]) for side in (one, other))
    orders = np.random.default_rng(0).permuted(np.tile(np.arange(len(one)), (SHUFFLES, 1)), axis=1)
    orders = np.concatenate([np.arange(len(one))[None], orders])
    table = _table(one, other)
    common = table[np.arange(len(one)), orders].sum(axis=1)
    either = (has_one | has_other[orders]).sum(axis=1)
    values = common / np.maximum(1, either)
    reached = values >= values[0] - _ROUNDING
    return float(values[1:].mean()), float(reached.mean())


def _table(one: Sequence[Cells | None], other: Sequence[Cells | None]) -> NDArray[np.float64]:
    """Intersections over union [images, images] of all places of one with all of the other; 0 where there is none."""
    empty = np.zeros(CHANCE_SIDE**2, dtype=np.float32)
    left, right = (np.stack([empty if cells is None else cells for cells in side]) for side in (one, other))
    common = left @ right.T
    union = left.sum(axis=1)[:, None] + right.sum(axis=1)[None, :] - common
    return np.divide(common, union, out=np.zeros(common.shape), where=union > 0)


def _coarse(places: Sequence[Places], summary: str) -> list[Cells | None]:
    """The summary's place in each image as fractions of width and height; None where the image does not show it."""
    return [_cells(place.summaries[summary]) if summary in place.summaries else None for place in places]


def _cells(pixels: Pixels) -> Cells:
    rows, columns = ((np.arange(CHANCE_SIDE) + 0.5) / CHANCE_SIDE * side for side in pixels.shape)
    return pixels[np.ix_(rows.astype(int), columns.astype(int))].ravel().astype(np.float32)


def _any(places: Places) -> Pixels:
    empty = np.zeros(places.mask.shape, dtype=np.bool_)
    return np.logical_or.reduce([empty, *places.summaries.values()])


def _share(part: Pixels, whole: Pixels) -> float:
    count = np.count_nonzero(part)
    return np.count_nonzero(part & whole) / count if count else 0.0
