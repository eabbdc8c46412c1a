"""Runs as tasks of Label Studio; members of summaries are predictions, a brush mask and a box each."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from visum_client.export.placed_parts import Frame, PlacedPart, original_frame, placed_parts, tight_box

if TYPE_CHECKING:
    from visum_client.run import Run

LOCAL_FILES = "/data/local-files/?d="
"""How Label Studio addresses files of its server's document root."""
_CHANNELS = 4
"""A brush mask is a picture of red, green, blue and opacity, all 0 or all 255."""
_WORD_BITS = 8
_RUN_BITS = (3, 4, 8, 16)
"""Widths of the field that holds the length of a run, less one."""


def labelstudio(run: "Run") -> list[dict[str, Any]]:
    """A run as tasks, one an image that took part, in pixels of the upright originals.

    Raises:
        RunFolderError: The run is not complete, or a file is missing or damaged.
    """
    version = f"visum: {run.configuration['target']['name']} for {run.configuration['model']['name']}"
    tasks = []
    for image in run.used_images:
        frame = original_frame(image)
        results = [entry for placed in placed_parts(run, image, frame) for entry in _results(placed, frame)]
        data = {"image": LOCAL_FILES + quote(image.path), "path": image.path, "sha256": image.digest}
        tasks.append({"data": data, "predictions": [{"model_version": version, "result": results}]})
    return tasks


def brush(pixels: NDArray[np.bool_]) -> list[int]:
    """A mask, bool [H, W], as Label Studio's brush stores it: a stream of bits, as bytes.

    A head tells the number of words, their width and four widths of lengths; runs of one word follow (the format of
    the library rle-pack). Literal sequences, which the format has, too, a mask does not need.
    """
    words = np.repeat(pixels.ravel(), _CHANNELS)
    head = [_bits(words.size, 32), _bits(_WORD_BITS - 1, 5), *(_bits(width - 1, 4) for width in _RUN_BITS)]
    borders = np.flatnonzero(np.diff(words)) + 1
    starts = [0, *borders.tolist(), words.size]
    runs = [_run(length, bool(words[start])) for start, end in pairwise(starts) for length in _pieces(end - start)]
    stream = "".join(head + runs)
    stream += "0" * (-len(stream) % 8)
    return list(int(stream, 2).to_bytes(len(stream) // 8, "big"))


def _results(placed: PlacedPart, frame: Frame) -> Sequence[dict[str, Any]]:
    """The mask, and the box around it in percent of the image."""
    x0, y0, x1, y1 = tight_box(placed.pixels)
    across, up = 100 / frame.width, 100 / frame.height
    box = {"x": x0 * across, "y": y0 * up, "width": (x1 - x0) * across, "height": (y1 - y0) * up, "rotation": 0}
    name = f"{placed.summary.id}-{placed.rank}"
    common = {
        "to_name": "image",
        "original_width": frame.width,
        "original_height": frame.height,
        "image_rotation": 0,
        "meta": {"rank": placed.rank, "similarity": placed.part.similarity},
    }
    if placed.part.drop is not None:
        common["score"] = min(max(placed.part.drop, 0.0), 1.0)
    mask = {"format": "rle", "rle": brush(placed.pixels), "brushlabels": [placed.summary.id]}
    return (
        {"id": f"{name}-mask", "from_name": "mask", "type": "brushlabels", "value": mask} | common,
        {
            "id": f"{name}-box",
            "from_name": "box",
            "type": "rectanglelabels",
            "value": box | {"rectanglelabels": [placed.summary.id]},
        }
        | common,
    )


def _run(length: int, filled: bool) -> str:
    kind = next(k for k, width in enumerate(_RUN_BITS) if length <= 1 << width)
    return "1" + _bits(kind, 2) + _bits(length - 1, _RUN_BITS[kind]) + _bits(255 if filled else 0, _WORD_BITS)


def _pieces(length: int) -> list[int]:
    """A run in pieces that the longest field holds."""
    most = 1 << _RUN_BITS[-1]
    return [most] * (length // most) + ([length % most] if length % most else [])


def _bits(value: int, width: int) -> str:
    return f"{value:0{width}b}"
