"""Mixed calls for a while: servers keep the memory, threads, file descriptors and temporary files that they had."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from visum.v1 import common_pb2, mask_pb2, proposal_pb2, specializer_pb2

from tests.proposals.test_proposal_servicer import match_request
from tests.specializer.test_specializer_service import model_settings, region_request, two_regions
from tests.support.pictures import encoded, noise
from visum_client import InvalidInputError, LocalSettings, NotFoundError
from visum_client.local import LocalServices
from visum_client.methods import DESCRIBE, DESCRIBE_REGIONS, EMBED, EXTRACT_MASK, MATCH, MEASURE_DROPS, Method
from visum_client.scheduler import Services
from visum_wire import mask_to_png

SIDE = 32
WARM_ROUNDS = 30
MOST_MEBIBYTES = 48
"""What allocators keep of a round's largest arrays; a leak of one view a call would be more within minutes."""
MEBIBYTE = 1 << 20


def mixed(model: common_pb2.ModelRef) -> Iterator[tuple[Method, object]]:
    """Good and bad calls of all kinds, each image another, without end."""
    half = mask_to_png(np.broadcast_to(np.arange(SIDE) < SIDE // 2, (SIDE, SIDE)))
    framing = common_pb2.Preprocessing(resize=SIDE, crop=SIDE)
    options = mask_pb2.MaskOptions(iterations=10)
    for seed in itertools.count():
        image = common_pb2.Image(data=encoded(noise(SIDE, SIDE, seed)))
        common = {"image": image, "model": model}
        yield EXTRACT_MASK, mask_pb2.ExtractMaskRequest(**common, options=options, admit_unrecognized=True)
        yield MEASURE_DROPS, mask_pb2.MeasureDropsRequest(**common, masks_png=[half])
        yield DESCRIBE, proposal_pb2.DescribeRequest(image=image, preprocessing=framing)
        yield DESCRIBE, proposal_pb2.DescribeRequest(image=image)
        yield MATCH, match_request()
        yield EMBED, specializer_pb2.EmbedRequest(**common)
        yield DESCRIBE_REGIONS, region_request(noise(SIDE, SIDE, seed), two_regions(), model)
        damaged = common_pb2.Image(data=image.data[: seed % len(image.data)])
        yield EXTRACT_MASK, mask_pb2.ExtractMaskRequest(image=damaged, model=model)
        yield EMBED, specializer_pb2.EmbedRequest(image=image, model=model, layer=f"none {seed}")


async def one_round(services: Services, calls: Iterator[tuple[Method, object]]) -> None:
    """Some dozen calls, eight at a time; the bad ones are refused."""
    for _ in range(4):
        asked = [services.call(*call) for call in itertools.islice(calls, 8)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        wrong = [answer for answer in answers if isinstance(answer, Exception)]
        assert all(isinstance(error, InvalidInputError | NotFoundError) for error in wrong), wrong
        assert wrong


def held(process: psutil.Process) -> dict[str, float]:
    """What a process has of what it should not gather."""
    memory = process.memory_info().rss / MEBIBYTE
    return {"mebibytes": memory, "threads": process.num_threads(), "file descriptors": process.num_fds()}


def temporary(folder: Path) -> list[str]:
    """What lies in a folder for temporary files."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("seconds", "names"),
    [
        pytest.param(3.0, ("proposals",), id="short"),
        pytest.param(600.0, ("mask", "proposals", "specializer"), id="full", marks=pytest.mark.long),
    ],
)
async def test_servers_gather_nothing(seconds, names, repetitions, monkeypatch, tmp_path):
    models, scratch = tmp_path / "models", tmp_path / "tmp"
    models.mkdir()
    scratch.mkdir()
    model_settings(models)
    monkeypatch.setenv("TMPDIR", str(scratch))
    for _ in repetitions("soak: mixed calls for 10 minutes", 1):
        local = LocalServices(LocalSettings(threads=1, model_dir=models, flags=("--log-level=error",)))
        services = Services(local)
        try:
            for service in names:
                await services.connection(service)
            every = mixed(common_pb2.ModelRef(name="small"))
            calls = (call for call in every if call[0].service in names)
            for _ in range(WARM_ROUNDS if seconds > 60 else 2):
                await one_round(services, calls)
            processes = {name: psutil.Process(pid) for name, pid in local.process_ids().items()}
            before, files = {name: held(process) for name, process in processes.items()}, temporary(scratch)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                await one_round(services, calls)
            after = {name: held(process) for name, process in processes.items()}
            assert temporary(scratch) == files
        finally:
            await services.close()
        for name, amounts in after.items():
            grown = {what: amount - before[name][what] for what, amount in amounts.items()}
            assert grown["mebibytes"] < MOST_MEBIBYTES, (name, grown)
            assert grown["threads"] <= 2, (name, grown)
            assert grown["file descriptors"] <= 2, (name, grown)
