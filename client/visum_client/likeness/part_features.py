"""Asks the network what it sees in parts: those of a run folder, by its views alone, and those of new images."""

import hashlib
import io
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from visum.v1 import common_pb2, specializer_pb2

from visum_client.bounded import for_each
from visum_client.calls import PureCalls
from visum_client.files import write_atomically
from visum_client.images import ImageFile
from visum_client.likeness.feature_space import PartFeatures, Rows
from visum_client.methods import DESCRIBE_REGIONS
from visum_client.part_table import place_of
from visum_client.records import Box, Part
from visum_client.report.contents import Contents
from visum_client.report.pictures import Pixels
from visum_client.report.views import read_regions, read_view
from visum_client.stages.proposals import FEATURES
from visum_wire import InvalidInput, from_array, regions_to_png

Place = NDArray[np.bool_]
"""Pixels of a part, [H, W] of the view."""
_MOST_REGIONS = 1024
"""Regions of one request."""
PartKey = tuple[str, Box, int]
"""Digest of the image, box, region."""


def key_of(part: Part) -> PartKey:
    """By what a part is told from others."""
    return part.image, part.box, part.region


def view_as_image(view: Pixels, preprocessing: common_pb2.Preprocessing) -> bytes:
    """A PNG whose view, under a network's preprocessing, is exactly this view.

    The view lies in a square of the size to which images are resized, where the crop takes it out again: so nothing is
    resampled. Around it its border goes on.
    """
    side, crop = preprocessing.resize, preprocessing.crop
    before = round((side - crop) / 2)
    padded = np.pad(view, ((before, side - crop - before), (before, side - crop - before), (0, 0)), mode="edge")
    buffer = io.BytesIO()
    Image.fromarray(padded).save(buffer, format="PNG")
    return buffer.getvalue()


async def describe_members(
    calls: PureCalls,
    card: common_pb2.ModelCard,
    contents: Contents,
    parts: Sequence[Part],
    scratch: Path,
    on_image: Callable[[], None],
) -> PartFeatures:
    """The features of parts of a run, a row a part, in the order of `parts`.

    Args:
        calls: Where the network is asked.
        card: The network.
        contents: The run.
        parts: The parts.
        scratch: An empty folder for the images that are sent.
        on_image: Called after each image.

    Raises:
        RunFolderError: A view or region map is missing or damaged.
        VisumError: The specializer service failed.
    """
    by_image: dict[str, list[Part]] = {}
    for part in parts:
        by_image.setdefault(part.image, []).append(part)
    found: dict[PartKey, tuple[Rows, ...]] = {}

    async def work(digest: str) -> None:
        view, regions = read_view(contents.folder, digest), read_regions(contents.folder, digest)
        png = view_as_image(view, card.preprocessing)
        image = ImageFile(scratch / f"{digest}.png", contents.used[digest].path, hashlib.sha256(png).hexdigest())
        write_atomically(image.path, png, durable=False)
        own = by_image[digest]
        places = [place_of(regions, part.box, part.region) for part in own]
        found.update(zip(map(key_of, own), await describe_places(calls, card, image, places), strict=True))
        on_image()

    connection = await calls.services.connection(DESCRIBE_REGIONS.service)
    await for_each(by_image, lambda: connection.in_flight, work)
    return joined(found[key_of(part)] for part in parts)


async def describe_places(
    calls: PureCalls, card: common_pb2.ModelCard, image: ImageFile, places: Sequence[Place]
) -> list[tuple[Rows, ...]]:
    """The features of places in one image: for each place a row of every kind, then of every kind mirrored.

    Raises:
        VisumError: The image cannot be read, or the specializer service failed.
    """
    found: dict[int, tuple[Rows, ...]] = {}
    for layer in _layers(places):
        regions = np.zeros(places[0].shape, dtype=np.int32)
        for number, place in enumerate(layer, start=1):
            regions[places[place]] = number
        request = specializer_pb2.DescribeRegionsRequest(
            image=common_pb2.Image(sha256=image.digest or ""), model=card.ref, regions_png=regions_to_png(regions)
        )
        decode = partial(_decode, len(layer))
        kinds, _ = await calls.call(DESCRIBE_REGIONS, request, decode, image, network=card.preprocessing)
        for row, place in enumerate(layer):
            found[place] = tuple(rows[row] for rows in kinds)
    return [found[place] for place in range(len(places))]


def joined(parts: Iterable[tuple[Rows, ...]]) -> PartFeatures:
    """Features of single parts, one row each, as those of all."""
    kinds = [np.stack(rows) for rows in zip(*parts, strict=True)]
    return PartFeatures(tuple(kinds[: len(FEATURES)]), tuple(kinds[len(FEATURES) :]))


def _layers(places: Sequence[Place]) -> list[list[int]]:
    """Places that do not overlap, so that one region map can hold them; each goes where it first fits."""
    layers: list[list[int]] = []
    taken: list[Place] = []
    for index, place in enumerate(places):
        for layer, pixels in zip(layers, taken, strict=True):
            if len(layer) < _MOST_REGIONS and not (pixels & place).any():
                layer.append(index)
                np.logical_or(pixels, place, out=pixels)
                break
        else:
            layers.append([index])
            taken.append(place.copy())
    return layers


def _decode(count: int, response: specializer_pb2.DescribeRegionsResponse) -> tuple[Rows, ...]:
    names = (*FEATURES, *(f"{name}_mirrored" for name in FEATURES))
    kinds = tuple(from_array(getattr(response, name), name, "float16", (count, None)) for name in names)
    for name, rows in zip(names, kinds, strict=True):
        if not np.isfinite(rows).all():
            raise InvalidInput("is not finite", field=name)
    return tuple(rows.astype(np.float32) for rows in kinds)
