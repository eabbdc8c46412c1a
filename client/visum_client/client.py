"""The way in: services, local or remote, and class runs on them."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from visum.v1 import info_pb2

from visum_client.channels import parse_addresses
from visum_client.configuration import StepOptions
from visum_client.errors import VisumError
from visum_client.images import ImageSource
from visum_client.local import LocalServices, LocalSettings
from visum_client.loop import LoopThread
from visum_client.options import (
    ClusteringOptions,
    DescribeOptions,
    MaskOptions,
    MatchOptions,
    NecessityOptions,
    SurvivorOptions,
)
from visum_client.progress import Progress
from visum_client.remote import RemoteServices
from visum_client.run import Run
from visum_client.scheduler import Backend, Services
from visum_client.summarize import Order, summarize

SERVICES_VARIABLE = "VISUM_SERVICES"
"""Environment variable that `Client.from_env` reads."""


class Client:
    """Runs classes on visum services. Close it, or use it in a `with` statement.

    Make one by `Client.local()`, `Client.connect(...)` or `Client.from_env()`. Its methods wait for their results and
    may be used in notebooks.
    """

    def __init__(self, backend: Backend) -> None:
        self._loop = LoopThread()
        self._services = Services(backend)
        self._closed = False

    @classmethod
    def local(cls, settings: LocalSettings | None = None) -> Self:
        """A client with services of its own: processes of this machine, started when first needed, ended with it."""
        return cls(LocalServices(settings))

    @classmethod
    def connect(cls, services: str) -> Self:
        """A client of running services.

        Args:
            services: As `mask=host:port,proposals=host:port,clustering=host:port,specializer=host:port`.

        Raises:
            InvalidInputError: Not of that form.
        """
        return cls(RemoteServices(parse_addresses(services)))

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """A client of the services that the environment variable VISUM_SERVICES names, in the form of `connect`.

        Raises:
            VisumError: It is not set.
            InvalidInputError: Not of that form.
        """
        text = (os.environ if environ is None else environ).get(SERVICES_VARIABLE, "")
        if not text:
            raise VisumError(f"the variable {SERVICES_VARIABLE} is not set; `visum serve` prints a value for it")
        return cls.connect(text)

    def summarize(
        self,
        *,
        model: str | os.PathLike[str],
        target: str | int,
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
        describe: DescribeOptions | None = None,
        survivors: SurvivorOptions | None = None,
        match: MatchOptions | None = None,
        clustering: ClusteringOptions | None = None,
        necessity: NecessityOptions | None = None,
    ) -> Run:
        """Finds the visual summaries of a class. The same call goes on with a run that was interrupted.

        Args:
            model: Name of a network, or its file (.pth, .pt, .pt2).
            target: Name or index of the class.
            images: A folder, a glob, a .txt file with a path a line, or a list of paths.
            out: The run folder.
            weights: Weights file of the network, where `model` is a name; None: its standard weights.
            limit: Take the first so many images.
            overwrite: Start anew in a used folder; only files that visum made are removed.
            keep_work: Keep the services' answers in the folder, so that later runs of other options can reuse them.
            cache: Folder of masks and proposals that runs share; several runs may use it at once.
            progress: Draw progress bars on standard error; None: where that is a terminal.
            admit_unrecognized: Let images take part whose best class is another.
            mask: Options of the mask optimization.
            describe: Options of the proposals.
            survivors: Which proposals survive a mask.
            match: Options of the matching.
            clustering: Options of the clustering.
            necessity: What a summary must do to be one.

        Raises:
            InvalidInputError: A parameter, an option or the network's file is wrong; `field` names it.
            NotFoundError: The network or the class is unknown; suggests near names.
            RunFolderError: The folder is in use, or holds a run of another configuration; names the differences.
            TooFewImagesError: Fewer than three images take part.
            ServiceUnavailableError: A service cannot be reached or started.
            VisumError: A service failed. What was finished is kept in all cases.
        """
        order = Order(
            model=Path(model) if isinstance(model, os.PathLike) else model,
            weights=None if weights is None else Path(weights),
            target=target,
            images=images,
            out=Path(out),
            limit=limit,
            options=StepOptions(
                mask=mask or MaskOptions(),
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
        )
        folder = self._loop.run(summarize(self._services, order, Progress(progress)))
        return Run(folder.path)

    def server_info(self, service: str) -> info_pb2.GetServerInfoResponse:
        """What a service says of itself: version, device, concurrency.

        Args:
            service: mask, proposals, clustering or specializer.

        Raises:
            ServiceUnavailableError: It cannot be reached or started.
        """
        return self._loop.run(self._services.connection(service)).info

    def close(self) -> None:
        """Closes the connections and ends local services."""
        if not self._closed:
            self._closed = True
            self._loop.run(self._services.close())
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
