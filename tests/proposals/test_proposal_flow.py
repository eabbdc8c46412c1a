"""Matching against plain implementations, known answers and what scores must not depend on."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.proposals.plain_proposal_flow import one_way_phm, plain_lom, similarities
from visum_proposals.boxes import Boxes, as_boxes
from visum_proposals.described_image import MAX_COORDINATE_PX, DescribedImage, PreparedImage
from visum_proposals.proposal_flow import MatchOptions, Method, match_pair, match_tile
from visum_proposals.rotation import Rotation
from visum_runtime.errors import InvalidInput, Stopped

DIMENSIONS = 6


def random_boxes(generator: np.random.Generator, count: int, side: int = 224) -> Boxes:
    starts = generator.integers(0, side - 1, (count, 2))
    ends = generator.integers(starts + 1, side + 1)
    return as_boxes(np.unique(np.hstack([starts, ends]), axis=0)[generator.permutation(count)])


def random_image(seed: int, count: int = 30, survivors: int = 8, view_side: int = 224) -> DescribedImage:
    generator = np.random.default_rng(seed)
    boxes = random_boxes(generator, count, view_side)
    descriptors = generator.normal(size=(count, DIMENSIONS)).astype(np.float16)
    chosen = generator.choice(count, survivors, replace=False).astype(np.int32)
    return DescribedImage(boxes, descriptors, chosen, view_side)


def whole(image: DescribedImage) -> DescribedImage:
    """The same image with all boxes surviving."""
    return replace(image, survivors=np.arange(len(image.boxes), dtype=np.int32))


def scores_of(first: DescribedImage, second: DescribedImage, method: Method = Method.LOM) -> NDArray[np.float32]:
    return match_pair(PreparedImage.of(first), PreparedImage.of(second), MatchOptions(method)).scores


def pruned(scores: NDArray, first: DescribedImage, second: DescribedImage) -> NDArray:
    return scores[np.ix_(first.survivors, second.survivors)]


def plain_scores(first: DescribedImage, second: DescribedImage, method: Method) -> NDArray[np.float64]:
    if method is Method.LOM:
        return plain_lom(first, second)
    if method is Method.PHM:
        return np.maximum(one_way_phm(first, second), one_way_phm(second, first).T)
    return similarities(first, second)


@st.composite
def any_image(draw: st.DrawFn) -> DescribedImage:
    """Sizes 0, 1, many; boxes of one pixel and of one column; survivors from none to all; zero descriptors."""
    count = draw(st.integers(0, 9))
    side = draw(st.sampled_from([1, 16, 224, 400]))
    coordinates = st.tuples(*[st.integers(0, side - 1)] * 2, *[st.integers(1, side)] * 2)
    boxes = draw(st.lists(coordinates, min_size=count, max_size=count, unique=True))
    boxes = [(x, y, min(x + w, side), min(y + h, side)) for x, y, w, h in boxes]
    boxes = list(dict.fromkeys(boxes))
    generator = np.random.default_rng(draw(st.integers(0, 1000)))
    descriptors = generator.normal(size=(len(boxes), DIMENSIONS))
    descriptors[generator.random(len(boxes)) < 0.2] = 0
    survivors = [index for index in range(len(boxes)) if draw(st.booleans())]
    return DescribedImage(as_boxes(boxes), descriptors.astype(np.float16), np.array(survivors, dtype=np.int32), side)


@pytest.mark.parametrize("method", Method)
@settings(max_examples=60, deadline=None)
@given(first=any_image(), second=any_image())
def test_equals_a_plain_implementation(method: Method, first: DescribedImage, second: DescribedImage) -> None:
    expected = pruned(plain_scores(first, second, method), first, second)
    np.testing.assert_allclose(scores_of(first, second, method), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("method", Method)
def test_equals_a_plain_implementation_on_many_boxes(method: Method) -> None:
    first, second = random_image(1, 60, 20), random_image(2, 50, 15, view_side=300)
    expected = pruned(plain_scores(first, second, method), first, second)
    assert expected.max() > 0
    np.testing.assert_allclose(scores_of(first, second, method), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("method", Method)
def test_pruned_before_equals_matched_whole_then_pruned(method: Method) -> None:
    first, second = random_image(3, 80, 12), random_image(4, 70, 9)
    matched_whole = scores_of(whole(first), whole(second), method)
    difference = scores_of(first, second, method) - pruned(matched_whole, first, second)
    assert np.abs(difference).max() <= 1e-7


def shuffled(image: DescribedImage, seed: int) -> DescribedImage:
    """The same boxes in another order; the survivors are the same boxes in the same order."""
    order = np.random.default_rng(seed).permutation(len(image.boxes))
    position = np.argsort(order).astype(np.int32)
    return replace(
        image, boxes=image.boxes[order], descriptors=image.descriptors[order], survivors=position[image.survivors]
    )


@pytest.mark.parametrize("method", Method)
def test_the_order_of_boxes_does_not_matter(method: Method) -> None:
    first, second = random_image(5, 90, 20), random_image(6, 80, 20)
    expected = scores_of(first, second, method)
    np.testing.assert_array_equal(scores_of(shuffled(first, 1), shuffled(second, 2), method), expected)


def test_the_order_does_not_matter_where_similarities_are_equal() -> None:
    first, second = (
        replace(random_image(seed, 40, 10), descriptors=np.ones((40, DIMENSIONS), np.float16)) for seed in (7, 8)
    )
    expected = scores_of(first, second)
    assert expected.max() > 0
    np.testing.assert_array_equal(scores_of(shuffled(first, 3), shuffled(second, 4)), expected)


@pytest.mark.parametrize("method", Method)
def test_both_directions_count_alike(method: Method) -> None:
    first, second = random_image(9), random_image(10)
    expected = scores_of(second, first, method).T
    np.testing.assert_allclose(scores_of(first, second, method), expected, rtol=1e-5, atol=1e-7)


def copy_of(image: DescribedImage, scale: float, shift: tuple[int, int]) -> DescribedImage:
    """What the same boxes look like after scaling and shifting the picture."""
    return replace(image, boxes=as_boxes(np.round(image.boxes * scale) + np.tile(shift, 2)))


def distinct_image(seed: int, dimensions: int) -> DescribedImage:
    """60 boxes, all surviving, each most similar to itself."""
    image = whole(random_image(seed, 60))
    descriptors = np.random.default_rng(seed).normal(size=(60, dimensions))
    descriptors /= np.linalg.norm(descriptors, axis=1, keepdims=True)
    return replace(image, descriptors=descriptors.astype(np.float16))


@pytest.mark.parametrize(
    ("scale", "shift", "dimensions"),
    [(1, (0, 0), DIMENSIONS), (1, (31, 12), DIMENSIONS), (1.25, (0, 0), 64), (1.25, (17, 40), 64)],
)
def test_a_shifted_and_scaled_copy_matches_itself_box_for_box(
    scale: float, shift: tuple[int, int], dimensions: int
) -> None:
    image = distinct_image(11, dimensions)
    scores = scores_of(image, copy_of(image, scale, shift))
    np.testing.assert_array_equal(scores.argmax(axis=1), np.arange(60))
    np.testing.assert_array_equal(scores.argmax(axis=0), np.arange(60))


def test_neighbours_find_the_partner_where_appearance_misleads() -> None:
    """The copy of box 0 has faded, and box 3's looks like it now; boxes 1 and 2 overlap box 0 and know better."""
    boxes = as_boxes([[0, 0, 60, 60], [10, 10, 70, 70], [0, 20, 60, 80], [150, 150, 210, 210]])
    survivors = np.arange(4, dtype=np.int32)
    image = DescribedImage(boxes, np.diag([1, 3, 3, 1]).astype(np.float16), survivors, 224)
    faded = np.diag([0.5, 3, 3, 1]).astype(np.float16)
    faded[3, 0] = 1
    copy = copy_of(replace(image, descriptors=faded), 1, (20, 5))
    assert scores_of(image, copy, Method.NAM)[0].argmax() == 3
    assert scores_of(image, copy)[0].argmax() == 0


