"""A tiny network, a handful of drawn images, and real services for the client's tests."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from tests.support.networks import export
from tests.support.servers import running
from visum_clustering.server import ClusteringSettings
from visum_clustering.server import build as build_clustering
from visum_mask.server import MaskServerSettings
from visum_mask.server import build as build_mask
from visum_proposals.server import build as build_proposals
from visum_runtime.settings import ServerSettings
from visum_specializer.server import SpecializerSettings
from visum_specializer.server import build as build_specializer

SIDE = 64
IMAGES = 6
OPTIONS = ("mask.iterations=20", "describe.max_boxes=60", "clustering.preset=paper", "clustering.ssim_rule=off")
"""A run of seconds."""


class Detail(nn.Module):
    """Class "striped" where the picture has contrast between neighbouring pixels, else "plain"."""

    def __init__(self) -> None:
        super().__init__()
        self.classifier = nn.Linear(1, 2)
        with torch.no_grad():
            self.classifier.weight.copy_(torch.tensor([[0.0], [300.0]]))
            self.classifier.bias.copy_(torch.tensor([0.0, -12.0]))

    def forward(self, pixels: Tensor) -> Tensor:
        contrast = (pixels[..., 1:] - pixels[..., :-1]).abs().mean(dim=(1, 2, 3))
        return self.classifier(contrast[:, None])


def draw(seed: int, *, striped: bool = True) -> Image.Image:
    """A smooth background and, where asked for, a striped square on it."""
    random = np.random.default_rng(seed)
    ramp = np.linspace(0, 60, SIDE)[:, None, None]
    pixels = np.broadcast_to(random.integers(60, 140, 3) + ramp, (SIDE, SIDE, 3)).copy()
    if striped:
        x, y = random.integers(8, SIDE - 32, 2)
        stripes = np.where(np.arange(24) // 2 % 2, 250, 5)
        pixels[y : y + 24, x : x + 24] = stripes[None, :, None]
    return Image.fromarray(pixels.astype(np.uint8))


@pytest.fixture(scope="session")
def network(tmp_path_factory) -> Path:
    """An exported program with its card."""
    path = tmp_path_factory.mktemp("network") / "stripes.pt2"
    export(Detail(), path, SIDE)
    preprocessing = {"resize": SIDE, "crop": SIDE, "mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]}
    card = {"name": "stripes", "classes": ["plain", "striped"], "preprocessing": preprocessing}
    path.with_suffix(".json").write_text(json.dumps(card))
    return path


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> Path:
    """A folder of striped images."""
    folder = tmp_path_factory.mktemp("data") / "pictures"
    folder.mkdir()
    for seed in range(IMAGES):
        draw(seed).save(folder / f"{seed}.png")
    return folder


@dataclass
class RunningServices:
    """Real services in this process."""

    addresses: str
    """Where they are, as `Client.connect` reads it."""
    servers: dict[str, object] = field(default_factory=dict)

    def calls(self, method: str) -> int:
        """How often a call was answered with OK."""
        counts = 0.0
        for server in self.servers.values():
            for metric in server.service.metrics.calls.collect():
                for sample in metric.samples:
                    if sample.labels.get("method", "").endswith(f"/{method}") and sample.labels["code"] == "OK":
                        counts += sample.value if sample.name.endswith("_total") else 0
        return round(counts)


@pytest.fixture(scope="session")
def services(network) -> Iterator[RunningServices]:
    """All four services in this process."""
    mask = build_mask(MaskServerSettings(port=0, model_dir=str(network.parent), trust_model_dir=True, threads=2))
    proposals = build_proposals(ServerSettings(port=0, threads=2))
    clustering = build_clustering(ClusteringSettings(port=0))
    specializer = build_specializer(
        SpecializerSettings(port=0, model_dir=str(network.parent), trust_model_dir=True, threads=2)
    )
    with (
        running(mask) as first,
        running(proposals) as second,
        running(clustering) as third,
        running(specializer) as fourth,
    ):
        servers = {"mask": first, "proposals": second, "clustering": third, "specializer": fourth}
        addresses = ",".join(f"{name}=127.0.0.1:{server.port}" for name, server in servers.items())
        yield RunningServices(addresses, servers)
