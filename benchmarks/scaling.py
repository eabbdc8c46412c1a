"""What more workers bring: `python -m benchmarks.scaling --json`.

Measured: masks by one and by two single-core mask workers behind one client, which spreads its calls; both in turns,
and of each the fastest turn counts, so that what else runs on the machine falls out as far as it can.

Projected: class runs on 1 to 1000 mask workers with 10^3 to 10^7 images, by a simulation of the queueing.
"""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from visum.v1 import common_pb2, mask_pb2

from benchmarks.queueing import Outcome, Plan, Rates, simulate
from visum_client.methods import EXTRACT_MASK, LIST_MODELS
from visum_client.remote import RemoteServices
from visum_client.scheduler import Services
from visum_demo.shipped import IMAGES, model_path

ADDRESSES = ("127.0.0.2", "127.0.0.3")
TURNS = 3
IMAGES_A_TURN = 8
MASK_WORKERS = (1, 10, 100, 1000)
IMAGE_COUNTS = (10**3, 10**5, 10**7)
PROPOSAL_SHARE = 1.0
"""Proposal workers for each mask worker in the projection."""


def main() -> None:
    """Prints the figures as text, or with --json as one JSON object."""
    parser = argparse.ArgumentParser(description="Measures and projects what more workers bring.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--images", type=int, default=IMAGES_A_TURN, help="images a turn (default: %(default)s)")
    parser.add_argument("--turns", type=int, default=TURNS, help="turns (default: %(default)s)")
    text = "seconds of a mask worker for one image, in the projection (default: %(default)s, one core)"
    parser.add_argument("--mask-seconds", type=float, default=Rates().mask, help=text)
    parser.add_argument("--only-projection", action="store_true", help="measure nothing")
    arguments = parser.parse_args()
    figures = {} if arguments.only_projection else measure_speedup(arguments.images, arguments.turns)
    figures["projection"] = project(Rates(mask=arguments.mask_seconds))
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        if name != "projection":
            print(f"{name:24} {value}")
    for row in figures["projection"]:
        print("  ".join(f"{name} {value}" for name, value in row.items()))


def measure_speedup(image_count: int, turn_count: int) -> dict[str, object]:
    """Seconds of the same masks by one worker and by two."""
    network = Path(model_path("test"))
    images = [path.read_bytes() for path in sorted(Path(IMAGES).glob("*.png"))[:image_count]]
    with mask_workers(network.parent) as port:
        alone, both = f"ipv4:{ADDRESSES[0]}:{port}", "ipv4:" + ",".join(f"{host}:{port}" for host in ADDRESSES)
        for host in ADDRESSES:
            asyncio.run(extract(f"ipv4:{host}:{port}", network.stem, images[:1]))
        turns = [
            [asyncio.run(extract(target, network.stem, images)) for target in (alone, both)] for _ in range(turn_count)
        ]
    one, two = (min(column) for column in zip(*turns, strict=True))
    return {
        "speedup_2_workers": round(one / two, 3),
        "speedup_of_each_turn": [round(single / double, 3) for single, double in turns],
        "seconds_1_worker": round(one, 2),
        "seconds_2_workers": round(two, 2),
        "images": len(images),
        "load_average": round(os.getloadavg()[0], 1),
    }


@contextlib.contextmanager
def mask_workers(models: Path) -> Iterator[int]:
    """Two mask servers of one core each, on one port of two addresses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    flags = [f"--port={port}", "--threads=1", "--device=cpu", f"--model-dir={models}", "--trust-model-dir"]
    commands = [[sys.executable, "-m", "visum_mask", f"--host={host}", *flags] for host in ADDRESSES]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
        for command in commands
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        yield port
    finally:
        for process in processes:
            process.terminate()
            process.communicate()


async def extract(target: str, model: str, images: Sequence[bytes]) -> float:
    """Seconds until all images have their masks."""
    services = Services(RemoteServices({"mask": target}))
    try:
        found = await services.call(LIST_MODELS, mask_pb2.ListModelsRequest(name=model))
        card = found.models[0]
        requests = [
            mask_pb2.ExtractMaskRequest(
                image=common_pb2.Image(data=image), model=card.ref, target=0, admit_unrecognized=True
            )
            for image in images
        ]
        started = time.perf_counter()
        await asyncio.gather(*(services.call(EXTRACT_MASK, request) for request in requests))
        return time.perf_counter() - started
    finally:
        await services.close()


def project(rates: Rates) -> list[dict[str, object]]:
    """A row for each number of images and mask workers; proposal workers and class runs at once grow with them."""
    return [_row(images, workers, rates) for images in IMAGE_COUNTS for workers in MASK_WORKERS]


def _row(images: int, workers: int, rates: Rates) -> dict[str, object]:
    plan = Plan(
        images,
        workers,
        proposal_workers=max(1, round(workers * PROPOSAL_SHARE)),
        clustering_workers=max(1, workers // 20),
        classes_at_once=max(4, workers // 10),
        rates=rates,
    )
    outcome: Outcome = simulate(plan)
    return {
        "images": images,
        "mask_workers": workers,
        "proposal_workers": plan.proposal_workers,
        "clustering_workers": plan.clustering_workers,
        "classes_at_once": plan.classes_at_once,
        "hours": round(outcome.seconds / 3600, 2),
        "bottleneck": outcome.bottleneck,
        "busy": {name: round(share, 2) for name, share in outcome.busy.items()},
    }


if __name__ == "__main__":
    main()
