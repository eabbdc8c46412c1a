"""What baselines are given and what they answer: concepts, each with at most one member an image."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from visum_models import Classifier

FEWEST_IMAGES = 3
"""A concept in fewer images is none, however few images there are."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Member:
    """Where an image shows a concept."""

    image: int
    """Index of the picture."""
    mask: Mask
    """The pixels [S, S] that show it, not none."""

    def __post_init__(self) -> None:
        if not self.mask.any():
            raise ValueError(f"the member of image {self.image} shows nothing")


@dataclass(frozen=True, eq=False)
class Concept:
    """What some images of a class have in common, as a baseline sees it; the most typical member first."""

    members: Sequence[Member]

    def __post_init__(self) -> None:
        if not self.members:
            raise ValueError("a concept has members")
        if len({member.image for member in self.members}) < len(self.members):
            raise ValueError("a concept has at most one member an image")


@dataclass(frozen=True, eq=False)
class ExplainedClass:
    """A class to be explained: network, target, and pictures.

    Attributes:
        classifier: The network; its layers can be observed.
        target: Index of the class.
        pictures: uint8 [N, S, S, 3], as the network sees them.
        regions: uint16 [N, S, S]: i inside the i-th region of a picture's mask, 0 elsewhere; None: there are none.

    Raises:
        ValueError: Shapes do not fit.
    """

    classifier: Classifier
    target: int
    pictures: NDArray[np.uint8]
    regions: NDArray[np.uint16] | None = None

    def __post_init__(self) -> None:
        side = self.classifier.card.preprocessing.crop
        if self.pictures.ndim != 4 or self.pictures.shape[1:] != (side, side, 3):
            raise ValueError(f"pictures are {list(self.pictures.shape)}, expected [N, {side}, {side}, 3]")
        if self.regions is not None and self.regions.shape != self.pictures.shape[:3]:
            raise ValueError(f"regions are {list(self.regions.shape)}, expected {list(self.pictures.shape[:3])}")

    def take(self, order: NDArray[np.intp]) -> "ExplainedClass":
        """The same class with its pictures in another order."""
        regions = None if self.regions is None else self.regions[order]
        return replace(self, pictures=self.pictures[order], regions=regions)


def order_by_content(pictures: NDArray[np.uint8]) -> NDArray[np.intp]:
    """An order [N] of pictures that depends on them alone, so that a seed says all that is left to chance."""
    digests = [hashlib.sha256(picture.tobytes()).digest() for picture in pictures]
    return np.array(sorted(range(len(pictures)), key=lambda index: digests[index]), np.intp)


def renumbered(concepts: Sequence[Concept], numbers: NDArray[np.intp]) -> list[Concept]:
    """The same concepts where image i is called numbers[i]."""
    return [Concept([replace(m, image=int(numbers[m.image])) for m in concept.members]) for concept in concepts]


def images_needed(least_share: float, images: int) -> int:
    """Fewest images that show a concept, of so many."""
    return max(FEWEST_IMAGES, math.ceil(round(least_share * images, 9)))


def best_of_each_image(images: NDArray[np.integer], distances: NDArray[np.floating]) -> NDArray[np.intp]:
    """Of each image the item of the smallest distance: indices, by rising distance, ties by number."""
    ranked = np.argsort(distances, kind="stable")
    return ranked[np.sort(np.unique(images[ranked], return_index=True)[1])]
