"""What can be chosen about a mask, and the schedules that the modes stand for."""

from dataclasses import dataclass, replace
from enum import StrEnum

from visum_runtime.errors import InvalidInput


class Mode(StrEnum):
    """Family of masks."""

    CRISP = "crisp"
    LITERAL = "literal"
    IEBB = "iebb"
    IEBB_THRESH = "iebb_thresh"


class Preset(StrEnum):
    """What a crisp mask is optimized for."""

    DROP = "drop"
    EVIDENCE = "evidence"


_LEAST_CELLS = 4
_PIXELS_A_CELL = {Preset.DROP: 8, Preset.EVIDENCE: 11}
_TARGET_DROPS = {Preset.DROP: 0.99994, Preset.EVIDENCE: 0.995}
_GROWTHS = {Preset.DROP: None, Preset.EVIDENCE: 5.0}
_REACHES = {Preset.DROP: None, Preset.EVIDENCE: 0.995}


class ScheduleName(StrEnum):
    """Length and form of the optimization of a crisp mask."""

    SHORT = "short"
    PAPER = "paper"


class Perturbation(StrEnum):
    """How pixels are perturbed."""

    BLEND = "blend"
    PYRAMID = "pyramid"


@dataclass(frozen=True)
class MaskOptions:
    """What can be chosen about a mask.

    Raises:
        InvalidInput: A value is out of range; names the field.
    """

    mode: Mode = Mode.CRISP
    """Family of masks."""
    schedule: ScheduleName = ScheduleName.SHORT
    """Schedule of crisp masks."""
    preset: Preset = Preset.DROP
    """Aim of crisp masks."""
    perturbation: Perturbation = Perturbation.BLEND
    """Perturbation during the optimization."""
    iterations: int = 150
    """Iterations of the short schedule."""
    grid: int | None = None
    """Cells a side; None: one for 8 pixels of the view, for 11 in preset evidence."""
    blur_sigma: float = 10.0
    """Standard deviation of the blur, pixels of a view of 224."""
    target_drop: float | None = None
    """Relative drop that a crisp mask must reach; None: .99994, in preset evidence .995."""
    min_region_area: float = 0.01
    """Smallest region, as a fraction of the view."""
    reach: float | None = None
    """Largest share of the log-odds' fall under a blur of the whole view that the target drop may ask for; None: it may
    ask for more than all of it, in preset evidence for .995."""

    def __post_init__(self) -> None:
        _check(10 <= self.iterations <= 10_000, "iterations", "must be within 10..10000")
        _check(self.grid is None or 4 <= self.grid <= 224, "grid", "must be within 4..224")
        _check(0.01 <= self.blur_sigma <= 100, "blur_sigma", "must be within 0.01..100")
        _check(self.target_drop is None or 0 < self.target_drop < 1, "target_drop", "must be between 0 and 1")
        _check(0 <= self.min_region_area <= 1, "min_region_area", "must be within 0..1")
        _check(self.reach is None or 0 < self.reach <= 1, "reach", "must be above 0 and at most 1")

    @property
    def required_drop(self) -> float:
        """The target drop, or the preset's."""
        return self.target_drop or _TARGET_DROPS[self.preset]

    @property
    def share_of_whole(self) -> float | None:
        """The reach, or the preset's."""
        return self.reach or _REACHES[self.preset]

    def cells(self, side: int) -> int:
        """Cells a side of the mask's grid for a view of `side` pixels, at least 4 and at most one a pixel."""
        return min(side, self.grid or max(_LEAST_CELLS, round(side / _PIXELS_A_CELL[self.preset])))


@dataclass(frozen=True)
class AreaController:
    """Raises an image's area weight while its log-odds are below what the target drop asks for, and lowers it above.

    The weight is multiplied by ``raise_factor ** e``, or divided by ``lower_factor ** -e``, with ``e`` the distance of
    the log-odds from their aim in units of ``scale``, within -1..1.
    """

    raise_factor: float = 1.15
    lower_factor: float = 1.2
    scale: float = 1.0
    smallest: float = 0.02
    largest: float = 300.0


@dataclass(frozen=True)
class Phase:
    """A stretch of iterations with one objective. Weights multiply means over the cells of the raw mask ``m``."""

    iterations: int
    """Its length."""
    area: float
    """Weight of ``mean(1 - m)`` (paper, lambda 1); where a controller acts, its start."""
    variation: float
    """Weight of the total variation (paper, lambda 2)."""
    crispness: float = 0.0
    """Weight of ``mean((1 - m) * m)`` (paper, lambda 3)."""
    hinge: float = 0.0
    """Weight of the log-odds hinge."""
    sharpness: tuple[float, float] | None = None
    """First and last slope of the projection, growing geometrically; None: no projection."""
    result_sharpness: float | None = None
    """Slope of the projection of the raw mask that is returned; None: the last one."""
    learning_rate: tuple[float, float] = (0.1, 0.1)
    """First and last step size of Adam, changing geometrically."""
    binary_from: int | None = None
    """Iteration from which the forward pass sees the binary mask (straight-through); None: never."""
    controller: AreaController | None = None
    """Steers the area weight; None: it stays."""
    growth: float | None = None
    """Radius, pixels of a view of 224, by which what the cells mark is grown to be the mask. What they mark and what it
    is grown to are judged in turns, and both must reach the target. None: the mask is what they mark."""


_CRISPNESS = 2.0
_HINGE = 0.2
_AREA = 0.3
_SHARPNESS = (2.0, 32.0)
_SMOOTH = Phase(iterations=300, area=0.01, variation=1e-4)
_IEBB = Phase(iterations=450, area=_SMOOTH.area, variation=_SMOOTH.variation)
_LITERAL = Phase(iterations=150, area=_SMOOTH.area, variation=1.0, crispness=_CRISPNESS)
_CRISP = Phase(150, _AREA, 1.0, crispness=_CRISPNESS, hinge=_HINGE, sharpness=_SHARPNESS)
_RESULT_SHARPNESS = 96.0
"""Raw masks of the short schedule, which optimizes binary ones, have outlines so narrow that they drop as much."""
_BINARY_SHARE = 0.15
_DEFAULT_ITERATIONS = 150


def phases(options: MaskOptions) -> tuple[Phase, ...]:
    """The phases that a mode and schedule stand for; ``iebb_thresh`` is made of two modes and has none of its own."""
    if options.mode is Mode.IEBB:
        return (_IEBB,)
    if options.mode is Mode.LITERAL:
        return (_SMOOTH, _LITERAL)
    if options.schedule is ScheduleName.PAPER:
        return (_SMOOTH, _CRISP)
    return (_short(options.iterations, _GROWTHS[options.preset]),)


def _short(iterations: int, growth: float | None) -> Phase:
    """The short schedule; fewer iterations steer the area faster, so that it covers the same range."""
    speed = _DEFAULT_ITERATIONS / iterations
    usual = AreaController()
    return replace(
        _CRISP,
        iterations=iterations,
        result_sharpness=_RESULT_SHARPNESS,
        learning_rate=(0.1, 0.03),
        binary_from=round(_BINARY_SHARE * iterations),
        controller=replace(usual, raise_factor=usual.raise_factor**speed, lower_factor=usual.lower_factor**speed),
        growth=growth,
    )


def _check(holds: bool, name: str, rule: str) -> None:
    if not holds:
        raise InvalidInput(rule, field=f"options.{name}")
