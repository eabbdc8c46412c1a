import numpy as np
import pytest
import torch

from visum_runtime.errors import InvalidInput
from visum_specializer.combination import SummaryHead, TargetClasses, combine, log_class_scores
from visum_specializer.summary_classifier import Combination, SummaryClassifier

SHARE, LITERAL = Combination.NETWORK_SHARE, Combination.LITERAL
TARGETS = TargetClasses.of((1, 3, 1), classes=4)
P = np.array([[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.1, 0.1]])
ODDS = np.array([[2.0, -1.0, 0.5], [-3.0, 1.0, 4.0]])


def classifier(combination=SHARE, weight=0.4, **changes) -> SummaryClassifier:
    fields = {
        "layer": "hidden",
        "combination": combination,
        "weight": weight,
        "weights": np.eye(3, 5, dtype=np.float32),
        "biases": np.zeros(3, np.float32),
        "classes": (1, 3, 1),
        "names": ("head", "tail", "wheel"),
    }
    return SummaryClassifier(**fields | changes)


def class_scores() -> np.ndarray:
    """By hand: the highest sigmoid of each class's SVMs, normalized."""
    probabilities = 1 / (1 + np.exp(-ODDS))
    highest = np.stack([probabilities[:, [0, 2]].max(axis=1), probabilities[:, 1]], axis=1)
    return highest / highest.sum(axis=1, keepdims=True)


def combined(combination, weight) -> np.ndarray:
    log_scores = log_class_scores(torch.from_numpy(ODDS), TARGETS)
    return combine(torch.from_numpy(P).log(), log_scores, TARGETS, weight, combination).exp().numpy()


def test_a_class_scores_the_highest_of_its_svms_and_classes_sum_to_one():
    np.testing.assert_allclose(log_class_scores(torch.from_numpy(ODDS), TARGETS).exp(), class_scores())


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.95])
def test_network_share_only_redistributes_the_mass_of_the_target_classes(weight):
    expected = P.copy()
    mass = P[:, [1, 3]].sum(axis=1, keepdims=True)
    expected[:, [1, 3]] = (1 - weight) * P[:, [1, 3]] + weight * mass * class_scores()
    np.testing.assert_allclose(combined(SHARE, weight), expected, rtol=1e-9)
    np.testing.assert_allclose(combined(SHARE, weight).sum(axis=1), 1)


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.95])
def test_literal_is_the_papers_convex_sum(weight):
    scores = np.zeros_like(P)
    scores[:, [1, 3]] = class_scores()
    np.testing.assert_allclose(combined(LITERAL, weight), (1 - weight) * P + weight * scores, rtol=1e-9)


def test_without_weight_the_networks_scores_stay():
    head = SummaryHead(classifier(weight=0.0), classes=4)
    logits = torch.randn(6, 4)
    torch.testing.assert_close(head(torch.randn(6, 5), logits).exp(), logits.softmax(1))


def test_a_class_without_svms_keeps_its_share_of_the_network():
    logits = torch.randn(6, 4)
    after = SummaryHead(classifier(), classes=4)(torch.randn(6, 5), logits).exp()
    torch.testing.assert_close(after[:, [0, 2]], logits.softmax(1)[:, [0, 2]])


def test_the_summary_that_contributed_most_is_the_highest_of_the_best_class():
    head = SummaryHead(classifier(), classes=4)
    features = torch.tensor([[1.0, 9.0, 2.0, 0, 0], [3.0, 9.0, 2.0, 0, 0]]).repeat(2, 1)
    best = torch.tensor([1, 1, 3, 0])
    assert head.contributing(features, best).tolist() == [2, 0, 1, -1]
    assert SummaryHead(classifier(weight=0.0), 4).contributing(features, best).tolist() == [-1] * 4


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"layer": ""}, "classifier.layer"),
        ({"weight": 1.5}, "classifier.weight"),
        ({"names": ("head",)}, "classifier.summaries"),
        ({"classes": (), "names": ()}, "classifier.summaries"),
        ({"classes": (-1, 3, 1)}, "classifier.summaries"),
        ({"weights": np.zeros((2, 5), np.float32)}, "classifier.weights"),
        ({"biases": np.zeros(2, np.float32)}, "classifier.biases"),
    ],
)
def test_a_classifier_that_does_not_fit_together_is_refused_by_field(changes, field):
    with pytest.raises(InvalidInput) as caught:
        classifier(**changes)
    assert caught.value.field == field


def test_a_summary_of_a_class_that_the_network_lacks_is_refused():
    with pytest.raises(InvalidInput, match="has class 3, the network has 2 classes"):
        SummaryHead(classifier(), classes=2)
