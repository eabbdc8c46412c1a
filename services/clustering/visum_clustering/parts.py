"""What clustering works on: the parts of a class and the match scores between them."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from visum_runtime.errors import InvalidInput

THUMBNAIL_SIDE = 64


@dataclass(frozen=True, eq=False)
class Parts:
    """The parts of a class, one a row.

    Attributes:
        images: int32 [n], image of each part, >= 0.
        boxes: int32 [n, 4], (x0, y0, x1, y1) in view pixels, x1 and y1 exclusive.
        regions: int32 [n], region that each part lies in, >= 1.
        descriptors: float16 [n, D].
        thumbnails: uint8 [n, 64, 64], greyscale.

    Raises:
        InvalidInput: Lengths disagree or a value is out of its range.
    """

    images: NDArray[np.int32]
    boxes: NDArray[np.int32]
    regions: NDArray[np.int32]
    descriptors: NDArray[np.float16]
    thumbnails: NDArray[np.uint8]

    def __post_init__(self) -> None:
        count = len(self.images)
        _require_shape("images", self.images, (count,))
        _require_shape("boxes", self.boxes, (count, 4))
        _require_shape("regions", self.regions, (count,))
        _require_shape("descriptors", self.descriptors, (count, *(self.descriptors.shape[1:] or (1,))))
        _require_shape("thumbnails", self.thumbnails, (count, THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        x0, y0, x1, y1 = self.boxes.T
        _require_all("parts.images", "part", self.images >= 0, "an image number must not be negative")
        _require_all("parts.boxes", "part", (x0 >= 0) & (y0 >= 0), "a box must not begin outside its view")
        _require_all("parts.boxes", "part", (x0 < x1) & (y0 < y1), "a box must have x0 < x1 and y0 < y1")
        _require_all("parts.regions", "part", self.regions >= 1, "regions are numbered from 1")

    def __len__(self) -> int:
        return len(self.images)

    def check(self, image_count: int) -> None:
        """Raises InvalidInput where a part is of an image that the class does not have."""
        known = self.images < image_count
        _require_all("parts.images", "part", known, f"images are numbered 0..{image_count - 1}")

    def take(self, indices: NDArray[np.intp]) -> "Parts":
        """The parts at `indices`, in that order."""
        return Parts(
            self.images[indices],
            self.boxes[indices],
            self.regions[indices],
            self.descriptors[indices],
            self.thumbnails[indices],
        )

    def canonical_order(self) -> NDArray[np.intp]:
        """Indices that sort the parts by image, box and region, so that results do not depend on their order."""
        return np.lexsort((self.regions, *self.boxes.T[::-1], self.images))


@dataclass(frozen=True, eq=False)
class Edges:
    """Match scores between parts of different images, in any order, in one direction or both.

    Attributes:
        sources: int32 [n], one part.
        targets: int32 [n], the other part.
        scores: float32 [n], > 0.

    Raises:
        InvalidInput: Lengths disagree or a score is not positive and finite.
    """

    sources: NDArray[np.int32]
    targets: NDArray[np.int32]
    scores: NDArray[np.float32]

    def __post_init__(self) -> None:
        for name in ("sources", "targets", "scores"):
            _require_shape(name, getattr(self, name), (len(self.sources),), group="edges")
        positive = np.isfinite(self.scores) & (self.scores > 0)
        _require_all("edges.scores", "edge", positive, "a score must be positive and finite")

    def __len__(self) -> int:
        return len(self.sources)

    def check(self, images: NDArray[np.int32]) -> None:
        """Holds the edges against the parts that they join.

        Args:
            images: Image of each part.

        Raises:
            InvalidInput: An edge names a part that does not exist, or joins parts of one image.
        """
        for name in ("sources", "targets"):
            ends = getattr(self, name)
            known = (ends >= 0) & (ends < len(images))
            _require_all(f"edges.{name}", "edge", known, f"parts are numbered 0..{len(images) - 1}")
        different = images[self.sources] != images[self.targets]
        _require_all("edges.targets", "edge", different, "both parts are of one image; scores join different images")

    def renumber(self, numbers: NDArray[np.intp]) -> Self:
        """The same edges where part i is called numbers[i]."""
        return type(self)(numbers[self.sources].astype(np.int32), numbers[self.targets].astype(np.int32), self.scores)


def _require_shape(name: str, values: NDArray[Any], shape: tuple[int, ...], group: str = "parts") -> None:
    if values.shape != shape:
        raise InvalidInput(f"has shape {list(values.shape)}, expected {list(shape)}", field=f"{group}.{name}")


def _require_all(field: str, item: str, holds: NDArray[np.bool_], rule: str) -> None:
    if not holds.all():
        raise InvalidInput(f"{item} {int(np.argmin(holds))}: {rule}", field=field)
