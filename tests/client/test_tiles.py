"""Tiles: each pair of images once, messages within their limit."""

from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visum_client.tiles import MAX_BLOCKS, MESSAGE_BYTES, Cost, Tile, tiles

TYPICAL = Cost(request_bytes=140_000, survivors=20)


def pairs(tile: Tile) -> list[tuple[int, int]]:
    return list(combinations(tile.rows, 2) if tile.is_diagonal else product(tile.rows, tile.columns))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8, 9, 24, 60, 133])
def test_each_pair_of_images_is_in_one_tile(count):
    covered = [pair for tile in tiles([TYPICAL] * count) for pair in pairs(tile)]
    assert sorted(covered) == list(combinations(range(count), 2))


@given(st.lists(st.builds(Cost, st.integers(1_000, 1_400_000), st.integers(1, 1000)), max_size=60))
@settings(max_examples=50, deadline=None)
def test_messages_of_a_tile_fit(costs):
    for tile in tiles(costs):
        columns = [] if tile.is_diagonal else tile.columns
        request = sum(costs[index].request_bytes for index in [*tile.rows, *columns])
        scores = sum(costs[index].survivors for index in tile.rows) * sum(
            costs[index].survivors for index in tile.columns
        )
        assert request <= MESSAGE_BYTES
        assert 4 * scores + 64 * len(pairs(tile)) <= MESSAGE_BYTES


def test_a_large_class_is_cut_into_few_tiles_where_messages_allow_it():
    small = Cost(request_bytes=1_000, survivors=5)
    assert len(list(tiles([small] * 800))) == MAX_BLOCKS * (MAX_BLOCKS + 1) / 2
