"""What can be chosen about a mask, and the schedules that the modes stand for."""

from dataclasses import dataclass
from enum import StrEnum

from visum_runtime.errors import InvalidInput, NotBuilt

_PIXELS_A_CELL = 8


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
        NotBuilt: The mode or preset is not built yet.
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
    """Cells a side; None: one for 8 pixels of the view."""
    blur_sigma: float = 10.0
    """Standard deviation of the blur, pixels of a view of 224."""
    target_drop: float = 0.9998
    """Relative drop that a crisp mask must reach."""
    min_region_area: float = 0.01
    """Smallest region, as a fraction of the view."""

    def __post_init__(self) -> None:
        _check(10 <= self.iterations <= 10_000, "iterations", "must be within 10..10000")
        _check(self.grid is None or 4 <= self.grid <= 224, "grid", "must be within 4..224")
        _check(0.01 <= self.blur_sigma <= 100, "blur_sigma", "must be within 0.01..100")
        _check(0 < self.target_drop < 1, "target_drop", "must be between 0 and 1")
        _check(0 <= self.min_region_area <= 1, "min_region_area", "must be within 0..1")
        if self.mode is Mode.IEBB_THRESH:
            raise NotBuilt("mode iebb_thresh is not built yet")
        if self.preset is Preset.EVIDENCE:
            raise NotBuilt("preset evidence is not built yet")

    def cells(self, side: int) -> int:
        """Cells a side of the mask's grid for a view of `side` pixels, at least 4 and at most one a pixel."""
        return min(side, self.grid or max(4, round(side / _PIXELS_A_CELL)))


@dataclass(frozen=True)
class AreaController:
    """Raises an image's area weight while its drop reaches the target, and lowers it where it does not."""

    raise_factor: float = 1.05
    lower_factor: float = 1 / 1.1
    smallest: float = 0.02
    largest: float = 30.0


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
    learning_rate: tuple[float, float] = (0.1, 0.1)
    """First and last step size of Adam, changing geometrically."""
    binary_from: int | None = None
    """Iteration from which the forward pass sees the binary mask (straight-through); None: never."""
    controller: AreaController | None = None
    """Steers the area weight; None: it stays."""


_CRISPNESS = 2.0
_HINGE = 0.2
_AREA = 0.3
_SHARPNESS = (2.0, 32.0)
_SMOOTH = Phase(iterations=300, area=0.01, variation=1e-4)
_BINARY_SHARE = 0.4
_DEFAULT_ITERATIONS = 150


def phases(options: MaskOptions) -> tuple[Phase, ...]:
    """The phases that a mode and schedule stand for."""
    if options.mode is Mode.IEBB:
        return (Phase(iterations=450, area=_SMOOTH.area, variation=_SMOOTH.variation),)
    if options.mode is Mode.LITERAL:
        return (_SMOOTH, Phase(iterations=150, area=_SMOOTH.area, variation=1.0, crispness=_CRISPNESS))
    if options.schedule is ScheduleName.PAPER:
        crisp = Phase(150, _AREA, 1.0, crispness=_CRISPNESS, hinge=_HINGE, sharpness=_SHARPNESS)
        return (_SMOOTH, crisp)
    return (_short(options.iterations),)


def _short(iterations: int) -> Phase:
    """The short schedule; fewer iterations steer the area faster, so that it covers the same range."""
    speed = _DEFAULT_ITERATIONS / iterations
    return Phase(
        iterations=iterations,
        area=_AREA,
        variation=1.0,
        crispness=_CRISPNESS,
        hinge=_HINGE,
        sharpness=_SHARPNESS,
        learning_rate=(0.1, 0.03),
        binary_from=round(_BINARY_SHARE * iterations),
        controller=AreaController(raise_factor=1.05**speed, lower_factor=1.1**-speed),
    )


def _check(holds: bool, name: str, rule: str) -> None:
    if not holds:
        raise InvalidInput(rule, field=f"options.{name}")
