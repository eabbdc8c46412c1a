"""Which summaries of several runs are one part."""

from collections.abc import Mapping, Sequence

Key = tuple[int, str]
"""Index of a run, id of a summary."""


def group_summaries(keys: Sequence[Key], similarity: Mapping[tuple[Key, Key], float], least: float) -> list[list[Key]]:
    """Joins summaries to groups that hold at most one of each run, the most similar first.

    Two groups become one where the mean similarity between them is the largest left and at least `least`.

    Args:
        keys: The summaries, in the order in which groups are to be listed.
        similarity: Of summaries of different runs, by (earlier run, later run); what is missing is 0.
        least: Smallest mean similarity of groups that become one, > 0.

    Returns:
        Groups of summaries, each by run; the groups by the first of their summaries in `keys`.
    """
    groups = [[key] for key in keys]
    while (best := _best_pair(groups, similarity, least)) is not None:
        one, other = best
        groups[one] = sorted(groups[one] + groups.pop(other))
    return sorted(groups, key=lambda group: min(keys.index(key) for key in group))


def _best_pair(
    groups: Sequence[Sequence[Key]], similarity: Mapping[tuple[Key, Key], float], least: float
) -> tuple[int, int] | None:
    best, found = least, None
    for other in range(len(groups)):
        for one in range(other):
            if {run for run, _ in groups[one]} & {run for run, _ in groups[other]}:
                continue
            mean = _mean(groups[one], groups[other], similarity)
            if mean > best or (mean == best and found is None):
                best, found = mean, (one, other)
    return found


def _mean(one: Sequence[Key], other: Sequence[Key], similarity: Mapping[tuple[Key, Key], float]) -> float:
    pairs = [(min(a, b), max(a, b)) for a in one for b in other]
    return sum(similarity.get(pair, 0.0) for pair in pairs) / len(pairs)
