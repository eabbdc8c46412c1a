"""Affinity propagation along stored similarities (Frey and Dueck, Science 2007).

A pair without a stored similarity sends no message, as a similarity of minus infinity does in the dense form: both give
the same clusters, and this one costs what is stored.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from visum_clustering.similarity import Similarity
from visum_runtime.errors import Stopped

# Damped messages need time to arrive: exemplars can stand still for dozens of iterations before they are right.
STABLE_ITERATIONS = 100
RETRY_DAMPING = 0.95
# Relative size of the noise that breaks exact ties, on which messages would oscillate for ever.
TIE_NOISE = 1e-6
_SEED = 0


@dataclass(frozen=True, eq=False)
class Clustering:
    """What affinity propagation found.

    Attributes:
        exemplars: int64 [n], the exemplar of each part; an exemplar's own is itself.
        converged: True where the exemplars stood still at the end.
        iterations: Iterations that it took, those of a run without convergence included.
        damping: Damping of the last run.
    """

    exemplars: NDArray[np.int64]
    converged: bool
    iterations: int
    damping: float


def preference_of(similarity: Similarity, factor: float) -> float:
    """Minus `factor` times the median positive similarity; where none is positive, one e-fold stands for it."""
    positive = similarity.values[similarity.values > 0]
    return -factor * (float(np.median(positive)) if len(positive) else 1.0)


def propagate_affinity(
    similarity: Similarity,
    preference: float,
    *,
    damping: float = 0.9,
    max_iterations: int = 1000,
    progress: Callable[[int, int], None] = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Clustering:
    """Clusters parts around exemplars that are parts themselves.

    Converged means the same exemplars over 100 iterations, with one in reach of every part. Without convergence it
    starts again once with damping 0.95. A part that has no stored similarity to any exemplar is its own.

    Args:
        similarity: Similarities of n parts.
        preference: Similarity of a part to itself: the lower, the fewer clusters.
        damping: Share of the old message in the new one; 0.5 <= damping < 1.
        max_iterations: Iterations of one run at most.
        progress: Told iterations done and their most, every iteration.
        should_stop: Asked every iteration.

    Raises:
        Stopped: `should_stop` said so.
    """
    spent = 0
    for rate in (damping, RETRY_DAMPING):
        messages = _Messages.silent(similarity, preference)
        iterations, converged = _run(messages, rate, max_iterations, progress, should_stop)
        spent += iterations
        if converged or damping >= RETRY_DAMPING:
            break
    return Clustering(_assign(similarity, messages.are_exemplars()), converged, spent, rate)


def central_part(similarity: Similarity, members: NDArray[np.integer]) -> int:
    """The member that has stored similarities to most other members, and among those the highest sum of them."""
    groups = np.full(len(similarity), -1)
    groups[members] = 0
    return int(_central_parts(similarity, groups)[0])


@dataclass(frozen=True, eq=False)
class _Messages:
    """Responsibilities and availabilities on every entry and on the diagonal."""

    similarity: Similarity
    values: NDArray[np.float64]
    responsibilities: NDArray[np.float64]
    availabilities: NDArray[np.float64]
    own_values: NDArray[np.float64]
    own_responsibilities: NDArray[np.float64]
    own_availabilities: NDArray[np.float64]

    @classmethod
    def silent(cls, similarity: Similarity, preference: float) -> "_Messages":
        count, entries = len(similarity), len(similarity.values)
        noise = np.random.default_rng(_SEED).standard_normal(entries + count) * TIE_NOISE * abs(preference)
        values, own_values = similarity.values + noise[:entries], preference + noise[entries:]
        zeros = [np.zeros(length) for length in (entries, entries, count, count)]
        return cls(similarity, values, zeros[0], zeros[1], own_values, zeros[2], zeros[3])

    def update(self, damping: float) -> None:
        structure = (self.similarity.offsets, self.similarity.neighbours)
        positive = np.zeros(len(self.similarity))
        _send_responsibilities(
            *structure, self.values, self.responsibilities, self.availabilities,
            self.own_values, self.own_responsibilities, self.own_availabilities, positive, damping,
        )  # fmt: skip
        _send_availabilities(
            *structure, self.responsibilities, self.availabilities,
            self.own_responsibilities, self.own_availabilities, positive, damping,
        )  # fmt: skip

    def are_exemplars(self) -> NDArray[np.bool_]:
        return self.own_responsibilities + self.own_availabilities > 0


def _run(
    messages: _Messages,
    damping: float,
    max_iterations: int,
    progress: Callable[[int, int], None],
    should_stop: Callable[[], bool],
) -> tuple[int, bool]:
    stable, before = 0, messages.are_exemplars()
    for iteration in range(1, max_iterations + 1):
        if should_stop():
            raise Stopped("clustering was stopped")
        messages.update(damping)
        now = messages.are_exemplars()
        stable = stable + 1 if np.array_equal(now, before) else 1
        before = now
        progress(iteration, max_iterations)
        if stable >= STABLE_ITERATIONS and _all_served(messages.similarity, now):
            return iteration, True
    return max_iterations, False


@njit(cache=True, nogil=True)
def _send_responsibilities(  # type: ignore[no-untyped-def]
    offsets, neighbours, values, responsibilities, availabilities,
    own_values, own_responsibilities, own_availabilities, positive, damping,
):  # fmt: skip
    """One damped update of r(i, k) = s(i, k) - max over k' != k of a(i, k') + s(i, k'); sums the positive ones by k."""
    for part in range(len(own_values)):
        best, second, winner = own_availabilities[part] + own_values[part], -np.inf, -1
        for entry in range(offsets[part], offsets[part + 1]):
            rival = availabilities[entry] + values[entry]
            if rival > best:
                best, second, winner = rival, best, entry
            elif rival > second:
                second = rival
        for entry in range(offsets[part], offsets[part + 1]):
            message = values[entry] - (second if entry == winner else best)
            responsibilities[entry] += (1 - damping) * (message - responsibilities[entry])
            positive[neighbours[entry]] += max(responsibilities[entry], 0.0)
        message = own_values[part] - (second if winner == -1 else best)
        own_responsibilities[part] = damping * own_responsibilities[part] + (1 - damping) * message


@njit(cache=True, nogil=True)
def _send_availabilities(  # type: ignore[no-untyped-def]
    offsets, neighbours, responsibilities, availabilities, own_responsibilities, own_availabilities, positive, damping
):
    """One damped update of a(i, k) = min(0, r(k, k) + sum over i' not in {i, k} of max(0, r(i', k)))."""
    for part in range(len(own_availabilities)):
        for entry in range(offsets[part], offsets[part + 1]):
            to = neighbours[entry]
            message = min(0.0, own_responsibilities[to] + positive[to] - max(responsibilities[entry], 0.0))
            availabilities[entry] += (1 - damping) * (message - availabilities[entry])
        own_availabilities[part] += (1 - damping) * (positive[part] - own_availabilities[part])


def _all_served(similarity: Similarity, exemplars: NDArray[np.bool_]) -> bool:
    """True where every part is an exemplar or has a stored similarity to one."""
    return bool(exemplars[_nearest_exemplars(similarity, exemplars)].all())


def _assign(similarity: Similarity, exemplars: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Gives each part its most similar exemplar, moves exemplars to the centres of their clusters, and gives again."""
    first = _nearest_exemplars(similarity, exemplars)
    centres = np.zeros(len(similarity), np.bool_)
    centres[_central_parts(similarity, first)] = True
    return _nearest_exemplars(similarity, centres)


def _central_parts(similarity: Similarity, groups: NDArray[np.integer]) -> NDArray[np.intp]:
    """The central part of each group, by ascending group; groups[i] is the group of part i, -1: none."""
    rows = similarity.rows()
    within = groups[rows] == groups[similarity.neighbours]
    stored = np.bincount(rows[within], minlength=len(similarity))
    total = np.bincount(rows[within], weights=similarity.values[within], minlength=len(similarity))
    order = np.lexsort((-total, -stored, groups))
    order = order[groups[order] >= 0]
    return order[np.unique(groups[order], return_index=True)[1]]


def _nearest_exemplars(similarity: Similarity, exemplars: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The most similar exemplar of each part; the part itself where it is one, or none is stored."""
    return np.asarray(_nearest(similarity.offsets, similarity.neighbours, similarity.values, exemplars))


@njit(cache=True, nogil=True)
def _nearest(offsets, neighbours, values, exemplars):  # type: ignore[no-untyped-def]
    nearest = np.arange(len(exemplars))
    for part in range(len(exemplars)):
        best = -np.inf
        for entry in range(offsets[part], offsets[part + 1]):
            if not exemplars[part] and exemplars[neighbours[entry]] and values[entry] > best:
                best = values[entry]
                nearest[part] = neighbours[entry]
    return nearest
