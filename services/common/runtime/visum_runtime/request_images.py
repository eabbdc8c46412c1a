"""The images of requests: sent along, or by URI where the operator allows it."""

import asyncio
import contextlib
import socket
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from weakref import WeakValueDictionary

from visum.v1 import common_pb2

from visum_runtime.callers import current_caller
from visum_runtime.errors import InvalidInput
from visum_runtime.references import require_digest
from visum_runtime.settings import ServerSettings
from visum_runtime.uri_files import FIELD, read_beneath
from visum_runtime.uri_https import HttpsReader, Resolve
from visum_runtime.uris import Uri, parse_prefixes
from visum_runtime.views import ImageLimits, View, check_preprocessing, load_view

_READERS = 32
_READERS_OF_A_CALLER = 8


class RequestImages:
    """Makes views of the images of requests.

    Args:
        settings: Limits of images, and which URIs are allowed.
        resolve: How hosts are looked up.
    """

    def __init__(self, settings: ServerSettings, resolve: Resolve = socket.getaddrinfo) -> None:
        self._limits = ImageLimits.of(settings)
        self._prefixes = parse_prefixes(settings.allowed_uri_prefixes)
        if any(prefix.scheme == "https" for prefix in self._prefixes):
            self._https = HttpsReader(
                check=self._allowed,
                allow_private=settings.allow_private_uri_addresses,
                context=settings.uri_context(),
                seconds=settings.uri_seconds,
                resolve=resolve,
            )
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="uri")
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def view(self, image: common_pb2.Image, preprocessing: common_pb2.Preprocessing) -> View:
        """Reads a request's image and makes its view.

        Raises:
            InvalidInput: As `load_view`; or its URI is not allowed, comes without a digest, or cannot be read.
        """
        if image.WhichOneof("source") != "uri":
            return await asyncio.to_thread(load_view, image, preprocessing, self._limits)
        if not image.sha256:
            raise InvalidInput("is needed with a URI, whose content may change", field="image.sha256")
        require_digest(image.sha256, "image.sha256")
        check_preprocessing(preprocessing)
        uri = self._allowed(image.uri)
        data = await self._fetched(uri, image.uri)
        sent = common_pb2.Image(data=data, sha256=image.sha256)
        try:
            return await asyncio.to_thread(load_view, sent, preprocessing, self._limits)
        except InvalidInput as error:
            raise _of_the_uri(error) from error

    async def _fetched(self, uri: Uri, text: str) -> bytes:
        """Reads beside the event loop and the threads that decode; no caller takes all who read."""
        turn = self._turns.setdefault(current_caller(), asyncio.Semaphore(_READERS_OF_A_CALLER))
        loop = asyncio.get_running_loop()
        await turn.acquire()
        reading = self._readers.submit(self._read, uri, text)

        def release(_: Future[bytes]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop may have ended
                loop.call_soon_threadsafe(turn.release)

        reading.add_done_callback(release)  # a call that is cancelled reads on, and keeps its turn
        return await asyncio.wrap_future(reading)

    def _read(self, uri: Uri, text: str) -> bytes:
        if uri.scheme == "https":
            return self._https.read(text, self._limits.max_bytes)
        prefix = max((p for p in self._prefixes if p.holds(uri)), key=lambda p: len(p.parts))
        inner = uri.parts[len(prefix.parts) :]
        return read_beneath(Path("/").joinpath(*prefix.parts), inner, self._limits.max_bytes)

    def _allowed(self, text: str) -> Uri:
        if not self._prefixes:
            raise InvalidInput("is not read: this server allows no URIs; send the data", field=FIELD)
        try:
            uri = Uri.parse(text)
        except ValueError as error:
            raise InvalidInput(str(error), field=FIELD) from error
        if not any(prefix.holds(uri) for prefix in self._prefixes):
            raise InvalidInput("is, or leads to, a place that this server does not read", field=FIELD)
        return uri


def _of_the_uri(error: InvalidInput) -> InvalidInput:
    """Says nothing of the content to whom does not have it: who knows its digest has it."""
    if error.field == "image.sha256":
        return InvalidInput("is not that of what lies at the URI", field=error.field)
    return InvalidInput(error.message, field=FIELD) if error.field == "image.data" else error
