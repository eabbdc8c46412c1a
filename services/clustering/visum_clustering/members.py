"""From a cluster of parts to its members: one part an image, all like the exemplar."""

import numpy as np
from numpy.typing import NDArray

from visum_clustering.similarity import Similarity


def choose_members(
    cluster: NDArray[np.integer], exemplar: int, similarity: Similarity, images: NDArray[np.int32], trim: float
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Keeps the exemplar and, of every other image, the part nearest to it; then trims those that are too far.

    Args:
        cluster: The parts of the cluster, the exemplar among them.
        exemplar: Its exemplar.
        similarity: Similarities of n parts. A part without a stored one to the exemplar is no member.
        images: int32 [n], image of each part.
        trim: Fraction of the median similarity to the exemplar that a member must reach; 0..1.

    Returns:
        Members, the exemplar first, then by falling similarity to it (ties: by number), and these similarities; the
        exemplar's own is the largest of the others, 0 if it is alone.
    """
    neighbours, values = similarity.row(exemplar)
    in_cluster = np.isin(neighbours, cluster)
    parts, nearness = neighbours[in_cluster], values[in_cluster].astype(np.float32)
    order = np.lexsort((parts, -nearness))
    parts, nearness = parts[order], nearness[order]
    first_of_image = np.sort(np.unique(images[parts], return_index=True)[1])
    parts, nearness = parts[first_of_image], nearness[first_of_image]
    if len(parts) == 0:
        return np.array([exemplar], np.int32), np.zeros(1, np.float32)
    near = nearness >= trim * np.median(nearness)
    members = np.concatenate([[exemplar], parts[near]]).astype(np.int32)
    return members, np.concatenate([nearness[:1], nearness[near]])
