"""Everything that can be asked of services, for programs with an event loop."""

import asyncio
import logging
import os
from functools import partial
from pathlib import Path
from typing import SupportsIndex, TypedDict, Unpack

from visum.v1 import common_pb2

from visum_client.class_folders import ClassRun, class_folders
from visum_client.configuration import StepOptions
from visum_client.connected import ModelLike
from visum_client.errors import AuthenticationError, ServiceUnavailableError, VisumError
from visum_client.images import ImageSource
from visum_client.model_cards import describe_model, find_card, list_models
from visum_client.models import find_model
from visum_client.options import (
    ClusteringOptions,
    DescribeOptions,
    MaskOptions,
    MatchOptions,
    NecessityOptions,
    RegionOptions,
    SurvivorOptions,
)
from visum_client.progress import Progress
from visum_client.run import Run
from visum_client.run_calls import RunCalls
from visum_client.scaled_services import ScaledCall
from visum_client.specialize_call import SpecializeCall
from visum_client.stage_calls import StageCalls
from visum_client.summarize import Order, summarize
from visum_client.tracking import log_runs
from visum_client.tracking.library import require_tracker

_log = logging.getLogger("visum_client")


class RunOptions(TypedDict, total=False):
    """What `summarize` takes besides network, class, images and run folder."""

    limit: int | None
    overwrite: bool
    keep_work: bool
    cache: str | os.PathLike[str] | None
    progress: bool | None
    admit_unrecognized: bool
    mask: MaskOptions | None
    regions: RegionOptions | None
    describe: DescribeOptions | None
    survivors: SurvivorOptions | None
    match: MatchOptions | None
    clustering: ClusteringOptions | None
    necessity: NecessityOptions | None
    tracker: str | None


