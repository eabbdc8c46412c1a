"""Pure calls that are made once: what a run has, it does not ask for again."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from google.protobuf.message import Message
from visum.v1 import clustering_pb2

from visum_client.errors import ServiceFaultError, VisumError
from visum_client.images import ImageFile
from visum_client.methods import SUMMARIZE, Method, Request, Response
from visum_client.scheduler import Services
from visum_client.sent_images import image_message
from visum_client.store import Keeper, Kept, request_key
from visum_wire import InvalidInput

Result = TypeVar("Result")
OnReused = Callable[[], None]


class PureCalls:
    """Answers calls from the store where it can, and stores what the services answer."""

    def __init__(self, services: Services, store: Keeper) -> None:
        self.services = services
        self._store = store

    async def call(
        self,
        method: Method[Request, Response],
        request: Request,
        decode: Callable[[Response], Result],
        image: ImageFile | None = None,
        on_reused: OnReused = lambda: None,
        *,
        network: Message | None = None,
    ) -> tuple[Result, Kept[Response]]:
        """The decoded answer to a request, and the place where the answer lies.

        Args:
            method: The call.
            request: Its message; of an image only the sha256.
            decode: Reads the answer; raises `visum_wire.InvalidInput` where it does not hold what it promises.
            image: The image whose data goes into `request.image`, read when needed.
            on_reused: Called where the answer was in the store.
            network: What the card of the network that `request.model` names adds to its weights, as far as the answer
                depends on it.

        Raises:
            VisumError: The image cannot be read, the answer is wrong, or as `Services.call`.
        """
        connection = await self.services.connection(method.service)
        key = request_key(method, connection.info, [request], network)
        if (found := self._store.find(method, key)) is not None:
            with contextlib.suppress(InvalidInput):  # stored by a version that checked less: ask again
                result = decode(found)
                on_reused()
                return result, self._store.place(method, key)
        try:
            complete = await asyncio.to_thread(self._with_image, request, image) if image else request
            response = await self.services.call(method, complete)
            result = _checked(method, response, decode, image)
        except VisumError as error:
            error.image = image.label if image else ""
            raise
        await asyncio.to_thread(self._store.put, method, key, response)
        return result, self._store.place(method, key)

    async def summarize(
        self,
        requests: Callable[[], Iterable[clustering_pb2.SummarizeRequest]],
        on_progress: Callable[[clustering_pb2.ClusteringProgress], None],
        on_reused: OnReused = lambda: None,
    ) -> clustering_pb2.SummarizeResult:
        """The summaries of a stream of parts and edges. Raises as `Services.summarize`."""
        connection = await self.services.connection(SUMMARIZE.service)
        key = request_key(SUMMARIZE, connection.info, requests())
        found = self._store.find_message(SUMMARIZE.name, key, clustering_pb2.SummarizeResult)
        if found is not None:
            on_reused()
            return found
        result = await self.services.summarize(requests, on_progress)
        self._store.put_message(SUMMARIZE.name, key, result)
        return result

    def _with_image(self, request: Request, image: ImageFile) -> Request:
        complete: Any = type(request)()
        complete.CopyFrom(request)
        complete.image.CopyFrom(image_message(image, self.services.backend.images_at))
        return complete


def _checked(
    method: Method[Any, Response], response: Response, decode: Callable[[Response], Result], image: ImageFile | None
) -> Result:
    if image is not None and getattr(response, "image_sha256", image.digest) != image.digest:
        raise ServiceFaultError(f"{method.service} service: answered {method.name} for another image")
    try:
        return decode(response)
    except InvalidInput as error:
        raise ServiceFaultError(f"{method.service} service: wrong answer to {method.name}: {error}") from error
