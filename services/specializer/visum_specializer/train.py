"""Trains a specialized classifier: an SVM a summary, calibration, and the choice of C and weight."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visum_runtime.errors import FailedPrecondition, InvalidInput
from visum_specializer.combination import SummaryHead, TargetClasses, combine, log_class_scores
from visum_specializer.summary_classifier import Combination, SummaryClassifier
from visum_specializer.svm import Standardization, calibrate, fit_svms

LEAST_MEMBERS = 2
C_VALUES = (0.001, 0.01, 0.1, 1.0, 10.0)
WEIGHTS = tuple(step / 20 for step in range(20))
"""Candidate weights: 0 leaves the network as it is; 1 would score classes without SVMs zero."""
_HALVES = 2
_LEAST_PROBABILITY = 1e-30


@dataclass(frozen=True, eq=False)
class EmbeddedImages:
    """Images as a network sees them."""

    features: NDArray[np.float32]
    """[N, F]."""
    probabilities: NDArray[np.float32]
    """[N, classes]: the network's softmax."""
    classes: NDArray[np.int32]
    """[N]: true class."""
    memberships: NDArray[np.bool_]
    """[N, S]: the image belongs to the summary."""

    def __len__(self) -> int:
        return len(self.classes)

    def log_softmax(self) -> Tensor:
        """Of the network, float64 [N, classes]."""
        return torch.from_numpy(np.log(np.maximum(self.probabilities.astype(np.float64), _LEAST_PROBABILITY)))


