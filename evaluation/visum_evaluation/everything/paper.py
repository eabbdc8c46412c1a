"""What the paper says: "Understanding Deep Architectures by Visual Summaries", tables 1 to 3 and section 4.4."""

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Paper:
    """Figures of the paper. Names of classes and networks are torchvision's."""

    mu_u: dict[str, float]
    """The agreement of people on the summaries of each of its 18 classes (table 1)."""
    drops: dict[str, float]
    """Mean drop in percent by method: crisp, iebb and iebb_thresh (table 2)."""
    summaries: dict[str, tuple[float, float]]
    """Summaries a class, and top-1 accuracy, 0..1, of each network (table 3)."""
    gain: float
    """Top-1 accuracy over all classes that is gained by specialization, a fraction (section 4.4)."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Its 18 classes, as table 1 lists them."""
        return tuple(self.mu_u)


def read_paper() -> Paper:
    """The figures that ship with the package."""
    stored: dict[str, Any] = json.loads(files("visum_evaluation.everything").joinpath("paper.json").read_text("utf-8"))
    return Paper(
        mu_u={row["name"]: row["mu_u"] for row in stored["classes"]},
        drops=stored["drops"],
        summaries={row["name"]: (row["summaries"], row["accuracy"]) for row in stored["networks"]},
        gain=stored["gain"],
    )
