"""Quantus scores masks by the function that it asks for."""

import numpy as np
import pytest

from tests.mask.test_attribution import boards, explain, window

pytestmark = pytest.mark.long


@pytest.fixture
def common():
    images = boards(2).numpy()
    return {"model": window(), "x_batch": images, "y_batch": np.array([1, 1]), "channel_first": True, "device": "cpu"}


def test_pixels_that_the_mask_marks_take_the_score_away_sooner_than_others(quantus, common):
    flipping = quantus.PixelFlipping(features_in_step=64, disable_warnings=True)
    own = np.mean(flipping(**common, explain_func=explain), axis=1)
    at_random = np.mean(flipping(**common, a_batch=np.random.default_rng(0).random((2, 1, 32, 32))), axis=1)
    assert own.max() < 0.8 * at_random.min()


def test_robustness_is_measured_by_calling_it_again(quantus, common):
    sensitivity = quantus.MaxSensitivity(nr_samples=2, disable_warnings=True)
    assert np.shape(sensitivity(**common, explain_func=explain)) == (2,)
