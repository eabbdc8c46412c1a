"""Segmentation and grouping: against OpenCV's, and known answers."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.proposals.test_selective_search import patchwork
from visum_proposals.graph_segmentation import segment
from visum_proposals.hierarchical_grouping import Regions, Similarity, group, outline
from visum_proposals.region_appearance import Pixels

SCALES = (150.0, 450.0)
ALIKE = Similarity(colour=1, fill=0, texture=0, size=0)
SMALL_FIRST = Similarity(colour=0, fill=0, texture=0, size=1)
OPENCV = cv2.ximgproc.segmentation


def noise(height: int, width: int, channels: int, seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def grouped(image: NDArray[np.uint8], labels: NDArray[np.int32], similarity: Similarity) -> list[tuple[int, ...]]:
    return [tuple(box) for box in group(outline(labels), *Pixels.of(image).histograms(labels), similarity).tolist()]


def opencv_boxes(image: NDArray[np.uint8], scale: float, strategy: object) -> set[tuple[int, ...]]:
    search = OPENCV.createSelectiveSearchSegmentation()
    search.setBaseImage(image)
    search.addImage(image)
    search.addGraphSegmentation(OPENCV.createGraphSegmentation(float(np.float32(0.8)), scale, 100))
    search.addStrategy(strategy)
    return {(x, y, x + width, y + height) for x, y, width, height in search.process().tolist()}


@pytest.mark.parametrize("channels", [1, 3])
def test_segments_are_those_of_opencv(channels: int) -> None:
    image = np.ascontiguousarray(patchwork(150, seed=3)[..., :channels])
    for scale, labels in zip(SCALES, segment(image, SCALES), strict=True):
        reference = OPENCV.createGraphSegmentation(float(np.float32(0.8)), scale, 100).processImage(image)
        np.testing.assert_array_equal(labels, reference)


@pytest.mark.parametrize(
    ("similarity", "strategy"),
    [
        (ALIKE, OPENCV.createSelectiveSearchSegmentationStrategyColor),
        (Similarity(colour=0, fill=0, texture=1, size=0), OPENCV.createSelectiveSearchSegmentationStrategyTexture),
        (Similarity(colour=0, fill=1, texture=0, size=0), OPENCV.createSelectiveSearchSegmentationStrategyFill),
        (SMALL_FIRST, OPENCV.createSelectiveSearchSegmentationStrategySize),
    ],
)
def test_merged_regions_are_those_of_opencv(similarity: Similarity, strategy: object) -> None:
    image = patchwork(150, seed=4)
    (labels,) = segment(image, SCALES[:1])
    assert set(grouped(image, labels, similarity)) == opencv_boxes(image, SCALES[0], strategy())


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3]), st.integers(0, 99))
def test_regions_are_connected_large_enough_and_all_there_is(height: int, width: int, channels: int, seed: int) -> None:
    (labels,) = segment(noise(height, width, channels, seed), SCALES[:1])
    regions = outline(labels)
    assert regions.sizes.sum() == height * width
    assert len(regions.sizes) == 1 or regions.sizes.min() >= 100
    for number, (box, size) in enumerate(zip(regions.boxes, regions.sizes, strict=True)):
        rows, columns = np.nonzero(labels == number)
        assert size == len(rows)
        assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert cv2.connectedComponents((labels == number).astype(np.uint8), connectivity=4)[0] == 2


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.integers(0, 99))
def test_all_regions_that_touch_become_one(count: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    image = noise(30, 40, 3, seed)
    labels = np.unique(generator.integers(0, count, (3, 4)), return_inverse=True)[1].reshape(3, 4)
    labels = labels.repeat(10, axis=0).repeat(10, axis=1).astype(np.int32)
    regions = int(labels.max()) + 1
    boxes = grouped(image, labels, SMALL_FIRST)
    assert len(boxes) == 2 * regions - 1
    assert boxes[-1] == (0, 0, 40, 30)


def test_the_most_similar_neighbours_are_merged_first() -> None:
    """Of four stripes, red, red, blue and green, the red ones; then all others are equally unlike, the first first."""
    labels = np.repeat(np.arange(4, dtype=np.int32), 10)[None].repeat(20, axis=0)
    colours = np.array([[250, 0, 0], [250, 0, 0], [0, 0, 250], [0, 250, 0]], dtype=np.uint8)
    stripes = [(0, 0, 10, 20), (10, 0, 20, 20), (20, 0, 30, 20), (30, 0, 40, 20)]
    merged = grouped(colours[labels], labels, ALIKE)
    assert merged[:5] == [*stripes, (0, 0, 20, 20)]
    assert merged[5:] == [(20, 0, 40, 20), (0, 0, 40, 20)]


def test_regions_that_do_not_touch_stay_apart() -> None:
    regions = Regions(
        np.array([[0, 0, 5, 5], [9, 9, 12, 12]], np.int32), np.array([25, 9], np.int32), np.zeros((0, 2), np.int32)
    )
    flat = np.ones((2, 1), dtype=np.float32)
    assert group(regions, flat, flat, SMALL_FIRST).tolist() == [[0, 0, 5, 5], [9, 9, 12, 12]]


def test_histograms_have_sum_one() -> None:
    image = noise(20, 30, 3, 0)
    labels = (np.arange(600, dtype=np.int32) // 150).reshape(20, 30)
    for histograms in Pixels.of(image).histograms(labels):
        np.testing.assert_allclose(histograms.sum(axis=1), 1, rtol=1e-5)
