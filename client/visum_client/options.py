"""What can be chosen of the method: one frozen dataclass a step.

A value of None leaves the choice to the service, which takes what suits the other options.
"""

import dataclasses
import types
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar, get_args, get_type_hints

from google.protobuf.message import Message as AnyMessage
from visum.v1 import clustering_pb2, mask_pb2, proposal_pb2, specializer_pb2

from visum_client.errors import InvalidInputError

_PIXELS_A_CELL = 16
_CELLS = 16
_LEAST_CELLS = 4
_LEAST_PIXELS_A_CELL = 4
_FOR_BOXES: dict[str, Any] = {"target_drop": 0.99, "min_region_area": 0.01}
_FOR_REGIONS: dict[str, Any] = {"target_drop": 0.999, "min_region_area": 0.003, "reach": 0.85}
_MARGIN = 0.5
_IMAGES_FOR_CONSENSUS = 12
CONSENSUS = "consensus"
"""Preset of the clustering whose parts are the regions."""
PAPER = "paper"
"""Preset of the clustering whose parts are proposals inside the regions."""
MOST_SURVIVORS = 1000
"""A service keeps at most so many survivors of an image; no mask has more regions."""

Message = TypeVar("Message", bound=AnyMessage)


def within(default: Any, low: float, high: float = float("inf"), *, above: bool = False) -> Any:
    """A field with the range that its value must keep: low..high, or above low where `above`."""
    return dataclasses.field(default=default, metadata={"low": low, "high": high, "above": above})


class Options(Generic[Message]):
    """Base of the options: validates ranges and choices, and becomes the message of the same fields."""

    step: ClassVar[str]
    message: ClassVar[type[AnyMessage] | None] = None

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            self._check(field, getattr(self, field.name))

    def to_message(self) -> Message:
        """As the wire has it; what is None stays unset. Only for steps that have a message."""
        values = {name: self._number(name, value) for name, value in vars(self).items() if value is not None}
        return type(self).message(**values)  # type: ignore[misc,return-value]

    def to_json(self) -> dict[str, Any]:
        """All fields by name."""
        return dict(vars(self))

    @classmethod
    def choices(cls, name: str) -> list[str]:
        """Texts that a field of choices takes; empty for other fields."""
        enum = cls.message.DESCRIPTOR.fields_by_name[name].enum_type if cls.message else None
        return [_text(value.name, enum) for value in enum.values if value.number] if enum else []

    @classmethod
    def with_texts(cls, texts: dict[str, str]) -> Self:
        """Options from texts, as a command line gives them.

        Raises:
            InvalidInputError: A name is unknown, or a text is not of the field's type; names the field.
        """
        kinds = get_type_hints(cls)
        names = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
        for name in texts:
            if name not in names:
                raise InvalidInputError(f"is not known; there are {', '.join(names)}", f"{cls.step}.{name}")
        return cls(**{name: _parse(text, kinds[name], f"{cls.step}.{name}") for name, text in texts.items()})

    def _number(self, name: str, value: Any) -> Any:
        enum = type(self).message.DESCRIPTOR.fields_by_name[name].enum_type  # type: ignore[union-attr]
        return next(entry.number for entry in enum.values if _text(entry.name, enum) == value) if enum else value

    def _check(self, field: dataclasses.Field[Any], value: Any) -> None:
        where = f"{self.step}.{field.name}"
        if value is None and field.default is None:
            return
        if choices := self.choices(field.name):
            if value not in choices:
                raise InvalidInputError(f"is {value!r}, must be one of {', '.join(choices)}", where)
        elif not isinstance(value, _kinds(get_type_hints(type(self))[field.name])):
            raise InvalidInputError(f"is {value!r}, must be a {_name(get_type_hints(type(self))[field.name])}", where)
        elif "low" in field.metadata:
            _check_range(value, where, **field.metadata)


