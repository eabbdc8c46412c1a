"""What a run folder says of images, masks, parts and summaries."""

import dataclasses
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in view pixels; x1 and y1 exclusive."""

STATUSES = ("used", "unrecognized", "duplicate", "failed")
"""What can become of an image."""


@dataclass(frozen=True)
class ClassScore:
    """A class and its softmax probability."""

    index: int
    name: str
    probability: float


@dataclass(frozen=True)
class ViewToOriginal:
    """The affine map from view to upright original pixels: x' = xx * x + x0, y' = yy * y + y0."""

    xx: float
    yy: float
    x0: float
    y0: float


class Located:
    """A record that may know the run folder that it was read from, so that it can show itself in a notebook."""

    _folder: Path | None = None
    _image = ""

    def located(self, folder: Path, image: str = "") -> Self:
        """This record, which knows from now on where it is from; equality and repr do not heed it.

        Args:
            folder: The run folder.
            image: Digest of the image that it is of.
        """
        object.__setattr__(self, "_folder", folder)
        object.__setattr__(self, "_image", image)
        return self


@dataclass(frozen=True)
class Mask(Located):
    """What was measured of a mask."""

    area: float
    """Salient fraction of the view."""
    drop_raw: float
    """Relative drop of the target's probability under the mask before it was made binary, a fraction."""
    drop_binary: float
    """The same under the binary mask."""
    drop_regions: float
    """The same under the regions alone."""
    regions: tuple[Box, ...]
    """Boxes of the regions, largest region first; region i of the maps is regions[i - 1]."""
    iterations: int
    """Iterations of its optimization."""
    target_reached: bool
    """Whether it reached the drop that was required."""
    required_drop: float | None = None
    """Relative drop that was required of the binary mask; None in runs of older versions."""

    def _repr_html_(self) -> str | None:
        return _notebook().mask_html(self._folder, self._image, self) if self._folder else None


@dataclass(frozen=True)
class ImageRecord:
    """One image of a run."""

    digest: str | None
    """SHA-256 of its file; None where it could not be read."""
    path: str
    """The file, relative to the parent of the folder that was given, else as given."""
    status: str
    """used, unrecognized (its best class is another), duplicate (the same file as another) or failed."""
    reason: str | None = None
    """Why it takes no part, or what is remarkable."""
    predicted: tuple[ClassScore, ...] = ()
    """The best classes, best first."""
    target_probability: float | None = None
    """Probability of the target."""
    original_size: tuple[int, int] | None = None
    """Width and height of the upright original, pixels."""
    view_size: tuple[int, int] | None = None
    """Width and height of the view, pixels."""
    view_to_original: ViewToOriginal | None = None
    """The map between them."""
    mask: Mask | None = None
    """Its mask, if it has one."""

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Reads an entry of images.json; fields that this version does not know are ignored."""
        values = _known(cls, content)
        values["predicted"] = tuple(ClassScore(**score) for score in content["predicted"])
        for name in ("original_size", "view_size"):
            values[name] = _tuple(content[name])
        if content["view_to_original"] is not None:
            values["view_to_original"] = ViewToOriginal(**content["view_to_original"])
        if content["mask"] is not None:
            regions = tuple(map(_tuple, content["mask"]["regions"]))
            values["mask"] = Mask(**(_known(Mask, content["mask"]) | {"regions": regions}))
        return cls(**values)


@dataclass(frozen=True)
class Part:
    """A member of a summary: a piece of one image."""

    image: str
    """Digest of the image."""
    path: str
    """Path of the image."""
    part: int
    """Index into the arrays of parts.npz."""
    box: Box
    """Where it is."""
    region: int
    """Region of the mask that it lies in, 1..R; the part is the region's pixels inside the box."""
    similarity: float
    """To the summary's exemplar, log scale."""
    drop: float | None = None
    """Relative drop of the target's probability when it alone is blurred, a fraction; None where not measured."""
    drop_log_odds: float | None = None
    """Fall of the target's log-odds when it alone is blurred, 0 where they are below chance to begin with; None where
    not measured."""
    placed_log_odds: float | None = None
    """The same for its shape elsewhere in the image, mean over random places; None where not measured."""

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Reads a member of summaries.json; fields that this version does not know are ignored."""
        return cls(**(_known(cls, content) | {"box": _tuple(content["box"])}))


@dataclass(frozen=True)
class Necessity:
    """How much further the target's log-odds fall under the parts than under their shapes elsewhere in their images."""

    mean: float
    """Mean over the members."""
    low: float | None
    """Lower end of the 95 % interval over members; None where there is a single one."""
    high: float | None
    """Upper end."""

    @property
    def is_shown(self) -> bool:
        """True where the interval lies above zero: the network needs these parts."""
        return self.low is not None and self.low > 0


@dataclass(frozen=True)
class Summary(Located):
    """One recurring part of a class."""

    index: int
    """0, 1, ... by falling number of images."""
    id: str
    """Short name: S1, S2, ..."""
    images: int
    """Images in which it was found."""
    ssim: float | None
    """Median structural similarity over the pairs of its members."""
    drop: float
    """Mean over the members of their relative drop, a fraction."""
    drop_log_odds: float
    """Mean over the members of their fall of log-odds."""
    members: tuple[Part, ...]
    """Its members, exemplar first, then by falling similarity."""
    necessity: Necessity | None = None
    """What its parts do beyond their size and shape, log-odds; None in runs of older versions."""

    @property
    def exemplar(self) -> Part:
        """The member that stands for the others."""
        return self.members[0]

    def _repr_html_(self) -> str | None:
        return _notebook().summary_html(self._folder, self) if self._folder else None

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Reads a summary of summaries.json; fields that this version does not know are ignored."""
        necessity = content.get("necessity")
        read = Necessity(**_known(Necessity, necessity)) if necessity else None
        return cls(**(_known(cls, content) | {"members": _parts(content["members"]), "necessity": read}))


@dataclass(frozen=True)
class Discarded:
    """A cluster that is no summary."""

    reason: str
    """too_few_images, singleton, ssim, duplicate or no_effect."""
    detail: str
    """Why, with figures."""
    ssim: float | None
    """Median structural similarity over the pairs of its members; None in fewer images than a summary needs."""
    members: tuple[Part, ...]
    """Its members, exemplar first."""

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Reads a discarded cluster of summaries.json; fields that this version does not know are ignored."""
        return cls(**(_known(cls, content) | {"members": _parts(content["members"])}))


@dataclass(frozen=True)
class Clusters:
    """The summaries of a class, and the clusters that are none."""

    summaries: tuple[Summary, ...]
    """The summaries, the one with most images first, with the drop of each member."""
    discarded: tuple[Discarded, ...]
    """Clusters that are no summaries, and why."""
    singletons: int
    """Number of parts that match nothing."""
    redundant: int
    """Number of parts that were left out beside a better one in the same place."""


def _notebook() -> Any:
    """What draws records; it needs them itself, so it is imported when it is needed."""
    return importlib.import_module("visum_client.notebook")


def _known(cls: type[Any], content: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(cls)}
    return {name: value for name, value in content.items() if name in names}


def _tuple(values: Any) -> Any:
    return None if values is None else tuple(values)


def _parts(members: Any) -> tuple[Part, ...]:
    return tuple(Part.from_json(member) for member in members)
