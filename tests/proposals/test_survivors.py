"""Survivors: which boxes lie inside a region, whose they are, and in what order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from visum_proposals.boxes import Boxes, as_boxes
from visum_proposals.survivors import (
    MAX_REGIONS,
    REGION_ITSELF,
    SurvivorOptions,
    Survivors,
    select_survivors,
)
from visum_runtime.errors import InvalidInput

SIDE = 112
PROPOSALS_ALONE = {"add_region_boxes": False}


def region_map(*boxes: tuple[int, int, int, int], side: int = SIDE) -> NDArray[np.int32]:
    regions = np.zeros((side, side), dtype=np.int32)
    for number, (x0, y0, x1, y1) in enumerate(boxes, start=1):
        regions[y0:y1, x0:x1] = number
    return regions


def plain_survivors(boxes: Boxes, regions: NDArray[np.int32], min_inside: float, radius_px: float) -> dict[int, int]:
    """Region by index of each surviving proposal, pixel by pixel."""
    owners = {}
    pixels = np.argwhere(np.ones_like(regions))
    dilated = {}
    for number in range(1, regions.max(initial=0) + 1):
        inside = np.argwhere(regions == number)
        nearest = [min((np.hypot(*(inside - pixel).T)), default=np.inf) for pixel in pixels]
        dilated[number] = (np.array(nearest) <= radius_px).reshape(regions.shape)
    for index, (x0, y0, x1, y1) in enumerate(boxes):
        shares = {number: mask[y0:y1, x0:x1].mean() for number, mask in dilated.items()}
        best = max(shares, key=lambda number: shares[number], default=0)
        if best and shares[best] > 0 and shares[best] >= min_inside:
            owners[index] = best
    return owners


def owners_of(survivors: Survivors) -> dict[int, int]:
    return dict(zip(survivors.proposals.tolist(), survivors.regions.tolist(), strict=True))


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    dilation=st.sampled_from([0.0, 28.0, 50.0]),
    min_inside=st.sampled_from([0.0, 0.5, 0.75]),
)
def test_equals_a_plain_implementation(seed: int, dilation: float, min_inside: float) -> None:
    generator = np.random.default_rng(seed)
    side = 16
    regions = generator.integers(0, 4, (4, 4)).repeat(4, axis=0).repeat(4, axis=1).astype(np.int32)
    starts = generator.integers(0, side - 1, (12, 2))
    boxes = as_boxes(np.unique(np.hstack([starts, generator.integers(starts + 1, side + 1)]), axis=0))
    options = SurvivorOptions(min_inside=min_inside, dilation=dilation, add_region_boxes=False)
    expected = plain_survivors(boxes, regions, min_inside, dilation * side / 224)
    assert owners_of(select_survivors(boxes, regions, options)) == expected


def test_three_quarters_of_the_box_must_lie_inside() -> None:
    regions = region_map((0, 0, 30, 112))
    boxes = as_boxes([[0, 0, 40, 10], [0, 0, 41, 10], [5, 5, 10, 10], [50, 50, 60, 60]])
    survivors = select_survivors(boxes, regions, SurvivorOptions(dilation=0, **PROPOSALS_ALONE))
    assert survivors.proposals.tolist() == [0, 2]
    np.testing.assert_array_equal(survivors.boxes, boxes[[0, 2]])


def test_two_regions_together_do_not_hold_a_box() -> None:
    regions = region_map((0, 0, 20, 40), (20, 0, 40, 40))
    survivors = select_survivors(as_boxes([[0, 0, 40, 40]]), regions, SurvivorOptions(dilation=0, **PROPOSALS_ALONE))
    assert len(survivors.boxes) == 0


def test_dilation_is_given_for_a_view_of_224() -> None:
    """A box that reaches 4 px beyond its region on each side, in a view of 112."""
    regions = region_map((40, 0, 50, 112))
    boxes = as_boxes([[36, 20, 54, 40]])
    survivors = [
        len(select_survivors(boxes, regions, SurvivorOptions(min_inside=1, dilation=dilation, **PROPOSALS_ALONE)).boxes)
        for dilation in (7.9, 8)
    ]
    assert survivors == [0, 1]


def test_the_regions_own_boxes_come_first() -> None:
    regions = region_map((10, 20, 50, 60), (70, 5, 100, 25))
    boxes = as_boxes([[12, 22, 40, 50], [71, 6, 90, 20]])
    survivors = select_survivors(boxes, regions, SurvivorOptions())
    assert survivors.boxes.tolist() == [[10, 20, 50, 60], [70, 5, 100, 25], [12, 22, 40, 50], [71, 6, 90, 20]]
    assert survivors.proposals.tolist() == [REGION_ITSELF, REGION_ITSELF, 0, 1]
    assert survivors.regions.tolist() == [1, 2, 1, 2]


def test_a_proposal_with_a_regions_own_box_stands_once() -> None:
    regions = region_map((10, 20, 50, 60))
    survivors = select_survivors(as_boxes([[0, 0, 9, 9], [10, 20, 50, 60]]), regions, SurvivorOptions())
    assert survivors.boxes.tolist() == [[10, 20, 50, 60]]
    assert survivors.proposals.tolist() == [1]


def test_of_two_regions_with_one_box_both_survive() -> None:
    regions = region_map((10, 20, 50, 60))
    regions[25:55, 15:45] = 2
    regions[[20, 59], [10, 49]] = 2
    survivors = select_survivors(as_boxes([[10, 20, 50, 60]]), regions, SurvivorOptions())
    assert survivors.boxes.tolist() == [[10, 20, 50, 60]] * 2
    assert survivors.proposals.tolist() == [0, REGION_ITSELF]
    assert survivors.regions.tolist() == [1, 2]


def test_a_proposal_that_comes_twice_stands_once() -> None:
    regions = region_map((10, 20, 50, 60))
    boxes = as_boxes([[12, 22, 40, 50]] * 2)
    assert select_survivors(boxes, regions, SurvivorOptions(dilation=0, **PROPOSALS_ALONE)).proposals.tolist() == [0]


def test_an_image_with_a_region_is_never_empty() -> None:
    survivors = select_survivors(as_boxes([]), region_map((3, 4, 5, 6)), SurvivorOptions())
    assert survivors.boxes.tolist() == [[3, 4, 5, 6]]


def test_an_image_without_a_region_is_empty() -> None:
    survivors = select_survivors(as_boxes([[0, 0, 112, 112]]), region_map(), SurvivorOptions(min_inside=0))
    assert survivors.boxes.shape == (0, 4)
    assert survivors.proposals.shape == survivors.regions.shape == (0,)


def test_a_number_without_pixels_is_no_region() -> None:
    regions = region_map((0, 0, 10, 10), (0, 0, 10, 10))
    assert select_survivors(as_boxes([]), regions, SurvivorOptions()).regions.tolist() == [2]


def test_the_first_are_kept() -> None:
    regions = region_map((0, 0, 112, 112))
    boxes = as_boxes([[i, i, i + 20, i + 20] for i in range(30)])
    survivors = select_survivors(boxes, regions, SurvivorOptions(max_survivors=3))
    assert survivors.proposals.tolist() == [REGION_ITSELF, 0, 1]


def test_too_many_regions_are_refused() -> None:
    regions = np.zeros((40, 40), dtype=np.int32)
    regions[0, 0] = MAX_REGIONS + 1
    with pytest.raises(InvalidInput) as caught:
        select_survivors(as_boxes([]), regions, SurvivorOptions())
    assert caught.value.field == "regions_png"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("min_inside", -0.1),
        ("min_inside", 1.1),
        ("min_inside", float("nan")),
        ("dilation", -1.0),
        ("dilation", float("inf")),
        ("max_survivors", 0),
        ("max_survivors", 1001),
    ],
)
def test_options_out_of_range_are_refused_by_field(name: str, value: float) -> None:
    with pytest.raises(InvalidInput) as caught:
        SurvivorOptions(**{name: value})
    assert caught.value.field == f"options.{name}"
