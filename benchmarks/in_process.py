"""The whole work of a class run, called in this process: no services, no messages, no files between the steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
from visum.v1 import common_pb2

from visum_client.necessity import place_elsewhere
from visum_client.options import MaskOptions as ClientMaskOptions
from visum_clustering.options import ClusteringOptions
from visum_clustering.parts import Edges, Parts
from visum_clustering.summarize import summarize
from visum_mask.explain import explain
from visum_mask.measure import measure_drops
from visum_mask.servicer import options_from
from visum_models import Classifier
from visum_proposals.described_image import DescribedImage
from visum_proposals.descriptions import DescribedSurvivors, Description, describe_survivors, describe_view
from visum_proposals.proposal_flow import MatchOptions, match_tile
from visum_proposals.selective_search import ProposalOptions
from visum_proposals.survivors import SurvivorOptions
from visum_proposals.whitening import Whitening
from visum_runtime.views import ImageLimits, View, load_view

Box = tuple[int, ...]
LIMITS = ImageLimits(max_bytes=1 << 26, max_pixels=1 << 26)


@dataclass(frozen=True)
class Found:
    """One image, its regions and its parts."""

    view: View
    regions: np.ndarray
    description: Description
    parts: DescribedSurvivors


def summarize_in_process(
    network: Classifier, target: int, images: Sequence[Path], places: int
) -> list[list[tuple[str, Box]]]:
    """Summaries of a class, with the options of a class run: of each part the digest of its image, and its box.

    Args:
        network: The network.
        target: Index of the class.
        images: Files of its images.
        places: Places elsewhere at which each part's shape is measured, too.
    """
    whitening = Whitening.load()
    found = [image for path in images if (image := _look_at(network, target, path, whitening)) is not None]
    parts, edges = _parts(found), _edges(found)
    result = summarize(parts, edges, len(images), ClusteringOptions())
    members = [summary.members.tolist() for summary in result.summaries]
    _measure(network, target, found, parts, sorted({part for group in members for part in group}), places)
    return [
        [(found[parts.images[part]].view.image_sha256, tuple(parts.boxes[part].tolist())) for part in group]
        for group in members
    ]


def _look_at(network: Classifier, target: int, path: Path, whitening: Whitening) -> Found | None:
    view = load_view(common_pb2.Image(data=path.read_bytes()), network.card.preprocessing.to_message(), LIMITS)
    options = options_from(ClientMaskOptions().for_parts(view.side, "paper").to_message())
    (explained,) = explain(network, [view.pixels], [target], options, admit=[False], should_stop=[lambda: False])
    if explained.mask is None or not len(explained.mask.regions.boxes):
        return None
    description = describe_view(view.pixels, view.image_sha256, ProposalOptions(), whitening)
    regions = explained.mask.regions.map
    parts = describe_survivors(view.pixels, description.boxes, regions, SurvivorOptions(), whitening)
    return Found(view, regions, description, parts)


def _parts(found: Sequence[Found]) -> Parts:
    counts = [len(image.parts.survivors.boxes) for image in found]
    return Parts(
        np.repeat(np.arange(len(found), dtype=np.int32), counts),
        np.concatenate([image.parts.survivors.boxes for image in found]),
        np.concatenate([image.parts.survivors.regions for image in found]),
        np.concatenate([image.parts.descriptors for image in found]),
        np.concatenate([image.parts.thumbnails for image in found]),
    )


def _edges(found: Sequence[Found]) -> Edges:
    starts = [0, *accumulate(len(image.parts.survivors.boxes) for image in found)]
    sources, targets, scores = [], [], []
    for pair in match_tile([_described(image) for image in found], None, MatchOptions()):
        rows, columns = np.nonzero(pair.scores)
        sources.append(rows + starts[pair.row])
        targets.append(columns + starts[pair.column])
        scores.append(pair.scores[rows, columns])
    return Edges(
        np.concatenate(sources).astype(np.int32), np.concatenate(targets).astype(np.int32), np.concatenate(scores)
    )


def _described(image: Found) -> DescribedImage:
    """All boxes that vote: the proposals, then the regions' own boxes among the survivors."""
    survivors = image.parts.survivors
    own = survivors.proposals < 0
    indices = survivors.proposals.copy()
    indices[own] = len(image.description.boxes) + np.arange(np.count_nonzero(own))
    return DescribedImage(
        np.concatenate([image.description.boxes, survivors.boxes[own]]),
        np.concatenate([image.description.descriptors, image.parts.descriptors[own]]),
        indices,
        image.view.side,
    )


def _measure(
    network: Classifier, target: int, found: Sequence[Found], parts: Parts, members: Sequence[int], places: int
) -> None:
    options = options_from(ClientMaskOptions().to_message())
    for number, image in enumerate(found):
        masks = []
        for part in members:
            if parts.images[part] == number:
                x0, y0, x1, y1 = parts.boxes[part]
                pixels = np.zeros(image.regions.shape, bool)
                pixels[y0:y1, x0:x1] = image.regions[y0:y1, x0:x1] == parts.regions[part]
                masks += [pixels, *place_elsewhere(pixels, places, np.random.default_rng(part))]
        if masks:
            measure_drops(network, image.view.pixels, target, np.stack(masks), options)
