"""Specializing as a call of the client."""

import os
from collections.abc import Sequence
from pathlib import Path

from visum_client.connected import Connected
from visum_client.progress import Progress
from visum_client.run import Run
from visum_client.specialization.class_runs import read_class_runs
from visum_client.specialization.specialize import STAGES, Specialization, specialize
from visum_client.specialization.specialized import Specialized


class SpecializeCall(Connected):
    """A better classifier from runs and labelled images."""

    async def specialize(
        self,
        runs: Sequence[Run | str | os.PathLike[str]],
        *,
        train: str | os.PathLike[str],
        validation: str | os.PathLike[str],
        out: str | os.PathLike[str],
        weights: str | os.PathLike[str] | None = None,
        layer: str = "",
        combination: str = "best",
        seed: int = 0,
        cache: str | os.PathLike[str] | None = None,
        progress: bool | None = None,
    ) -> Specialized:
        """Makes one better classifier of a network and the summaries of several of its classes.

        Args:
            runs: Finished runs, or their folders, each of another class of one network.
            train: Folder with a folder a class; the runs' images among them.
            validation: Folder of other images, a folder a class; they choose weight, C and combination.
            out: File to write, ending in .pt2 (exported program) or .onnx; its card goes beside it.
            weights: File of the runs' network; None: what the service has, or its standard weights.
            layer: Layer that gives the features; empty: the network's feature layer.
            combination: network_share, literal, or best: the one that does better on the validation images.
            seed: Of everything random.
            cache: Folder of features that later calls reuse.
            progress: Draw progress bars on standard error; None: where that is a terminal.

        Raises:
            InvalidInputError: A parameter is wrong, the runs do not go together, or the network's file is another than
                theirs; `field` names it.
            NotFoundError: The network, the layer or the class of a folder is unknown.
            PreconditionError: A summary has fewer than two of the training images, or there are no negatives.
            RunFolderError: A folder is no run folder, or in use.
            VisumError: A service failed.
        """
        order = Specialization(
            runs=read_class_runs(runs),
            train=Path(train),
            validation=Path(validation),
            out=Path(out),
            weights=None if weights is None else Path(weights),
            layer=layer,
            combination=combination,
            seed=seed,
            cache=None if cache is None else Path(cache),
        )
        return await specialize(self._open(), order, Progress(progress, STAGES))
