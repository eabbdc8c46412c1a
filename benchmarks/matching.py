"""Speed of proposals and matching, on one core: `python -m benchmarks.matching --json`.

Everything is measured in turns and the fastest turn counts, so that what else runs on the machine falls out.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.feature import hog
from threadpoolctl import threadpool_limits

from visum_proposals.boxes import Boxes, as_boxes
from visum_proposals.crops import CROP_SIDE_PX, crop_boxes
from visum_proposals.described_image import DescribedImage, PreparedImage
from visum_proposals.descriptors import describe_boxes
from visum_proposals.hog import CELL_SIDE_PX, describe_gradients
from visum_proposals.proposal_flow import MatchOptions, match_pair
from visum_proposals.selective_search import ProposalOptions, find_proposals
from visum_proposals.whitening import Whitening

BOXES = 500
SURVIVORS = 20
VIEW_SIDE_PX = 224
FLOOR_DIMENSIONS = 256
MATCH_TURNS = 60
DESCRIBE_TURNS = 3


def main() -> None:
    """Prints the figures as a table, or with --json as one JSON object."""
    parser = argparse.ArgumentParser(description="Measures the speed of proposals and matching.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    with threadpool_limits(1):
        figures = measure_matching() | measure_describing()
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:28} {value}")


def measure_matching() -> dict[str, float]:
    """One pair by local offset matching, both directions, against a bare product of 500 x 500 x 256."""
    generator = np.random.default_rng(0)
    left, right = generator.normal(size=(2, BOXES, FLOOR_DIMENSIONS)).astype(np.float32)
    pruned = [prepared(generator, SURVIVORS) for _ in range(2)]
    whole = [prepared(generator, BOXES) for _ in range(2)]
    options = MatchOptions()
    floor, pair, unpruned_pair = fastest(
        [
            lambda: left @ right.T,
            lambda: match_pair(*pruned, options),
            lambda: match_pair(*whole, options),
        ],
        MATCH_TURNS,
    )
    return {
        "ratio_to_floor": round(pair / floor, 3),
        "pair_ms": round(pair * 1e3, 3),
        "floor_ms": round(floor * 1e3, 3),
        "unpruned_pair_ms": round(unpruned_pair * 1e3, 3),
    }


def measure_describing() -> dict[str, object]:
    """One view, step by step, and its descriptors against a plain loop over the boxes."""
    view = patchwork()
    digest = hashlib.sha256(view.tobytes()).hexdigest()
    whitening = Whitening.load()
    boxes = random_boxes(np.random.default_rng(1))
    crops = crop_boxes(view, boxes)
    search, crop, gradients, descriptors, plain = fastest(
        [
            lambda: find_proposals(view, digest, ProposalOptions()),
            lambda: crop_boxes(view, boxes),
            lambda: describe_gradients(crops),
            lambda: describe_boxes(view, boxes, whitening),
            lambda: plain_loop(view, boxes),
        ],
        DESCRIBE_TURNS,
    )
    seconds = {"total": search + descriptors, "selective_search": search, "crops": crop, "hog": gradients}
    return {
        "describe_seconds": {name: round(value, 4) for name, value in seconds.items()},
        "describe_speedup": round(plain / descriptors, 2),
    }


def fastest(functions: list[Callable[[], object]], turns: int) -> list[float]:
    """Seconds of the fastest of several turns of each; one turn before is not counted."""
    seconds = [[measured(function) for function in functions] for _ in range(turns + 1)]
    return [min(column) for column in zip(*seconds[1:], strict=True)]


def measured(function: Callable[[], object]) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def plain_loop(view: NDArray[np.uint8], boxes: Boxes) -> None:
    """Describes boxes one by one, as a first version would."""
    for x0, y0, x1, y1 in boxes:
        crop = cv2.resize(view[y0:y1, x0:x1], (CROP_SIDE_PX, CROP_SIDE_PX))
        hog(crop, 9, (CELL_SIDE_PX, CELL_SIDE_PX), (2, 2), channel_axis=2)


def prepared(generator: np.random.Generator, survivors: int) -> PreparedImage:
    """Random boxes and descriptors, ready to be matched."""
    boxes = random_boxes(generator)
    descriptors = generator.normal(size=(BOXES, Whitening.load().projection.shape[1])).astype(np.float16)
    chosen = generator.choice(BOXES, survivors, replace=False).astype(np.int32)
    return PreparedImage.of(DescribedImage(boxes, descriptors, chosen, VIEW_SIDE_PX))


def random_boxes(generator: np.random.Generator) -> Boxes:
    """Boxes of 20 to 119 pixels a side."""
    starts = generator.integers(0, VIEW_SIDE_PX - 40, (BOXES, 2))
    ends = np.minimum(starts + generator.integers(20, 120, (BOXES, 2)), VIEW_SIDE_PX)
    return as_boxes(np.hstack([starts, ends]))


def patchwork() -> NDArray[np.uint8]:
    """Coloured rectangles over a noisy ground."""
    generator = np.random.default_rng(2)
    view = generator.integers(100, 132, (VIEW_SIDE_PX, VIEW_SIDE_PX, 3), dtype=np.uint8)
    for x0, y0, x1, y1 in random_boxes(generator)[:30]:
        view[y0:y1, x0:x1] = generator.integers(0, 256, 3)
    return view


if __name__ == "__main__":
    main()
