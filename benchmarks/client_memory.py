"""Peak memory of the client over the size of a class: `python -m benchmarks.client_memory --json`.

The services are fakes: they answer at once, with arrays of real sizes and no sense, so that a class of 1300 images
takes minutes. The client is the real one, in a process of its own; its images are files of 100 kB that nobody decodes.
"""

import argparse
import asyncio
import io
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from itertools import combinations, product
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from PIL import Image
from visum.v1 import (
    clustering_pb2,
    clustering_pb2_grpc,
    common_pb2,
    info_pb2,
    info_pb2_grpc,
    mask_pb2,
    mask_pb2_grpc,
    proposal_pb2,
    proposal_pb2_grpc,
)

from visum_wire import mask_to_png, regions_to_png, saliency_to_png, to_array

SIZES = (130, 1300)
IMAGE_BYTES = 100_000
VIEW_SIDE = 224
PROPOSALS = 500
PARTS = 20
DIMENSIONS = 256
MEMBERS = 40
_CLIENT = """
import json, resource, sys
from visum_client import Client
order = json.loads(sys.argv[1])
with Client.connect(order.pop("services")) as client:
    run = client.summarize(progress=False, **order)
assert run.status == "complete" and len(run.images) == order["limit"]
print(json.dumps({"peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)}))
"""


def main() -> None:
    """Prints the figures as a table, or with --json as one JSON object."""
    parser = argparse.ArgumentParser(description="Measures the client's peak memory.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="images of each run (default: 130 1300)")
    arguments = parser.parse_args()
    figures = asyncio.run(measure(arguments.sizes))
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:16} {value}")


async def measure(sizes: list[int]) -> dict[str, Any]:
    """Peak memory of a client for each number of images."""
    servers = {name: await serve(name) for name in FAKES}
    services = ",".join(f"{name}=127.0.0.1:{port}" for name, (_, port) in servers.items())
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images"
        images.mkdir()
        for number in range(max(sizes)):
            (images / f"{number:05}.jpg").write_bytes(os.urandom(IMAGE_BYTES))
        peaks = {str(size): await peak_of(services, images, size, Path(folder) / str(size)) for size in sizes}
    return {"peak_mb": peaks, "image_mb": max(sizes) * IMAGE_BYTES / 1e6, "parts_an_image": PARTS}


async def peak_of(services: str, images: Path, count: int, out: Path) -> float:
    """Peak resident memory of a client that makes a run of so many images, MiB."""
    order = {"services": services, "model": "fake", "target": 0, "images": str(images), "limit": count, "out": str(out)}
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CLIENT, json.dumps(order), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await client.communicate()
    if client.returncode:
        raise SystemExit(f"the client failed with {client.returncode}")
    return float(json.loads(output)["peak_mb"])


