"""Cuts the pairs of images into tiles that fit a message."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MESSAGE_BYTES = 12 << 20
"""Largest request and answer of a tile."""
MIN_TILE_SIDE = 8
"""Images of a tile's side, at least, where messages allow it."""
MAX_BLOCKS = 16
"""Blocks that the images are cut into, at most, where messages allow it: 136 tiles keep many workers busy."""
_SCORE_BYTES = 4
_PAIR_BYTES = 64


@dataclass(frozen=True)
class Cost:
    """What an image adds to a tile."""

    request_bytes: int
    """Its boxes and descriptors."""
    survivors: int
    """Its rows or columns of scores."""


@dataclass(frozen=True)
class Tile:
    """A block of pairs of images: all of rows x columns, or, where both are the same, each unordered pair once."""

    rows: range
    columns: range

    @property
    def is_diagonal(self) -> bool:
        """True where rows and columns are the same images."""
        return self.rows == self.columns


def tiles(costs: Sequence[Cost], message_bytes: int = MESSAGE_BYTES) -> Iterator[Tile]:
    """Tiles that together hold each unordered pair of images once. The cut depends on the images alone."""
    blocks = _blocks(costs, message_bytes)
    for index, rows in enumerate(blocks):
        if len(rows) > 1:
            yield Tile(rows, rows)
        for columns in blocks[index + 1 :]:
            yield Tile(rows, columns)


def _blocks(costs: Sequence[Cost], message_bytes: int) -> list[range]:
    """Runs of images, any two of which make a tile whose messages fit."""
    side = max(MIN_TILE_SIDE, -(-len(costs) // MAX_BLOCKS))
    # Half of an answer is for its scores, survivors x survivors of two blocks, half for what each pair adds to them.
    side = min(side, int((message_bytes / 2 / _PAIR_BYTES) ** 0.5) or 1)
    most_survivors = (message_bytes / 2 / _SCORE_BYTES) ** 0.5
    blocks: list[range] = []
    start, size, survivors = 0, 0, 0
    for index, cost in enumerate(costs):
        size, survivors = size + cost.request_bytes, survivors + cost.survivors
        is_full = index - start == side or size > message_bytes / 2 or survivors > most_survivors
        if index > start and is_full:
            blocks.append(range(start, index))
            start, size, survivors = index, cost.request_bytes, cost.survivors
    if costs:
        blocks.append(range(start, len(costs)))
    return blocks
