"""Visual summaries of what a trained classifier uses: the client of the visum services."""

from visum_client.async_client import AsyncClient
from visum_client.class_folders import ClassRun
from visum_client.client import Client
from visum_client.compare.classes import ClassComparison
from visum_client.credentials import Credentials
from visum_client.errors import (
    AuthenticationError,
    DeadlineError,
    InvalidInputError,
    LimitError,
    NotBuiltError,
    NotFoundError,
    PreconditionError,
    RunFolderError,
    ServiceFaultError,
    ServiceUnavailableError,
    TooFewImagesError,
    VisumError,
)
from visum_client.local import LocalSettings
from visum_client.options import (
    ClusteringOptions,
    DescribeOptions,
    MaskOptions,
    MatchOptions,
    NecessityOptions,
    RegionOptions,
    SurvivorOptions,
)
from visum_client.records import (
    ClassScore,
    Clusters,
    Discarded,
    ImageRecord,
    Mask,
    Necessity,
    Part,
    Summary,
    ViewToOriginal,
)
from visum_client.run import Run
from visum_client.score import Scores
from visum_client.specialization.specialized import Specialized
from visum_client.stage_results import MaskedImage, Masks, Matches, Parts

__all__ = [
    "AsyncClient",
    "AuthenticationError",
    "ClassComparison",
    "ClassRun",
    "ClassScore",
    "Client",
    "ClusteringOptions",
    "Clusters",
    "Credentials",
    "DeadlineError",
    "DescribeOptions",
    "Discarded",
    "ImageRecord",
    "InvalidInputError",
    "LimitError",
    "LocalSettings",
    "Mask",
    "MaskOptions",
    "MaskedImage",
    "Masks",
    "MatchOptions",
    "Matches",
    "Necessity",
    "NecessityOptions",
    "NotBuiltError",
    "NotFoundError",
    "Part",
    "Parts",
    "PreconditionError",
    "RegionOptions",
    "Run",
    "RunFolderError",
    "Scores",
    "ServiceFaultError",
    "ServiceUnavailableError",
    "Specialized",
    "Summary",
    "SurvivorOptions",
    "TooFewImagesError",
    "ViewToOriginal",
    "VisumError",
]
