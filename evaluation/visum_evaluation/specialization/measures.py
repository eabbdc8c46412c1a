"""Accuracy, its significance, and what redistribution could reach at best."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from visum_specializer.summary_classifier import Combination


def mcnemar(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> float:
    """Exact two-sided p-value that two classifiers err equally often (McNemar 1947).

    Args:
        before: [N]: the first names an image rightly.
        after: [N]: the second does.
    """
    lost, won = int((before & ~after).sum()), int((~before & after).sum())
    return float(binomtest(lost, lost + won).pvalue) if lost + won else 1.0


def combined_p(values: Sequence[float]) -> float:
    """One p-value of several tests on the same images, valid however they depend: twice the median (Meng 1994)."""
    return min(1.0, 2 * float(np.median(values))) if len(values) > 1 else values[0]


def attainable(
    probabilities: NDArray[np.float32], truth: NDArray[np.int32], targets: Sequence[int], combination: Combination
) -> NDArray[np.bool_]:
    """Which images could be named rightly if scores and weight were chosen by someone who knows the truth, [N].

    Args:
        probabilities: Softmax of the network, [N, classes].
        truth: Class of each image, [N].
        targets: Classes with SVMs.
        combination: How scores are combined.
    """
    before: NDArray[np.bool_] = probabilities.argmax(axis=1) == truth
    is_target = np.isin(truth, list(targets))
    if combination is Combination.LITERAL:
        return before | is_target
    mass = probabilities[:, list(targets)].sum(axis=1)
    rest = np.delete(probabilities, list(targets), axis=1).max(axis=1, initial=0.0)
    own = probabilities[np.arange(len(truth)), truth]
    spread = (own >= rest) & (own > mass / len(targets))  # the mass of the targets shared out evenly among them
    return before | np.where(is_target, mass > rest, spread)