@dataclass(frozen=True, kw_only=True)
class MaskOptions(Options[mask_pb2.MaskOptions]):
    """Options of the mask optimization."""

    step = "mask"
    message = mask_pb2.MaskOptions

    mode: str = "crisp"
    """Family of masks: crisp, literal, iebb or iebb_thresh."""
    schedule: str = "short"
    """Length and form of the optimization in mode crisp: short or paper."""
    preset: str = "drop"
    """What mode crisp optimizes for: drop (smallest area that reaches the target drop) or evidence (robust masks)."""
    perturbation: str = "blend"
    """How pixels are perturbed during the optimization: blend or pyramid."""
    iterations: int | None = within(None, 10, 10_000)
    """Iterations of the short schedule."""
    grid: int | None = within(None, 4, 224)
    """Cells of the mask's grid a side; None: in mode crisp as the clustering's preset wants, else one for 8 pixels."""
    blur_sigma: float = within(10.0, 0, above=True)
    """Standard deviation of the blur, pixels of a view of 224."""
    target_drop: float | None = within(None, 0, 1)
    """Relative drop that the crisp mask must reach, a fraction; None: .99, in the clustering's preset consensus
    .999."""
    min_region_area: float | None = within(None, 0, 1)
    """Smaller regions are left out; a fraction of the view; None: .01, in the clustering's preset consensus .003."""
    reach: float | None = within(None, 0, 1, above=True)
    """The crisp mask must lower the log-odds by at most this share of their fall under a blur of the whole view; None:
    as the service, in the clustering's preset consensus .85."""

    def for_parts(self, side: int, preset: str | None) -> Self:
        """These options, with what is left open filled in for views of `side` pixels.

        The finest mask that reaches the largest drop falls into slivers fitted to the network. Where parts are boxes
        inside regions (preset paper), a coarse grid gives few and large regions that hold most of the drop. Where parts
        are the regions themselves (preset consensus), the mask must leave out what is no part: a finer grid, whose
        cells grow with the view as parts do, and a drop within reach.
        """
        return dataclasses.replace(self, **self._left_open(side, preset))

    def _left_open(self, side: int, preset: str | None) -> dict[str, Any]:
        wants = _FOR_REGIONS if preset == CONSENSUS else _FOR_BOXES
        cells = min(_CELLS, side // _LEAST_PIXELS_A_CELL) if preset == CONSENSUS else round(side / _PIXELS_A_CELL)
        if self.mode == "crisp":
            wants = wants | {"grid": max(_LEAST_CELLS, cells)}
        return {name: value for name, value in wants.items() if getattr(self, name) is None}


@dataclass(frozen=True, kw_only=True)
class RegionOptions(Options[specializer_pb2.RegionOptions]):
    """Options of the regions where they are the parts (the clustering's preset consensus)."""

    step = "regions"
    message = specializer_pb2.RegionOptions

    max_area: float = within(0.035, 0.005, 1)
    """Larger regions are split where the network's features change; a fraction of the view."""


@dataclass(frozen=True, kw_only=True)
class DescribeOptions(Options[proposal_pb2.DescribeOptions]):
    """Options of the proposals."""

    step = "describe"
    message = proposal_pb2.DescribeOptions

    max_boxes: int = within(500, 1, 5000)
    """Boxes kept of an image."""
    min_side: float | None = within(None, 1)
    """Smallest side of a box, pixels of a view of 224; None: 30, less on small views."""
    keep_border_boxes: bool = False
    """Keep boxes that touch some of the view's borders."""


@dataclass(frozen=True, kw_only=True)
class SurvivorOptions(Options[proposal_pb2.SurvivorOptions]):
    """Which proposals survive a mask."""

    step = "survivors"
    message = proposal_pb2.SurvivorOptions

    min_inside: float = within(0.75, 0, 1)
    """Fraction of a box that must lie inside one region."""
    dilation: float = within(4.0, 0)
    """Pixels of a view of 224 by which regions are dilated first."""
    add_region_boxes: bool = True
    """The regions' own boxes join the survivors."""
    max_survivors: int = within(100, 1, MOST_SURVIVORS)
    """Survivors kept of an image, region boxes first."""


@dataclass(frozen=True, kw_only=True)
class MatchOptions(Options[proposal_pb2.MatchOptions]):
    """Options of the matching."""

    step = "match"
    message = proposal_pb2.MatchOptions

    method: str = "lom"
    """Support of matches: lom (local offsets), phm (Hough) or nam (none)."""
    min_score: float = within(0.0, 0)
    """Scores below this count as none."""
    mirror: bool = False
    """Also match against the mirrored second image."""
    rotate: bool = False
    """Also match against the second image rotated by 15 degrees either way."""


@dataclass(frozen=True, kw_only=True)
class ClusteringOptions(Options[clustering_pb2.ClusteringOptions]):
    """Options of the clustering."""

    step = "clustering"
    message = clustering_pb2.ClusteringOptions

    preset: str | None = None
    """Chain of algorithms: consensus (of many clusterings, by the network's features), or paper (proposal flow,
    affinity propagation and the SSIM rule); None: consensus for a class of 12 images or more, else paper."""
    preference: float = within(5.0, 0, above=True)
    """Preference is minus this times the median positive similarity; larger: fewer summaries."""
    damping: float = within(0.9, 0.5, 1)
    """Damping of affinity propagation."""
    max_iterations: int = within(1000, 1)
    """Iterations of affinity propagation at most."""
    min_images: int | None = within(None, 2)
    """Fewest images of a summary; None: 3, in the preset consensus 4."""
    min_share: float | None = within(None, 0, 1)
    """Smallest fraction of the class's images that a summary needs; None: 0.1, in the preset consensus 0.15."""
    redundancy_iou: float = within(0.5, 0, 1)
    """Two parts of an image overlap where their intersection over union exceeds this."""
    redundancy_area_ratio: float = within(2.0, 1)
    """Of two overlapping parts one is removed if their areas' ratio is below this."""
    ssim_rule: str | None = None
    """When a cluster is dropped for its structural similarity: clusters, literal or off; None: clusters, in the preset
    consensus off."""
    ssim_threshold: float = within(0.9, 0, 1)
    """Threshold of the SSIM rule."""
    trim: float = within(0.8, 0, 1)
    """Members below this fraction of the median similarity are trimmed."""
    merge: float = within(0.7, 0)
    """Clusters whose between-to-within similarity reaches this are merged; 1 or more: never."""
    agreement: float = within(0.6, 0, 1, above=True)
    """Preset consensus: share of the clusterings that must put parts together."""

    def for_images(self, count: int) -> Self:
        """These options, with the preset chosen for so many images where it is left open.

        The consensus is the truer one, but of a few parts many clusterings have little to agree on.
        """
        chosen = CONSENSUS if count >= _IMAGES_FOR_CONSENSUS else PAPER
        return self if self.preset is not None else dataclasses.replace(self, preset=chosen)


@dataclass(frozen=True, kw_only=True)
class NecessityOptions(Options[AnyMessage]):
    """What a summary must do to be one: its parts against their shapes elsewhere in their images."""

    step = "necessity"

    places: int = within(3, 1, 20)
    """Random places that the shape of each part is held against."""
    margin: float | None = within(None, 0)
    """Log-odds that a summary's necessity must reach; None: 0.5 in the preset consensus, in the preset paper nothing.
    A summary whose interval includes zero is marked in any case."""

    share: float = within(0.25, 0, 1)
    """Where a margin is asked for, also this fraction of the largest necessity of the class must be reached."""

    def required(self, preset: str | None, largest: float = 0.0) -> float | None:
        """What a summary's necessity must reach, if anything.

        Args:
            preset: That of the clustering.
            largest: Largest necessity of the class's summaries.
        """
        margin = _MARGIN if self.margin is None and preset == CONSENSUS else self.margin
        return None if margin is None else max(margin, self.share * largest)


OPTIONS: dict[str, type[Options[Any]]] = {
    kind.step: kind
    for kind in (
        MaskOptions,
        RegionOptions,
        DescribeOptions,
        SurvivorOptions,
        MatchOptions,
        ClusteringOptions,
        NecessityOptions,
    )
}
"""The options of each step, by its name."""


def _text(name: str, enum: Any) -> str:
    """METHOD_LOM as lom."""
    prefix: str = enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return name.removeprefix(prefix).lower()


def _kinds(hint: Any) -> Any:
    """The types of values that a field of this annotation takes."""
    members = get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    return (float, int) if float in members else members


def _name(hint: Any) -> str:
    members = [member for member in (get_args(hint) or (hint,)) if member is not types.NoneType]
    return {int: "whole number", float: "number", bool: "truth value"}.get(members[0], "text")


def _check_range(value: float, where: str, low: float, high: float, above: bool) -> None:
    fits = (low < value if above else low <= value) and value <= high and not isinstance(value, bool)
    if not fits or value == float("inf"):
        bounds = f"above {low}" if above else f"at least {low}" if high == float("inf") else f"within {low}..{high}"
        raise InvalidInputError(f"is {value!r}, must be {bounds}", where)


def _parse(text: str, hint: Any, where: str) -> Any:
    members = [member for member in (get_args(hint) or (hint,)) if member is not types.NoneType]
    try:
        if members[0] is bool:
            return {"true": True, "false": False}[text.lower()]
        return members[0](text)
    except (ValueError, KeyError) as error:
        raise InvalidInputError(f"is {text!r}, must be a {_name(hint)}", where) from error
