"""Regions of a mask that hold several parts, split where what the network sees changes."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import csr_array
from sklearn.cluster import ward_tree
from sklearn.neighbors import radius_neighbors_graph
from torch import Tensor
from torch.nn import functional

from visum_models import Classifier
from visum_models.strides import layers_at_strides, maps_at_strides
from visum_runtime.errors import InvalidInput

STRIDES = (8, 16)
"""Strides of the maps whose change divides a region."""
OTHER_STRIDE = 4
"""Stride of the map that serves where a network has neither."""
LARGEST = 0.035
"""Fraction of the view that a region may cover."""
_LEAST = 0.005
_NEIGHBOUR_DISTANCE = 1.5
"""Cells that touch by a side or a corner are neighbours."""
_SMALL = 0.25
"""Pieces below this share of the largest allowed join a neighbour."""


def split_regions(
    classifier: Classifier, view: NDArray[np.uint8], regions: NDArray[np.integer], largest: float = LARGEST
) -> NDArray[np.uint16]:
    """Splits every region larger than `largest` into pieces that are not.

    The cells of a region that touch are joined by Ward's method over their features (Ward 1963), and its tree is cut as
    far from the leaves as pieces of at most `largest` allow. A piece of less than a quarter of that joins the neighbour
    most like it, where both together are not too large. Splitting again changes nothing.

    Args:
        classifier: The network whose features count: its maps at strides 8 and 16, of these the finer gives the cells.
        view: What it sees, uint8 [S, S, 3].
        regions: [S, S]: i in 1..R inside the i-th region, 0 elsewhere.
        largest: Fraction of the view that a region may cover; 0.005..1.

    Returns:
        uint16 [S, S]: i in 1..R' inside the i-th region; pieces follow one another in the place of their region. One of
        a single cell may be larger than `largest`.

    Raises:
        InvalidInput: `largest` is out of range.
        FailedPrecondition: A region is too large, and the network has no feature maps.
    """
    if not _LEAST <= largest <= 1:
        raise InvalidInput(f"is {largest}, must be within {_LEAST}..1", field="options.max_area")
    sizes = np.bincount(regions.ravel())
    limit = largest * regions.size
    if not (sizes[1:] > limit).any():
        return regions.astype(np.uint16)
    cells = _Cells.of(classifier, view)
    split = np.zeros(regions.shape, np.uint16)
    count = 0
    for number in range(1, len(sizes)):
        region = regions == number
        pieces = cells.pieces(region, limit) if sizes[number] > limit else np.ones(sizes[number], np.int64)
        split[region] = count + pieces
        count += int(pieces.max(initial=0))
    return split


def boxes_of(regions: NDArray[np.integer]) -> NDArray[np.int32]:
    """Boxes int32 [R, 4] of regions numbered 1..R: x0, y0, x1, y1 in pixels, ends exclusive."""
    boxes = [(x.start, y.start, x.stop, y.stop) for y, x in ndimage.find_objects(regions.astype(np.int32))]
    return np.array(boxes, np.int32).reshape(-1, 4)


@dataclass(frozen=True, eq=False)
class _Cells:
    """Features of the cells of a view, [G, G, C]."""

    features: NDArray[np.float32]

    @classmethod
    def of(cls, classifier: Classifier, view: NDArray[np.uint8]) -> "_Cells":
        """Cells of the finer map; the coarser is interpolated, and each weighs alike."""
        found = layers_at_strides(classifier, (*STRIDES, OTHER_STRIDE))
        layers = {stride: layer for stride, layer in found.items() if stride in STRIDES} or found
        maps = maps_at_strides(classifier, classifier.to_pixels(view)[None], layers)
        side = max(values.shape[-1] for values in maps.values())
        resized = [functional.interpolate(values.cpu(), (side, side), mode="bilinear") for values in maps.values()]
        return cls(torch.cat([_scaled(values[0]) for values in resized]).permute(1, 2, 0).numpy())

    def pieces(self, region: NDArray[np.bool_], limit: float) -> NDArray[np.int64]:
        """Numbers 1, 2, ... of the pieces of a region, one a pixel, [n]."""
        scale = len(self.features) / len(region)
        places = (np.argwhere(region) * scale).astype(np.int64)
        cells, owners, weights = np.unique(places, axis=0, return_inverse=True, return_counts=True)
        if len(cells) == 1:
            return np.ones(len(places), np.int64)
        features = self.features[cells[:, 0], cells[:, 1]]
        neighbours = radius_neighbors_graph(cells, _NEIGHBOUR_DISTANCE)
        labels = _cut(ward_tree(features, connectivity=neighbours)[0], weights, limit)
        return _joined(labels, features, weights, neighbours, limit)[owners.ravel()] + 1


def _scaled(values: Tensor) -> Tensor:
    """A map [C, h, w] less its mean, the features of a cell of mean square 1."""
    centred = values - values.mean(dim=(1, 2), keepdim=True)
    return centred / centred.square().sum(dim=0).mean().sqrt().clamp(min=torch.finfo(values.dtype).tiny)


def _cut(children: NDArray[np.intp], weights: NDArray[np.intp], limit: float) -> NDArray[np.int64]:
    """Labels of the leaves: each of the largest subtrees within the limit is one piece; a leaf always is."""
    count = len(weights)
    sizes = np.concatenate([weights, np.zeros(len(children), weights.dtype)])
    for node, (left, right) in enumerate(children, start=count):
        sizes[node] = sizes[left] + sizes[right]
    labels = np.arange(len(sizes))
    for node in range(len(sizes) - 1, count - 1, -1):
        if sizes[node] <= limit or labels[node] != node:
            labels[children[node - count]] = labels[node]
    return labels[:count].astype(np.int64)


def _joined(
    labels: NDArray[np.int64],
    features: NDArray[np.float32],
    weights: NDArray[np.intp],
    neighbours: csr_array,
    limit: float,
) -> NDArray[np.int64]:
    """Labels 0, 1, ... after small pieces, the smallest first, have joined the neighbour most like them."""
    rows, columns = neighbours.nonzero()
    while True:
        _, labels = np.unique(labels, return_inverse=True)
        sizes = np.bincount(labels, weights)
        means = np.stack([features[labels == label].mean(axis=0) for label in range(len(sizes))])
        touching = {(int(one), int(other)) for one, other in zip(labels[rows], labels[columns], strict=True)}
        joins = [
            (sizes[one], float(np.square(means[one] - means[other]).sum()), one, other)
            for one, other in touching
            if one != other and sizes[one] < _SMALL * limit and sizes[one] + sizes[other] <= limit
        ]
        if not joins:
            return labels
        _, _, one, other = min(joins)
        labels = np.where(labels == one, other, labels)
