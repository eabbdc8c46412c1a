"""What a server process holds of the pairs that it has matched: nothing."""

import pytest

from benchmarks.server_memory import THREADS, match_tiles, server_process, tile_request

WARM, MORE = 12, 60
"""Tiles after which the memory of those in flight has been had, and tiles after which it is looked at again."""
SLACK_MIB = 24
"""For what the allocator keeps apart; the requests of the tiles between are more than twice as much."""


@pytest.mark.parametrize("tile", [(11, 1, 200, 64), pytest.param((22, 22, 500, 30), marks=pytest.mark.long)])
def test_the_peak_of_a_proposal_server_does_not_grow_with_the_pairs(tile):
    request = tile_request(*tile)
    assert (MORE - WARM) * request.ByteSize() > 2 * SLACK_MIB << 20
    with server_process("visum_proposals", f"--threads={THREADS}") as server:
        peaks = match_tiles(server, request, (WARM, MORE))
    assert peaks[f"peak_mib_{MORE}_tiles"] - peaks[f"peak_mib_{WARM}_tiles"] < SLACK_MIB
