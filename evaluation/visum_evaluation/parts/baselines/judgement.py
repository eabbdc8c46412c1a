"""Concepts of baselines held against the planted truth by the measures that summaries are held to."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from visum_client import Run
from visum_demo.render import SIDE_PX, Rendering
from visum_demo.shipped import MODELS, CausalFigure, stem
from visum_demo.truth import planted_part
from visum_demo.worlds import WorldName
from visum_evaluation.parts.baselines import BASELINES
from visum_evaluation.parts.baselines.concepts import Concept, ExplainedClass
from visum_evaluation.parts.measures import PartsScore, ShownSummary, score_class
from visum_mask.measure import measure_drops
from visum_mask.options import MaskOptions
from visum_models import Classifier, ModelRepository
from visum_models.repository import ModelSettings
from visum_wire import regions_from_png

_WHOLE = (0, 0, SIDE_PX, SIDE_PX)


def load_observable(world: WorldName) -> Classifier:
    """The network of a world, with layers that can be observed."""
    settings = ModelSettings(model_dir=MODELS, trust_model_dir=True)
    return ModelRepository(settings, submodules=True).load(stem(world))


def read_regions(run: Run, files: Sequence[str]) -> NDArray[np.uint16]:
    """Regions [N, S, S] of the masks of a run over files of these names; none where an image has no mask."""
    regions = np.zeros((len(files), SIDE_PX, SIDE_PX), np.uint16)
    numbers = {file: number for number, file in enumerate(files)}
    for image in run.images:
        if image.mask is not None and image.mask.regions and image.digest is not None:
            content = run.folder.mask(image.digest, "regions").read_bytes()
            regions[numbers[image.path.rsplit("/")[-1]]] = regions_from_png(content, "regions")
    return regions


def score_baselines(
    explained: ExplainedClass, renderings: Sequence[Rendering], figures: Sequence[CausalFigure], seed: int
) -> dict[str, PartsScore]:
    """The score of each baseline, with its default settings, on a class of a planted world.

    Args:
        explained: The class.
        renderings: Behind each of its pictures.
        figures: The causal figures of the class.
        seed: Of all that is left to chance.
    """
    found: Mapping[str, list[Concept]] = {name: find(explained, seed=seed) for name, find in BASELINES.items()}
    return {name: score_concepts(concepts, explained, renderings, figures, seed) for name, concepts in found.items()}


def score_concepts(
    concepts: Sequence[Concept],
    explained: ExplainedClass,
    renderings: Sequence[Rendering],
    figures: Sequence[CausalFigure],
    seed: int,
) -> PartsScore:
    """The score of concepts of a class: what each member's pixels show, and the drop when they alone are blurred."""
    shown = [
        ShownSummary(
            [planted_part(renderings[member.image], member.mask, _WHOLE) for member in concept.members],
            _mean_drop(concept, explained),
        )
        for concept in concepts
    ]
    return score_class(shown, figures, np.random.default_rng(seed))


def _mean_drop(concept: Concept, explained: ExplainedClass) -> float:
    drops = []
    for member in concept.members:
        picture, mask = explained.pictures[member.image], member.mask[None]
        scores = measure_drops(explained.classifier, picture, explained.target, mask, MaskOptions())
        before, after = scores.before.probabilities[0], scores.after.probabilities[0]
        drops.append((before - after) / before)
    return float(np.mean(drops))
