"""Features and softmax of a view, whole or by boxes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from visum_models import Classifier
from visum_models.layers import embed, feature_layer

_CHUNK = 16


@dataclass(frozen=True)
class ViewEmbedding:
    """What a network makes of the pictures of one view."""

    features: NDArray[np.float32]
    """[n, F]."""
    probabilities: NDArray[np.float32]
    """[n, classes]."""
    layer: str
    """Submodule that the features are of."""


def embed_view(
    classifier: Classifier, view: NDArray[np.uint8], layer: str, boxes: NDArray[np.int32] | None
) -> ViewEmbedding:
    """Embeds a view, uint8 [S, S, 3], or each of its boxes, enlarged to the size of the view.

    Args:
        classifier: The network.
        view: What it sees.
        layer: Submodule whose output (of the last layer: whose input) is the feature; empty: the model's feature layer.
        boxes: int32 [n, 4] within the view, ends exclusive, not empty; None: the whole view.

    Raises:
        NotFound: The network has no such layer.
    """
    layer = layer or feature_layer(classifier)
    pixels = classifier.to_pixels(view)
    pictures = [pixels[None]] if boxes is None else _crops(pixels, boxes)
    embeddings = [embed(classifier, chunk, layer) for chunk in pictures]
    features = torch.cat([embedding.features for embedding in embeddings])
    probabilities = torch.cat([embedding.logits for embedding in embeddings]).softmax(dim=1)
    return ViewEmbedding(features.cpu().numpy(), probabilities.cpu().numpy(), layer)


def _crops(pixels: Tensor, boxes: NDArray[np.int32]) -> Iterator[Tensor]:
    """Enlarged crops in chunks, so that memory does not grow with the number of boxes."""
    side = pixels.shape[-1]
    for start in range(0, len(boxes), _CHUNK):
        crops = [pixels[None, :, y0:y1, x0:x1] for x0, y0, x1, y1 in boxes[start : start + _CHUNK].tolist()]
        yield torch.cat([F.interpolate(crop, (side, side), mode="bilinear", antialias=True) for crop in crops])
