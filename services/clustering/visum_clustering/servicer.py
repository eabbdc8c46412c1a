"""The clustering service's calls: decode, compute, encode."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass

import grpc
from visum.v1 import clustering_pb2, clustering_pb2_grpc

from visum_clustering.options import Preset
from visum_clustering.requests import Limits, RequestReader, Task
from visum_clustering.responses import encode_progress, encode_result
from visum_clustering.summarize import Progress, Result, summarize
from visum_clustering.summarize_by_consensus import summarize_by_consensus
from visum_runtime.timing import timing_of
from visum_runtime.worker import Done, Ticket, Worker

_PERCENT = 100


@dataclass(frozen=True, eq=False)
class _Job:
    task: Task
    progress: Progress


class ClusteringServicer(clustering_pb2_grpc.ClusteringServiceServicer):
    """Answers the calls of visum.v1.ClusteringService.

    Args:
        worker: Where the work is done.
        limits: The largest class that is taken.
    """

    def __init__(self, worker: Worker, limits: Limits) -> None:
        self._worker = worker
        self._limits = limits

    async def Summarize(
        self, request_iterator: AsyncIterable[clustering_pb2.SummarizeRequest], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[clustering_pb2.SummarizeResponse]:
        reader = RequestReader(self._limits)
        async for request in request_iterator:
            reader.add(request)
        async for response in self._answers(reader.finish()):
            yield response

    async def _answers(self, task: Task) -> AsyncIterator[clustering_pb2.SummarizeResponse]:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[clustering_pb2.SummarizeResponse | None] = asyncio.Queue()

        def tell(step: str, done: int, total: int) -> None:
            loop.call_soon_threadsafe(waiting.put_nowait, encode_progress(step, done, total))

        work = asyncio.create_task(self._worker.submit(_work, _Job(task, _thinned(tell))))
        work.add_done_callback(lambda _: waiting.put_nowait(None))
        try:
            while (response := await waiting.get()) is not None:
                yield response
            done: Done[Result] = await work
            yield encode_result(done.result, timing_of(done))
        finally:
            work.cancel()


def _work(tickets: Sequence[Ticket[_Job]]) -> list[Result]:
    (ticket,) = tickets
    task, progress, should_stop = ticket.job.task, ticket.job.progress, ticket.should_stop
    if task.options.preset is Preset.CONSENSUS:
        by_features = (task.parts, task.features, task.image_count, task.options)
        return [summarize_by_consensus(*by_features, progress, should_stop)]
    return [summarize(task.parts, task.edges, task.image_count, task.options, progress, should_stop)]


def _thinned(tell: Progress) -> Progress:
    """Tells only what is news by a whole percent, so that many small steps do not become many messages."""
    told = ("", -1)

    def tell_news(step: str, done: int, total: int) -> None:
        nonlocal told
        news = (step, _PERCENT * done // max(total, 1))
        if news != told:
            told = news
            tell(step, done, total)

    return tell_news
