"""Which images are the positives of which SVM: those of the summaries, and of the two controls."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visum_specializer.train import LEAST_MEMBERS

SUMMARIES = "summaries"
CONTROLS = ("per_class", "random_clusters")


@dataclass(frozen=True, eq=False)
class Groups:
    """Groups of images, each of one class."""

    owners: NDArray[np.int64]
    """[G]: class of each group."""
    memberships: NDArray[np.bool_]
    """[N, G]."""

    def large_enough(self, training: NDArray[np.bool_]) -> "Groups":
        """The groups of which enough are among the training images, [N]."""
        kept = self.memberships[training].sum(axis=0) >= LEAST_MEMBERS
        return Groups(self.owners[kept], self.memberships[:, kept])


def grouped(kind: str, summaries: Groups, random: np.random.Generator) -> Groups:
    """The groups of a kind.

    Args:
        kind: summaries; per_class: one group a class, of all images of its summaries; random_clusters: groups as many
            and as large as the summaries, of images of the class's summaries chosen at random.
        summaries: The summaries.
        random: Chooses.
    """
    if kind == SUMMARIES:
        return summaries
    classes = np.unique(summaries.owners)
    of_class = {k: summaries.memberships[:, summaries.owners == k].any(axis=1) for k in classes}
    if kind == "per_class":
        return Groups(classes, np.stack([of_class[k] for k in classes], axis=1))
    memberships = np.zeros_like(summaries.memberships)
    for column, owner in enumerate(summaries.owners):
        size = summaries.memberships[:, column].sum()
        memberships[random.choice(np.flatnonzero(of_class[owner]), size, replace=False), column] = True
    return Groups(summaries.owners, memberships)
