"""Proposal flow, box by box: slow and obvious."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from visum_proposals.described_image import DescribedImage

PlainBox = Sequence[float]


def scaled_boxes(image: DescribedImage) -> list[list[float]]:
    """Boxes in pixels of a view of 224."""
    return [[float(value) * 224 / image.view_side for value in box] for box in image.boxes]


def area(box: PlainBox) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def aspect(box: PlainBox) -> float:
    return (box[2] - box[0]) / (box[3] - box[1])


def offset(box: PlainBox, other: PlainBox) -> tuple[float, float, float]:
    dx = (other[0] + other[2]) / 2 - (box[0] + box[2]) / 2
    dy = (other[1] + other[3]) / 2 - (box[1] + box[3]) / 2
    return dx, dy, area(other) / area(box)


def overlap(box: PlainBox, other: PlainBox) -> bool:
    return box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]


def similarities(first: DescribedImage, second: DescribedImage) -> NDArray[np.float64]:
    """Appearance with the aspect filter, all boxes."""
    result = np.zeros((len(first.boxes), len(second.boxes)))
    for i, box in enumerate(first.boxes.astype(float)):
        for j, other in enumerate(second.boxes.astype(float)):
            if 0.5 < aspect(other) / aspect(box) < 2:
                product = first.descriptors[i].astype(float) @ second.descriptors[j].astype(float)
                result[i, j] = max(0.0, product)
    return result


def plain_lom(first: DescribedImage, second: DescribedImage) -> NDArray[np.float64]:
    """Local offset matching, all boxes: two passes, each the geometric mean of both directions."""
    appearance = similarities(first, second)
    boxes, others = scaled_boxes(first), scaled_boxes(second)
    scores = appearance
    for _ in range(2):
        forward = one_way_support(boxes, others, scores)
        backward = one_way_support(others, boxes, scores.T).T
        scores = appearance * np.sqrt(forward * backward)
    return scores


def one_way_support(boxes: list[list[float]], others: list[list[float]], scores: NDArray) -> NDArray[np.float64]:
    """How far each candidate's offset is that of the best matches around it."""
    voters = [i for i in range(len(boxes)) if scores[i].any()]
    total = sum(scores[i].max() for i in voters)
    supports = np.zeros(scores.shape)
    for i, box in enumerate(boxes):
        neighbours = [k for k in voters if overlap(boxes[k], box)]
        if neighbours:
            offsets = [offset(boxes[k], others[scores[k].argmax()]) for k in neighbours]
            dx, dy, octaves = np.median([(x, y, math.log2(ratio) / 2) for x, y, ratio in offsets], axis=0)
            share = sum(scores[k].max() for k in neighbours) / total
            for j, other in enumerate(others):
                x, y, ratio = offset(box, other)
                penalty = 0.05 * math.hypot(x - dx, y - dy) + abs(math.log2(ratio) / 2 - octaves)
                supports[i, j] = share * math.exp(-penalty)
    return supports


def one_way_phm(first: DescribedImage, second: DescribedImage) -> NDArray[np.float64]:
    """Probabilistic Hough matching from the first image to the second, all boxes."""
    appearance = similarities(first, second)
    boxes, others = scaled_boxes(first), scaled_boxes(second)
    bins = {}
    for i, box in enumerate(boxes):
        for j, other in enumerate(others):
            dx, dy, ratio = offset(box, other)
            bins[i, j] = (round(dx / 16), round(dy / 16), round(math.log2(ratio) / 2 / 0.5))
    votes: dict[tuple[int, ...], float] = {}
    for i in range(len(boxes)):
        strongest: dict[tuple[int, ...], float] = {}
        for j in range(len(others)):
            strongest[bins[i, j]] = max(strongest.get(bins[i, j], 0.0), appearance[i, j])
        for at, vote in strongest.items():
            votes[at] = votes.get(at, 0.0) + vote
    kernel = [math.exp(-(step**2) / (2 * 1.062**2)) for step in range(-2, 3)]
    kernel = [weight / sum(kernel) for weight in kernel]
    scores = np.zeros_like(appearance)
    for (i, j), (x, y, z) in bins.items():
        smooth = 0.0
        for a in range(-2, 3):
            for b in range(-2, 3):
                for c in range(-2, 3):
                    weight = kernel[a + 2] * kernel[b + 2] * kernel[c + 2]
                    smooth += weight * votes.get((x + a, y + b, z + c), 0.0)
        scores[i, j] = appearance[i, j] * smooth
    return scores
