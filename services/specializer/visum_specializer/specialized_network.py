"""The specialized classifier as one ordinary module: network, SVMs and combination."""

import torch
from torch import Tensor, nn

from visum_models import Classifier
from visum_models.layers import feature_source, pooled
from visum_models.observation import observing
from visum_runtime.errors import InvalidInput
from visum_specializer.combination import SummaryHead
from visum_specializer.summary_classifier import SummaryClassifier

FEATURE_LAYER = "head.svms"
"""The last layer of every specialized network: its input are the features that the SVMs see."""


class SpecializedNetwork(nn.Module):
    """Maps images, normalized as for the network, to logits whose softmax are the specialized scores.

    Args:
        network: The network; used as it is, not copied.
        layer: Submodule that gives the features.
        takes_input: The features are its input, not its output.
        head: The SVMs and the combination.
    """

    def __init__(self, network: nn.Module, layer: str, takes_input: bool, head: SummaryHead) -> None:
        super().__init__()
        self.network = network
        self.head = head
        self._layer = layer
        self._takes_input = takes_input

    def forward(self, images: Tensor) -> Tensor:
        """Log of the specialized scores, [N, classes], of normalized images [N, 3, S, S]."""
        caught: list[Tensor] = []

        def catch(_name: str, _module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            caught.append(inputs[0] if self._takes_input else output)

        with observing({self._layer: self.network.get_submodule(self._layer)}, catch):
            logits = self.network(images)
        return self.head(pooled(caught[0]).float(), logits.float())


def specialize(classifier: Classifier, summaries: SummaryClassifier) -> SpecializedNetwork:
    """The specialized network of a network and its SVMs.

    Raises:
        NotFound: The network has no such layer.
        InvalidInput: The SVMs are for features of another size, or for classes that the network does not have.
    """
    layer, takes_input = feature_source(classifier, summaries.layer)
    head = SummaryHead(summaries, len(classifier.card.classes)).to(classifier.device)
    network = SpecializedNetwork(classifier.network, layer, takes_input, head)
    side = classifier.card.preprocessing.crop
    try:
        with torch.no_grad():
            network(torch.zeros(1, 3, side, side, device=classifier.device))
    except (RuntimeError, IndexError, AttributeError) as error:
        width = summaries.weights.shape[1]
        message = f"do not fit the features of layer {layer!r}: they are for {width} values"
        raise InvalidInput(message, field="classifier.weights") from error
    return network
