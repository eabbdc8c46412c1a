from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torchvision import models

from tests.support.networks import SmallNetwork, classifier_of
from visum_models import Card, Classifier
from visum_models.card import Preprocessing
from visum_models.layers import embed, feature_layer, last_layer
from visum_models.networks import build_network
from visum_runtime.errors import NotFound


def torchvision_classifier(name: str, side: int) -> Classifier:
    preprocessing = Preprocessing(resize=side, crop=side)
    card = Card(name, "0" * 64, name, tuple("abc"), preprocessing)
    return Classifier(build_network(name, 3), card)


@pytest.mark.parametrize(
    ("name", "layer", "width"),
    [
        ("alexnet", "classifier.1", 4096),
        ("resnet18", "fc", 512),
        ("squeezenet1_1", "classifier.1", 512),
        ("mobilenet_v2", "classifier.1", 1280),
    ],
)
def test_the_feature_layer_is_the_first_fully_connected_one_of_the_head_or_the_last(name, layer, width):
    classifier = torchvision_classifier(name, 64)
    assert feature_layer(classifier) == layer
    assert embed(classifier, torch.rand(2, 3, 64, 64), layer).features.shape == (2, width)


def test_the_first_of_two_fully_connected_layers_gives_its_output_and_the_last_its_input():
    network = SmallNetwork()
    classifier = classifier_of(network, 4)
    pixels = torch.rand(3, 3, 32, 32)
    assert feature_layer(classifier) == "hidden"
    assert last_layer(classifier) == "classifier"
    hidden = network.hidden(network.pool(network.features(pixels)).flatten(1))
    torch.testing.assert_close(embed(classifier, pixels, "hidden").features, hidden)
    torch.testing.assert_close(embed(classifier, pixels, "classifier").features, torch.relu(hidden))


def test_observing_a_layer_leaves_no_hook_behind():
    network = models.squeezenet1_1(num_classes=3).eval()
    card = Card("s", "0" * 64, "squeezenet1_1", tuple("abc"), Preprocessing(resize=64, crop=64))
    classifier = Classifier(network, card)
    embed(classifier, torch.rand(1, 3, 64, 64), feature_layer(classifier))
    assert not any(module._forward_hooks for module in network.modules())


def test_threads_that_share_a_network_each_get_their_own_features():
    classifier = classifier_of(SmallNetwork(), 4)
    images = [torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) for seed in range(4)]
    alone = [embed(classifier, image, "hidden").features for image in images]
    order = [number % 4 for number in range(200)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda number: embed(classifier, images[number], "hidden").features, order))
    for number, features in zip(order, found, strict=True):
        torch.testing.assert_close(features, alone[number])


def test_an_unknown_layer_is_named():
    with pytest.raises(NotFound, match="'fc7'"):
        embed(classifier_of(SmallNetwork(), 4), torch.rand(1, 3, 32, 32), "fc7")
