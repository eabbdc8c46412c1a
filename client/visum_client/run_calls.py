"""What can be asked about finished runs."""

import os
from pathlib import Path

from visum_client.compare.classes import MIN_SHARING, ClassComparison, ClassOrder, compare_classes
from visum_client.compare.classes import STAGE as MEMBERS
from visum_client.connected import Connected
from visum_client.images import ImageSource
from visum_client.progress import Progress
from visum_client.run import Run
from visum_client.score import STAGES as SCORE_STAGES
from visum_client.score import ScoreOrder, Scores, score_images


class RunCalls(Connected):
    """New images, and other classes, held against the summaries of runs."""

    async def score(
        self,
        run: Run | str | os.PathLike[str],
        images: ImageSource,
        *,
        model: str | os.PathLike[str] | None = None,
        weights: str | os.PathLike[str] | None = None,
        cache: str | os.PathLike[str] | None = None,
        progress: bool | None = None,
    ) -> Scores:
        """Looks for the summaries of a run in new images.

        Args:
            run: The run, or its folder.
            images: A folder, a glob, a .txt file with a path a line, or a list of paths.
            model: Name or file of the run's network; None: the name that the run tells.
            weights: Its weights file, where `model` is a name.
            cache: Folder of masks and proposals that runs share.
            progress: Draw progress bars; None: on a terminal and in a notebook.

        Raises:
            InvalidInputError: There are no such images, the network is another, or the run has no summaries.
            RunFolderError: The run folder is damaged.
            VisumError: A service failed.
        """
        order = ScoreOrder(
            run=_folder(run),
            images=images,
            model=model,
            weights=weights,
            cache=None if cache is None else Path(cache),
        )
        return await score_images(self._open(), order, Progress(progress, SCORE_STAGES))

    async def compare_classes(
        self,
        first: Run | str | os.PathLike[str],
        second: Run | str | os.PathLike[str],
        *,
        model: str | os.PathLike[str] | None = None,
        weights: str | os.PathLike[str] | None = None,
        min_sharing: float = MIN_SHARING,
        progress: bool | None = None,
    ) -> ClassComparison:
        """Finds which summaries two classes of one network share.

        Args:
            first: The run of one class, or its folder.
            second: The run of the other.
            model: Name or file of the network; None: the name that the first run tells.
            weights: Its weights file, where `model` is a name.
            min_sharing: Sharing from which two summaries are taken for one part, above 0 and at most 1.
            progress: Draw progress bars; None: on a terminal and in a notebook.

        Raises:
            InvalidInputError: The runs are of different networks or of the same class, or have no summaries.
            VisumError: The network is not found, or the specializer service failed.
        """
        runs = (_folder(first), _folder(second))
        order = ClassOrder(runs=runs, model=model, weights=weights, min_sharing=min_sharing)
        return await compare_classes(self._open(), order, Progress(progress, (MEMBERS,)))


def _folder(run: Run | str | os.PathLike[str]) -> Path:
    return run.path if isinstance(run, Run) else Path(run)
