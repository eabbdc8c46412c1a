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
# Stands for the distance to the next best of a part that has none.
_WITHOUT_RIVAL = 1e18
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
    goes on once with damping 0.95, which stills what oscillates and leaves in peace what has arrived. A part that has
    no stored similarity to any exemplar is its own.

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
    spent, messages = 0, _Messages.silent(similarity, preference)
    for rate in (damping, RETRY_DAMPING):
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
    """Responsibilities and availabilities on every entry and on the diagonal.

    Availabilities of entries are one step behind: the next update makes up for it, and so reads every entry once.
    """

    similarity: Similarity
    values: NDArray[np.float64]
    responsibilities: NDArray[np.float64]
    availabilities: NDArray[np.float64]
    own_values: NDArray[np.float64]
    own_responsibilities: NDArray[np.float64]
    own_availabilities: NDArray[np.float64]
    gathered: NDArray[np.float64]
    """Sum of the positive responsibilities that each part has from others."""
    reach: NDArray[np.float64]
    """That sum and the part's own responsibility, as the rows last saw it."""
    row: NDArray[np.float64]
    """Room for the longest row."""

    @classmethod
    def silent(cls, similarity: Similarity, preference: float) -> "_Messages":
        count, entries = len(similarity), len(similarity.values)
        noise = np.random.default_rng(_SEED).standard_normal(entries + count) * TIE_NOISE * abs(preference)
        values, own_values = similarity.values + noise[:entries], preference + noise[entries:]
        responsibilities, availabilities = np.zeros((2, entries))
        own_responsibilities, own_availabilities, gathered, reach = np.zeros((4, count))
        row = np.zeros(np.diff(similarity.offsets).max(initial=0))
        return cls(
            similarity, values, responsibilities, availabilities, own_values, own_responsibilities, own_availabilities,
            gathered, reach, row,
        )  # fmt: skip

    def update(self, damping: float) -> None:
        _send(
            self.similarity.offsets, self.similarity.neighbours, self.values, self.responsibilities,
            self.availabilities, self.own_values, self.own_responsibilities, self.own_availabilities,
            self.gathered, self.reach, self.row, 1 - damping,
        )  # fmt: skip
        self.own_availabilities[:] += (1 - damping) * (self.gathered - self.own_availabilities)
        self.reach[:] = self.own_responsibilities + self.gathered

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


# Values are finite: so told, the compiler takes the largest of a row several at a time.
@njit(cache=True, nogil=True, error_model="numpy", fastmath={"nnan", "nsz", "contract"})
def _send(  # type: ignore[no-untyped-def]
    offsets, neighbours, values, responsibilities, availabilities,
    own_values, own_responsibilities, own_availabilities, gathered, reach, rivals, rate,
):  # fmt: skip
    """One damped update of every row, `rate` the share of the new message.

    First a(i, k) = min(0, r(k, k) + sum over i' not in {i, k} of max(0, r(i', k))), where `reach` holds r(k, k) and the
    whole sum; then r(i, k) = s(i, k) - max over k' != k of a(i, k') + s(i, k'), of which `gathered` sums the positive.
    """
    for part in range(len(own_values)):
        row = slice(offsets[part], offsets[part + 1])
        to, s, r, a = neighbours[row], values[row], responsibilities[row], availabilities[row]
        best = own = own_availabilities[part] + own_values[part]
        for entry in range(len(to)):
            step = rate * (min(0.0, reach[to[entry]] - max(r[entry], 0.0)) - a[entry])
            a[entry] += step
            rivals[entry] = a[entry] + s[entry]
            best = max(best, rivals[entry])
        winner = -1
        if best > own:
            winner = 0
            while rivals[winner] != best:
                winner += 1
            rivals[winner] = own
        second = own if winner >= 0 else -_WITHOUT_RIVAL
        for entry in range(len(to)):
            second = max(second, rivals[entry])
        for entry in range(len(to)):
            before = r[entry]
            after = before + rate * (s[entry] - (second if entry == winner else best) - before)
            r[entry] = after
            if before > 0 or after > 0:
                gathered[to[entry]] += max(after, 0.0) - max(before, 0.0)
        step = rate * (own_values[part] - (best if winner >= 0 else second) - own_responsibilities[part])
        own_responsibilities[part] += step


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
    grouped = np.flatnonzero(groups >= 0)
    stored, total = _within_groups(similarity.offsets, similarity.neighbours, similarity.values, groups, grouped)
    order = grouped[np.lexsort((-total, -stored, groups[grouped]))]
    return order[np.unique(groups[order], return_index=True)[1]]


def _nearest_exemplars(similarity: Similarity, exemplars: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The most similar exemplar of each part; the part itself where it is one, or none is stored."""
    return np.asarray(_nearest(similarity.offsets, similarity.neighbours, similarity.values, exemplars))


@njit(cache=True, nogil=True)
def _within_groups(offsets, neighbours, values, groups, parts):  # type: ignore[no-untyped-def]
    """Of each of these parts, how many similarities to parts of its own group are stored, and their sum."""
    stored, total = np.zeros(len(parts), np.int64), np.zeros(len(parts))
    for number in range(len(parts)):
        for entry in range(offsets[parts[number]], offsets[parts[number] + 1]):
            if groups[neighbours[entry]] == groups[parts[number]]:
                stored[number] += 1
                total[number] += values[entry]
    return stored, total


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
