"""Throughput of the mask service for many clients: `python -m benchmarks.mask_clients --json`.

Eight clients that each wait for one mask at a time, on connections of their own, against one client that keeps eight
calls in flight on one connection: the same server, in turns, and of each the fastest turn counts.
"""

import argparse
import asyncio
import itertools
import json
import os
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack

import grpc
from visum.v1 import common_pb2, mask_pb2, mask_pb2_grpc

from visum_demo.shipped import IMAGES, MODELS, stem
from visum_mask.server import MaskServerSettings, build
from visum_runtime.server import Server

CLIENTS = 8
MASKS_A_TURN = 32
TURNS = 3
ITERATIONS = 50
"""Of a mask; short, so that what a call costs besides is not hidden."""
WORLD = "test"
CLASS_OF_IMAGES = "hoopoe"
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)
"""Without it channels to one address share a connection."""


def main() -> None:
    """Prints the figures as a table, or with --json as one JSON object."""
    parser = argparse.ArgumentParser(description="Measures the mask service's throughput for one client and for eight.")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="worker threads (default: all cores)")
    parser.add_argument("--deterministic", default="auto", help="auto, on or off, as the server's setting")
    parser.add_argument("--turns", type=int, default=TURNS, help=f"turns (default {TURNS})")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    figures = asyncio.run(measure(arguments.threads, arguments.deterministic, arguments.turns))
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:36} {value}")


async def measure(threads: int, deterministic: str, turns: int) -> dict[str, float | int]:
    """Masks a second of one client with eight calls in flight, and of eight with one each."""
    settings = MaskServerSettings(
        port=0, model_dir=str(MODELS), trust_model_dir=True, threads=threads, deterministic=deterministic
    )
    server = Server(build(settings), settings)
    await server.start()
    one, many = [0.0], [0.0]
    requests = itertools.cycle(_requests(await _class_index(server.port)))
    await masks_per_second(server.port, 1, requests)  # loads the network
    for _ in range(turns):
        one.append(await masks_per_second(server.port, 1, requests))
        many.append(await masks_per_second(server.port, CLIENTS, requests))
    await server.stop()
    return {
        "ratio": max(many) / max(one),
        "masks_per_second_one_client": max(one),
        "masks_per_second_eight_clients": max(many),
        "threads": threads,
        "masks_a_turn": MASKS_A_TURN,
    }


async def masks_per_second(port: int, clients: int, requests: Iterator[mask_pb2.ExtractMaskRequest]) -> float:
    """Throughput of so many clients, which together keep eight calls in flight."""
    waiting = [next(requests) for _ in range(MASKS_A_TURN)]

    async def ask(stub: "mask_pb2_grpc.MaskServiceAsyncStub") -> None:
        while waiting:
            await stub.ExtractMask(waiting.pop())

    async with AsyncExitStack() as stack:
        channels = [grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=OWN_CONNECTION) for _ in range(clients)]
        stubs = [mask_pb2_grpc.MaskServiceStub(await stack.enter_async_context(channel)) for channel in channels]
        await asyncio.gather(*(channel.channel_ready() for channel in channels))
        started = time.perf_counter()
        await asyncio.gather(*(ask(stubs[i % clients]) for i in range(CLIENTS)))
        return MASKS_A_TURN / (time.perf_counter() - started)


def _requests(target: int) -> list[mask_pb2.ExtractMaskRequest]:
    return [
        mask_pb2.ExtractMaskRequest(
            image=common_pb2.Image(data=path.read_bytes()),
            model=common_pb2.ModelRef(name=stem(WORLD)),
            target=target,
            options=mask_pb2.MaskOptions(iterations=ITERATIONS),
            admit_unrecognized=True,
        )
        for path in sorted(IMAGES.glob("*.png"))
    ]


async def _class_index(port: int) -> int:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        request = mask_pb2.ListModelsRequest(name=stem(WORLD))
        (model,) = (await mask_pb2_grpc.MaskServiceStub(channel).ListModels(request)).models
        return list(model.classes).index(CLASS_OF_IMAGES)


if __name__ == "__main__":
    main()
