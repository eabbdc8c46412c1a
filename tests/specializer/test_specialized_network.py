import numpy as np
import onnxruntime
import pytest
import torch

from tests.support.networks import SIDE, SmallNetwork, classifier_of
from visum_models import Classifier
from visum_models.layers import embed
from visum_models.networks import load_exported_program
from visum_runtime.errors import FailedPrecondition, InvalidInput, NotFound
from visum_specializer import export as exporting
from visum_specializer.combination import SummaryHead
from visum_specializer.export import Format, export
from visum_specializer.predict import predict
from visum_specializer.specialized_network import FEATURE_LAYER, specialize
from visum_specializer.summary_classifier import Combination, SummaryClassifier

CLASSES = 4


def summaries(features: int = 6, layer: str = "hidden", combination=Combination.NETWORK_SHARE) -> SummaryClassifier:
    random = np.random.default_rng(3)
    weights = random.normal(size=(3, features)).astype(np.float32)
    biases = random.normal(size=3).astype(np.float32)
    return SummaryClassifier(layer, combination, 0.4, weights, biases, (1, 3, 1), ("head", "tail", "wheel"))


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return classifier_of(SmallNetwork(), CLASSES)


@pytest.fixture(scope="module")
def exported(classifier, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "specialized.pt2"
    path.write_bytes(export(classifier, summaries(), b"message", Format.EXPORTED_PROGRAM).data)
    return path


def pixels(count: int = 5) -> torch.Tensor:
    return torch.rand(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("layer", ["hidden", "classifier", "features.2", "pool"])
@pytest.mark.parametrize("combination", list(Combination))
def test_the_module_is_the_head_on_what_the_network_answers(classifier, layer, combination):
    embedding = embed(classifier, pixels(), layer)
    given = summaries(embedding.features.shape[1], layer, combination)
    expected = SummaryHead(given, CLASSES)(embedding.features, embedding.logits)
    torch.testing.assert_close(specialize(classifier, given)(pixels()), expected)
    torch.testing.assert_close(expected.exp().sum(dim=1), torch.ones(5))


def test_scores_do_not_depend_on_the_batch(classifier):
    network = specialize(classifier, summaries())
    alone = torch.cat([network(image[None]) for image in pixels()])
    torch.testing.assert_close(network(pixels()), alone, atol=1e-5, rtol=1e-5)


def test_predictions_are_the_modules_scores_within_1e_5(classifier):
    views = [np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8) for seed in range(3)]
    predicted = predict(classifier, summaries(), views)
    batch = torch.stack([classifier.to_pixels(view) for view in views])
    np.testing.assert_allclose(predicted.after, specialize(classifier, summaries())(batch).exp(), atol=1e-5)
    np.testing.assert_allclose(predicted.before, classifier.logits(batch).softmax(dim=1), atol=1e-5)
    owners = np.array([1, 3, 1, -1])
    best = predicted.after.argmax(axis=1)
    assert all(owners[s] == b if s >= 0 else b in (0, 2) for s, b in zip(predicted.summaries, best, strict=True))


@pytest.mark.parametrize("count", [1, 5])
def test_the_exported_program_scores_the_same_for_any_batch(classifier, exported, count):
    program = load_exported_program(exported)
    expected = specialize(classifier, summaries())(pixels(count))
    torch.testing.assert_close(program.module()(pixels(count)).exp(), expected.exp(), atol=1e-5, rtol=0)


def test_an_exported_program_is_a_network_whose_features_are_what_its_svms_see(classifier, exported):
    again = Classifier(torch.export.unflatten(load_exported_program(exported)), classifier.card)
    features = embed(again, pixels(), FEATURE_LAYER).features
    torch.testing.assert_close(features, embed(classifier, pixels(), "hidden").features)


def test_a_network_that_is_an_exported_program_can_be_specialized_and_exported(classifier, exported, tmp_path):
    first = Classifier(torch.export.unflatten(load_exported_program(exported)).requires_grad_(False), classifier.card)
    given = summaries(6, FEATURE_LAYER)
    path = tmp_path / "twice.pt2"
    path.write_bytes(export(first, given, b"", Format.EXPORTED_PROGRAM).data)
    found = load_exported_program(path).module()(pixels())
    torch.testing.assert_close(found.exp(), specialize(first, given)(pixels()).exp(), atol=1e-5, rtol=0)


@pytest.mark.parametrize("combination", list(Combination))
def test_onnx_runtime_gives_the_same_scores(classifier, combination):
    given = summaries(combination=combination)
    file = export(classifier, given, b"", Format.ONNX)
    session = onnxruntime.InferenceSession(file.data, providers=["CPUExecutionProvider"])
    expected = specialize(classifier, given)(pixels()).exp()
    (found,) = session.run(None, {session.get_inputs()[0].name: pixels().numpy()})
    np.testing.assert_allclose(np.exp(found), expected, atol=1e-5)
    assert file.card.architecture == "onnx"


def test_without_its_packages_onnx_is_refused_with_what_to_install(classifier, monkeypatch):
    monkeypatch.setattr(exporting, "_ONNX_PACKAGES", ("onnx", "visum_no_such_package"))
    with pytest.raises(FailedPrecondition, match="lacks visum_no_such_package .* 'visum-specializer\\[onnx\\]'"):
        export(classifier, summaries(), b"", Format.ONNX)


def test_svms_of_another_network_are_refused(classifier):
    with pytest.raises(InvalidInput, match="for 9 values"):
        specialize(classifier, summaries(features=9))
    with pytest.raises(InvalidInput, match="for 9 values"):
        predict(classifier, summaries(features=9), [np.zeros((SIDE, SIDE, 3), np.uint8)])
    with pytest.raises(NotFound, match="'fc9'"):
        specialize(classifier, summaries(layer="fc9"))


def test_the_network_is_left_without_hooks(classifier):
    specialize(classifier, summaries())(pixels())
    assert not any(module._forward_hooks for module in classifier.network.modules())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
def test_the_module_runs_on_a_gpu(classifier):
    network = specialize(classifier_of(SmallNetwork(), CLASSES), summaries())
    expected = network(pixels()).exp()
    torch.testing.assert_close(network.cuda()(pixels().cuda()).exp().cpu(), expected, atol=1e-4, rtol=0)