def test_a_view_of_twice_the_size_is_the_same_view() -> None:
    first, second = random_image(12), random_image(13)
    doubled = replace(copy_of(second, 2, (0, 0)), view_side=2 * second.view_side)
    np.testing.assert_allclose(scores_of(first, doubled), scores_of(first, second), rtol=1e-6)


def test_two_boxes_and_their_shifted_copies_have_the_score_computed_by_hand() -> None:
    """Two boxes that overlap move by (10, 0): the right partner has full support, the wrong one is 40 px off.

    It would be so in any number of passes: what both agree on is right from the start.
    """
    boxes = as_boxes([[0, 0, 60, 60], [40, 0, 100, 60]])
    descriptors = np.array([[2, 0.5], [0.5, 2]], dtype=np.float16)
    image = DescribedImage(boxes, descriptors, np.arange(2, dtype=np.int32), 224)
    similar, different = 4.25, 2.0
    expected = [[similar, different * np.exp(-0.05 * 40)], [different * np.exp(-0.05 * 40), similar]]
    np.testing.assert_allclose(scores_of(image, copy_of(image, 1, (10, 0))), expected, rtol=1e-6)


def test_boxes_apart_support_themselves_alone() -> None:
    boxes = as_boxes([[0, 0, 50, 50], [100, 100, 150, 150]])
    image = DescribedImage(boxes, np.diag([1.0, 2.0]).astype(np.float16), np.arange(2, dtype=np.int32), 224)
    after_first_pass = np.array([1 * 1 / 5, 4 * 4 / 5])
    expected = np.diag([1, 4] * after_first_pass / after_first_pass.sum())
    np.testing.assert_allclose(scores_of(image, image), expected, rtol=1e-6)


