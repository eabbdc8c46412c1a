"""Memory of server processes under their largest loads: `python -m benchmarks.server_memory --json`.

Each load has a server process of its own. Told are its resident memory before the load and its peak (`VmHWM`) after
it; for matching, which runs as long as there are pairs, after growing numbers of tiles.
"""

import argparse
import contextlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import torch
from torchvision.models import resnet50
from visum.v1 import (
    clustering_pb2,
    clustering_pb2_grpc,
    common_pb2,
    proposal_pb2,
    proposal_pb2_grpc,
    specializer_pb2,
    specializer_pb2_grpc,
)

from benchmarks.clustering import described_class, images_of, planted_class
from visum_clustering.feature_sets import FeatureSet
from visum_clustering.parts import Edges, Parts
from visum_demo.shipped import IMAGES
from visum_wire import regions_to_png, to_array

MESSAGE_BYTES = 16 << 20
VIEW_PX = 224
DIMENSIONS = 256
BOXES = 500
SURVIVORS = 30
TILE_SIDE = 22
"""Images of a side of the largest tile that clients cut."""
TILES = (4, 12, 36)
THREADS = 2
PAPER_PARTS, CONSENSUS_PARTS = 50_000, 45_000
"""The most parts that are taken by number, and about the most whose features are taken by their bytes."""
DESCRIBED_REGIONS, SPLIT_REGIONS = 64, 1024
"""About the most whose features of the network below fit a message, and the most that a view may have."""
TRAINING_BYTES = (1 << 28, (1 << 30) - (1 << 24))
FEATURE_WIDTH, CLASSES = 2048, 1000
_KIB = 1 << 10
_CHUNK = 500
_NETWORK = "resnet50"
_MODEL = common_pb2.ModelRef(name=_NETWORK)
_OPTIONS = (("grpc.max_receive_message_length", MESSAGE_BYTES), ("grpc.max_send_message_length", MESSAGE_BYTES))


@dataclass(frozen=True)
class ServerProcess:
    """A server in a process of its own."""

    process_id: int
    channel: grpc.Channel

    def resident_mib(self) -> int:
        """Its resident memory now."""
        return self._status("VmRSS")

    def peak_mib(self) -> int:
        """The most that it ever had."""
        return self._status("VmHWM")

    def _status(self, name: str) -> int:
        text = Path(f"/proc/{self.process_id}/status").read_text(encoding="ascii")
        (kib,) = re.findall(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE)
        return round(int(kib) / _KIB)


