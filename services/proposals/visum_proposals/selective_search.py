"""Object proposals by selective search, reproducible to the last box.

OpenCV's implementation draws the order of its answer from the C library's generator, so that it changes from call to
call; the set of boxes does not change. Only the set is used here, and put in an order of our own.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from visum_proposals.boxes import VIEW_SIDE_PX, Boxes, areas, as_boxes
from visum_runtime.errors import InvalidInput

MAX_BOXES_LIMIT = 5000
MIN_SIDE = 30.0
SMALL_VIEW_MIN_SIDE = 14.0
_SMALL_VIEW_BELOW_PX = 200
_SMALL_VIEW_UPSCALE = 2
_BORDER_FRACTION = 0.01
_SEED_DIGITS = 32


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

    Selective search in OpenCV's mode "quality"; small views are enlarged first. Boxes are ordered by rank * U(0, 1),
    the largest having rank 1 (after Uijlings et al., Selective Search for Object Recognition).

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
    picture = cv2.cvtColor(view, cv2.COLOR_RGB2BGR)
    if upscale > 1:
        picture = cv2.resize(picture, None, fx=upscale, fy=upscale, interpolation=cv2.INTER_LINEAR)
    search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
    search.setBaseImage(picture)
    search.switchToSelectiveSearchQuality()
    corners_and_sizes = as_boxes(search.process())
    starts = corners_and_sizes[:, :2]
    ends = starts + corners_and_sizes[:, 2:]
    boxes = np.hstack([starts // upscale, -(-ends // upscale)])
    return as_boxes(np.unique(boxes, axis=0))


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