PARITIES = np.array([1, -1, -1, 1, 1, -1], dtype=np.float32)


def mirrored(image: DescribedImage, width: int = 224) -> DescribedImage:
    """What the same boxes look like with left and right exchanged."""
    boxes = np.column_stack(
        [width - image.boxes[:, 2], image.boxes[:, 1], width - image.boxes[:, 0], image.boxes[:, 3]]
    )
    descriptors = (image.descriptors.astype(np.float32) * PARITIES).astype(np.float16)
    return replace(image, boxes=as_boxes(boxes), descriptors=descriptors)


@pytest.mark.parametrize("method", Method)
def test_a_mirrored_copy_matches_as_the_image_itself_and_is_told(method: Method) -> None:
    image, other = PreparedImage.of(random_image(16)), PreparedImage.of(mirrored(random_image(16)))
    expected = match_pair(image, image, MatchOptions(method))
    match = match_pair(image, other, MatchOptions(method), PARITIES)
    assert match.mirrored
    assert not expected.mirrored
    np.testing.assert_allclose(match.scores, expected.scores, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method", Method)
def test_an_upright_copy_matches_as_without_the_mirror(method: Method) -> None:
    image = PreparedImage.of(random_image(17))
    match = match_pair(image, image, MatchOptions(method), PARITIES)
    assert not match.mirrored
    np.testing.assert_array_equal(match.scores, match_pair(image, image, MatchOptions(method)).scores)


@pytest.mark.parametrize("method", Method)
def test_the_way_an_image_is_taken_does_not_depend_on_its_survivors(method: Method) -> None:
    options = MatchOptions(method)
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(DIMENSIONS, DIMENSIONS)))
    rotation = Rotation(turn.astype(np.float32), PARITIES)
    rotated = 0
    for seed in range(20, 26):
        first, second = random_image(seed), random_image(seed + 50)
        pair = PreparedImage.of(first), PreparedImage.of(second)
        whole_pair = PreparedImage.of(whole(first)), PreparedImage.of(whole(second))
        match = match_pair(*pair, options, PARITIES, rotation)
        matched_whole = match_pair(*whole_pair, options, PARITIES, rotation)
        assert (match.mirrored, match.rotation_degrees) == (matched_whole.mirrored, matched_whole.rotation_degrees)
        rotated += match.rotation_degrees != 0
        np.testing.assert_allclose(match.scores, pruned(matched_whole.scores, first, second), atol=1e-7)
    assert 0 < rotated < 6


@settings(max_examples=60, deadline=None)
@given(first=any_image(), second=any_image())
def test_a_mirrored_second_image_gives_the_other_answer(first: DescribedImage, second: DescribedImage) -> None:
    """Mirroring the second image exchanges the two attempts; where they are equal, the upright one is taken."""
    turned = mirrored(second, 400)
    plain, other = (
        match_pair(PreparedImage.of(first), PreparedImage.of(image), MatchOptions(), PARITIES)
        for image in (second, turned)
    )
    if plain.mirrored:
        assert not other.mirrored
        np.testing.assert_allclose(other.scores, plain.scores, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("width", "admitted"), [(21, True), (39, True), (20, False), (80, False), (79, True)])
