"""All pairs of a data set matched by each method, with the upper bound of the boxes and two controls."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visum_evaluation.flow.annotated_image import AnnotatedImage
from visum_evaluation.flow.judgement import Judgement, Subject, Truth, judge
from visum_evaluation.flow.measures import PCK_THRESHOLDS, miou_area, pcr_area
from visum_proposals.proposal_flow import MatchOptions, Method, match_pair
from visum_proposals.selective_search import ProposalOptions
from visum_proposals.whitening import Whitening

_SEED = 0
Pair = tuple[str, str]


@dataclass(frozen=True)
class FlowOptions:
    """How the photographs are matched."""

    proposals: ProposalOptions = field(default_factory=ProposalOptions)
    """Which boxes."""
    mirror: bool = False
    """Match against the mirrored photograph too."""
    flip: bool = False
    """Mirror the second photograph of each pair, with its key points, before anything is found in it."""


@dataclass
class _Results:
    """What is known of the ordered pairs, as it comes in."""

    judgements: dict[Method, dict[Pair, Judgement]]
    mirrored: dict[Method, dict[Pair, bool]]
    truths: dict[Pair, Truth] = field(default_factory=dict)


def evaluate_flow(
    subsets: Mapping[str, Sequence[AnnotatedImage]],
    options: FlowOptions,
    whitening: Whitening,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Matches every ordered pair of every subset.

    Args:
        subsets: Photographs; those of equal name are the same one.
        options: How they are matched.
        whitening: Statistics of the descriptors.
        tell: Told of the progress.

    Returns:
        Figures, each 0..1: `subsets`, by name, and `mean` of them: by method `pcr_auc`, `miou_auc`, `pck` by threshold
        and `mirrored`, the share of pairs in which the mirrored photograph won; `upper_bound` and `controls`:
        `pcr_auc`, mean of the subsets.

    Raises:
        InvalidInputError: A photograph has no box on its object.
    """
    images = {image.name: image for members in subsets.values() for image in members}
    tell(f"finds boxes in {len(images)} photographs")
    firsts = {name: Subject.of(image, options.proposals, whitening) for name, image in images.items()}
    seconds = firsts
    if options.flip:
        seconds = {name: Subject.of(image.mirrored(), options.proposals, whitening) for name, image in images.items()}
    results = _Results({method: {} for method in Method}, {method: {} for method in Method})
    pairs = {pair for members in subsets.values() for pair in combinations(sorted(image.name for image in members), 2)}
    for number, (a, b) in enumerate(sorted(pairs)):
        if number % 50 == 0:
            tell(f"matched {number} of {len(pairs)} pairs")
        _match_both_ways((a, b), firsts[a], seconds[b], whitening.parities if options.mirror else None, results)
    return _figures({name: [image.name for image in members] for name, members in subsets.items()}, results)


def _match_both_ways(
    pair: Pair, first: Subject, second: Subject, parities: NDArray[np.float32] | None, results: _Results
) -> None:
    back = (pair[1], pair[0])
    results.truths[pair], results.truths[back] = Truth.of(first, second), Truth.of(second, first)
    for method in Method:
        match = match_pair(first.prepared, second.prepared, MatchOptions(method), parities)
        results.judgements[method][pair] = judge(match.scores, first, second, results.truths[pair], match.mirrored)
        results.judgements[method][back] = judge(match.scores.T, second, first, results.truths[back], match.mirrored)
        results.mirrored[method][pair] = results.mirrored[method][back] = match.mirrored


def _figures(subsets: Mapping[str, Sequence[str]], results: _Results) -> dict[str, Any]:
    pairs = {name: [(a, b) for a in members for b in members if a != b] for name, members in subsets.items()}
    by_subset = {
        name: {method.name: _figures_of_method(chosen, method, results) for method in Method}
        for name, chosen in pairs.items()
    }
    generator = np.random.default_rng(_SEED)
    controls: dict[str, Callable[[Truth], NDArray[np.float64]]] = {
        "random": lambda truth: generator.permuted(truth.overlaps, axis=1)[:, 0],
        "same_box": lambda truth: truth.same_place,
    }
    return {
        "mean": _mean(list(by_subset.values())),
        "subsets": by_subset,
        "upper_bound": {"pcr_auc": _pcr_of(pairs, results, lambda truth: truth.overlaps.max(axis=1))},
        "controls": {name: {"pcr_auc": _pcr_of(pairs, results, chosen)} for name, chosen in controls.items()},
    }


def _figures_of_method(pairs: Sequence[Pair], method: Method, results: _Results) -> dict[str, Any]:
    judgements = [results.judgements[method][pair] for pair in pairs]
    pck = np.mean([judgement.correct_key_points for judgement in judgements], axis=0)
    return {
        "pcr_auc": pcr_area(np.concatenate([judgement.overlaps for judgement in judgements])),
        "miou_auc": miou_area([judgement.ranked for judgement in judgements]),
        "pck": {str(threshold): float(share) for threshold, share in zip(PCK_THRESHOLDS, pck, strict=True)},
        "mirrored": float(np.mean([results.mirrored[method][pair] for pair in pairs])),
    }


def _pcr_of(
    pairs: Mapping[str, Sequence[Pair]], results: _Results, overlaps_of: Callable[[Truth], NDArray[np.float64]]
) -> float:
    """PCR of what is chosen knowing the truth, mean over the subsets."""
    areas = [
        pcr_area(np.concatenate([overlaps_of(results.truths[pair]) for pair in chosen])) for chosen in pairs.values()
    ]
    return float(np.mean(areas))


def _mean(figures: Sequence[Any]) -> Any:
    """Mean of equally nested figures, key by key."""
    if isinstance(figures[0], Mapping):
        return {key: _mean([figure[key] for figure in figures]) for key in figures[0]}
    return float(np.mean(figures))
