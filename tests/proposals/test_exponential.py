"""The exponential function of the matching's kernels."""

import numpy as np
import pytest
from numba import njit
from numpy.typing import NDArray

from visum_proposals.exponential import exponential


@njit
def exponentials(values):  # type: ignore[no-untyped-def]
    results = np.empty_like(values)
    for i in range(len(values)):
        results[i] = exponential(values[i])
    return results


@pytest.mark.parametrize(("low", "high"), [(-87, 0), (-1, 1), (0, 87)])
def test_equals_that_of_double_precision(low: float, high: float) -> None:
    values: NDArray[np.float32] = np.linspace(low, high, 100_001, dtype=np.float32)
    np.testing.assert_allclose(exponentials(values), np.exp(values.astype(np.float64)), rtol=3e-7)


def test_is_one_at_zero_and_all_but_nothing_far_below() -> None:
    values = np.array([0, -0.0, -88, -1e30, -np.inf], dtype=np.float32)
    results = exponentials(values)
    np.testing.assert_array_equal(results[:2], 1)
    assert (results[2:] > 0).all()
    assert (results[2:] < 2e-38).all()
