"""The calls of the services: where they are, what they answer, how long they may take."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf import message
from visum.v1 import clustering_pb2, info_pb2, mask_pb2, proposal_pb2, specializer_pb2

Request = TypeVar("Request", bound=message.Message)
Response = TypeVar("Response", bound=message.Message)

SERVICES = {
    "mask": "visum.v1.MaskService",
    "proposals": "visum.v1.ProposalService",
    "clustering": "visum.v1.ClusteringService",
    "specializer": "visum.v1.SpecializerService",
}
"""The short name of each service, and its full one."""


@dataclass(frozen=True)
class Method(Generic[Request, Response]):
    """One call of a service."""

    service: str
    """Short name of the service."""
    name: str
    """Name of the call."""
    request: type[Request]
    """Message that it takes."""
    response: type[Response]
    """Message that it answers."""
    deadline_seconds: float
    """Longest wait for an answer, waiting in the service's queue included."""
    package: str = ""
    """Full name of the gRPC service; empty: that of `service`."""

    @property
    def path(self) -> str:
        """Path of the call on the wire."""
        return f"/{self.package or SERVICES[self.service]}/{self.name}"


EXTRACT_MASK = Method("mask", "ExtractMask", mask_pb2.ExtractMaskRequest, mask_pb2.ExtractMaskResponse, 1800)
MEASURE_DROPS = Method("mask", "MeasureDrops", mask_pb2.MeasureDropsRequest, mask_pb2.MeasureDropsResponse, 600)
LIST_MODELS = Method("mask", "ListModels", mask_pb2.ListModelsRequest, mask_pb2.ListModelsResponse, 600)
DESCRIBE = Method("proposals", "Describe", proposal_pb2.DescribeRequest, proposal_pb2.DescribeResponse, 300)
SELECT_SURVIVORS = Method(
    "proposals", "SelectSurvivors", proposal_pb2.SelectSurvivorsRequest, proposal_pb2.SelectSurvivorsResponse, 300
)
MATCH = Method("proposals", "Match", proposal_pb2.MatchRequest, proposal_pb2.MatchResponse, 600)
DESCRIBE_REGIONS = Method(
    "specializer",
    "DescribeRegions",
    specializer_pb2.DescribeRegionsRequest,
    specializer_pb2.DescribeRegionsResponse,
    600,
)
SPLIT_REGIONS = Method(
    "specializer", "SplitRegions", specializer_pb2.SplitRegionsRequest, specializer_pb2.SplitRegionsResponse, 600
)
DESCRIBE_MODEL = Method(
    "specializer", "DescribeModel", specializer_pb2.DescribeModelRequest, specializer_pb2.DescribeModelResponse, 600
)
EMBED = Method("specializer", "Embed", specializer_pb2.EmbedRequest, specializer_pb2.EmbedResponse, 600)
TRAIN = Method("specializer", "Train", specializer_pb2.TrainRequest, specializer_pb2.TrainResponse, 7200)
PREDICT = Method("specializer", "Predict", specializer_pb2.PredictRequest, specializer_pb2.PredictResponse, 600)
EXPORT = Method("specializer", "Export", specializer_pb2.ExportRequest, specializer_pb2.ExportResponse, 1800)
SUMMARIZE = Method("clustering", "Summarize", clustering_pb2.SummarizeRequest, clustering_pb2.SummarizeResponse, 3600)


def server_info(service: str) -> Method[info_pb2.GetServerInfoRequest, info_pb2.GetServerInfoResponse]:
    """The call by which a server says what it is."""
    request, response = info_pb2.GetServerInfoRequest, info_pb2.GetServerInfoResponse
    return Method(service, "GetServerInfo", request, response, 30, "visum.v1.InfoService")
