"""Several networks, or states of one, on the same images of one class (paper, figure 5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from visum_client.compare.grouping import Key, group_summaries
from visum_client.compare.overlap import Absence, Overlap, beyond_chance, measure_absence, measure_overlaps
from visum_client.compare.places import Places, find_places
from visum_client.errors import InvalidInputError
from visum_client.records import Summary
from visum_client.report.contents import Contents

MIN_OVERLAP = 0.1
"""Overlap from which two summaries are taken for one part."""
CHANCE_RATE = 0.05
"""Share of the pairs taken for one part that may be expected to be chance."""
MIN_IMAGES = 3
"""Fewest images that runs must have in common."""


@dataclass(frozen=True)
class ComparedPart:
    """A part that one run at least uses."""

    summaries: tuple[str | None, ...]
    """Id of its summary in each run; None where the run has none."""
    overlap: float | None
    """Mean overlap of these summaries; None where there is but one."""
    absences: tuple[Absence | None, ...]
    """For each run without a summary: what it does with the place of the part; None for the others, and where no
    common image shows the part."""


@dataclass(frozen=True)
class NetworkComparison:
    """What several runs use of the same images."""

    runs: tuple[Contents, ...]
    """The runs."""
    images: tuple[str, ...]
    """Digests of the images that all of them use."""
    min_overlap: float
    """Overlap from which two summaries were taken for one part."""
    parts: tuple[ComparedPart, ...]
    """Every summary is in one of them."""
    overlaps: Mapping[tuple[Key, Key], Overlap]
    """Of all summaries of different runs."""
    beyond_chance: frozenset[tuple[Key, Key]]
    """Those of these pairs that chance does not explain."""


def compare_networks(runs: Sequence[Contents], min_overlap: float = MIN_OVERLAP) -> NetworkComparison:
    """Finds which parts several runs share, on the images that all of them use.

    Raises:
        InvalidInputError: They are of different classes, of fewer than two runs, have too few images in common, or
            `min_overlap` is out of range.
        RunFolderError: A region map is missing or damaged, or a run is not complete.
    """
    if not 0 < min_overlap <= 1:
        raise InvalidInputError(f"is {min_overlap}, must be above 0 and at most 1", "min_overlap")
    images = common_images(runs)
    places = [[find_places(contents, digest) for digest in images] for contents in runs]
    overlaps = _all_overlaps(runs, places)
    same_place = {pair: overlaps[pair].value for pair in beyond_chance(overlaps, CHANCE_RATE)}
    keys = [(number, summary.id) for number, contents in enumerate(runs) for summary in summaries_of(contents)]
    groups = group_summaries(keys, same_place, min_overlap)
    parts = tuple(_part(group, places, overlaps) for group in groups)
    ordered = sorted(parts, key=lambda part: -sum(name is not None for name in part.summaries))
    return NetworkComparison(tuple(runs), images, min_overlap, tuple(ordered), overlaps, frozenset(same_place))


def common_images(runs: Sequence[Contents]) -> tuple[str, ...]:
    """Digests of the images that all runs use, in the order of the first.

    Raises:
        InvalidInputError: As `compare_networks`.
    """
    if len(runs) < 2:
        raise InvalidInputError("needs at least two", "runs")
    targets = dict.fromkeys(contents.target for contents in runs)
    if len(targets) > 1:
        raise InvalidInputError(f"are of different classes ({', '.join(targets)})", "runs")
    images = tuple(digest for digest in runs[0].used if all(digest in contents.used for contents in runs))
    if len(images) < MIN_IMAGES:
        raise InvalidInputError(
            f"have {len(images)} used images in common, at least {MIN_IMAGES} are needed: "
            "run the networks on the same images",
            "runs",
        )
    return images


def summaries_of(contents: Contents) -> tuple[Summary, ...]:
    """The summaries of a run. Raises InvalidInputError where it has not come so far."""
    if contents.clustering is None:
        raise InvalidInputError(f"{contents.folder.path} has no summaries yet; finish it first", "runs")
    return contents.clustering.summaries


def _all_overlaps(runs: Sequence[Contents], places: Sequence[Sequence[Places]]) -> dict[tuple[Key, Key], Overlap]:
    names = [[summary.id for summary in summaries_of(contents)] for contents in runs]
    return {
        ((one, a), (other, b)): overlap
        for one, other in combinations(range(len(runs)), 2)
        for (a, b), overlap in measure_overlaps(places[one], places[other], names[one], names[other]).items()
    }


def _part(
    group: Sequence[Key], places: Sequence[Sequence[Places]], overlaps: Mapping[tuple[Key, Key], Overlap]
) -> ComparedPart:
    summaries = dict(group)
    values = [overlaps[pair].value for pair in combinations(sorted(group), 2)]
    owner, name = group[0]
    is_seen = any(name in place.summaries for place in places[owner])
    absences = tuple(
        measure_absence(places[owner], places[run], name) if run not in summaries and is_seen else None
        for run in range(len(places))
    )
    mean = sum(values) / len(values) if values else None
    return ComparedPart(tuple(summaries.get(run) for run in range(len(places))), mean, absences)
