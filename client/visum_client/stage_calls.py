"""The stages of a class run as calls of their own."""

import asyncio
import os
from dataclasses import replace
from typing import SupportsIndex

from visum.v1 import common_pb2

from visum_client.configuration import StepOptions
from visum_client.connected import Connected, ModelLike
from visum_client.images import ImageSource, find_images
from visum_client.model_cards import find_card
from visum_client.models import GivenModel, find_model
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
from visum_client.records import Clusters
from visum_client.run import Run
from visum_client.run_masks import masks_of
from visum_client.single_stages import SingleStages
from visum_client.stage_results import Masks, Matches, Parts
from visum_client.stages.job import Subject
from visum_client.targets import find_class

RunLike = Run | str | os.PathLike[str]
"""A run, or its folder."""


class StageCalls(Connected):
    """Masks, parts, match scores and clusters: each call takes what the one before gave, or a run."""

    async def masks(
        self,
        *,
        model: ModelLike,
        target: str | SupportsIndex,
        images: ImageSource,
        weights: str | os.PathLike[str] | None = None,
        limit: int | None = None,
        progress: bool | None = None,
        admit_unrecognized: bool = False,
        preset: str | None = None,
        mask: MaskOptions | None = None,
        regions: RegionOptions | None = None,
    ) -> Masks:
        """The masks of the images of a class, in memory. An image that cannot be used says why in its record.

        Args:
            model: Name of a network, or its file.
            target: Name or index of the class.
            images: As for `summarize`.
            weights: Weights file of the network, where `model` is a name.
            limit: Take the first so many images.
            progress: Draw a progress bar; None: where standard error is a terminal.
            admit_unrecognized: Also make masks of images whose best class is another.
            preset: What parts will be made of the masks, as for `describe`; None: as the clustering chooses.
            mask: Options of the mask optimization.
            regions: Options of the regions where they are the parts (preset `consensus`).

        Raises:
            InvalidInputError, NotFoundError, ServiceUnavailableError, VisumError: As `summarize`.
        """
        services = self._open()
        given = find_model(model, weights)
        files = await asyncio.to_thread(find_images, images, limit, self._downloads)
        card = await find_card(services, given)
        subject = Subject(
            card=card,
            target=find_class(target, card.classes),
            images=tuple(files),
            options=StepOptions(
                mask=mask or MaskOptions(),
                regions=regions or RegionOptions(),
                clustering=ClusteringOptions(preset=preset),
            ).for_images(len(files)),
            admit_unrecognized=admit_unrecognized,
        )
        return await SingleStages(services, Progress(progress)).masks(subject)

    async def describe(
        self,
        earlier: Masks | RunLike,
        *,
        preset: str | None = None,
        images: ImageSource | None = None,
        progress: bool | None = None,
        describe: DescribeOptions | None = None,
        survivors: SurvivorOptions | None = None,
    ) -> Parts:
        """The candidate parts of a class: proposals that survive the masks, or the masks' regions.

        Args:
            earlier: What `masks` gave, or a run; of a run, what its folder has is not asked for again.
            preset: `paper` (proposals) or `consensus` (regions, with what the network sees in them); None: that of
                the masks or the run.
            images: Where the photographs of the run are; None: where its folder says.
            progress: Draw a progress bar; None: where standard error is a terminal.
            describe: Options of the proposals; None: those of the run, or the defaults.
            survivors: Which proposals survive a mask; None: as above.

        Raises:
            InvalidInputError: A photograph of the run is not there.
            RunFolderError: The run's masks are not done.
            VisumError: A service failed.
        """
        stages, masks = self._from_masks(earlier, images, progress)
        clustering = None if preset is None else ClusteringOptions(preset=preset)
        return await stages.describe(masks, describe=describe, survivors=survivors, clustering=clustering)

    async def match(
        self,
        earlier: Parts | RunLike,
        *,
        images: ImageSource | None = None,
        progress: bool | None = None,
        match: MatchOptions | None = None,
    ) -> Matches:
        """The match scores between the parts of different images.

        Args:
            earlier: What `describe` gave, or a run.
            images: Where the photographs of the run are; None: where its folder says.
            progress: Draw a progress bar; None: where standard error is a terminal.
            match: Options of the matching; None: those of the run, or the defaults.

        Raises:
            InvalidInputError: The parts are regions, which are not matched; or as `describe`.
            VisumError: As `describe`.
        """
        if isinstance(earlier, Parts):
            return await SingleStages(self._open(), Progress(progress)).match(earlier, match=match)
        stages, masks = self._from_masks(earlier, images, progress)
        return await stages.match(await stages.describe(masks), match=match)

    async def cluster(
        self,
        earlier: Matches | Parts | RunLike,
        *,
        images: ImageSource | None = None,
        progress: bool | None = None,
        clustering: ClusteringOptions | None = None,
        necessity: NecessityOptions | None = None,
    ) -> Clusters:
        """The summaries of a class, with the drop of each member, and the clusters that are none.

        Args:
            earlier: What `match` gave; or what `describe` gave with the preset `consensus`; or a run.
            images: Where the photographs of the run are; None: where its folder says.
            progress: Draw progress bars; None: where standard error is a terminal.
            clustering: Options of the clustering; None: those of the run, or the defaults.
            necessity: What a summary must do to be one; None: as above.

        Raises:
            InvalidInputError: The preset of the clustering is not that of the parts; or as `describe`.
            NotFoundError: The services do not have the network of the run.
            TooFewImagesError: Fewer than three images have parts.
            VisumError: As `describe`.
        """
        options = {"clustering": clustering, "necessity": necessity}
        if isinstance(earlier, Matches | Parts):
            return await SingleStages(self._open(), Progress(progress)).cluster(earlier, **options)
        stages, masks = self._from_masks(earlier, images, progress)
        parts = await stages.describe(await self._with_classes(masks), **options)
        return await stages.cluster(await stages.matched(parts))

    async def _with_classes(self, masks: Masks) -> Masks:
        """Masks of a run's folder, which does not tell of how many classes its network is: chance depends on it."""
        known = masks.subject.card
        found = await find_card(self._open(), GivenModel(known.ref.name, known.ref.sha256))
        card = common_pb2.ModelCard()
        card.CopyFrom(known)
        card.classes.extend(found.classes)
        return replace(masks, subject=replace(masks.subject, card=card))

    def _from_masks(
        self, earlier: Masks | RunLike, images: ImageSource | None, progress: bool | None
    ) -> tuple[SingleStages, Masks]:
        services, bars = self._open(), Progress(progress)
        if isinstance(earlier, Masks):
            return SingleStages(services, bars), earlier
        run = earlier if isinstance(earlier, Run) else Run.load(earlier)
        return SingleStages(services, bars, run), masks_of(run, images)
