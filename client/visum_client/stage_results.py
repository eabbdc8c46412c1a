"""What single stages give: masks, parts, match scores, clusters. Plain data: it can be pickled and handed on."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from visum_client.edges import BestScores
from visum_client.images import ImageFile
from visum_client.part_table import PartTable
from visum_client.records import ImageRecord
from visum_client.stages.job import Subject
from visum_client.stages.masks import Extracted
from visum_client.stages.proposals import ImageParts
from visum_wire import from_array, mask_from_png, regions_from_png, saliency_from_png


@dataclass(frozen=True)
class MaskedImage:
    """One image and its mask."""

    file: ImageFile
    """The image."""
    extracted: Extracted
    """What the mask service answered."""

    @property
    def record(self) -> ImageRecord:
        """What the network says of the image, and its mask in figures; `record.mask` is None where it has none."""
        return self.extracted.record

    @cached_property
    def binary(self) -> NDArray[np.bool_] | None:
        """Salient pixels of the view, bool [H, W]; None where there is no mask."""
        png = self.extracted.mask_pngs.get("binary")
        return None if png is None else mask_from_png(png, "binary")

    @cached_property
    def saliency(self) -> NDArray[np.float32] | None:
        """Saliency before it was made binary, float32 [H, W], 0..1; None where there is no mask."""
        png = self.extracted.mask_pngs.get("raw")
        return None if png is None else saliency_from_png(png, "raw")

    @cached_property
    def regions(self) -> NDArray[np.int32] | None:
        """Region map, int32 [H, W]: i inside the i-th region, from 1; None where there is no mask."""
        png = self.extracted.mask_pngs.get("regions")
        return None if png is None else regions_from_png(png, "regions")


@dataclass(frozen=True)
class Masks:
    """The masks of the images of a class."""

    subject: Subject
    """Network, class, images, options."""
    images: tuple[MaskedImage, ...]
    """One entry an image, in the order of the images; also images that take no part."""

    @property
    def used(self) -> tuple[int, ...]:
        """Indices of the images that take part."""
        return tuple(index for index, image in enumerate(self.images) if image.record.status == "used")

    def regions_png(self, digest: str) -> bytes:
        """Region map of an image by its digest, as the services send it."""
        found = next(image.extracted.regions_png for image in self.images if image.record.digest == digest)
        assert found is not None, "only images with regions have parts"
        return found


@dataclass(frozen=True)
class Parts:
    """The candidate parts of a class."""

    masks: Masks
    """The masks that they come from."""
    subject: Subject
    """Network, class, images, and the options that the parts were found with."""
    images: tuple[ImageParts, ...]
    """The images that have parts, in the order of the images."""
    failed: tuple[ImageRecord, ...]
    """Images whose parts could not be found, and why."""

    @cached_property
    def table(self) -> PartTable:
        """All parts, numbered through: their images, boxes and regions."""
        return PartTable.of(self.images)

    @property
    def used(self) -> tuple[int, ...]:
        """Indices of the images that take part."""
        failed = {record.digest for record in self.failed}
        return tuple(index for index in self.masks.used if self.masks.images[index].record.digest not in failed)

    def descriptors(self) -> NDArray[np.float16]:
        """A descriptor a part, [P, D]."""
        loaded = [parts.survivors.load().descriptors for parts in self.images]
        return np.concatenate([from_array(array, "descriptors", "float16", (None, None)) for array in loaded])


@dataclass(frozen=True)
class Matches:
    """The match scores between the parts of different images."""

    parts: Parts
    """The parts."""
    subject: Subject
    """Network, class, images, and the options that the parts were matched with."""
    best: BestScores
    """The best scores of each part."""

    def edges(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
        """Sources, targets and scores: each pair of parts once, source < target."""
        return self.best.edges()

    def is_mirrored(self, part: int, other: int) -> bool:
        """Whether the image of one of two parts was mirrored; False where their score is none of the best of either."""
        return self.best.is_mirrored(part, other)