def test_the_aspect_may_differ_by_less_than_a_factor_2(width: int, admitted: bool) -> None:
    one = np.ones((1, 1), np.float16)
    survivor = np.zeros(1, np.int32)
    first = DescribedImage(as_boxes([[0, 0, 40, 40]]), one, survivor, 224)
    second = DescribedImage(as_boxes([[0, 0, width, 40]]), one, survivor, 224)
    assert (scores_of(first, second, Method.NAM)[0, 0] > 0) == admitted


def test_scores_below_the_minimum_become_zero() -> None:
    first, second = PreparedImage.of(random_image(14)), PreparedImage.of(random_image(15))
    free = match_pair(first, second, MatchOptions()).scores
    limit = float(np.median(free[free > 0]))
    np.testing.assert_array_equal(
        match_pair(first, second, MatchOptions(min_score=limit)).scores, np.where(free < limit, 0, free)
    )


@pytest.mark.parametrize("method", Method)
def test_tiles_of_any_shape_give_the_same_scores(method: Method) -> None:
    images = [random_image(seed, 20 + seed, 5) for seed in range(20, 25)]
    options = MatchOptions(method)
    diagonal = {(pair.row, pair.column): pair.scores for pair in match_tile(images, None, options)}
    assert list(diagonal) == [(i, j) for i in range(5) for j in range(i + 1, 5)]
    for pair in match_tile(images[:2], images[2:], options):
        np.testing.assert_array_equal(pair.scores, diagonal[pair.row, pair.column + 2])
    (single,) = match_tile([images[1]], [images[4]], options)
    np.testing.assert_array_equal(single.scores, diagonal[1, 4])


def test_a_diagonal_tile_of_one_image_has_no_pair() -> None:
    assert match_tile([random_image(1)], None, MatchOptions()) == []


def test_a_tile_stops_between_pairs() -> None:
    asked: list[int] = []

    def after_two_pairs() -> bool:
        asked.append(1)
        return len(asked) > 2

    images = [random_image(seed, 5, 2) for seed in range(4)]
    with pytest.raises(Stopped):
        match_tile(images, None, MatchOptions(), should_stop=after_two_pairs)
    assert len(asked) == 3


@pytest.mark.parametrize("method", Method)
def test_images_without_boxes_or_survivors_have_empty_scores(method: Method) -> None:
    nothing = DescribedImage(as_boxes([]), np.zeros((0, DIMENSIONS), np.float16), np.zeros(0, np.int32), 224)
    some = random_image(1, 10, 3)
    assert scores_of(nothing, some, method).shape == (0, 3)
    assert scores_of(some, replace(some, survivors=np.zeros(0, np.int32)), method).shape == (3, 0)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"view_side": 0}, "view_side"),
        ({"view_side": MAX_COORDINATE_PX + 1}, "view_side"),
        ({"boxes": as_boxes([[5, 5, 5, 9]])}, "boxes"),
        ({"boxes": as_boxes([[-1, 0, 5, 9]])}, "boxes"),
        ({"boxes": as_boxes([[0, 0, 5, MAX_COORDINATE_PX + 1]])}, "boxes"),
        ({"descriptors": np.zeros((2, 3), np.float16)}, "descriptors"),
        ({"survivors": np.array([1], np.int32)}, "survivors"),
        ({"survivors": np.array([-1], np.int32)}, "survivors"),
    ],
)
def test_a_wrong_image_is_refused_by_field(change: dict[str, object], field: str) -> None:
    image = DescribedImage(as_boxes([[0, 0, 9, 9]]), np.zeros((1, 3), np.float16), np.zeros(1, np.int32), 9)
    with pytest.raises(InvalidInput) as caught:
        replace(image, **change)
    assert caught.value.field == field


@pytest.mark.parametrize("min_score", [-0.1, float("nan"), float("inf")])
def test_a_wrong_minimum_is_refused(min_score: float) -> None:
    with pytest.raises(InvalidInput) as caught:
        MatchOptions(min_score=min_score)
    assert caught.value.field == "options.min_score"
