"""Scores of images before and after specialization."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from visum_models import Classifier
from visum_models.layers import embed
from visum_runtime.errors import InvalidInput
from visum_specializer.combination import SummaryHead
from visum_specializer.summary_classifier import SummaryClassifier


@dataclass(frozen=True, eq=False)
class Predicted:
    """Scores of images, and what made them."""

    before: NDArray[np.float32]
    """[N, classes]: softmax of the network."""
    after: NDArray[np.float32]
    """[N, classes]: specialized scores; each row sums to 1."""
    summaries: NDArray[np.int64]
    """[N]: the summary that contributed most to the best class after; -1: none."""


def predict(classifier: Classifier, summaries: SummaryClassifier, views: list[NDArray[np.uint8]]) -> Predicted:
    """Specialized scores of views, each uint8 [S, S, 3], one after the other, so that none depends on its company.

    Raises:
        NotFound: The network has no such layer.
        InvalidInput: The SVMs do not fit the network.
    """
    head = SummaryHead(summaries, len(classifier.card.classes)).to(classifier.device)
    rows = [_predict_view(classifier, head, summaries.layer, view) for view in views]
    return Predicted(*(torch.cat(column).cpu().numpy() for column in zip(*rows, strict=True)))


def _predict_view(
    classifier: Classifier, head: SummaryHead, layer: str, view: NDArray[np.uint8]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    embedding = embed(classifier, classifier.to_pixels(view)[None], layer)
    if embedding.features.shape[1] != head.svms.in_features:
        message = f"are for {head.svms.in_features} values, layer {layer!r} gives {embedding.features.shape[1]}"
        raise InvalidInput(message, field="classifier.weights")
    with torch.no_grad():
        after = head(embedding.features, embedding.logits).exp()
        best = after.argmax(dim=1)
        return embedding.logits.softmax(dim=1), after, head.contributing(embedding.features, best)
