"""Finished runs of several classes of one network, and which image belongs to which summary."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visum_client.errors import InvalidInputError
from visum_client.records import Summary
from visum_client.run import Run

_COMPLETE = "complete"


@dataclass(frozen=True)
class ClassSummary:
    """A summary, and the run that found it."""

    run: Run
    target: int
    """Index of its class."""
    target_name: str
    summary: Summary

    @property
    def name(self) -> str:
        """Class and short name, as golden retriever S1."""
        return f"{self.target_name} {self.summary.id}"


@dataclass(frozen=True)
class ClassRuns:
    """Runs of different classes of one network."""

    runs: tuple[Run, ...]
    model_name: str
    model_sha256: str
    summaries: tuple[ClassSummary, ...]
    """Of all runs, in their order; a class may have none."""

    def memberships(self, digests: Iterable[str]) -> NDArray[np.uint8]:
        """[images, summaries]: 1 where an image, given by its digest, belongs to a summary."""
        members = [{member.image for member in entry.summary.members} for entry in self.summaries]
        rows = [[digest in images for images in members] for digest in digests]
        return np.array(rows, dtype=np.uint8).reshape(-1, len(members))


def read_class_runs(runs: Sequence[Run | str | os.PathLike[str]]) -> ClassRuns:
    """The summaries of finished runs.

    Raises:
        RunFolderError: A folder is no run folder, or damaged.
        InvalidInputError: There is no run, one is not complete, two are of the same class or of different networks, or
            none has a summary.
    """
    loaded = tuple(run if isinstance(run, Run) else Run.load(run) for run in runs)
    if not loaded:
        raise InvalidInputError("give at least one finished run", "runs")
    for run in loaded:
        if run.status != _COMPLETE:
            raise InvalidInputError(f"{run.path} is not complete: it is {run.status}", "runs")
    _check_together(loaded)
    summaries = tuple(entry for run in loaded for entry in _summaries(run))
    if not summaries:
        raise InvalidInputError("none of the runs has a summary", "runs")
    model = loaded[0].configuration["model"]
    return ClassRuns(loaded, model["name"], model["sha256"], summaries)


def _check_together(runs: Sequence[Run]) -> None:
    first = runs[0]
    by_class: dict[int, Run] = {}
    for run in runs:
        ours, theirs = run.configuration["model"], first.configuration["model"]
        if ours["sha256"] != theirs["sha256"]:
            names = f"{theirs['name']} ({theirs['sha256'][:12]}) and {ours['name']} ({ours['sha256'][:12]})"
            raise InvalidInputError(f"{first.path} and {run.path} are of different networks: {names}", "runs")
        target = run.configuration["target"]
        other = by_class.setdefault(target["index"], run)
        if other is not run:
            raise InvalidInputError(f"{other.path} and {run.path} are both of the class {target['name']!r}", "runs")


def _summaries(run: Run) -> list[ClassSummary]:
    target = run.configuration["target"]
    return [ClassSummary(run, target["index"], target["name"], summary) for summary in run.summaries]
