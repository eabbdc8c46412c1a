"""Class runs over fresh pictures of a planted world, and what their summaries show."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from visum_client import Client, Run, TooFewImagesError
from visum_demo import load_world
from visum_demo.shipped import load_causal_figures, model_path
from visum_demo.worlds import WorldName
from visum_evaluation.parts.measures import PartsScore, ShownSummary, mean_score, score_class
from visum_evaluation.parts.scenes import DIFFICULTIES, FIRST_SEED, SEEDS_A_ROUND, Scenes

Tell = Callable[[str], None]


@dataclass(frozen=True)
class PartsOptions:
    """What is evaluated.

    Raises:
        ValueError: A class is not of the world, or a value is out of its range.
    """

    world: WorldName
    classes: Sequence[str] = ()
    """Empty: all of the world."""
    images: int = 40
    """Pictures of each class."""
    round: int = 0
    """The first round; every round has pictures of its own."""
    rounds: int = 1
    """How many."""
    difficulty: str = "default"
    """How hard the pictures are: easy, default or hard. The network was trained on the default."""
    steps: Mapping[str, Any] = field(default_factory=dict)
    """Options of the steps of a class run."""

    def __post_init__(self) -> None:
        known = load_world(self.world).classes
        unknown = [name for name in self.classes if name not in known]
        if unknown:
            raise ValueError(f"world {self.world} has no class {unknown[0]!r}: there are {', '.join(known)}")
        if not 3 <= self.images <= SEEDS_A_ROUND:
            raise ValueError(f"images is {self.images}, must be within 3..{SEEDS_A_ROUND}")
        if self.round < 0 or self.rounds < 1:
            raise ValueError(f"round is {self.round} and rounds {self.rounds}: must be at least 0 and 1")
        if self.difficulty not in DIFFICULTIES:
            raise ValueError(f"difficulty is {self.difficulty!r}, must be one of {', '.join(DIFFICULTIES)}")

    def scenes(self) -> Iterator[Scenes]:
        """The pictures of every class, round by round."""
        for number in range(self.round, self.round + self.rounds):
            for name in self.classes or load_world(self.world).classes:
                yield Scenes(self.world, self.difficulty, name, number, self.images)


@dataclass(frozen=True)
class Variant:
    """A way to make class runs."""

    name: str
    """Name of its runs' folder; of the product as it is: `run`."""
    steps: Mapping[str, Any] = field(default_factory=dict)
    """Options of the steps."""
    model: Path | None = None
    """Network; None: that of the world. Of another, images take part whatever it calls them."""
    images: slice = field(default_factory=lambda: slice(None))
    """Which of the pictures of a class take part."""


@dataclass(frozen=True)
class Workspace:
    """Where runs are made and kept; runs that are complete are not made again."""

    client: Client
    out: Path
    """Folder of pictures and runs."""
    cache: Path | None = None
    """Folder of masks and proposals that runs share; None: in `out`."""
    tell: Tell = print
    """Told of each class that is done."""

    def folder(self, scenes: Scenes) -> Path:
        """Folder of the pictures and runs of a class."""
        hardness = "" if scenes.difficulty == "default" else f"{scenes.difficulty}-"
        return self.out / f"{scenes.world}-{hardness}{scenes.round}" / scenes.class_name

    def run(self, scenes: Scenes, variant: Variant) -> Run | None:
        """The run of a variant over pictures of a class; None where too few of them have parts."""
        folder = self.folder(scenes)
        scenes.write(folder / "images")
        try:
            return self.client.summarize(
                model=variant.model or model_path(scenes.world),
                target=scenes.class_name,
                images=sorted((folder / "images").glob("*.png"))[: scenes.count][variant.images],
                out=folder / variant.name,
                cache=self.cache or self.out / "cache",
                progress=False,
                admit_unrecognized=variant.model is not None,
                **variant.steps,
            )
        except TooFewImagesError:
            return None


Shown = Mapping[tuple[int, str], Sequence[ShownSummary]]
"""What the summaries of a class show, by round and class."""


def run_variant(workspace: Workspace, options: PartsOptions, variant: Variant) -> Shown:
    """Makes the runs of a variant and finds what their summaries show."""
    shown = {}
    for scenes in options.scenes():
        run = workspace.run(scenes, variant)
        shown[scenes.round, scenes.class_name] = shown_by_run(run, scenes) if run else []
        found = _score(options.world, scenes.class_name, shown[scenes.round, scenes.class_name])
        workspace.tell(
            f"{variant.name}, round {scenes.round}, {scenes.class_name}: "
            f"Part-F1 {found.part_f1:.2f}, {found.summaries:.0f} summaries"
        )
    return shown


def shown_by_run(run: Run, scenes: Scenes) -> list[ShownSummary]:
    """What the summaries of a run over the pictures of a class show."""
    return [
        ShownSummary([scenes.shown_by(run, member) for member in summary.members], summary.drop)
        for summary in run.summaries
    ]


def score_classes(options: PartsOptions, shown: Shown) -> dict[str, PartsScore]:
    """The score of each class, mean over rounds."""
    names = dict.fromkeys(name for _, name in shown)
    return {
        name: mean_score([_score(options.world, name, found) for (_, other), found in shown.items() if other == name])
        for name in names
    }


def score_mean(options: PartsOptions, shown: Shown) -> PartsScore:
    """The mean over classes and rounds."""
    return mean_score([_score(options.world, name, found) for (_, name), found in shown.items()])


def score_spread(options: PartsOptions, shown: Shown) -> dict[str, float] | None:
    """Standard deviation over rounds of the mean over classes, of each value; None where there is one round."""
    if options.rounds == 1:
        return None
    numbers = sorted({number for number, _ in shown})
    rounds = [
        asdict(
            mean_score([_score(options.world, name, found) for (own, name), found in shown.items() if own == number])
        )
        for number in numbers
    ]
    columns = {item.name: [row[item.name] for row in rounds] for item in fields(PartsScore)}
    return {name: float(np.std(values, ddof=1)) for name, values in columns.items() if None not in values}


def _score(world: WorldName, name: str, shown: Sequence[ShownSummary]) -> PartsScore:
    return score_class(shown, load_causal_figures(world)[name], np.random.default_rng(FIRST_SEED))
