"""Speed of proposals and matching, on one core: `python -m benchmarks.matching --json`.

Everything is measured in turns, in processor seconds of its one thread, and the fastest turn counts, so that what else
runs on the machine falls out.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Callable

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray
from skimage.feature import hog
from threadpoolctl import threadpool_limits

from visum_proposals.boxes import Boxes, as_boxes
from visum_proposals.candidates import best_of_first, find_candidates
from visum_proposals.crops import CROP_SIDE_PX, crop_boxes
from visum_proposals.described_image import DescribedImage, PreparedImage
from visum_proposals.descriptors import describe_boxes
from visum_proposals.exponential import exponential
from visum_proposals.hog import CELL_SIDE_PX, describe_gradients
from visum_proposals.local_offset_matching import DISTANCE_WEIGHT_PER_PX, consensus, disagreement
from visum_proposals.proposal_flow import MatchOptions, match_pair
from visum_proposals.rotation import Rotation
from visum_proposals.selective_search import ProposalOptions, find_proposals
from visum_proposals.whitening import Whitening

BOXES = 500
SURVIVORS = 20
VIEW_SIDE_PX = 224
FLOOR_DIMENSIONS = 256
MATCH_TURNS = 200
REFERENCE_TURNS = 1
AREA_RATIO_WEIGHT = 0.3
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
    """One pass of one direction, and a pair as Match spends on it, against a bare product of 500 x 500 x 256."""
    generator = np.random.default_rng(0)
    left, right = generator.normal(size=(2, BOXES, FLOOR_DIMENSIONS)).astype(np.float32)
    pruned = [prepared(generator, SURVIVORS) for _ in range(2)]
    whole = [prepared(generator, BOXES) for _ in range(2)]
    options, parities = MatchOptions(), Whitening.load().parities
    rotation = Rotation.load(parities)
    floor, one_pass, pruned_pass, pair, mirrored_pair, rotated_pair, unpruned_pair = fastest(
        [
            lambda: left @ right.T,
            lambda: one_way_pass(*whole),
            lambda: one_way_pass(*pruned),
            lambda: match_pair(*pruned, options),
            lambda: match_pair(*pruned, options, parities),
            lambda: match_pair(*pruned, options, rotation=rotation),
            lambda: match_pair(*whole, options),
        ],
        MATCH_TURNS,
    )
    (reference,) = fastest([lambda: reference_pass(*whole)], REFERENCE_TURNS)
    return {
        "ratio_to_floor": round(one_pass / floor, 3),
        "pair_ms": round(pair * 1e3, 3),
        "speedup_over_reference": round(reference / one_pass, 1),
        "floor_ms": round(floor * 1e3, 3),
        "one_pass_ms": round(one_pass * 1e3, 3),
        "pruned_ratio_to_floor": round(pruned_pass / floor, 3),
        "mirrored_pair_ms": round(mirrored_pair * 1e3, 3),
        "rotated_pair_ms": round(rotated_pair * 1e3, 3),
        "unpruned_pair_ms": round(unpruned_pair * 1e3, 3),
        "reference_ms": round(reference * 1e3, 1),
    }


def one_way_pass(first: PreparedImage, second: PreparedImage) -> NDArray[np.float32]:
    """One pass of local offset matching, from the first image to the second: the survivors' scores."""
    candidates = find_candidates(first, second)
    best = best_of_first(candidates)
    agreed = consensus(first, second, best, first.survivor_overlaps)
    similarities = candidates.select(first.survivors, second.survivors)
    expected = np.column_stack([first.centers[first.survivors], first.octaves[first.survivors]]) + agreed.medians
    places = np.column_stack([second.centers[second.survivors], second.octaves[second.survivors]])
    _weigh_one_way(
        *(array.astype(np.float32, order="C") for array in (expected, agreed.shares, places.T)), similarities
    )
    return similarities


@njit(cache=True, fastmath={"contract"})
def _weigh_one_way(expected, shares, places, scores):  # type: ignore[no-untyped-def]
    for i in range(len(expected)):
        x, y, octaves, share = expected[i, 0], expected[i, 1], expected[i, 2], shares[i]
        for j in range(places.shape[1]):
            penalty = disagreement(places[0, j] - x, places[1, j] - y, places[2, j] - octaves)
            scores[i, j] *= share * exponential(-penalty)


def reference_pass(first: PreparedImage, second: PreparedImage) -> NDArray[np.float64]:
    """One pass of one direction as it is described: box after box, each sees what those before it have changed."""
    appearance = (first.descriptors @ second.descriptors.T).clip(0).astype(np.float64)
    ratio = second.aspects[None, :] / first.aspects[:, None]
    scores = np.where((ratio > 0.5) & (ratio < 2), appearance, 0)
    total = scores.max(axis=1).sum()
    areas, other_areas = 4.0**first.octaves, 4.0**second.octaves
    for i in range(len(scores)):
        neighbours = np.flatnonzero(first.overlaps[i])
        best = [int(scores[k].argmax()) for k in neighbours]
        moved = [second.centers[m] - first.centers[k] for k, m in zip(neighbours, best, strict=True)]
        grown = [other_areas[m] / areas[k] for k, m in zip(neighbours, best, strict=True)]
        median, median_ratio = np.median(np.array(moved), axis=0), np.median(grown)
        support = sum(scores[k, m] for k, m in zip(neighbours, best, strict=True)) / total
        for j in range(len(second.octaves)):
            if scores[i, j] > 0:
                distance = np.linalg.norm(second.centers[j] - first.centers[i] - median)
                difference = abs(other_areas[j] / areas[i] - median_ratio)
                penalty = DISTANCE_WEIGHT_PER_PX * distance + AREA_RATIO_WEIGHT * difference
                scores[i, j] *= np.exp(-penalty) * support
    return scores


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
    """Processor seconds of one call, which is of one thread."""
    started = time.thread_time()
    function()
    return time.thread_time() - started


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
