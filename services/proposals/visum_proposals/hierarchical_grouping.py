"""Hierarchical grouping: regions are merged, the most similar neighbours first, until one is left.

After Uijlings et al., Selective Search for Object Recognition, 2013. The boxes of all regions that ever were are the
proposals.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from visum_proposals.boxes import Boxes


@dataclass(frozen=True)
class Similarity:
    """How much each kind of similarity counts; they are divided by the sum of the weights."""

    colour: float
    """Intersection of the histograms of colours."""
    fill: float
    """How well two regions fill the box around both."""
    texture: float
    """Intersection of the histograms of gradients."""
    size: float
    """Small regions first."""


@dataclass(frozen=True)
class Regions:
    """A segmentation."""

    boxes: Boxes
    """Around each region, int32 [R, 4]."""
    sizes: NDArray[np.int32]
    """Pixels of each [R]."""
    neighbours: NDArray[np.int32]
    """Pairs of regions that touch [N, 2], each once, the first lower, sorted."""


def outline(labels: NDArray[np.int32]) -> Regions:
    """The regions of a map, numbered from 0, int32 [H, W]."""
    count = int(labels.max()) + 1
    boxes = np.empty((count, 4), dtype=np.int32)
    sizes = np.zeros(count, dtype=np.int32)
    touching = np.zeros((count, count), dtype=np.bool_)
    _outline(labels, boxes, sizes, touching)
    neighbours = np.argwhere(np.triu(touching | touching.T, 1))
    return Regions(boxes, sizes, np.ascontiguousarray(neighbours, dtype=np.int32))


def group(
    regions: Regions, colours: NDArray[np.float32], textures: NDArray[np.float32], similarity: Similarity
) -> Boxes:
    """Merges neighbours until none are left. Of equally similar ones, those that touched first are merged first.

    Args:
        regions: What is merged.
        colours: Histograms of their colours [R, F].
        textures: Histograms of their gradients [R, G].
        similarity: What is most similar.

    Returns:
        Boxes of the regions and of all that they were merged to, int32 [<= 2 R - 1, 4].
    """
    weights = np.array([similarity.colour, similarity.fill, similarity.texture, similarity.size], dtype=np.float32)
    boxes, sizes = regions.boxes.copy(), regions.sizes.copy()
    return np.asarray(_group(boxes, sizes, regions.neighbours, colours.copy(), textures.copy(), weights))


@njit(cache=True, nogil=True)
def _outline(labels, boxes, sizes, touching):  # type: ignore[no-untyped-def]
    """A pixel touches those to its left, above and between; those of the first row and column touch by the others."""
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            label = labels[y, x]
            if sizes[label] == 0:
                boxes[label] = x, y, x + 1, y + 1
            sizes[label] += 1
            box = boxes[label]
            box[0], box[2], box[3] = min(box[0], x), max(box[2], x + 1), y + 1
            if x > 0 and y > 0:
                touching[label, labels[y, x - 1]] = True
                touching[label, labels[y - 1, x]] = True
                touching[label, labels[y - 1, x - 1]] = True


@njit(cache=True, nogil=True)
def _group(boxes, sizes, neighbours, colours, textures, weights):  # type: ignore[no-untyped-def]
    """Merges in place: what is merged lives on in the row of the lower of both."""
    pixels = np.float32(sizes.sum())
    regions, edges = len(boxes), len(neighbours)
    found = np.empty((2 * regions, 4), dtype=np.int32)
    found[:regions] = boxes
    rows = np.arange(2 * regions)
    seen = np.zeros(2 * regions, dtype=np.int64)
    ends = neighbours.copy()
    similarities = np.empty(edges, dtype=np.float32)
    for e in range(edges):
        a, b = ends[e]
        similarities[e] = _similarity(a, b, boxes, sizes, colours, textures, weights, pixels)
    while edges:
        chosen = similarities[:edges].argmax()
        first, second = ends[chosen]
        row, other = min(rows[first], rows[second]), max(rows[first], rows[second])
        _merge(row, other, boxes, sizes, colours, textures)
        found[regions], rows[regions] = boxes[row], row
        edges, removed = _detach(first, second, chosen, ends, similarities, edges)
        for e in range(edges, edges + removed):
            neighbour = ends[e, 1]
            if seen[neighbour] < regions:
                seen[neighbour] = regions
                ends[edges, 0], ends[edges, 1] = regions, neighbour
                similarities[edges] = _similarity(
                    row, rows[neighbour], boxes, sizes, colours, textures, weights, pixels
                )
                edges += 1
        regions += 1
    return found[:regions]


@njit(cache=True, nogil=True)
def _detach(first, second, chosen, ends, similarities, edges):  # type: ignore[no-untyped-def]
    """Takes the edges of two regions out: returns how many are left, and how many others' ends stand behind them."""
    removed = np.empty(edges, dtype=np.int32)
    count = kept = 0
    for e in range(edges):
        a, b = ends[e]
        touches_first_end = a in (first, second)
        if not touches_first_end and b not in (first, second):
            ends[kept], similarities[kept] = ends[e], similarities[e]
            kept += 1
        elif e != chosen:
            removed[count] = b if touches_first_end else a
            count += 1
    ends[kept : kept + count, 1] = removed[:count]
    return kept, count


@njit(cache=True, nogil=True)
def _similarity(a, b, boxes, sizes, colours, textures, weights, pixels):  # type: ignore[no-untyped-def]
    one, zero = np.float32(1), np.float32(0)
    together = sizes[a] + sizes[b]
    width = max(boxes[a, 2], boxes[b, 2]) - min(boxes[a, 0], boxes[b, 0])
    height = max(boxes[a, 3], boxes[b, 3]) - min(boxes[a, 1], boxes[b, 1])
    fill = max(min(one - np.float32(width * height - together) / pixels, one), zero)
    size = max(min(one - np.float32(together) / pixels, one), zero)
    total = weights[1] * fill
    if weights[0] > 0:
        total = weights[0] * _intersection(colours[a], colours[b]) + total
    if weights[2] > 0:
        total += weights[2] * _intersection(textures[a], textures[b])
    total += weights[3] * size
    return total / (weights[0] + weights[1] + weights[2] + weights[3])


@njit(cache=True, nogil=True)
def _intersection(left, right):  # type: ignore[no-untyped-def]
    total = np.float32(0)
    for i in range(len(left)):
        total += min(left[i], right[i])
    return total


@njit(cache=True, nogil=True)
def _merge(row, other, boxes, sizes, colours, textures):  # type: ignore[no-untyped-def]
    share, other_share = np.float32(sizes[row]), np.float32(sizes[other])
    for features in (colours, textures):
        for i in range(features.shape[1]):
            weighed = features[row, i] * share + features[other, i] * other_share
            features[row, i] = weighed / (share + other_share)
    sizes[row] += sizes[other]
    for side in range(2):
        boxes[row, side] = min(boxes[row, side], boxes[other, side])
        boxes[row, side + 2] = max(boxes[row, side + 2], boxes[other, side + 2])
