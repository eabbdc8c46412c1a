"""Summaries without masks: superpixels of whole pictures in place of the regions, every other step as it is."""

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import slic

from visum_client import NecessityOptions
from visum_client.necessity import estimate_necessity, place_elsewhere
from visum_client.options import CONSENSUS
from visum_clustering.feature_sets import FeatureSet
from visum_clustering.options import ClusteringOptions, Preset
from visum_clustering.parts import THUMBNAIL_SIDE, Parts
from visum_clustering.summarize_by_consensus import summarize_by_consensus
from visum_demo import load_world
from visum_evaluation.parts.baselines.judgement import load_observable
from visum_evaluation.parts.experiment import PartsOptions, Shown, Workspace
from visum_evaluation.parts.measures import ShownSummary
from visum_evaluation.parts.scenes import FIRST_SEED, Scenes
from visum_mask.measure import measure_drops
from visum_mask.options import MaskOptions
from visum_models import Classifier
from visum_specializer.region_features import RegionFeatures, describe_regions

SEGMENTS = 30
"""Superpixels a picture (Achanta et al., SLIC superpixels compared to state-of-the-art superpixel methods)."""
_FEATURES = ("aligned", "pooled")

Labels = NDArray[np.uint16]


def summaries_without_masks(workspace: Workspace, options: PartsOptions) -> Shown:
    """What the summaries show when superpixels are the parts."""
    classifier = load_observable(options.world)
    names = load_world(options.world).classes
    shown = {}
    for scenes in options.scenes():
        shown[scenes.round, scenes.class_name] = _summaries(classifier, scenes, names.index(scenes.class_name))
        workspace.tell(f"superpixels, round {scenes.round}, {scenes.class_name}")
    return shown


def _summaries(classifier: Classifier, scenes: Scenes, target: int) -> list[ShownSummary]:
    pictures = scenes.pictures()
    segments = [slic(picture, SEGMENTS, start_label=1).astype(np.uint16) for picture in pictures]
    features = [describe_regions(classifier, *pair) for pair in zip(pictures, segments, strict=True)]
    sets = [_feature_set(features, name) for name in _FEATURES]
    parts = _parts(segments)
    result = summarize_by_consensus(parts, sets, len(pictures), ClusteringOptions(preset=Preset.CONSENSUS))
    places = [
        [(int(parts.images[part]), int(parts.regions[part])) for part in found.members] for found in result.summaries
    ]
    necessities = [_necessity(classifier, pictures, segments, target, members) for members in places]
    required = NecessityOptions().required(CONSENSUS, max(necessities, default=0.0)) or 0.0
    needed = [members for members, necessity in zip(places, necessities, strict=True) if necessity >= required]
    return [ShownSummary([scenes.shown(image, segments[image] == label) for image, label in found]) for found in needed]


def _necessity(
    classifier: Classifier,
    pictures: NDArray[np.uint8],
    segments: list[Labels],
    target: int,
    members: list[tuple[int, int]],
) -> float:
    """As class runs measure a summary: by the parts against their shapes elsewhere."""
    options = NecessityOptions()
    generator = np.random.default_rng(FIRST_SEED)
    effects, placed = [], []
    for image, label in members:
        part = segments[image] == label
        masks = np.stack([part, *place_elsewhere(part, options.places, generator)])
        scores = measure_drops(classifier, pictures[image], target, masks, MaskOptions())
        falls = scores.before.log_odds[0] - scores.after.log_odds
        effects.append(float(falls[0]))
        placed.append(float(falls[1:].mean()))
    return estimate_necessity(effects, placed).mean


def _feature_set(features: list[RegionFeatures], name: str) -> FeatureSet:
    plain, mirrored = (
        np.concatenate([getattr(item, kind) for item in features]) for kind in (name, f"{name}_mirrored")
    )
    return FeatureSet(plain, mirrored)


def _parts(segments: list[Labels]) -> Parts:
    """The superpixels in the order of their features; what only other presets look at is blank."""
    counts = [int(labels.max()) for labels in segments]
    boxes = [_box(labels == label) for labels in segments for label in range(1, int(labels.max()) + 1)]
    return Parts(
        images=np.repeat(np.arange(len(segments)), counts).astype(np.int32),
        boxes=np.array(boxes, np.int32),
        regions=np.concatenate([np.arange(1, count + 1) for count in counts]).astype(np.int32),
        descriptors=np.zeros((sum(counts), 1), np.float16),
        thumbnails=np.zeros((sum(counts), THUMBNAIL_SIDE, THUMBNAIL_SIDE), np.uint8),
    )


def _box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.where(mask)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1
