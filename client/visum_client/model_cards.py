"""What services know of networks."""

from visum.v1 import common_pb2, mask_pb2, specializer_pb2

from visum_client.errors import NotFoundError, ServiceFaultError
from visum_client.methods import DESCRIBE_MODEL, LIST_MODELS
from visum_client.models import GivenModel
from visum_client.scheduler import Services


async def find_card(services: Services, model: GivenModel) -> common_pb2.ModelCard:
    """The card of a network. Raises NotFoundError where the mask service does not have it."""
    services.backend.admit(model)
    by_digest = mask_pb2.ListModelsRequest(sha256=model.sha256)
    request = by_digest if model.sha256 else mask_pb2.ListModelsRequest(name=model.name)
    try:
        answer = await services.call(LIST_MODELS, request)
    except NotFoundError as error:
        hint = f" ({model.weights} must be in the folder of networks of the service)" if model.weights else ""
        raise NotFoundError(error.message + hint, "model") from None
    if len(answer.models) != 1:
        raise ServiceFaultError(f"mask service: answered {len(answer.models)} networks for {model.name}")
    return answer.models[0]


async def describe_model(services: Services, model: GivenModel) -> common_pb2.ModelCard:
    """The card of a network with its feature layer found. Raises NotFoundError where the services do not have it."""
    card = await find_card(services, model)
    answer = await services.call(DESCRIBE_MODEL, specializer_pb2.DescribeModelRequest(model=card.ref))
    return answer.card


async def list_models(services: Services) -> tuple[common_pb2.ModelCard, ...]:
    """All networks in the model folder of the mask service, sorted by name."""
    return tuple((await services.call(LIST_MODELS, mask_pb2.ListModelsRequest())).models)
