"""Rank correlations of a handful of networks, with exact p-values, and with other quantities held fixed."""

from collections.abc import Sequence
from itertools import permutations
from math import factorial

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

EXACT_UP_TO = 8
"""So many networks have 40,320 orders, all of which are tried; of more, as many are drawn."""
_ORDERS = factorial(EXACT_UP_TO)
_SEED = 20_160_901
_TOLERANCE = 1e-12


def rank_correlation(
    one: Sequence[float], other: Sequence[float], fixed: Sequence[Sequence[float]] = ()
) -> tuple[float, float] | None:
    """Spearman's correlation of two quantities with its two-sided p-value, other quantities held fixed.

    Ranks are freed of what a linear function of the others' ranks explains (partial rank correlation; Kendall and
    Stuart, The Advanced Theory of Statistics, chapter 27). The p-value is the share of the orders of `other`, freed so,
    that correlate as strongly: of all orders up to eight networks, so that with nothing held fixed it is exact.

    Args:
        one: A value a network.
        other: The same networks.
        fixed: Quantities held fixed, each a value a network.

    Returns:
        Correlation and p-value; None where too few networks are left to tell (two more than `fixed` are needed), or one
        of the quantities is constant.
    """
    if len(one) < len(fixed) + 3:
        return None
    controls = np.column_stack([np.ones(len(one)), *(rankdata(values) for values in fixed)])
    first, second = (_remainder(rankdata(values), controls) for values in (one, other))
    if min(np.linalg.norm(first), np.linalg.norm(second)) < 1e-9 * len(one):
        return None
    found = float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))
    products = np.abs(second[_orders(len(one))] @ first)
    return found, float((products >= abs(first @ second) - _TOLERANCE * len(one) ** 3).mean())


def _remainder(values: NDArray[np.float64], controls: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(values - controls @ np.linalg.lstsq(controls, values, rcond=None)[0])


def _orders(count: int) -> NDArray[np.intp]:
    """All orders of so many networks, or a random choice with the one at hand."""
    if count <= EXACT_UP_TO:
        return np.array(list(permutations(range(count))))
    generator = np.random.default_rng(_SEED)
    return np.stack([np.arange(count), *(generator.permutation(count) for _ in range(_ORDERS - 1))])
