"""Visual summaries of what a trained classifier uses: the client of the visum services."""

from visum_client.client import Client
from visum_client.errors import (
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
    SurvivorOptions,
)
from visum_client.records import ClassScore, Discarded, ImageRecord, Mask, Necessity, Part, Summary, ViewToOriginal
from visum_client.run import Run

__all__ = [
    "ClassScore",
    "Client",
    "ClusteringOptions",
    "DeadlineError",
    "DescribeOptions",
    "Discarded",
    "ImageRecord",
    "InvalidInputError",
    "LimitError",
    "LocalSettings",
    "Mask",
    "MaskOptions",
    "MatchOptions",
    "Necessity",
    "NecessityOptions",
    "NotBuiltError",
    "NotFoundError",
    "Part",
    "PreconditionError",
    "Run",
    "RunFolderError",
    "ServiceFaultError",
    "ServiceUnavailableError",
    "Summary",
    "SurvivorOptions",
    "TooFewImagesError",
    "ViewToOriginal",
    "VisumError",
]
