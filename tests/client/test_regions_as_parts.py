"""What is asked for where the regions themselves are the parts: every one of them, however many there are."""

from types import SimpleNamespace

import pytest
from visum.v1 import common_pb2

from visum_client.configuration import StepOptions
from visum_client.options import CONSENSUS, MOST_SURVIVORS, ClusteringOptions, SurvivorOptions
from visum_client.stages.proposals import find_parts


class Asked(Exception):
    pass


class Calls:
    async def call(self, method, request, *others):
        raise Asked(request)


async def test_the_limit_of_survivors_does_not_cut_regions():
    options = StepOptions(
        clustering=ClusteringOptions(preset=CONSENSUS),
        survivors=SurvivorOptions(max_survivors=2, add_region_boxes=False),
    )
    job = SimpleNamespace(
        options=options, calls=Calls(), images=[SimpleNamespace(digest="")], framing=common_pb2.Preprocessing()
    )
    with pytest.raises(Asked) as caught:
        await find_parts(job, 0, b"")
    (request,) = caught.value.args
    assert request.options.max_survivors == MOST_SURVIVORS
    assert request.options.add_region_boxes
