"""Redundant parts: of two parts of an image on nearly the same place, one goes (paper, section 3.2)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visum_clustering.boxes import areas, overlaps
from visum_clustering.options import ClusteringOptions
from visum_clustering.parts import Parts
from visum_clustering.similarity import Similarity, largest_per_key
from visum_runtime.errors import Stopped


@dataclass(frozen=True, eq=False)
class RemovedParts:
    """Parts left out before clustering.

    Attributes:
        redundant: int32 [n], parts removed, ascending.
        kept: int32 [n], for each the part that was kept for it.
    """

    redundant: NDArray[np.int32]
    kept: NDArray[np.int32]


def find_redundant(
    parts: Parts,
    similarity: Similarity,
    image_count: int,
    options: ClusteringOptions,
    should_stop: Callable[[], bool] = lambda: False,
) -> RemovedParts:
    """Finds the parts that overlap a better part of their image and differ from it little in area.

    Greedy from the best part on; better is a higher `support`, then a larger area, then a lower number. Raises Stopped
    as soon as `should_stop`, asked for every part, says so.
    """
    goodness = support(similarity, parts.images, image_count)
    order = np.lexsort((-areas(parts.boxes), -goodness))
    redundant: dict[int, int] = {}
    kept_by_image: dict[int, list[int]] = {}
    for part in order:
        if should_stop():
            raise Stopped("clustering was stopped")
        kept = kept_by_image.setdefault(int(parts.images[part]), [])
        better = _first_that_covers(parts.boxes, kept, part, options)
        if better is None:
            kept.append(int(part))
        else:
            redundant[int(part)] = better
    removed = sorted(redundant)
    return RemovedParts(np.array(removed, np.int32), np.array([redundant[part] for part in removed], np.int32))


def support(similarity: Similarity, images: NDArray[np.int32], image_count: int) -> NDArray[np.float64]:
    """float64 [n]: mean over the other images of a part's best similarity there, 0 where it has none."""
    rows, matched = similarity.rows(), images[similarity.neighbours]
    keys, best = largest_per_key(rows * image_count + matched, similarity.values)
    return np.bincount(keys // image_count, weights=best, minlength=len(similarity)) / max(image_count - 1, 1)


def _first_that_covers(boxes: NDArray[np.int32], kept: list[int], part: int, options: ClusteringOptions) -> int | None:
    if not kept:
        return None
    own, others = boxes[part], boxes[kept]
    smaller, larger = np.minimum(areas(own), areas(others)), np.maximum(areas(own), areas(others))
    covers = overlaps(own, others) > options.redundancy_iou
    covers &= larger < options.redundancy_area_ratio * smaller
    return kept[int(np.argmax(covers))] if covers.any() else None
