"""The network is small, survives compaction and export, and training is reproducible."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from visum_demo.checkpoints import Keeper, checkpoint_path, load_accuracies
from visum_demo.network import PartsNetwork, compact, export_network, normalized
from visum_demo.shipped import file_digest
from visum_demo.train import share_right, train


@pytest.fixture
def network() -> PartsNetwork:
    """A network whose batch normalization has seen something."""
    torch.manual_seed(3)
    made = PartsNetwork(5)
    for _ in range(3):
        made(2 * torch.randn(4, 3, 128, 128))
    return made.eval()


def test_it_has_about_200_000_parameters(network: PartsNetwork) -> None:
    assert 150_000 < sum(parameter.numel() for parameter in network.parameters()) < 250_000


def test_compaction_keeps_the_logits(network: PartsNetwork) -> None:
    images = torch.randn(4, 3, 128, 128)
    with torch.no_grad():
        before, after = network(images), compact(network)(images)
    assert torch.allclose(before, after, atol=0.02 * float(before.std()))
    assert {tensor.dtype for tensor in network.stride8.parameters()} == {torch.float16}


def test_the_exported_program_is_the_network(network: PartsNetwork, tmp_path: Path) -> None:
    export_network(compact(network), tmp_path / "network.pt2")
    program = torch.export.load(tmp_path / "network.pt2")
    for batch in (1, 3):
        images = torch.randn(batch, 3, 128, 128, requires_grad=True)
        logits = program.module()(images)
        assert torch.allclose(logits, network(images), atol=1e-5)
        logits[:, 0].sum().backward()
        assert images.grad is not None
        assert images.grad.dtype == torch.float32
        assert (images.grad.abs().amax(dim=(1, 2, 3)) > 0).all()


def test_the_classifier_of_the_exported_program_can_be_observed(network: PartsNetwork, tmp_path: Path) -> None:
    export_network(compact(network), tmp_path / "network.pt2")
    unflattened = torch.export.unflatten(torch.export.load(tmp_path / "network.pt2"))
    caught = []
    unflattened.classifier.register_forward_hook(lambda _module, inputs, _output: caught.append(inputs[0]))
    logits = unflattened(torch.randn(2, 3, 128, 128))
    weight, bias = unflattened.classifier.weight, unflattened.classifier.bias
    assert caught[0].shape == (2, 112)
    assert torch.allclose(caught[0] @ weight.T + bias, logits, atol=1e-5)


def test_normalization_follows_the_card() -> None:
    images = np.zeros((1, 128, 128, 3), np.uint8)
    images[..., 2] = 255
    pixels = normalized(images)[0, :, 0, 0].tolist()
    assert pixels == pytest.approx([-0.55 / 0.25, -0.52 / 0.25, 0.48 / 0.25])


def test_training_learns_and_is_reproducible() -> None:
    rng = np.random.default_rng(0)
    labels = np.tile(np.arange(2), 64)
    images = rng.integers(0, 60, size=(128, 128, 128, 3), dtype=np.uint8)
    images[labels == 1, 40:80, 40:80, 0] += 190
    # Still in training mode: six steps are too few for the running statistics of batch normalization.
    trained = [train(images, labels, classes=2, epochs=3, seed=1) for _ in range(2)]
    with torch.no_grad():
        logits = [network(normalized(images)) for network in trained]
    assert torch.equal(logits[0], logits[1])
    assert float((logits[0].argmax(dim=1).numpy() == labels).mean()) == 1.0


def test_each_epoch_is_kept_with_its_accuracy_and_training_is_not_disturbed(tmp_path: Path) -> None:
    labels = np.tile(np.arange(2), 64)
    images = np.random.default_rng(0).integers(0, 60, size=(128, 128, 128, 3), dtype=np.uint8)
    images[labels == 1, 40:80, 40:80, 0] += 190
    kept = train(images, labels, 2, 1, seed=1, after_epoch=Keeper(tmp_path, "dev", 1, (images[:8], labels[:8])))
    alone = train(images, labels, classes=2, epochs=1, seed=1)
    assert all(torch.equal(one, other) for one, other in zip(kept.parameters(), alone.parameters(), strict=True))
    path = checkpoint_path(tmp_path, "dev", 1, 1)
    program = torch.export.load(path).module()
    assert load_accuracies(tmp_path) == {path.stem: share_right(program, images[:8], labels[:8])}
    assert json.loads(path.with_suffix(".json").read_text())["sha256"] == file_digest(path)
