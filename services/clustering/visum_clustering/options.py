"""Options of a summary run."""

import math
from dataclasses import dataclass
from enum import Enum

from visum_runtime.errors import InvalidInput

_LEAST_DAMPING = 0.5
_LEAST_IMAGES = 2


class SsimRule(Enum):
    """What a cluster's median SSIM is held against."""

    CLUSTERS = "clusters"
    """The median of the medians of the clusters that are in enough images."""
    LITERAL = "literal"
    """The median over all pairs of parts of the class, as the paper says."""
    OFF = "off"
    """Nothing: no cluster is dropped for its structural similarity."""


class Preset(Enum):
    """Chain of algorithms."""

    PAPER = "paper"
    """Affinity propagation and the SSIM rule."""
    CONSENSUS = "consensus"
    """Consensus of several clusterings."""


@dataclass(frozen=True)
class ClusteringOptions:
    """How parts become summaries.

    Attributes:
        preset: Chain of algorithms.
        preference: Preference of affinity propagation is minus this times the median positive similarity; > 0.
        damping: Damping of its messages; 0.5 <= damping < 1.
        max_iterations: Iterations of one run at most; >= 1.
        min_images: Fewest images of a summary; >= 2; None: the preset's.
        min_share: Smallest fraction of the class's images that a summary needs; 0..1; None: the preset's.
        redundancy_iou: Parts of an image overlap where their intersection over union exceeds this; 0..1.
        redundancy_area_ratio: Of two that overlap one is removed if their areas' ratio is below this; >= 1.
        ssim_rule: What clusters' structural similarity is held against; None: the preset's.
        ssim_threshold: Fraction of the reference that a cluster's median SSIM must reach; 0..1.
        trim: Members less similar to the exemplar than this fraction of their median are trimmed; 0..1.
        merge: Clusters whose between-to-within similarity reaches this are merged; > 0; 1 or more: never.
        agreement: Share of the clusterings that must put parts together in the preset consensus; > 0, at most 1.

    Raises:
        InvalidInput: A value is out of its range.
    """

    preset: Preset = Preset.PAPER
    preference: float = 5.0
    damping: float = 0.9
    max_iterations: int = 1000
    min_images: int | None = None
    min_share: float | None = None
    redundancy_iou: float = 0.5
    redundancy_area_ratio: float = 2.0
    ssim_rule: SsimRule | None = None
    ssim_threshold: float = 0.9
    trim: float = 0.8
    merge: float = 0.7
    agreement: float = 0.6

    def __post_init__(self) -> None:
        _require("preference", math.isfinite(self.preference) and self.preference > 0, "must be positive")
        _require("damping", _LEAST_DAMPING <= self.damping < 1, f"must be at least {_LEAST_DAMPING} and below 1")
        _require("max_iterations", self.max_iterations >= 1, "must be at least 1")
        enough = self.min_images is None or self.min_images >= _LEAST_IMAGES
        _require("min_images", enough, f"must be at least {_LEAST_IMAGES}")
        for name in ("redundancy_iou", "ssim_threshold", "trim"):
            _require(name, 0 <= getattr(self, name) <= 1, "must be within 0..1")
        _require("min_share", self.min_share is None or 0 <= self.min_share <= 1, "must be within 0..1")
        _require("agreement", 0 < self.agreement <= 1, "must be above 0 and at most 1")
        area_ratio = self.redundancy_area_ratio
        _require("redundancy_area_ratio", math.isfinite(area_ratio) and area_ratio >= 1, "must be at least 1")
        _require("merge", math.isfinite(self.merge) and self.merge > 0, "must be positive")

    @property
    def rule(self) -> SsimRule:
        """The SSIM rule that holds; it drops more true planted parts than false: the consensus goes without."""
        default = SsimRule.CLUSTERS if self.preset is Preset.PAPER else SsimRule.OFF
        return self.ssim_rule or default

    @property
    def fewest_images(self) -> int:
        """Fewest images of a summary, whatever the class's size."""
        return self.min_images or _MIN_IMAGES[self.preset]

    def images_needed(self, images: int) -> int:
        """Fewest images that a summary of a class of `images` images needs."""
        share = _MIN_SHARES[self.preset] if self.min_share is None else self.min_share
        return max(self.fewest_images, math.ceil(round(share * images, 9)))


_MIN_IMAGES = {Preset.PAPER: 3, Preset.CONSENSUS: 4}
_MIN_SHARES = {Preset.PAPER: 0.1, Preset.CONSENSUS: 0.15}


def _require(name: str, holds: bool, rule: str) -> None:
    if not holds:
        raise InvalidInput(rule, field=f"options.{name}")
