"""Others' means find what is planted in pictures whose concepts are known: a red square and a green one, on black."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tests.support.networks import classifier_of
from visum_evaluation.parts.baselines import BASELINES, ace, activations, craft, kmeans
from visum_evaluation.parts.baselines.concepts import (
    Concept,
    ExplainedClass,
    Member,
    best_of_each_image,
    images_needed,
)
from visum_models import Classifier

SIDE = 64
SQUARE = 16
COUNT = 8
RED, GREEN, BLUE = range(3)
CASES = {
    "ace": ace.AceSettings(resolutions=(16,), stride=8, clusters=4, nearest=COUNT, least_share=0.8, most=2),
    "craft": craft.CraftSettings(stride=8, components=3, first_cell_px=3.5, least_share=0.8, most=2),
    "kmeans": kmeans.KmeansSettings(clusters=2, farthest=5.0, least_share=0.8),
}


class Colours(nn.Module):
    """Averages at strides 4, 8 and 16; class 0 is red and green alike, blue speaks against it."""

    def __init__(self) -> None:
        super().__init__()
        self.fourth = nn.AvgPool2d(4)
        self.eighth = nn.AvgPool2d(2)
        self.sixteenth = nn.AvgPool2d(2)
        self.head = nn.Linear(3, 2, bias=False)
        with torch.no_grad():
            self.head.weight.copy_(torch.tensor([[1.0, 1.0, -1.0], [0.0, 0.0, 0.0]]))

    def forward(self, pixels: Tensor) -> Tensor:
        return self.head(self.sixteenth(self.eighth(self.fourth(pixels))).mean(dim=(2, 3)))


def network() -> Classifier:
    return classifier_of(Colours(), 2, SIDE)


def squares() -> ExplainedClass:
    """A red square in the upper half and a green one in the lower half, each a region, and a blue one that is none."""
    generator = np.random.default_rng(1)
    pictures = np.zeros((COUNT, SIDE, SIDE, 3), np.uint8)
    regions = np.zeros((COUNT, SIDE, SIDE), np.uint16)
    for picture, numbers in zip(pictures, regions, strict=True):
        for colour, top in ((RED, 0), (GREEN, 24), (BLUE, 48)):
            left = 8 * int(generator.integers(0, 7))
            picture[top : top + SQUARE, left : left + SQUARE, colour] = 255
            numbers[top : top + SQUARE, left : left + SQUARE] = colour + 1 if colour != BLUE else 0
    return ExplainedClass(network(), 0, pictures, regions)


def colours_of(explained: ExplainedClass, concept: Concept) -> list[int]:
    """The colour that most of the pixels of each member have; 3 where it is black."""
    found = []
    for member in concept.members:
        pixels = explained.pictures[member.image][member.mask]
        counts = [*(pixels > 0).sum(axis=0), (pixels == 0).all(axis=1).sum()]
        found.append(int(np.argmax(counts)))
    return found


def members_of(concepts: list[Concept]) -> list[list[tuple[int, bytes]]]:
    return [sorted((member.image, member.mask.tobytes()) for member in concept.members) for concept in concepts]


@pytest.mark.parametrize("name", BASELINES)
def test_two_planted_squares_are_two_concepts(name):
    explained = squares()
    found = [colours_of(explained, concept) for concept in BASELINES[name](explained, settings=CASES[name], seed=0)]
    assert len(found) == 2
    assert {frozenset(colours) for colours in found} == {frozenset([RED]), frozenset([GREEN])}
    assert all(len(colours) >= 0.8 * COUNT for colours in found)


@pytest.mark.parametrize("name", BASELINES)
def test_a_seed_says_all_and_the_order_of_the_pictures_nothing(name):
    explained, order = squares(), np.random.default_rng(2).permutation(COUNT)
    found = members_of(BASELINES[name](explained, settings=CASES[name], seed=3))
    assert members_of(BASELINES[name](explained, settings=CASES[name], seed=3)) == found
    turned = BASELINES[name](explained.take(order), settings=CASES[name], seed=3)
    back = [Concept([Member(int(order[m.image]), m.mask) for m in concept.members]) for concept in turned]
    assert members_of(back) == found


@pytest.mark.parametrize("name", BASELINES)
def test_a_network_is_left_as_it_was(name):
    explained = squares()
    before = explained.classifier.logits(torch.ones(1, 3, SIDE, SIDE))
    BASELINES[name](explained, settings=CASES[name], seed=0)
    assert torch.equal(explained.classifier.logits(torch.ones(1, 3, SIDE, SIDE)), before)
    assert not any(module._forward_hooks for module in explained.classifier.network.modules())


def test_a_component_matters_as_far_as_the_logit_falls_without_it():
    explained = squares()
    maps = activations.feature_maps(explained.classifier, explained.pictures, 8)
    effects = craft.component_effects(explained, maps, maps, np.eye(3, dtype=np.float32), 8)
    share = (SQUARE / SIDE) ** 2
    np.testing.assert_allclose(effects, [share, share, -share], atol=1e-6)


def test_gradients_are_those_of_the_logit():
    explained = squares()
    found = activations.target_gradients(explained.classifier, explained.pictures, 16, 0)
    expected = np.broadcast_to(np.array([1, 1, -1], np.float32)[:, None, None] / 16, found.shape)
    np.testing.assert_allclose(found, expected, atol=1e-7)


def test_a_layer_that_answers_what_it_did_changes_nothing():
    explained = squares()
    maps = activations.feature_maps(explained.classifier, explained.pictures, 4)
    pixels = torch.stack([explained.classifier.to_pixels(picture) for picture in explained.pictures])
    expected = explained.classifier.logits(pixels)[:, 0].numpy()
    np.testing.assert_allclose(activations.target_logits(explained.classifier, maps, 4, 0), expected, atol=1e-6)


@pytest.mark.parametrize(("first_cell_px", "centre"), [(0.0, (16, 40)), (3.5, (19.5, 43.5))])
def test_the_area_of_a_peak_lies_where_its_cell_looks(first_cell_px, centre):
    weights = np.zeros((8, 8), np.float32)
    weights[2, 5], weights[7, 0] = 1, 0.7
    area = craft.peak_area(weights, SIDE, craft.CraftSettings(stride=8, first_cell_px=first_cell_px))
    assert np.argwhere(area).mean(axis=0) == pytest.approx(centre)
    assert np.ptp(np.argwhere(area), axis=0).max() <= 8


def test_segments_that_two_resolutions_share_are_one():
    pictures: NDArray[np.uint8] = squares().pictures[:1]
    once, twice = ace.cut(pictures, (16,)), ace.cut(pictures, (16, 16))
    assert len(once.masks) == len(twice.masks)
    assert once.masks.sum(axis=0).tolist() == np.ones((SIDE, SIDE), int).tolist()


def test_k_means_needs_regions_and_is_content_with_empty_ones():
    explained = squares()
    bare = ExplainedClass(explained.classifier, 0, explained.pictures)
    with pytest.raises(ValueError, match="needs them"):
        kmeans.find_concepts(bare, kmeans.KmeansSettings(), 0)
    empty = ExplainedClass(explained.classifier, 0, explained.pictures, np.zeros((COUNT, SIDE, SIDE), np.uint16))
    assert kmeans.find_concepts(empty, kmeans.KmeansSettings(), 0) == []


def test_only_the_nearest_of_an_image_is_its_member():
    found = best_of_each_image(np.array([4, 2, 4, 2, 7]), np.array([3.0, 1.0, 2.0, 1.0, 9.0]))
    assert found.tolist() == [1, 2, 4]


@pytest.mark.parametrize(("share", "images", "needed"), [(0.2, 40, 8), (0.3, 10, 3), (0.1, 10, 3), (0.25, 18, 5)])
def test_a_concept_is_in_a_share_of_the_images_and_in_three_at_least(share, images, needed):
    assert images_needed(share, images) == needed


def test_what_is_no_concept_is_refused():
    mask = np.ones((2, 2), bool)
    with pytest.raises(ValueError, match="shows nothing"):
        Member(0, ~mask)
    with pytest.raises(ValueError, match="has members"):
        Concept([])
    with pytest.raises(ValueError, match="one member an image"):
        Concept([Member(0, mask), Member(0, mask)])
    with pytest.raises(ValueError, match="pictures are"):
        ExplainedClass(network(), 0, np.zeros((2, 8, 8, 3), np.uint8))
    with pytest.raises(ValueError, match="regions are"):
        ExplainedClass(network(), 0, squares().pictures, np.zeros((2, SIDE, SIDE), np.uint16))
