"""Images with their class, embedded by a network in this process."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from visum_models import Classifier
from visum_models.layers import embed
from visum_specializer.train import EmbeddedImages

_BATCH = 16


@dataclass(frozen=True)
class LabelledView:
    """A view that is made when it is needed."""

    digest: str
    """Of the file that summaries know it by."""
    target: int
    """Its class."""
    read: Callable[[], NDArray[np.uint8]]
    """Makes the view, uint8 [S, S, 3]."""


def embed_views(
    classifier: Classifier, views: Sequence[LabelledView], layer: str, summaries: Sequence[frozenset[str]]
) -> EmbeddedImages:
    """Features and softmax of views; memberships say in which of the summaries, sets of digests, each one is."""
    starts = range(0, len(views), _BATCH)
    chunks = [_embedded(classifier, views[start : start + _BATCH], layer) for start in starts]
    features, probabilities = (np.concatenate([chunk[column] for chunk in chunks]) for column in (0, 1))
    memberships = np.array([[view.digest in digests for digests in summaries] for view in views], dtype=np.bool_)
    truth = np.array([view.target for view in views], dtype=np.int32)
    return EmbeddedImages(features, probabilities, truth, memberships.reshape(len(views), len(summaries)))


def _embedded(
    classifier: Classifier, views: Sequence[LabelledView], layer: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    pixels = torch.stack([classifier.to_pixels(view.read()) for view in views])
    embedding = embed(classifier, pixels, layer)
    return embedding.features.numpy(), embedding.logits.softmax(dim=1).numpy()
