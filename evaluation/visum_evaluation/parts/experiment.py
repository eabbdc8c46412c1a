"""Class runs over fresh pictures of a planted world, held against the planted truth."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from visum_client import Client, Run, TooFewImagesError
from visum_demo import load_world, render
from visum_demo.comparison import compare
from visum_demo.shipped import Truth, load_causal_figures, model_path, stem
from visum_demo.worlds import WorldName
from visum_evaluation.parts.measures import PartsScore, ShownSummary, mean_score, score_class

FIRST_SEED = 5_000_000
"""Beyond the seeds of training, evaluation, causal figures and shipped pictures."""
SEEDS_A_ROUND = 100_000
"""Pictures of two rounds never meet."""


@dataclass(frozen=True)
class PartsOptions:
    """What is evaluated.

    Raises:
        ValueError: A class is not of the world, or a number is out of its range.
    """

    world: WorldName
    classes: Sequence[str] = ()
    """Empty: all of the world."""
    images: int = 40
    """Pictures of each class."""
    round: int = 0
    """Which pictures; every round has its own."""
    steps: Mapping[str, Any] = field(default_factory=dict)
    """Options of the steps of a class run."""

    def __post_init__(self) -> None:
        known = load_world(self.world).classes
        unknown = [name for name in self.classes if name not in known]
        if unknown:
            raise ValueError(f"world {self.world} has no class {unknown[0]!r}: there are {', '.join(known)}")
        if not 3 <= self.images <= SEEDS_A_ROUND:
            raise ValueError(f"images is {self.images}, must be within 3..{SEEDS_A_ROUND}")
        if self.round < 0:
            raise ValueError(f"round is {self.round}, must not be negative")


def evaluate_parts(
    client: Client, options: PartsOptions, out: Path, cache: Path | None, tell: Callable[[str], None]
) -> dict[str, PartsScore]:
    """The score of each class; runs that are complete in `out` are not made again.

    Args:
        client: Where the class runs are made.
        options: What is evaluated.
        out: Folder of the pictures and runs.
        cache: Folder of masks and proposals that runs share.
        tell: Told of each class that is done.
    """
    scores = {}
    for name in options.classes or load_world(options.world).classes:
        scores[name] = _evaluate_class(client, options, name, out, cache)
        tell(f"{name}: Part-F1 {scores[name].part_f1:.2f}, {scores[name].summaries:.0f} summaries")
    return scores


def mean_of(scores: Mapping[str, PartsScore]) -> PartsScore:
    """The mean over classes."""
    return mean_score(list(scores.values()))


def _evaluate_class(client: Client, options: PartsOptions, name: str, out: Path, cache: Path | None) -> PartsScore:
    folder = out / f"{options.world}-{options.round}" / name
    truth = _draw_scenes(options, name, folder / "images")
    figures = load_causal_figures(options.world)[name]
    generator = np.random.default_rng([FIRST_SEED, options.round])
    try:
        run = client.summarize(
            model=model_path(options.world),
            target=name,
            images=folder / "images",
            out=folder / "run",
            cache=cache,
            progress=False,
            **options.steps,
        )
    except TooFewImagesError:
        return score_class([], figures, generator)
    return score_class(_shown(run, truth), figures, generator)


def _shown(run: Run, truth: Truth) -> list[ShownSummary]:
    findings = compare(run, truth, load_causal_figures(truth.world)[truth.class_name]).findings
    return [ShownSummary(finding.shown, finding.summary.drop) for finding in findings]


def _draw_scenes(options: PartsOptions, name: str, folder: Path) -> Truth:
    """Pictures of a class as PNG, drawn where they are missing."""
    world = load_world(options.world)
    start = FIRST_SEED + options.round * SEEDS_A_ROUND
    seeds = {f"{name}-{number:05d}.png": start + number for number in range(options.images)}
    folder.mkdir(parents=True, exist_ok=True)
    for file, seed in seeds.items():
        if not (folder / file).exists():
            picture = render(world.scene(name, seed)).image
            cv2.imwrite(str(folder / file), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return Truth(stem(options.world), options.world, name, seeds)
