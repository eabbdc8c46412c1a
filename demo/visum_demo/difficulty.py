"""How hard a world's pictures are: one documented knob for each nuisance."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Difficulty:
    """What varies between the pictures of a class, and how much.

    Raises ValueError if a value lies outside the range given beside it.
    """

    clutter: float = 0.5
    """Amount of background flecks and of things that lie about, [0, 1]."""
    turn_deg: float = 12.0
    """Largest turn of the whole object to either side, [0, 60]."""
    joints: float = 1.0
    """Factor on every part's own swing about its joint, [0, 3]."""
    flip_share: float = 0.25
    """Share of pictures in which the object faces left, [0, 1]."""
    scale_span: float = 0.12
    """The object's size varies by this share to either side, [0, 0.5]."""
    occlusion_share: float = 0.25
    """Share of pictures in which something stands in front of the object, [0, 1]."""
    part_size: float = 1.0
    """Factor on the size of every part but the body, [0.5, 1.2]."""
    noise: float = 0.012
    """Standard deviation of the sensor noise, in units of the full intensity range, [0, 0.2]."""

    def __post_init__(self) -> None:
        """Check every value against its range."""
        limits = {
            "clutter": (0.0, 1.0), "turn_deg": (0.0, 60.0), "joints": (0.0, 3.0), "flip_share": (0.0, 1.0),
            "scale_span": (0.0, 0.5), "occlusion_share": (0.0, 1.0), "part_size": (0.5, 1.2), "noise": (0.0, 0.2),
        }  # fmt: skip
        for field, (low, high) in limits.items():
            value = getattr(self, field)
            if not low <= value <= high:
                raise ValueError(f"difficulty: {field} must lie in [{low}, {high}], not {value}")


EASY = Difficulty(
    clutter=0.15, turn_deg=5.0, joints=0.5, flip_share=0.0, scale_span=0.05, occlusion_share=0.0, noise=0.004
)
DEFAULT = Difficulty()
HARD = Difficulty(
    clutter=1.0,
    turn_deg=25.0,
    joints=1.8,
    flip_share=0.5,
    scale_span=0.25,
    occlusion_share=0.6,
    part_size=0.85,
    noise=0.03,
)