class AsyncClient(StageCalls, RunCalls, SpecializeCall, ScaledCall):
    """Runs classes on visum services. Close it, or use it in an `async with` statement.

    Make one by `AsyncClient.local()`, `AsyncClient.connect(...)` or `AsyncClient.from_env()`. It belongs to the event
    loop in which it is first used. `Client` has the same calls for programs without an event loop.
    """

    async def summarize(
        self,
        *,
        model: ModelLike,
        target: str | SupportsIndex,
        images: ImageSource,
        out: str | os.PathLike[str],
        weights: str | os.PathLike[str] | None = None,
        limit: int | None = None,
        overwrite: bool = False,
        keep_work: bool = False,
        cache: str | os.PathLike[str] | None = None,
        progress: bool | None = None,
        admit_unrecognized: bool = False,
        mask: MaskOptions | None = None,
        regions: RegionOptions | None = None,
        describe: DescribeOptions | None = None,
        survivors: SurvivorOptions | None = None,
        match: MatchOptions | None = None,
        clustering: ClusteringOptions | None = None,
        necessity: NecessityOptions | None = None,
        tracker: str | None = None,
    ) -> Run:
        """Finds the visual summaries of a class. The same call goes on with a run that was interrupted.

        Args:
            model: Name of a network, or its file (.pth, .pt, .pt2).
            target: Name or index of the class.
            images: A folder, a glob, a .txt file with a path a line, or a list of paths; also as s3:// or gs:// URIs.
            out: The run folder.
            weights: Weights file of the network, where `model` is a name; None: its standard weights.
            limit: Take the first so many images.
            overwrite: Start anew in a used folder; only files that visum made are removed.
            keep_work: Keep the services' answers in the folder, so that later runs of other options can reuse them.
            cache: Folder of masks and proposals that runs share; several runs may use it at once.
            progress: Draw progress bars on standard error; None: where that is a terminal.
            admit_unrecognized: Let images take part whose best class is another.
            mask: Options of the mask optimization.
            regions: Options of the regions where they are the parts.
            describe: Options of the proposals.
            survivors: Which proposals survive a mask.
            match: Options of the matching.
            clustering: Options of the clustering.
            necessity: What a summary must do to be one.
            tracker: mlflow logs the complete run to MLflow, where MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME say.

        Raises:
            InvalidInputError: A parameter, an option or the network's file is wrong; `field` names it.
            NotFoundError: The network or the class is unknown; suggests near names.
            RunFolderError: The folder is in use, or holds a run of another configuration; names the differences.
            TooFewImagesError: Fewer than three images take part.
            ServiceUnavailableError: A service cannot be reached or started.
            VisumError: A service failed. What was finished is kept in all cases.
        """
        require_tracker(tracker)
        order = Order(
            model=Path(model) if isinstance(model, os.PathLike) else model,
            weights=None if weights is None else Path(weights),
            target=target,
            images=images,
            out=Path(out),
            limit=limit,
            options=StepOptions(
                mask=mask or MaskOptions(),
                regions=regions or RegionOptions(),
                describe=describe or DescribeOptions(),
                survivors=survivors or SurvivorOptions(),
                match=match or MatchOptions(),
                clustering=clustering or ClusteringOptions(),
                necessity=necessity or NecessityOptions(),
            ),
            admit_unrecognized=admit_unrecognized,
            overwrite=overwrite,
            keep_work=keep_work,
            cache=None if cache is None else Path(cache),
            downloads=partial(self._downloads, cache),
        )
        folder = await summarize(self._open(), order, Progress(progress))
        run = Run(folder.path)
        if tracker:
            await asyncio.to_thread(log_runs, [run])
        return run

    async def summarize_all(
        self,
        *,
        model: ModelLike,
        images: str | os.PathLike[str],
        out: str | os.PathLike[str],
        weights: str | os.PathLike[str] | None = None,
        **others: Unpack[RunOptions],
    ) -> tuple[ClassRun, ...]:
        """Runs every class of a folder of folders, each named after a class (the layout of ImageFolder).

        A class that cannot be summarized, as for too few images or a fault, does not keep the others from being; only
        a service that is gone, or does not know this client, ends them all.

        Args:
            model: Name of a network, or its file.
            images: The folder of folders, also as s3:// or gs:// URI. Names are those of classes, or their indices;
                a leading WordNet number does not matter. Where none fits, but there are as many folders as classes,
                they count in sorted order.
            out: Gets a run folder for each class, of the same name.
            weights: Weights file of the network, where `model` is a name.
            others: As for `summarize`; a tracker gets one run that holds a nested one for each class, at the end.

        Returns:
            A run, or an error, for each folder, in sorted order.

        Raises:
            InvalidInputError: There are no folders, or one is named after no class.
            NotFoundError: The network is unknown; suggests near names.
            ServiceUnavailableError, AuthenticationError: As `summarize`; the same call goes on where it was.
        """
        tracker = others.pop("tracker", None)
        require_tracker(tracker)
        card = await find_card(self._open(), find_model(model, weights))
        folders = await asyncio.to_thread(class_folders, images, card.classes)
        runs = []
        for number, folder in enumerate(folders, 1):
            _log.info("class %d of %d: %s", number, len(folders), folder.name)
            order = {"model": model, "weights": weights, "target": folder.target, "images": folder.images}
            try:
                run = await self.summarize(**order, out=Path(out) / folder.name, **others)  # type: ignore[arg-type]
                runs.append(ClassRun(folder.name, folder.target, run))
            except (ServiceUnavailableError, AuthenticationError):
                raise  # no class would fare better
            except (VisumError, OSError) as error:
                _log.warning("%s: %s", folder.name, error)
                runs.append(ClassRun(folder.name, folder.target, None, error))
        if tracker:
            await asyncio.to_thread(log_runs, runs, f"{card.ref.name}: {len(runs)} classes")
        return tuple(runs)

    async def model(self, model: ModelLike, weights: str | os.PathLike[str] | None = None) -> common_pb2.ModelCard:
        """The card of a network: its digest, classes, preprocessing, feature layer.

        Local services may use the network's file from then on: call it before stages that start from a run.

        Args:
            model: Name of a network, or its file.
            weights: Its weights file, where `model` is a name.

        Raises:
            InvalidInputError: The file is wrong.
            NotFoundError: The network is unknown; suggests near names.
            ServiceUnavailableError: A service cannot be reached or started.
        """
        return await describe_model(self._open(), find_model(model, weights))

    async def models(self) -> tuple[common_pb2.ModelCard, ...]:
        """The networks in the model folder of the mask service, sorted by name. Raises ServiceUnavailableError."""
        return await list_models(self._open())