async def serve(name: str) -> tuple[grpc.aio.Server, int]:
    """Starts a fake service on any free port."""
    full_name, add, kind = FAKES[name]
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 16 << 20)])
    add(kind(), server)
    info_pb2_grpc.add_InfoServiceServicer_to_server(FakeInfo(full_name), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, port


class FakeInfo(info_pb2_grpc.InfoServiceServicer):
    """Says that it is a service."""

    def __init__(self, service: str) -> None:
        self._service = service

    async def GetServerInfo(self, request: Any, context: Any) -> info_pb2.GetServerInfoResponse:
        return info_pb2.GetServerInfoResponse(
            service=self._service, version="0", algorithm_version="fake", device="cpu", preferred_concurrency=2
        )


class FakeMasks(mask_pb2_grpc.MaskServiceServicer):
    """One mask for all images: a square region in the middle."""

    def __init__(self) -> None:
        regions = np.zeros((VIEW_SIDE, VIEW_SIDE), np.int32)
        regions[56:168, 56:168] = 1
        noise = np.random.default_rng(0).integers(0, 256, (VIEW_SIDE, VIEW_SIDE, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(noise).save(buffer, "JPEG")
        self._view = mask_pb2.View(
            jpeg=buffer.getvalue(),
            height=VIEW_SIDE,
            width=VIEW_SIDE,
            original_height=VIEW_SIDE,
            original_width=VIEW_SIDE,
            to_original=common_pb2.ViewToOriginal(xx=1, yy=1),
        )
        self._mask = mask_pb2.Mask(
            binary_png=mask_to_png(regions > 0),
            raw_png=saliency_to_png((regions > 0).astype(np.float32)),
            regions_png=regions_to_png(regions),
            region_boxes=to_array(np.array([[56, 56, 168, 168]], np.int32)),
            area=0.25,
            target_reached=True,
        )

    async def ListModels(self, request: Any, context: Any) -> mask_pb2.ListModelsResponse:
        card = common_pb2.ModelCard(
            ref=common_pb2.ModelRef(name="fake", sha256="0" * 64),
            architecture="fake",
            classes=["thing"],
            preprocessing=common_pb2.Preprocessing(resize=VIEW_SIDE, crop=VIEW_SIDE, mean=[0] * 3, std=[1] * 3),
        )
        return mask_pb2.ListModelsResponse(models=[card])

    async def ExtractMask(self, request: Any, context: Any) -> mask_pb2.ExtractMaskResponse:
        score = common_pb2.ClassScore(index=0, name="thing", probability=0.9)
        return mask_pb2.ExtractMaskResponse(
            image_sha256=request.image.sha256, view=self._view, target=score, top=[score], mask=self._mask
        )

    async def MeasureDrops(self, request: Any, context: Any) -> mask_pb2.MeasureDropsResponse:
        zeros = to_array(np.zeros(len(request.masks_png)))
        return mask_pb2.MeasureDropsResponse(
            probability=0.9, perturbed_probabilities=zeros, log_odds=2, perturbed_log_odds=zeros
        )


class FakeProposals(proposal_pb2_grpc.ProposalServiceServicer):
    """The same boxes for all images, random descriptors and scores."""

    def __init__(self) -> None:
        generator = np.random.default_rng(0)
        corners = generator.integers(60, 100, (PROPOSALS, 2))
        self._boxes = np.concatenate([corners, corners + 40], axis=1).astype(np.int32)
        self._descriptors = generator.normal(size=(PROPOSALS, DIMENSIONS)).astype(np.float16)
        self._thumbnails = generator.integers(0, 256, (PARTS, 64, 64), dtype=np.uint8)
        self._scores = generator.random((64, PARTS, PARTS), dtype=np.float32)

    async def Describe(self, request: Any, context: Any) -> proposal_pb2.DescribeResponse:
        description = proposal_pb2.Description(boxes=to_array(self._boxes), descriptors=to_array(self._descriptors))
        return proposal_pb2.DescribeResponse(image_sha256=request.image.sha256, description=description)

    async def SelectSurvivors(self, request: Any, context: Any) -> proposal_pb2.SelectSurvivorsResponse:
        return proposal_pb2.SelectSurvivorsResponse(
            boxes=to_array(self._boxes[:PARTS]),
            proposals=to_array(np.arange(PARTS, dtype=np.int32)),
            regions=to_array(np.ones(PARTS, np.int32)),
            descriptors=to_array(self._descriptors[:PARTS]),
            thumbnails=to_array(self._thumbnails),
        )

    async def Match(self, request: Any, context: Any) -> proposal_pb2.MatchResponse:
        rows, columns = len(request.rows), len(request.columns)
        pairs = product(range(rows), range(columns)) if columns else combinations(range(rows), 2)
        return proposal_pb2.MatchResponse(
            pairs=[
                proposal_pb2.PairScores(row=row, column=column, scores=to_array(self._scores[(row + column) % 64]))
                for row, column in pairs
            ]
        )


class FakeClusters(clustering_pb2_grpc.ClusteringServiceServicer):
    """Takes everything and puts the first parts of the first images together."""

    async def Summarize(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for _ in requests:
            pass
        members = np.arange(MEMBERS, dtype=np.int32) * PARTS
        found = clustering_pb2.Summary(members=to_array(members), similarities=to_array(np.ones(MEMBERS, np.float32)))
        yield clustering_pb2.SummarizeResponse(result=clustering_pb2.SummarizeResult(summaries=[found]))


FAKES: dict[str, tuple[str, Any, Any]] = {
    "mask": ("visum.v1.MaskService", mask_pb2_grpc.add_MaskServiceServicer_to_server, FakeMasks),
    "proposals": ("visum.v1.ProposalService", proposal_pb2_grpc.add_ProposalServiceServicer_to_server, FakeProposals),
    "clustering": (
        "visum.v1.ClusteringService",
        clustering_pb2_grpc.add_ClusteringServiceServicer_to_server,
        FakeClusters,
    ),
}


if __name__ == "__main__":
    main()
