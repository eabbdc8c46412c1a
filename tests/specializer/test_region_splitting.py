"""A region that is too large for a part is divided where what the network sees changes."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tests.support.networks import classifier_of
from visum_models import Classifier
from visum_runtime.errors import FailedPrecondition, InvalidInput
from visum_specializer.region_splitting import boxes_of, split_regions

SIDE = 64


class Averages(nn.Module):
    """Means of the colours at strides 8 and 16, so that features are known; then a head."""

    def __init__(self) -> None:
        super().__init__()
        self.eighth = nn.AvgPool2d(8)
        self.sixteenth = nn.AvgPool2d(2)
        self.head = nn.Linear(3, 2)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.head(self.sixteenth(self.eighth(pixels)).mean(dim=(2, 3)))


class Pooled(nn.Module):
    """A network without feature maps."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, 2)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.head(pixels.mean(dim=(2, 3)))


def network() -> Classifier:
    torch.manual_seed(0)
    return classifier_of(Averages(), 2, SIDE)


def bars() -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """A bar of three colours in one region, each third 16 x 16, and a small region elsewhere."""
    view = np.zeros((SIDE, SIDE, 3), np.uint8)
    regions = np.zeros((SIDE, SIDE), np.uint16)
    for third in range(3):
        view[16:32, 8 + 16 * third : 24 + 16 * third, third] = 255
    regions[16:32, 8:56] = 1
    regions[48:56, 40:56] = 2
    return view, regions


def test_a_region_is_divided_where_the_colours_change():
    view, regions = bars()
    found = split_regions(network(), view, regions, largest=16 * 16 / SIDE**2)
    thirds = [np.unique(found[16:32, 8 + 16 * third : 24 + 16 * third]).tolist() for third in range(3)]
    assert sorted(thirds) == [[1], [2], [3]]
    assert (found[48:56, 40:56] == 4).all()


def test_what_lies_in_no_region_and_what_lies_in_some_stays_so():
    view, regions = bars()
    found = split_regions(network(), view, regions, largest=0.01)
    assert ((found > 0) == (regions > 0)).all()
    assert np.unique(found[found > 0]).tolist() == list(range(1, found.max() + 1))


def test_no_region_is_divided_that_is_small_enough():
    view, regions = bars()
    assert (split_regions(network(), view, regions, largest=0.5) == regions).all()


@pytest.mark.parametrize("largest", [0.01, 0.02, 0.05, 0.1])
def test_pieces_are_small_enough_and_dividing_them_again_changes_nothing(largest):
    generator = np.random.default_rng(3)
    view = generator.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    regions = np.zeros((SIDE, SIDE), np.uint16)
    regions[3:61, 5:50] = 1
    regions[20:30, 52:63] = 2
    found = split_regions(network(), view, regions, largest)
    one_cell = 8 * 8
    assert np.bincount(found.ravel())[1:].max() <= max(largest * SIDE**2, one_cell)
    assert (split_regions(network(), view, found, largest) == found).all()


def test_a_small_piece_joins_its_likest_neighbour():
    view, regions = bars()
    view[16:32, 24:40] = (0, 255, 0)
    view[16:24, 24:32] = (20, 235, 0)  # a cell a little different
    found = split_regions(network(), view, regions, largest=0.08)
    assert len(np.unique(found[16:32, 24:40])) == 1


def test_boxes_are_those_of_the_regions():
    assert boxes_of(bars()[1]).tolist() == [[8, 16, 56, 32], [40, 48, 56, 56]]
    assert boxes_of(np.zeros((4, 4), np.uint16)).shape == (0, 4)


@pytest.mark.parametrize("largest", [0.0, 0.004, 1.5, float("nan")])
def test_a_limit_out_of_range_is_refused(largest):
    with pytest.raises(InvalidInput) as refusal:
        split_regions(network(), *bars(), largest)
    assert refusal.value.field == "options.max_area"


def test_a_network_without_maps_is_refused_where_a_region_is_too_large():
    plain = classifier_of(Pooled(), 2, SIDE)
    with pytest.raises(FailedPrecondition):
        split_regions(plain, *bars(), 0.05)
    assert split_regions(plain, *bars(), 0.5).max() == 2
