"""Which items are compared where there are too many."""

import numpy as np
import pytest

from visum_clustering.placing import choose_images

MOST = 100


def chosen_of(*sizes: int) -> np.ndarray:
    """Images of the items chosen among images of so many items."""
    images = np.repeat(np.arange(len(sizes)), sizes)
    chosen = choose_images(images, MOST)
    assert (np.diff(chosen) > 0).all()
    return images[chosen]


def test_no_more_than_the_limit_are_all_compared():
    assert len(chosen_of(90, 10)) == MOST


def test_of_more_items_all_of_every_other_image_are_compared():
    assert chosen_of(*[20] * 10).tolist() == np.repeat(np.arange(0, 10, 2), 20).tolist()


def test_the_images_need_not_be_in_order():
    images = np.random.default_rng(0).permutation(np.repeat(np.arange(10), 20))
    chosen = choose_images(images, MOST)
    assert set(images[chosen]) == {0, 2, 4, 6, 8}
    assert len(chosen) == MOST


@pytest.mark.parametrize(
    "sizes", [(101, 3), (1, 101), (101, 1, 1), (300, 300), (101, 101, 1, 101), (60, 30, 30), (7,) * 90]
)
def test_items_of_two_images_at_least_are_compared_whatever_their_numbers(sizes):
    images = chosen_of(*sizes)
    assert 2 <= len(images) <= MOST
    assert len(set(images)) >= 2


def test_of_a_single_image_with_too_many_items_some_are_compared():
    assert len(chosen_of(250)) == 84
