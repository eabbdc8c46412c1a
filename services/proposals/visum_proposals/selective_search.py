"""Object proposals by selective search (Uijlings et al., Selective Search for Object Recognition, 2013).

Five colour spaces, five scales of segmentation and four similarities give a hundred hierarchies of regions; their
boxes are the proposals. These choices are those of OpenCV's mode "quality", and so are the boxes, but for ties: there,
equally similar regions are merged in the order that an unstable sort leaves, and the answer comes in a random one. Here
both orders are defined. Sorting edges once for all scales, and describing pixels once for all regions, makes it five
times faster.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from visum_proposals.boxes import VIEW_SIDE_PX, Boxes, areas, as_boxes
from visum_proposals.graph_segmentation import segment
from visum_proposals.hierarchical_grouping import Similarity, group, outline
from visum_proposals.region_appearance import Pixels
from visum_runtime.errors import InvalidInput

MAX_BOXES_LIMIT = 5000
MIN_SIDE = 30.0
SMALL_VIEW_MIN_SIDE = 14.0
_SMALL_VIEW_BELOW_PX = 200
_SMALL_VIEW_UPSCALE = 2
_BORDER_FRACTION = 0.01
_SEED_DIGITS = 32
_SCALES = (150.0, 300.0, 450.0, 600.0, 750.0)
_THIRD = 0.3333
_SIMILARITIES = (
    Similarity(colour=0.25, fill=0.25, texture=0.25, size=0.25),
    Similarity(colour=0, fill=_THIRD, texture=_THIRD, size=_THIRD),
    Similarity(colour=0, fill=1, texture=0, size=0),
    Similarity(colour=0, fill=0, texture=0, size=1),
)


@dataclass(frozen=True)
class ProposalOptions:
    """Which boxes of selective search are kept.

    Raises:
        InvalidInput: A value is out of range; names the field.
    """

    max_boxes: int = 500
    """Boxes kept, 1..5000."""
    min_side: float | None = None
    """Smallest side, pixels of a view of 224; None: 30, or 14 on views under 200 pixels."""
    keep_border_boxes: bool = False
    """Keep boxes that touch some of the view's borders, but not all."""

    def __post_init__(self) -> None:
        if not 1 <= self.max_boxes <= MAX_BOXES_LIMIT:
            raise InvalidInput(f"is {self.max_boxes}, must be within 1..{MAX_BOXES_LIMIT}", field="options.max_boxes")
        if self.min_side is not None and not 1 <= self.min_side < float("inf"):
            raise InvalidInput(f"is {self.min_side}, must be at least 1", field="options.min_side")


def find_proposals(view: NDArray[np.uint8], image_sha256: str, options: ProposalOptions) -> Boxes:
    """Proposals of a view: large ones early, in an order that the image's digest decides.

    Small views are enlarged first. Boxes are ordered by rank * U(0, 1), the largest having rank 1.

    Args:
        view: RGB, uint8 [H, W, 3].
        image_sha256: Digest of the image, hexadecimal: the seed of the order.
        options: What is kept.

    Returns:
        int32 [M, 4], M <= max_boxes, distinct, in order of preference.
    """
    found = _search(view)
    kept = found[_is_large_enough(found, view, options.min_side)]
    if not options.keep_border_boxes:
        kept = kept[~_touches_some_borders(kept, view)]
    return kept[_preference_order(kept, image_sha256)][: options.max_boxes]


def _search(view: NDArray[np.uint8]) -> Boxes:
    """All distinct boxes, in canonical order."""
    upscale = _SMALL_VIEW_UPSCALE if _is_small(view) else 1
    picture = view
    if upscale > 1:
        enlarged = cv2.resize(view, None, fx=upscale, fy=upscale, interpolation=cv2.INTER_LINEAR)
        picture = np.asarray(enlarged, dtype=np.uint8)
    boxes = np.unique(np.concatenate([_hierarchies(image) for image in _colour_spaces(picture)]), axis=0)
    boxes[:, :2] //= upscale
    boxes[:, 2:] = -(-boxes[:, 2:] // upscale)
    return as_boxes(np.unique(boxes, axis=0))


def _colour_spaces(picture: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """The picture as HSV, Lab, grey, blue, and red with green and grey: each uint8 [H, W, C]."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None]
    hsv, lab = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV), cv2.cvtColor(picture, cv2.COLOR_RGB2Lab)
    return [hsv, lab, grey, picture[..., 2:], np.concatenate([picture[..., :2], grey], axis=2)]


def _hierarchies(image: NDArray[np.uint8]) -> Boxes:
    """Boxes of the regions of all scales, merged by each similarity."""
    pixels = Pixels.of(image)
    found = []
    for labels in segment(image, _SCALES):
        regions, histograms = outline(labels), pixels.histograms(labels)
        found += [group(regions, *histograms, similarity) for similarity in _SIMILARITIES]
    return as_boxes(np.concatenate(found))


def _is_small(view: NDArray[np.uint8]) -> bool:
    return min(view.shape[:2]) < _SMALL_VIEW_BELOW_PX


def _is_large_enough(boxes: Boxes, view: NDArray[np.uint8], min_side: float | None) -> NDArray[np.bool_]:
    if min_side is None:
        min_side = SMALL_VIEW_MIN_SIDE if _is_small(view) else MIN_SIDE
    scale = min(view.shape[:2]) / VIEW_SIDE_PX
    return (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.iinfo(np.int32).max) >= min_side * scale


def _touches_some_borders(boxes: Boxes, view: NDArray[np.uint8]) -> NDArray[np.bool_]:
    height, width = view.shape[:2]
    margin = np.array([width, height]) * _BORDER_FRACTION
    touched = np.hstack([boxes[:, :2] <= margin, boxes[:, 2:] >= np.array([width, height]) - margin])
    return np.asarray(touched.any(axis=1) & ~touched.all(axis=1))


def _preference_order(boxes: Boxes, image_sha256: str) -> NDArray[np.intp]:
    """Ascending rank * U(0, 1). Drawn from the raw bits of PCG64, which are the same in every version of NumPy."""
    largest_first = np.argsort(-areas(boxes), kind="stable")
    ranks = np.empty(len(boxes))
    ranks[largest_first] = np.arange(1, len(boxes) + 1)
    raw = np.random.PCG64(int(image_sha256[:_SEED_DIGITS], 16)).random_raw(len(boxes))
    uniform = ((raw >> np.uint64(11)) + 0.5) * 2.0**-53
    return np.argsort(ranks * uniform, kind="stable")
