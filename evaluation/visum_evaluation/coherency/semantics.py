"""Whether images of one summary mean the same: distances of tags within summaries and within random samples.

The paper's section 4.2 and figure 4.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visum_evaluation.coherency.agreement import TagSet, jaccard_distance

SAMPLES = 1000
"""Random samples that a class is held against."""
CONFIDENCE = 0.95
_SEED = 20_160_901
_LEAST_MEMBERS = 2
_TOLERANCE = 1e-12


@dataclass(frozen=True, eq=False)
class Semantics:
    """Distances of tags in one class; smaller is more alike."""

    summaries: Mapping[str, float]
    """Mean Jaccard distance over the pairs of each summary's members, by its id."""
    mu_s: float
    """Mean over the summaries."""
    samples: NDArray[np.float64]
    """The same over as many random sets of equal sizes, one value a sample."""

    def figures(self) -> dict[str, Any]:
        """As `compare` gives them, with the distance of each summary."""
        return {"summaries": dict(self.summaries), **compare(self.mu_s, self.samples)}


def compare(mu_s: float, samples: NDArray[np.float64]) -> dict[str, float]:
    """mu_s; mu_r, the mean of the samples; the interval that holds 95 % of them; and the p-value.

    The p-value is that of a permutation test: the share of the samples that are at least as alike as the summaries, the
    summaries counted in.
    """
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(samples, [tail, 1 - tail])
    as_alike = int((samples <= mu_s + _TOLERANCE).sum())
    mean, p_value = float(samples.mean()), (1 + as_alike) / (1 + len(samples))
    return {"mu_s": mu_s, "mu_r": mean, "mu_r_low": float(low), "mu_r_high": float(high), "p_value": p_value}


def measure_semantics(
    members: Mapping[str, Sequence[str]], tags: Mapping[str, TagSet], samples: int = SAMPLES
) -> Semantics | None:
    """Holds the tags within summaries against those within random sets of the same sizes.

    Args:
        members: What each summary consists of, by its id: keys of `tags`.
        tags: Tags of everything that samples are drawn from; what has none takes no part.
        samples: How many random samples.

    Returns:
        The distances; None where no summary has two members with tags, or where each holds all there is.
    """
    pool = sorted(key for key, given in tags.items() if given)
    places = {key: place for place, key in enumerate(pool)}
    sets = {name: [places[key] for key in keys if key in places] for name, keys in members.items()}
    sets = {name: found for name, found in sets.items() if len(found) >= _LEAST_MEMBERS}
    if not sets or min(map(len, sets.values())) == len(pool):
        return None
    distances = _distances([tags[key] for key in pool])
    within = {name: _mean_pair(distances, np.array(found)) for name, found in sets.items()}
    drawn = _random_means(distances, [len(found) for found in sets.values()], samples)
    return Semantics(within, fmean(within.values()), drawn)


def _distances(tags: Sequence[TagSet]) -> NDArray[np.float64]:
    distances = np.zeros((len(tags), len(tags)))
    for one, other in combinations(range(len(tags)), 2):
        distances[one, other] = distances[other, one] = jaccard_distance(tags[one], tags[other])
    return distances


def _mean_pair(distances: NDArray[np.float64], members: NDArray[np.intp]) -> float:
    count = len(members)
    return float(distances[np.ix_(members, members)].sum() / (count * (count - 1)))


def _random_means(distances: NDArray[np.float64], sizes: Sequence[int], samples: int) -> NDArray[np.float64]:
    """Of each sample the mean over sets, each drawn without repetition."""
    generator = np.random.default_rng(_SEED)
    draws = (
        [_mean_pair(distances, generator.choice(len(distances), size, replace=False)) for size in sizes]
        for _ in range(samples)
    )
    return np.array([fmean(means) for means in draws])