@dataclass(frozen=True)
class SummaryNames:
    """The summaries to train for: the class and the name of each."""

    classes: tuple[int, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class TrainOptions:
    """What can be chosen of a training.

    Raises:
        InvalidInput: A value is out of range.
    """

    combination: Combination = Combination.NETWORK_SHARE
    """How scores are combined."""
    c_values: tuple[float, ...] = C_VALUES
    """Candidate values of C, each > 0, for features of mean square 1 / F."""
    seed: int = 0
    """Of everything random."""

    def __post_init__(self) -> None:
        if not self.c_values or not all(0 < c < float("inf") for c in self.c_values):
            raise InvalidInput("must be positive", field="header.c_values")
        if not 0 <= self.seed < 1 << 31:
            raise InvalidInput(f"is {self.seed}, must be within 0..{(1 << 31) - 1}", field="header.seed")


@dataclass(frozen=True)
class Accuracy:
    """How many of some images were named rightly."""

    images: int
    before: float
    """Fraction by the network; 0 where there are no images."""
    after: float
    """Fraction by the specialized classifier."""


@dataclass(frozen=True)
class Trained:
    """A trained classifier, and how it does on the validation images."""

    classifier: SummaryClassifier
    c: float
    sibling_negatives: bool
    """Images of the class's other summaries were negatives, too."""
    overall: Accuracy
    target_classes: Accuracy


@dataclass(frozen=True, eq=False)
class _Candidate:
    planes: NDArray[np.float64]
    margins: NDArray[np.float64]
    c: float
    siblings: bool
    weight: float
    merit: tuple[float, float]


def train(
    layer: str,
    summaries: SummaryNames,
    training: EmbeddedImages,
    validation: EmbeddedImages,
    options: TrainOptions,
    should_stop: Callable[[], bool] = lambda: False,
) -> Trained:
    """Trains one SVM a summary on the training images; the validation images choose C, weight and negatives.

    Positives of a summary are its images; negatives the images of other classes, with or without those of its class's
    other summaries that are not also its own. The margins are calibrated on the validation images against the summary's
    class; for the choices each half of them is judged by the calibration of the other.

    Raises:
        FailedPrecondition: A summary has fewer than two training images or no negatives, or nothing validates.
        InvalidInput: An image belongs to a summary of another class.
        Stopped: `should_stop` said so.
    """
    return train_each(layer, summaries, training, validation, options, (options.combination,), should_stop)[0]


def train_each(
    layer: str,
    summaries: SummaryNames,
    training: EmbeddedImages,
    validation: EmbeddedImages,
    options: TrainOptions,
    combinations: Sequence[Combination],
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Trained]:
    """As `train`, for several combinations of the same SVMs, which are trained once. Raises as `train`."""
    owners = np.array(summaries.classes)
    _check(summaries, training, validation, negatives(training, owners))
    standardization = Standardization.of(training.features)
    rows, validating = standardization.apply(training.features), standardization.apply(validation.features)
    best: dict[Combination, _Candidate] = {}
    for siblings, negative in _kinds_of_negatives(training, owners):
        for c in options.c_values:
            planes = fit_svms(rows, training.memberships, negative, c, options.seed, should_stop)
            margins = validating @ planes[:, :-1].T + planes[:, -1]
            log_odds = _cross_calibrated(margins, validation, owners, options.seed)
            for combination in combinations:
                weight, merit = _best_weight(log_odds, validation, owners, combination)
                if combination not in best or merit > best[combination].merit:
                    best[combination] = _Candidate(planes, margins, c, siblings, weight, merit)
    return [
        _trained(layer, summaries, best[combination], standardization, validation, combination)
        for combination in combinations
    ]


def _trained(
    layer: str,
    summaries: SummaryNames,
    best: _Candidate,
    standardization: Standardization,
    validation: EmbeddedImages,
    combination: Combination,
) -> Trained:
    """The classifier of a candidate, calibrated on all validation images."""
    owners = np.array(summaries.classes)
    weights = _calibrated(standardization.fold(best.planes), best.margins, validation.classes, owners)
    classifier = SummaryClassifier(
        layer=layer,
        combination=combination,
        weight=best.weight,
        weights=weights[:, :-1].astype(np.float32),
        biases=weights[:, -1].astype(np.float32),
        classes=summaries.classes,
        names=summaries.names,
    )
    return Trained(classifier, best.c, best.siblings, *_accuracies(classifier, validation))


def negatives(training: EmbeddedImages, owners: NDArray[np.int64], *, siblings: bool = True) -> NDArray[np.bool_]:
    """Negatives of each summary, [N, S]: images of other classes; with `siblings` those of its class's others, too."""
    is_other = training.classes[:, None] != owners[None, :]
    if not siblings:
        return is_other
    in_class_summary = np.stack([training.memberships[:, owners == owner].any(axis=1) for owner in owners], axis=1)
    negative: NDArray[np.bool_] = (is_other | in_class_summary) & ~training.memberships
    return negative


def _check(
    summaries: SummaryNames, training: EmbeddedImages, validation: EmbeddedImages, negative: NDArray[np.bool_]
) -> None:
    foreign = training.memberships & (training.classes[:, None] != np.array(summaries.classes)[None, :])
    if foreign.any():
        raise InvalidInput("has an image that belongs to a summary of another class", field="features.memberships")
    for column, name in enumerate(summaries.names):
        members = int(training.memberships[:, column].sum())
        if members < LEAST_MEMBERS:
            message = f"summary {name!r} has {members} of the training images; an SVM needs at least {LEAST_MEMBERS}"
            raise FailedPrecondition(message)
        if not negative[:, column].any():
            raise FailedPrecondition(f"summary {name!r} has no negatives: no image of another class or summary")
    if not len(validation):
        raise FailedPrecondition("there are no validation images to choose C and weight on")


def _kinds_of_negatives(
    training: EmbeddedImages, owners: NDArray[np.int64]
) -> Iterator[tuple[bool, NDArray[np.bool_]]]:
    """With siblings, as the paper has it, then without them, where that is something else and leaves some."""
    paper = negatives(training, owners)
    yield True, paper
    others = negatives(training, owners, siblings=False)
    if others.any(axis=0).all() and (others != paper).any():
        yield False, others


def _best_weight(
    log_odds: NDArray[np.float64], validation: EmbeddedImages, owners: NDArray[np.int64], combination: Combination
) -> tuple[float, tuple[float, float]]:
    """The best weight and its merit: accuracy, then mean log-probability of the truth; of equals the smaller weight."""
    targets = TargetClasses.of(owners.tolist(), validation.probabilities.shape[1])
    log_scores = log_class_scores(torch.from_numpy(log_odds), targets)
    log_softmax, truth = validation.log_softmax(), torch.from_numpy(validation.classes.astype(np.int64))
    merits = []
    for weight in WEIGHTS:
        log_after = combine(log_softmax, log_scores, targets, weight, combination)
        accuracy = (log_after.argmax(dim=1) == truth).double().mean().item()
        merits.append((accuracy, log_after.gather(1, truth[:, None]).mean().item()))
    best = max(range(len(WEIGHTS)), key=merits.__getitem__)
    return WEIGHTS[best], merits[best]


def _cross_calibrated(
    margins: NDArray[np.float64], validation: EmbeddedImages, owners: NDArray[np.int64], seed: int
) -> NDArray[np.float64]:
    """Log-odds [N, S]: each half of the validation images, alike in classes, by the calibration of the other."""
    shuffled = np.random.default_rng(seed).permutation(len(validation))
    by_class = shuffled[np.argsort(validation.classes[shuffled], kind="stable")]
    half = np.empty(len(validation), dtype=np.int64)
    half[by_class] = np.arange(len(validation)) % _HALVES
    result = np.empty_like(margins)
    for number in range(_HALVES):
        mine, other = half == number, half != number
        for column, owner in enumerate(owners):
            slope, offset = calibrate(margins[other, column], validation.classes[other] == owner)
            result[mine, column] = slope * margins[mine, column] + offset
    return result


def _calibrated(
    planes: NDArray[np.float64],
    margins: NDArray[np.float64],
    classes: NDArray[np.int32],
    owners: NDArray[np.int64],
) -> NDArray[np.float64]:
    calibrations = [calibrate(margins[:, column], classes == owner) for column, owner in enumerate(owners)]
    slopes, offsets = np.array(calibrations).T
    result = planes * slopes[:, None]
    result[:, -1] += offsets
    return result


def _accuracies(classifier: SummaryClassifier, images: EmbeddedImages) -> tuple[Accuracy, Accuracy]:
    """On all images, and on those of the classes with summaries."""
    head = SummaryHead(classifier, images.probabilities.shape[1])
    with torch.no_grad():
        after = head(torch.from_numpy(images.features.copy()), images.log_softmax().float()).argmax(dim=1).numpy()
    before = images.probabilities.argmax(axis=1)
    is_target = np.isin(images.classes, classifier.classes)
    return _accuracy(before, after, images.classes), _accuracy(
        before[is_target], after[is_target], images.classes[is_target]
    )


def _accuracy(before: NDArray[np.int64], after: NDArray[np.int64], truth: Sequence[int] | NDArray) -> Accuracy:
    if not len(before):
        return Accuracy(0, 0.0, 0.0)
    return Accuracy(len(before), float((before == truth).mean()), float((after == truth).mean()))
