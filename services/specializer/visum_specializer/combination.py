"""From SVM scores and the network's logits to specialized scores (paper, section 4.4)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from visum_specializer.summary_classifier import Combination, SummaryClassifier

_SMALLEST_WEIGHT = 1e-30


@dataclass(frozen=True, eq=False)
class TargetClasses:
    """Which classes have SVMs, and which SVMs they have.

    Args:
        indices: int64 [K]: the classes with SVMs, ascending.
        columns: int64 [K, m]: the SVMs of each, the first repeated where a class has fewer than m.
        positions: int64 [classes]: place of each class in `indices`; 0 where it has no SVM.
        has_svm: bool [classes].
    """

    indices: Tensor
    columns: Tensor
    positions: Tensor
    has_svm: Tensor

    @classmethod
    def of(cls, summary_classes: Sequence[int], classes: int) -> "TargetClasses":
        """The target classes of summaries of these classes, in a network with so many."""
        indices = sorted(set(summary_classes))
        owned = [[i for i, owner in enumerate(summary_classes) if owner == index] for index in indices]
        most = max(map(len, owned))
        return cls(
            torch.tensor(indices),
            torch.tensor([columns + columns[:1] * (most - len(columns)) for columns in owned]),
            torch.tensor([indices.index(k) if k in indices else 0 for k in range(classes)]),
            torch.tensor([k in indices for k in range(classes)]),
        )


def log_class_scores(svm_scores: Tensor, targets: TargetClasses) -> Tensor:
    """Log of the classes' scores, [N, K]: the highest probability of their SVMs, normalized to sum to one.

    Args:
        svm_scores: Calibrated log-odds [N, S].
        targets: The classes with SVMs.
    """
    return F.logsigmoid(svm_scores)[:, targets.columns].amax(dim=2).log_softmax(dim=1)


def combine(
    log_softmax: Tensor, log_scores: Tensor, targets: TargetClasses, weight: float, combination: Combination
) -> Tensor:
    """Log of the specialized scores, [N, classes]; each row sums to one after exponentiation.

    Args:
        log_softmax: The network's, [N, classes].
        log_scores: The target classes', [N, K].
        targets: The classes with SVMs.
        weight: Weight of the SVM scores, 0..1.
        combination: Network share: (1 - w) p_k + w M q_k with M the mass of the target classes, others p_k.
            Literal: (1 - w) p + w q.
    """
    log_rest, log_weight = (math.log(max(share, _SMALLEST_WEIGHT)) for share in (1.0 - weight, weight))
    inside = log_softmax[:, targets.indices]
    if combination is Combination.NETWORK_SHARE:
        outside, mass = log_softmax, inside.logsumexp(dim=1, keepdim=True)
    else:
        outside, mass = log_softmax + log_rest, torch.zeros_like(inside[:, :1])
    mixed = torch.logaddexp(inside + log_rest, log_scores + mass + log_weight)
    return torch.where(targets.has_svm, mixed[:, targets.positions], outside)


class SummaryHead(nn.Module):
    """All SVMs as one matrix, and the combination.

    Args:
        classifier: The trained classifier.
        classes: Classes of the network.

    Raises:
        InvalidInput: A summary is of a class that the network does not have.
    """

    def __init__(self, classifier: SummaryClassifier, classes: int) -> None:
        super().__init__()
        classifier.check_classes(classes)
        summaries, features = classifier.weights.shape
        self.svms = nn.Linear(features, summaries)
        with torch.no_grad():
            self.svms.weight.copy_(torch.from_numpy(classifier.weights.copy()))
            self.svms.bias.copy_(torch.from_numpy(classifier.biases.copy()))
        for name, tensor in vars(TargetClasses.of(classifier.classes, classes)).items():
            self.register_buffer(name, tensor)
        self._weight = classifier.weight
        self._combination = classifier.combination
        self.eval().requires_grad_(False)

    def forward(self, features: Tensor, logits: Tensor) -> Tensor:
        """Log of the specialized scores, [N, classes], of features [N, F] and the network's logits [N, classes]."""
        log_scores = log_class_scores(self.svms(features), self._targets())
        return combine(logits.log_softmax(dim=1), log_scores, self._targets(), self._weight, self._combination)

    def contributing(self, features: Tensor, best: Tensor) -> Tensor:
        """The summary that contributed most to the score of a class; -1 where its class has none or has no weight.

        Args:
            features: [N, F].
            best: int64 [N]: the class of each image.
        """
        owned = self.columns[self.positions[best]]  # type: ignore[index]
        highest = self.svms(features).gather(1, owned).argmax(dim=1, keepdim=True)
        counts = self.has_svm[best] & (self._weight > 0)  # type: ignore[index]
        return torch.where(counts, owned.gather(1, highest)[:, 0], -1)

    def _targets(self) -> TargetClasses:
        return TargetClasses(self.indices, self.columns, self.positions, self.has_svm)  # type: ignore[arg-type]
