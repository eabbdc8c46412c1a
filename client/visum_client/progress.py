"""How far a run is: for run.json, and as bars for people who watch."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from tqdm import tqdm

from visum_client.notebook_bars import NotebookBars, in_notebook

STAGES = ("masks", "proposals", "matching", "clustering", "drops", "report")
"""The stages of a run, in order."""
_BAR = "{desc:<11}{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}]{postfix}"


@dataclass
class Stage:
    """One stage of a run."""

    status: str = "waiting"
    """waiting, running, complete or failed."""
    done: int = 0
    """Items that are done."""
    total: int = 0
    """Items of the stage."""
    reused: int = 0
    """Of those done, how many results were there already."""
    seconds: float = 0.0
    """Time from its start to its last item, in the last start of the run."""


class Bars(Protocol):
    """Shows stages to people."""

    def draw(self, name: str, done: int, total: int, note: str) -> None:
        """Shows how far a stage is."""

    def close(self, name: str) -> None:
        """A stage has ended."""


class Progress:
    """Counts the work of each stage.

    Args:
        visible: Draw bars; None: on a terminal and in a notebook.
        stages: Names of the stages, in order.
    """

    def __init__(self, visible: bool | None = None, stages: Sequence[str] = STAGES) -> None:
        self._bars = _bars(visible)
        self._notes: dict[str, str] = {}
        self._started: dict[str, float] = {}
        self.stages = {name: Stage() for name in stages}

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[None]:
        """Times a stage and marks how it ends."""
        stage = self.stages[name]
        stage.status, stage.total = "running", total
        self._started[name] = time.monotonic()
        self._draw(name)
        try:
            yield
            stage.status = "complete"
        except BaseException:
            stage.status = "failed"
            raise
        finally:
            self._bars.close(name)

    def advance(self, name: str) -> None:
        """Counts an item as done."""
        stage = self.stages[name]
        stage.done += 1
        stage.seconds = time.monotonic() - self._started[name]
        self._draw(name)

    def reuse(self, name: str) -> None:
        """Counts a result that was there already; its item is counted by `advance`."""
        self.stages[name].reused += 1

    def tell(self, name: str, text: str) -> None:
        """Says how far an item of a stage is."""
        self._notes[name] = text
        self._draw(name)

    def drop(self, name: str) -> None:
        """Takes an item off a stage: it turned out to need no work."""
        self.stages[name].total -= 1
        self._draw(name)

    def to_json(self) -> dict[str, dict[str, Any]]:
        """The stages, as run.json has them."""
        return {name: asdict(stage) | {"seconds": round(stage.seconds, 3)} for name, stage in self.stages.items()}

    def _draw(self, name: str) -> None:
        stage = self.stages[name]
        self._bars.draw(name, stage.done, stage.total, self._notes.get(name, ""))


def _bars(visible: bool | None) -> Bars:
    """The bars that suit where the program runs; invisible ones where nobody watches."""
    if visible is not False and in_notebook():
        return NotebookBars()
    return TerminalBars(sys.stderr.isatty() if visible is None else visible)


class TerminalBars:
    """Bars on standard error.

    Args:
        visible: Draw them.
    """

    def __init__(self, visible: bool) -> None:
        self._visible = visible
        self._bars: dict[str, Any] = {}

    def draw(self, name: str, done: int, total: int, note: str) -> None:
        """Shows how far a stage is."""
        if name not in self._bars:
            self._bars[name] = tqdm(total=total, desc=name, bar_format=_BAR, file=sys.stderr, disable=not self._visible)
        bar = self._bars[name]
        bar.total = total
        bar.set_postfix_str(note, refresh=False)
        bar.update(done - bar.n)
        if note or not done:
            bar.refresh()

    def close(self, name: str) -> None:
        """Leaves the bar as it is."""
        self._bars[name].close()
