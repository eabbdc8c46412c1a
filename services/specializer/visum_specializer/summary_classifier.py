"""A classifier specialized by summaries, as data: one SVM a summary, and how their scores enter the network's."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from visum_runtime.errors import InvalidInput


class Combination(Enum):
    """How SVM scores and the network's softmax are combined."""

    NETWORK_SHARE = "network_share"
    """The mass that the network gives to the classes with SVMs is redistributed among them."""
    LITERAL = "literal"
    """Paper, section 4.4: a convex sum with the SVMs' scores; classes without SVMs score 0 in these."""


@dataclass(frozen=True, eq=False)
class SummaryClassifier:
    """One linear SVM a summary, calibrated, and the weight of their scores.

    Raises:
        InvalidInput: A value is out of range, or extents do not agree.
    """

    layer: str
    """Layer that the features are of."""
    combination: Combination
    """How scores are combined."""
    weight: float
    """Weight of the SVM scores, 0..1."""
    weights: NDArray[np.float32]
    """[S, F]: SVM weights, calibration included: the sigmoid of weights @ feature + bias is a probability."""
    biases: NDArray[np.float32]
    """[S]."""
    classes: tuple[int, ...]
    """Class of each summary, length S."""
    names: tuple[str, ...]
    """Name of each summary, length S."""

    def __post_init__(self) -> None:
        count = len(self.classes)
        if not self.layer:
            raise InvalidInput("is empty", field="classifier.layer")
        if not 0.0 <= self.weight <= 1.0:
            raise InvalidInput(f"is {self.weight}, must be within 0..1", field="classifier.weight")
        if not count or len(self.names) != count:
            raise InvalidInput("must name at least one summary", field="classifier.summaries")
        if min(self.classes) < 0:
            raise InvalidInput("has a class below 0", field="classifier.summaries")
        if self.weights.ndim != 2 or len(self.weights) != count or not self.weights.shape[1]:
            shape = list(self.weights.shape)
            raise InvalidInput(f"has shape {shape}, expected [{count}, F]", field="classifier.weights")
        if self.biases.shape != (count,):
            raise InvalidInput(f"has shape {list(self.biases.shape)}, expected [{count}]", field="classifier.biases")

    def check_classes(self, classes: int) -> None:
        """Raises InvalidInput unless every summary is of a class of a network with so many."""
        if max(self.classes) >= classes:
            message = f"has class {max(self.classes)}, the network has {classes} classes"
            raise InvalidInput(message, field="classifier.summaries")
