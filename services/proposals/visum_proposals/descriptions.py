"""Views described: their proposals, and the survivors of a mask, each with what later steps compare."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visum_proposals.boxes import Boxes
from visum_proposals.descriptors import describe_boxes
from visum_proposals.selective_search import ProposalOptions, find_proposals
from visum_proposals.survivors import SurvivorOptions, Survivors, select_survivors
from visum_proposals.thumbnails import make_thumbnails
from visum_proposals.whitening import Whitening


@dataclass(frozen=True)
class Description:
    """Proposals of a view."""

    boxes: Boxes
    """int32 [M, 4], in order of preference."""
    descriptors: NDArray[np.float16]
    """[M, D]."""


@dataclass(frozen=True)
class DescribedSurvivors:
    """Survivors of a view."""

    survivors: Survivors
    """S boxes, and where they come from."""
    descriptors: NDArray[np.float16]
    """[S, D]."""
    thumbnails: NDArray[np.uint8]
    """Greyscale [S, 64, 64]."""


def describe_view(
    view: NDArray[np.uint8], image_sha256: str, options: ProposalOptions, whitening: Whitening
) -> Description:
    """Proposals and their descriptors; `view` is RGB, uint8 [H, W, 3]."""
    boxes = find_proposals(view, image_sha256, options)
    return Description(boxes, describe_boxes(view, boxes, whitening))


def describe_survivors(
    view: NDArray[np.uint8],
    boxes: Boxes,
    regions: NDArray[np.int32],
    options: SurvivorOptions,
    whitening: Whitening,
) -> DescribedSurvivors:
    """Survivors among the boxes of a view, their descriptors and thumbnails.

    Args:
        view: RGB, uint8 [H, W, 3].
        boxes: Proposals int32 [M, 4], not empty, within the view, in order of preference.
        regions: Region map int32 [H, W]: i >= 1 inside the i-th region, 0 elsewhere.
        options: Which survive.
        whitening: Statistics of the descriptors.

    Raises:
        InvalidInput: There are more than 1000 regions.
    """
    survivors = select_survivors(boxes, regions, options)
    descriptors = describe_boxes(view, survivors.boxes, whitening)
    return DescribedSurvivors(survivors, descriptors, make_thumbnails(view, survivors.boxes))
