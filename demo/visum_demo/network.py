"""The small network that learns a world, and its export as one self-contained program."""

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .render import SIDE_PX
from .shipped import file_digest, model_path
from .worlds import WorldName

MEAN = (0.55, 0.52, 0.52)
STD = (0.25, 0.25, 0.25)


class Convolution(nn.Module):
    """3x3 convolution, batch normalization, ReLU; with ``residual`` the input is added before the ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, residual: bool = False) -> None:
        """Channels before and after, and the stride."""
        super().__init__()
        self.convolution: nn.Conv2d | HalfStoredConvolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.normalization: nn.BatchNorm2d | nn.Identity = nn.BatchNorm2d(outputs)
        self.residual = residual

    def forward(self, features: Tensor) -> Tensor:
        """Map [N, inputs, H, W] to [N, outputs, H / stride, W / stride]."""
        result = self.normalization(self.convolution(features))
        return functional.relu(result + features if self.residual else result)

    def store_compactly(self) -> None:
        """Fold the normalization into the convolution and store this in 16 bits; only for inference, and only once."""
        assert isinstance(self.convolution, nn.Conv2d)
        assert isinstance(self.normalization, nn.BatchNorm2d)
        self.convolution = HalfStoredConvolution(fuse_conv_bn_eval(self.convolution, self.normalization))
        self.normalization = nn.Identity()


class PartsNetwork(nn.Module):
    """About 200,000 parameters: stages at stride 2, 4, 8 and 16, the mean over positions, one linear classifier."""

    def __init__(self, classes: int) -> None:
        """Number of classes."""
        super().__init__()
        self.stride2 = Convolution(3, 16, 2)
        self.stride4 = Convolution(16, 24, 2)
        self.stride8 = nn.Sequential(Convolution(24, 48, 2), Convolution(48, 48, residual=True))
        self.stride16 = nn.Sequential(Convolution(48, 112, 2), Convolution(112, 112, residual=True))
        self.classifier = nn.Linear(112, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [N, classes] of normalized images [N, 3, 128, 128]."""
        features = self.stride16(self.stride8(self.stride4(self.stride2(images))))
        logits: Tensor = self.classifier(features.mean(dim=(2, 3)))
        return logits


class HalfStoredConvolution(nn.Module):
    """A convolution whose weights are stored in 16 bits and used in 32."""

    def __init__(self, source: nn.Conv2d) -> None:
        """Take over weight, bias, stride and padding."""
        super().__init__()
        assert source.bias is not None
        self.weight = nn.Parameter(source.weight.detach().half().contiguous(), requires_grad=False)
        self.bias = nn.Parameter(source.bias.detach().half(), requires_grad=False)
        self.stride = source.stride

    def forward(self, features: Tensor) -> Tensor:
        """As ``nn.Conv2d``."""
        return functional.conv2d(features, self.weight.float(), self.bias.float(), self.stride, padding=1)


def normalized(images: NDArray[np.uint8]) -> Tensor:
    """Images uint8 [N, 128, 128, 3] as the network's float32 input [N, 3, 128, 128]."""
    pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).float().div_(255.0)
    return pixels.sub_(torch.tensor(MEAN).view(3, 1, 1)).div_(torch.tensor(STD).view(3, 1, 1))


def predict(network: nn.Module, images: NDArray[np.uint8], batch: int = 64) -> NDArray[np.float64]:
    """Softmax scores [N, classes] of images uint8 [N, 128, 128, 3]."""
    with torch.no_grad():
        logits = [network(normalized(images[k : k + batch])) for k in range(0, len(images), batch)]
    return torch.cat(logits).double().softmax(dim=1).numpy()


def compact(network: PartsNetwork) -> PartsNetwork:
    """Fold batch normalization into the convolutions and store these in 16 bits.

    Works in place; the network ends in inference mode.
    """
    network.eval()
    for module in network.modules():
        if isinstance(module, Convolution):
            module.store_compactly()
    return network


def export_network(network: PartsNetwork, path: Path) -> None:
    """Write a compacted network as an exported program that takes any batch [N, 3, 128, 128]."""
    example = torch.zeros(2, 3, SIDE_PX, SIDE_PX)
    program = torch.export.export(network, (example,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    # Example inputs would double the file, and stack traces would carry the paths of this machine.
    program.example_inputs = None
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    torch.export.save(program, path)


def load_network(name: WorldName) -> nn.Module:
    """The shipped network of a world: normalized images [N, 3, 128, 128] to logits [N, classes].

    Raises ValueError if the file is not the one that its card describes.
    """
    path = model_path(name)
    card = json.loads(path.with_suffix(".json").read_text())
    if file_digest(path) != card["sha256"]:
        raise ValueError(f"{path.name} is not the file that its card describes")
    return torch.export.load(path).module()
