"""Tiny networks whose right answer is known."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from visum_models import Card, Classifier
from visum_models.card import Preprocessing

SIDE = 32


class DetailInWindow(nn.Module):
    """Class 1 in proportion to the contrast between neighbouring pixels of one window; class 0 is constant.

    The answer is known: only the window matters, and blurring all of it takes class 1 away.

    Args:
        window: x0, y0, x1, y1 of the pixels that count.
        gain: Log-odds of class 1 lie within -gain (no contrast) and gain (a chessboard of single pixels).
    """

    def __init__(self, window: Sequence[int], gain: float = 10.0) -> None:
        super().__init__()
        self.window = tuple(window)
        self.classifier = nn.Linear(1, 2)
        with torch.no_grad():
            self.classifier.weight.copy_(torch.tensor([[0.0], [2 * gain]]))
            self.classifier.bias.copy_(torch.tensor([gain, 0.0]))

    def forward(self, pixels: Tensor) -> Tensor:
        x0, y0, x1, y1 = self.window
        inside = pixels[:, :, y0:y1, x0:x1]
        contrast = (inside[..., 1:] - inside[..., :-1]).abs().mean(dim=(1, 2, 3))
        return self.classifier(contrast[:, None])


class SmallNetwork(nn.Module):
    """Two convolutions and two fully connected layers with seeded random weights."""

    def __init__(self, classes: int = 4, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU()
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.hidden = nn.Linear(16, 6)
        self.classifier = nn.Linear(6, classes)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.classifier(torch.relu(self.hidden(self.pool(self.features(pixels)).flatten(1))))


def identity_preprocessing(side: int = SIDE) -> Preprocessing:
    """Neither resizes square images of this side nor normalizes."""
    return Preprocessing(resize=side, crop=side, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


def classifier_of(network: nn.Module, classes: int, side: int = SIDE) -> Classifier:
    """A network as the services hold it."""
    names = tuple(f"class {index}" for index in range(classes))
    card = Card("tiny", "0" * 64, "exported program", names, identity_preprocessing(side))
    return Classifier(network.eval().requires_grad_(False), card)


def export(network: nn.Module, path: object, side: int = SIDE) -> None:
    """Writes a network as an exported program with a dynamic batch dimension."""
    batch = torch.export.Dim("batch", min=1, max=1024)
    example = torch.rand(2, 3, side, side)
    program = torch.export.export(network.eval(), (example,), dynamic_shapes=({0: batch},))
    torch.export.save(program, path)
