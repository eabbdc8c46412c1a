"""Trains specialized classifiers on shares of some images, and holds them against images that none of them has seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from visum_evaluation.specialization.groups import CONTROLS, SUMMARIES, Groups, grouped
from visum_evaluation.specialization.measures import attainable, combined_p, mcnemar
from visum_specializer.combination import SummaryHead
from visum_specializer.summary_classifier import Combination, SummaryClassifier
from visum_specializer.train import EmbeddedImages, SummaryNames, Trained, TrainOptions, train_each

VALIDATION_SHARE = 1 / 3
"""Of the images of each class, drawn anew for each seed."""
KINDS = (SUMMARIES, *CONTROLS)
_LEAST_OF_A_CLASS = 2


@dataclass(frozen=True, eq=False)
class Material:
    """Embedded images, and the summaries among them."""

    layer: str
    """Layer that the features are of."""
    pool: EmbeddedImages
    """Images that training and validation share out; memberships are those of the summaries."""
    owners: NDArray[np.int64]
    """[S]: class of each summary."""
    test: EmbeddedImages
    """Images that neither trains nor tunes."""

    @property
    def targets(self) -> list[int]:
        """The classes with summaries."""
        return sorted(set(self.owners.tolist()))


@dataclass(frozen=True, eq=False)
class _Attempt:
    """One training."""

    right: NDArray[np.bool_]
    """[test]: named rightly after."""
    trained: Trained


_Attempts = dict[str, list[_Attempt]]
"""By kind of groups; one a seed."""


def evaluate(material: Material, seeds: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Figures of the combination that does better on the validation images, and of both under "modes".

    Args:
        material: What is trained and tested on.
        seeds: How many shares of the pool are tried.
        tell: Told of each combination and seed that is done.
    """
    attempts: dict[Combination, _Attempts] = {mode: {kind: [] for kind in KINDS} for mode in Combination}
    for seed in range(seeds):
        for kind in KINDS:
            for mode, attempt in zip(Combination, _attempt(material, kind, seed), strict=True):
                attempts[mode][kind].append(attempt)
        for mode, tried in attempts.items():
            tell(f"seed {seed}, {mode.value}: {_told(tried)}")
    modes = {mode.value: _figures(material, mode, tried) for mode, tried in attempts.items()}
    chosen = max(modes.values(), key=lambda figures: figures["validation"]["after"])
    return {**chosen, "modes": modes}


def split(classes: NDArray[np.int32], random: np.random.Generator) -> NDArray[np.bool_]:
    """Which images validate, [N]: a third of each class; a class of a single image trains."""
    validates = np.zeros(len(classes), dtype=np.bool_)
    for index in np.unique(classes):
        rows = random.permutation(np.flatnonzero(classes == index))
        if len(rows) >= _LEAST_OF_A_CLASS:
            validates[rows[: max(1, round(len(rows) * VALIDATION_SHARE))]] = True
    return validates


def _attempt(material: Material, kind: str, seed: int) -> list[_Attempt]:
    """One attempt for each combination. Every kind of groups gets the same share of the images."""
    validates = split(material.pool.classes, np.random.default_rng([seed, 0]))
    summaries = Groups(material.owners, material.pool.memberships)
    groups = grouped(kind, summaries, np.random.default_rng([seed, 1])).large_enough(~validates)
    names = SummaryNames(tuple(groups.owners.tolist()), tuple(map(str, range(len(groups.owners)))))
    training, validation = (_part(material.pool, groups, rows) for rows in (~validates, validates))
    trained = train_each(material.layer, names, training, validation, TrainOptions(seed=seed), tuple(Combination))
    return [_Attempt(_right(each.classifier, material.test), each) for each in trained]


def _right(classifier: SummaryClassifier, test: EmbeddedImages) -> NDArray[np.bool_]:
    head = SummaryHead(classifier, test.probabilities.shape[1])
    with torch.no_grad():
        after = head(torch.from_numpy(test.features), test.log_softmax().float()).argmax(dim=1).numpy()
    right: NDArray[np.bool_] = after == test.classes
    return right


def _part(images: EmbeddedImages, groups: Groups, rows: NDArray[np.bool_]) -> EmbeddedImages:
    return EmbeddedImages(
        images.features[rows], images.probabilities[rows], images.classes[rows], groups.memberships[rows]
    )


def _figures(material: Material, combination: Combination, attempts: _Attempts) -> dict[str, Any]:
    test, ours = material.test, attempts[SUMMARIES]
    before = test.probabilities.argmax(axis=1) == test.classes
    reach = attainable(test.probabilities, test.classes, material.targets, combination)
    everywhere, inside = np.ones(len(before), dtype=np.bool_), np.isin(test.classes, material.targets)
    trained = [attempt.trained for attempt in ours]
    return {
        "overall": _accuracy(before, reach, ours, everywhere),
        "target_classes": _accuracy(before, reach, ours, inside),
        "mode": combination.value,
        "weight": float(np.mean([each.classifier.weight for each in trained])),
        "gain_std": float(np.std([attempt.right.mean() for attempt in ours])),
        "controls": {kind: _control(ours, attempts[kind]) for kind in CONTROLS},
        "validation": {
            "before": float(np.mean([each.overall.before for each in trained])),
            "after": float(np.mean([each.overall.after for each in trained])),
        },
        "c": [each.c for each in trained],
        "sibling_negatives": [each.sibling_negatives for each in trained],
        "summaries": [len(each.classifier.classes) for each in trained],
    }


def _accuracy(
    before: NDArray[np.bool_], reach: NDArray[np.bool_], attempts: Sequence[_Attempt], rows: NDArray[np.bool_]
) -> dict[str, Any]:
    """Of some of the test images."""
    return {
        "images": int(rows.sum()),
        "before": float(before[rows].mean()),
        "after": float(np.mean([attempt.right[rows].mean() for attempt in attempts])),
        "ceiling": float(reach[rows].mean()),
        "p_value": combined_p([mcnemar(before[rows], attempt.right[rows]) for attempt in attempts]),
    }


def _control(ours: Sequence[_Attempt], theirs: Sequence[_Attempt]) -> dict[str, float]:
    """A control on all test images, and whether it differs from the summaries."""
    pairs = zip(theirs, ours, strict=True)
    return {
        "after": float(np.mean([attempt.right.mean() for attempt in theirs])),
        "p_value": combined_p([mcnemar(their.right, our.right) for their, our in pairs]),
    }


def _told(attempts: _Attempts) -> str:
    return ", ".join(f"{kind} {tried[-1].right.mean():.1%}" for kind, tried in attempts.items())
