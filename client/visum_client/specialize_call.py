"""Specializing as a call of the client."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from visum_client.connected import Connected
from visum_client.errors import InvalidInputError
from visum_client.progress import Progress
from visum_client.run import Run
from visum_client.specialization.class_runs import read_class_runs
from visum_client.specialization.specialize import STAGES, Specialization, specialize
from visum_client.specialization.specialized import Specialized
from visum_client.tracking import log_specialized
from visum_client.tracking.library import require_tracker


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
        tracker: str | None = None,
        register: str | None = None,
        alias: str | None = None,
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
            tracker: mlflow logs the classifier to MLflow, as a model with signature, example and card; None: nowhere.
            register: With a tracker, the registered model that it becomes a version of.
            alias: Alias of the registered model that points to this version from then on.

        Raises:
            InvalidInputError: A parameter is wrong, the runs do not go together, or the network's file is another than
                theirs; `field` names it.
            NotFoundError: The network, the layer or the class of a folder is unknown.
            PreconditionError: A summary has fewer than two of the training images, or there are no negatives.
            RunFolderError: A folder is no run folder, or in use.
            VisumError: A service failed.
        """
        require_tracker(tracker)
        if (register and not tracker) or (alias and not register):
            missing = "a tracker" if not tracker else "a registered model"
            raise InvalidInputError(f"needs {missing}", "alias" if alias else "register")
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
        result = await specialize(self._open(), order, Progress(progress, STAGES))
        if tracker:
            loaded = [run if isinstance(run, Run) else Run(run) for run in runs]
            await asyncio.to_thread(log_specialized, result, loaded, register, alias)
        return result
