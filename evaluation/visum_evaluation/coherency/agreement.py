"""Agreement of people on the tags of summaries (paper, section 4.2 and table 1)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from visum_client.tags import Tags, normalized_tag, tag_counts

TagSet = frozenset[str]


@dataclass(frozen=True)
class SummaryAgreement:
    """How far people agree on one summary."""

    summary: str
    """Its id."""
    raters: int
    """People who gave it a tag."""
    distance: float | None
    """Mean Jaccard distance over the pairs of these people, 0..1; None where there is no pair."""
    most_proposed: str
    """The tag that most of them gave; of equals the first of the alphabet."""
    proposed_by: int
    """How many gave it."""


@dataclass(frozen=True)
class Coherency:
    """How far people agree on the summaries of one class."""

    model: str
    """Name of the network."""
    target: str
    """Name of the class."""
    raters: int
    """People who gave a tag to any of its summaries."""
    mu_u: float | None
    """Mean of the summaries' distances: the paper's mu_U; smaller is better. None where nobody can be compared."""
    across: float | None
    """Mean Jaccard distance between what two people call *different* summaries: what mu_U would be if the tags did not
    depend on the summary. None where there are no such pairs."""
    summaries: tuple[SummaryAgreement, ...]
    """Every summary with a tag, in the order of ids."""


def measure_coherency(files: Sequence[Tags]) -> Coherency:
    """Holds what several people call the summaries of one class against each other.

    Tags are compared without regard to case. Names count for nothing: the study asked for tags. Who gave a summary no
    tag says nothing about it.

    Args:
        files: Of the same summaries, one a person; at least one.

    Raises:
        ValueError: They are of different summaries, or there are none.
    """
    if len({tags.run for tags in files}) != 1:
        raise ValueError("files of tags must be of the same summaries")
    people = [_tag_sets(tags) for tags in files]
    ids = sorted({summary for sets in people for summary in sets}, key=lambda name: int(name[1:]))
    summaries = tuple(_agreement(files, people, summary) for summary in ids)
    return Coherency(
        model=files[0].model,
        target=files[0].target,
        raters=sum(bool(sets) for sets in people),
        mu_u=_mean(summary.distance for summary in summaries),
        across=_mean(
            jaccard_distance(one[mine], other[theirs])
            for one, other in combinations(people, 2)
            for mine in one
            for theirs in other
            if mine != theirs
        ),
        summaries=summaries,
    )


def jaccard_distance(one: TagSet, other: TagSet) -> float:
    """One less the share of common elements among all elements of two sets, of which one at least is not empty."""
    return 1.0 - len(one & other) / len(one | other)


def _agreement(files: Sequence[Tags], people: Sequence[dict[str, TagSet]], summary: str) -> SummaryAgreement:
    sets = [person[summary] for person in people if summary in person]
    tag, count = tag_counts(files, summary)[0]
    distance = _mean(jaccard_distance(one, other) for one, other in combinations(sets, 2))
    return SummaryAgreement(summary, len(sets), distance, tag, count)


def _tag_sets(tags: Tags) -> dict[str, TagSet]:
    found = {name: frozenset(map(normalized_tag, given.tags)) for name, given in tags.summaries.items()}
    return {name: given for name, given in found.items() if given}


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
