"""Selective search: the same boxes in the same order, whatever ran before; what is kept."""

import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.pictures import encoded, noise
from visum_proposals.boxes import Boxes, areas
from visum_proposals.selective_search import ProposalOptions, find_proposals
from visum_runtime.errors import InvalidInput

SHA256 = hashlib.sha256(b"a picture").hexdigest()
SIDE = 72
FRESH_PROCESS = """
import json, sys
import numpy as np
from PIL import Image
from visum_proposals.selective_search import ProposalOptions, find_proposals
view = np.asarray(Image.open(sys.argv[1]).convert("RGB"))
print(json.dumps(find_proposals(view, sys.argv[2], ProposalOptions()).tolist()))
"""


def patchwork(side: int, seed: int = 0) -> NDArray[np.uint8]:
    """Coloured rectangles over a noisy ground: many nested proposals."""
    generator = np.random.default_rng(seed)
    view = (noise(side, side, seed) // 8 + 100).astype(np.uint8)
    for _ in range(25):
        x, y = generator.integers(0, side - side // 8, 2)
        width, height = generator.integers(side // 10, side // 2, 2)
        view[y : y + height, x : x + width] = generator.integers(0, 256, 3)
    return view


def shortest_side(boxes: Boxes) -> int:
    return int((boxes[:, 2:] - boxes[:, :2]).min())


@pytest.fixture(scope="module")
def view() -> NDArray[np.uint8]:
    return patchwork(SIDE)


@pytest.fixture(scope="module")
def found(view: NDArray[np.uint8]) -> Boxes:
    return find_proposals(view, SHA256, ProposalOptions())


def test_boxes_are_many_distinct_and_within_the_view(found: Boxes) -> None:
    assert len(found) > 20
    assert len(np.unique(found, axis=0)) == len(found)
    assert found.min() >= 0
    assert found.max() <= SIDE
    assert (found[:, 2:] > found[:, :2]).all()


def test_earlier_searches_change_nothing(view: NDArray[np.uint8], found: Boxes) -> None:
    find_proposals(patchwork(SIDE, seed=1), SHA256, ProposalOptions())
    cv2.setRNGSeed(12345)
    np.testing.assert_array_equal(find_proposals(view, SHA256, ProposalOptions()), found)


def test_the_number_of_threads_changes_nothing(view: NDArray[np.uint8], found: Boxes) -> None:
    threads = cv2.getNumThreads()
    try:
        for count in (1, 3):
            cv2.setNumThreads(count)
            np.testing.assert_array_equal(find_proposals(view, SHA256, ProposalOptions()), found)
    finally:
        cv2.setNumThreads(threads)


def test_a_fresh_process_finds_the_same(view: NDArray[np.uint8], found: Boxes, tmp_path: Path) -> None:
    path = tmp_path / "view.png"
    path.write_bytes(encoded(view))
    command = [sys.executable, "-c", FRESH_PROCESS, str(path), SHA256]
    answer = subprocess.run(command, capture_output=True, check=True, text=True, timeout=120)
    np.testing.assert_array_equal(json.loads(answer.stdout), found)


def test_threads_at_work_at_the_same_time_find_what_each_finds_alone() -> None:
    views = [patchwork(SIDE, seed) for seed in range(6)]
    alone = [find_proposals(view, SHA256, ProposalOptions()) for view in views]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda view: find_proposals(view, SHA256, ProposalOptions()), views))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_boxes_are_those_of_opencv_but_for_ties() -> None:
    view = patchwork(224, seed=5)
    options = ProposalOptions(max_boxes=5000, min_side=1, keep_border_boxes=True)
    found = {tuple(box) for box in find_proposals(view, SHA256, options).tolist()}
    search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
    search.setBaseImage(cv2.cvtColor(view, cv2.COLOR_RGB2BGR))
    search.switchToSelectiveSearchQuality()
    expected = {(x, y, x + width, y + height) for x, y, width, height in search.process().tolist()}
    assert len(expected) > 200
    assert len(found & expected) >= 0.97 * len(found | expected)


def test_fewer_boxes_are_the_first_of_more(view: NDArray[np.uint8], found: Boxes) -> None:
    np.testing.assert_array_equal(find_proposals(view, SHA256, ProposalOptions(max_boxes=7)), found[:7])


def test_another_digest_gives_the_same_boxes_in_another_order(view: NDArray[np.uint8]) -> None:
    options = ProposalOptions(max_boxes=5000)
    one = find_proposals(view, SHA256, options)
    other = find_proposals(view, hashlib.sha256(b"another").hexdigest(), options)
    assert one.tolist() != other.tolist()
    assert sorted(one.tolist()) == sorted(other.tolist())


def test_large_boxes_come_early(view: NDArray[np.uint8]) -> None:
    sizes = areas(find_proposals(view, SHA256, ProposalOptions(max_boxes=5000)))
    half = len(sizes) // 2
    assert sizes[:half].mean() > 1.5 * sizes[half:].mean()


def test_small_boxes_are_left_out(view: NDArray[np.uint8], found: Boxes) -> None:
    """Sides are given for a view of 224: 14 by default on small views, like this one."""
    assert 14 <= shortest_side(found) * 224 / SIDE < 20
    assert shortest_side(find_proposals(view, SHA256, ProposalOptions(min_side=60))) * 224 / SIDE >= 60


def test_a_view_of_full_size_has_boxes_of_30_pixels() -> None:
    boxes = find_proposals(patchwork(224), SHA256, ProposalOptions(max_boxes=5000))
    assert 30 <= shortest_side(boxes) < 34


def test_boxes_at_some_borders_are_left_out_unless_wanted(view: NDArray[np.uint8]) -> None:
    kept = find_proposals(view, SHA256, ProposalOptions(max_boxes=5000)).tolist()
    more = find_proposals(view, SHA256, ProposalOptions(max_boxes=5000, keep_border_boxes=True)).tolist()
    extra = [box for box in more if box not in kept]
    assert len(more) == len(kept) + len(extra)
    assert extra
    assert all(min(x0, y0) == 0 or max(x1, y1) == SIDE for x0, y0, x1, y1 in extra)
    assert [0, 0, SIDE, SIDE] in kept


@pytest.mark.parametrize("side", [1, 7, 8, 30])
def test_a_flat_view_of_any_size_is_one_box(side: int) -> None:
    boxes = find_proposals(np.full((side, side, 3), 128, np.uint8), SHA256, ProposalOptions())
    assert boxes.dtype == np.int32
    assert boxes.tolist() == [[0, 0, side, side]]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"max_boxes": 0}, "options.max_boxes"),
        ({"max_boxes": 5001}, "options.max_boxes"),
        ({"min_side": 0.5}, "options.min_side"),
        ({"min_side": float("nan")}, "options.min_side"),
        ({"min_side": float("inf")}, "options.min_side"),
    ],
)
def test_options_out_of_range_are_refused_by_field(options: dict[str, float], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        ProposalOptions(**options)
    assert caught.value.field == field
