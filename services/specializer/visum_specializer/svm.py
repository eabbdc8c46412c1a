"""Linear SVMs on few positives, and the calibration of their margins."""

import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

from visum_runtime.errors import Stopped

MAX_ITERATIONS = 1000
_LEAST_DEVIATION = 1e-6
_LEAST_SLOPE = 1e-2
_PRIOR = 1.0
_LIBLINEAR = threading.Lock()  # its random numbers are the process's: two trainings at once would change each other


@dataclass(frozen=True, eq=False)
class Standardization:
    """Features of mean 0 and equal deviations, scaled so that their mean square length is 1."""

    mean: NDArray[np.float64]
    """[F]."""
    scale: NDArray[np.float64]
    """[F]: one over deviation and root of F; 0 where a feature is constant."""

    @classmethod
    def of(cls, features: NDArray[np.float32]) -> "Standardization":
        """The standardization of features [N, F]."""
        deviation = features.std(axis=0, dtype=np.float64)
        varies = deviation > _LEAST_DEVIATION * max(deviation.max(), np.finfo(np.float32).tiny)
        scale = np.where(varies, 1.0 / np.where(varies, deviation, 1.0), 0.0) / np.sqrt(features.shape[1])
        return cls(features.mean(axis=0, dtype=np.float64), scale)

    def apply(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Standardized features, [N, F]."""
        return (features - self.mean) * self.scale

    def fold(self, planes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Planes [S, F + 1] over standardized features, bias last, as planes over the features as they come."""
        weights = planes[:, :-1] * self.scale
        return np.column_stack([weights, planes[:, -1] - weights @ self.mean])


def fit_svms(
    features: NDArray[np.float64],
    positive: NDArray[np.bool_],
    negative: NDArray[np.bool_],
    c: float,
    seed: int,
    should_stop: Callable[[], bool],
) -> NDArray[np.float64]:
    """One linear SVM a column: squared hinge loss, classes balanced.

    Args:
        features: Standardized, [N, F].
        positive: [N, S].
        negative: [N, S]; rows that are neither take no part.
        c: Weight of the loss against the length of the plane, > 0.
        seed: Of liblinear's order.
        should_stop: Asked before each SVM.

    Returns:
        Planes [S, F + 1], bias last.

    Raises:
        Stopped: `should_stop` said so.
    """

    def fit(column: int) -> NDArray[np.float64]:
        if should_stop():
            raise Stopped("the training was cancelled")
        rows = np.flatnonzero(positive[:, column] | negative[:, column])
        return _plane(features[rows], positive[rows, column], c, seed)

    return np.stack([fit(column) for column in range(positive.shape[1])])


def _plane(features: NDArray[np.float64], positive: NDArray[np.bool_], c: float, seed: int) -> NDArray[np.float64]:
    """Weights and bias by coordinate descent, or, where that does not come to its end, by Newton's method.

    Coordinate descent is the faster one where the features separate the images; where they are few and C is large it
    needs many thousand rounds, and Newton's method some tens.
    """
    with _LIBLINEAR, warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        svm = LinearSVC(C=c, class_weight="balanced", random_state=seed, dual=True, max_iter=MAX_ITERATIONS)
        svm.fit(features, positive)
    if svm.n_iter_ >= MAX_ITERATIONS:
        svm = LinearSVC(C=c, class_weight="balanced", dual=False, max_iter=MAX_ITERATIONS).fit(features, positive)
    return np.append(svm.coef_[0], svm.intercept_[0])


def calibrate(margins: NDArray[np.float64], positive: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset that make margins log-odds (Platt): logistic regression, both sides weighing alike.

    A prior keeps slope and offset near 1 and 0 where images are few; without positives or negatives they stay there.

    Args:
        margins: [N].
        positive: [N].
    """
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return 1.0, 0.0
    signs = np.where(positive, 1.0, -1.0)
    rows = np.where(positive, 1.0, positives / negatives)

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        slope, offset = values
        odds = signs * (slope * margins + offset)
        pull = -rows * signs * 0.5 * (1.0 - np.tanh(odds / 2))
        value = rows @ np.logaddexp(0.0, -odds) + _PRIOR / 2 * ((slope - 1) ** 2 + offset**2)
        gradient = np.array([pull @ margins + _PRIOR * (slope - 1), pull.sum() + _PRIOR * offset])
        return float(value), gradient

    slope, offset = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS").x
    return max(float(slope), _LEAST_SLOPE), float(offset)