@contextlib.contextmanager
def server_process(module: str, *flags: str) -> Iterator[ServerProcess]:
    """A server with these flags, on any free port of the loopback, until the block ends."""
    command = [sys.executable, "-m", module, "--port=0", "--log-level=error", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = json.loads(process.stdout.readline())["port"]
            with grpc.insecure_channel(f"127.0.0.1:{port}", options=_OPTIONS) as channel:
                yield ServerProcess(process.pid, channel)
        finally:
            process.terminate()


def main() -> None:
    """Prints a line a load, or with --json one JSON object."""
    parser = argparse.ArgumentParser(description="Measures the memory of servers under their largest loads.")
    parser.add_argument("--loads", nargs="+", choices=LOADS, default=list(LOADS), help="default: all")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    figures = {}
    for name in arguments.loads:
        figures[name] = LOADS[name]()
        if not arguments.json:
            print(f"{name:14} " + ", ".join(f"{key} {value}" for key, value in figures[name].items()), flush=True)
    if arguments.json:
        print(json.dumps(figures))


def measure_matching() -> dict[str, int]:
    """Peaks after growing numbers of tiles, the largest that clients send."""
    with server_process("visum_proposals", f"--threads={THREADS}") as server:
        return match_tiles(server, tile_request(TILE_SIDE, TILE_SIDE, BOXES, SURVIVORS), TILES)


def match_tiles(server: ServerProcess, request: proposal_pb2.MatchRequest, counts: Sequence[int]) -> dict[str, int]:
    """Peaks of a proposal server after so many tiles in all, two for each of its threads in flight."""
    stub = proposal_pb2_grpc.ProposalServiceStub(server.channel)
    figures = {"idle_mib": server.resident_mib()}
    done = 0
    with ThreadPoolExecutor(2 * THREADS) as callers:
        for count in counts:
            for answer in [callers.submit(stub.Match, request) for _ in range(count - done)]:
                answer.result()
            done = count
            figures[f"peak_mib_{count}_tiles"] = server.peak_mib()
    return figures


def tile_request(rows: int, columns: int, boxes: int, survivors: int) -> proposal_pb2.MatchRequest:
    """A tile of so many random images a side."""
    images = [_described_image(seed, boxes, survivors) for seed in range(rows + columns)]
    return proposal_pb2.MatchRequest(rows=images[:rows], columns=images[rows:])


def _described_image(seed: int, boxes: int, survivors: int) -> proposal_pb2.MatchImage:
    random = np.random.default_rng(seed)
    corners = random.integers(0, VIEW_PX - 60, (boxes, 2))
    sides = random.integers(30, 60, (boxes, 2))
    descriptors = random.normal(size=(boxes, DIMENSIONS)) / np.sqrt(DIMENSIONS)
    return proposal_pb2.MatchImage(
        view_side=VIEW_PX,
        boxes=to_array(np.hstack([corners, corners + sides]).astype(np.int32)),
        descriptors=to_array(descriptors.astype(np.float16)),
        survivors=to_array(np.arange(survivors, dtype=np.int32)),
    )


def measure_paper() -> dict[str, int]:
    """The most parts that a clustering server takes, with 150 scores each, by affinity propagation."""
    parts, edges = planted_class(PAPER_PARTS)
    options = clustering_pb2.ClusteringOptions(preset=clustering_pb2.ClusteringOptions.PRESET_PAPER)
    return _clustered(parts, edges, (), options)


def measure_consensus() -> dict[str, int]:
    """About the most features that a clustering server takes, by the consensus."""
    parts, features = described_class(CONSENSUS_PARTS)
    options = clustering_pb2.ClusteringOptions(preset=clustering_pb2.ClusteringOptions.PRESET_CONSENSUS)
    nothing = np.empty(0, np.int32)
    return _clustered(parts, Edges(nothing, nothing, nothing.astype(np.float32)), features, options)


def _clustered(
    parts: Parts, edges: Edges, features: Sequence[FeatureSet], options: clustering_pb2.ClusteringOptions
) -> dict[str, int]:
    with server_process("visum_clustering", "--threads=1") as server:
        idle = server.resident_mib()
        stub = clustering_pb2_grpc.ClusteringServiceStub(server.channel)
        for response in stub.Summarize(_summarize_requests(parts, edges, features, options)):
            if response.HasField("result"):
                summaries = len(response.result.summaries)
        return {"parts": len(parts), "summaries": summaries, "idle_mib": idle, "peak_mib": server.peak_mib()}


def _summarize_requests(
    parts: Parts, edges: Edges, features: Sequence[FeatureSet], options: clustering_pb2.ClusteringOptions
) -> Iterator[clustering_pb2.SummarizeRequest]:
    images = images_of(len(parts))
    header = clustering_pb2.SummarizeHeader(options=options, images=images, parts=len(parts), view_side=VIEW_PX)
    yield clustering_pb2.SummarizeRequest(header=header)
    for start in range(0, len(parts), _CHUNK):
        rows = slice(start, start + _CHUNK)
        names = ("images", "boxes", "regions", "descriptors", "thumbnails")
        chunk = clustering_pb2.PartsChunk(**{name: to_array(getattr(parts, name)[rows]) for name in names})
        chunk.features.extend(
            clustering_pb2.PartFeatures(plain=to_array(kind.plain[rows]), mirrored=to_array(kind.mirrored[rows]))
            for kind in features
        )
        yield clustering_pb2.SummarizeRequest(parts=chunk)
    for start in range(0, len(edges), _CHUNK * _KIB):
        rows = slice(start, start + _CHUNK * _KIB)
        columns = {name: to_array(getattr(edges, name)[rows]) for name in ("sources", "targets", "scores")}
        yield clustering_pb2.SummarizeRequest(edges=clustering_pb2.EdgesChunk(**columns))


def measure_regions() -> dict[str, int]:
    """The most regions of a view, described and split, as many views at a time as a specializer server has threads."""
    with _specializer() as (server, stub):
        stub.DescribeModel(specializer_pb2.DescribeModelRequest(model=_MODEL))
        figures = {"network_loaded_mib": server.resident_mib()}
        describe = specializer_pb2.DescribeRegionsRequest(**_view_of(DESCRIBED_REGIONS))
        split = specializer_pb2.SplitRegionsRequest(**_view_of(SPLIT_REGIONS))
        with ThreadPoolExecutor(2 * THREADS) as callers:
            answers = [callers.submit(stub.DescribeRegions, describe) for _ in range(2 * THREADS)]
            answers += [callers.submit(stub.SplitRegions, split) for _ in range(2 * THREADS)]
            for answer in answers:
                answer.result()
        return figures | {"peak_mib": server.peak_mib()}


def _view_of(regions: int) -> dict[str, Any]:
    """Fields of a request about a view that is cut into a square of so many regions."""
    picture = next(iter(sorted(IMAGES.glob("*.png"))))
    side = int(regions**0.5)
    places = np.arange(VIEW_PX) * side // VIEW_PX
    labels = places[:, None] * side + places + 1
    image = common_pb2.Image(data=picture.read_bytes())
    return {"image": image, "model": _MODEL, "regions_png": regions_to_png(labels.astype(np.uint16))}


def measure_training() -> dict[str, int]:
    """Trainings of two summaries on features of a quarter of a gigabyte and of all that is taken."""
    figures = {}
    for size in TRAINING_BYTES:
        with _specializer() as (server, stub):
            figures["idle_mib"] = server.resident_mib()
            stub.Train(_train_requests(size // (4 * (FEATURE_WIDTH + CLASSES))))
            figures[f"peak_mib_{size >> 20}_mib_of_features"] = server.peak_mib()
    return figures


@contextlib.contextmanager
def _specializer() -> Iterator[tuple[ServerProcess, specializer_pb2_grpc.SpecializerServiceStub]]:
    """A specializer server with a network of random weights."""
    with tempfile.TemporaryDirectory() as folder:
        torch.save(resnet50(weights=None).state_dict(), Path(folder) / f"{_NETWORK}.pth")
        flags = (f"--threads={THREADS}", f"--model-dir={folder}", "--device=cpu", "--no-standard-weights")
        with server_process("visum_specializer", *flags) as server:
            yield server, specializer_pb2_grpc.SpecializerServiceStub(server.channel)


def _train_requests(images: int) -> Iterator[specializer_pb2.TrainRequest]:
    """Two classes with a summary each, and as many images of others; a tenth of them validates."""
    header = specializer_pb2.TrainHeader(model=_MODEL, layer="avgpool", c_values=[0.01])
    yield specializer_pb2.TrainRequest(header=header)
    labels = [specializer_pb2.SummaryLabel(class_index=index, name=f"S{index}") for index in range(2)]
    yield specializer_pb2.TrainRequest(labels=specializer_pb2.SummaryLabels(labels=labels))
    random = np.random.default_rng(0)
    for start in range(0, images, _CHUNK):
        count = min(_CHUNK, images - start)
        classes = random.integers(0, 4, count).astype(np.int32)
        features = random.standard_normal((count, FEATURE_WIDTH), np.float32) + 0.2 * classes[:, None]
        columns = {
            "features": features.astype(np.float32),
            "probabilities": np.full((count, CLASSES), 1 / CLASSES, np.float32),
            "classes": classes,
            "memberships": (classes[:, None] == np.arange(2)).astype(np.uint8),
        }
        chunk = {name: to_array(column) for name, column in columns.items()}
        validation = start >= 0.9 * images
        yield specializer_pb2.TrainRequest(features=specializer_pb2.FeaturesChunk(**chunk, validation=validation))


LOADS: dict[str, Callable[[], dict[str, int]]] = {
    "matching": measure_matching,
    "paper": measure_paper,
    "consensus": measure_consensus,
    "regions": measure_regions,
    "training": measure_training,
}


if __name__ == "__main__":
    main()
