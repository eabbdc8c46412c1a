import asyncio
import json
import logging
import threading
import urllib.request

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from visum.v1 import info_pb2, info_pb2_grpc, mask_pb2, mask_pb2_grpc

from tests.support.errors import detail, expect_refusal
from tests.support.servers import connected, running
from visum_runtime.errors import FailedPrecondition, InvalidInput, NotFound, OutOfRange
from visum_runtime.logs import log, start_logging
from visum_runtime.metrics import Metrics
from visum_runtime.server import LIVENESS, READINESS, Service, run
from visum_runtime.settings import ServerSettings
from visum_runtime.worker import Worker

SERVICE = "visum.v1.MaskService"
SERVING = health_pb2.HealthCheckResponse.SERVING


class ScriptedServicer(mask_pb2_grpc.MaskServiceServicer):
    """ListModels does what `work` does, on the worker's thread."""

    def __init__(self, worker: Worker, work) -> None:
        self._worker = worker
        self._work = work

    async def ListModels(self, request, context):
        await self._worker.compute(self._work, request.name)
        return mask_pb2.ListModelsResponse()


def scripted(work, **options) -> Service:
    metrics = Metrics()
    worker = Worker(metrics=metrics, **options)
    servicer = ScriptedServicer(worker, work)
    return Service(
        name=SERVICE,
        version="1.2.3",
        algorithm_version="7",
        add_to=lambda server: mask_pb2_grpc.add_MaskServiceServicer_to_server(servicer, server),
        worker=worker,
        metrics=metrics,
    )


def failing(error):
    def work(_name):
        raise error

    return work


def list_models(channel, name="", **options):
    return mask_pb2_grpc.MaskServiceStub(channel).ListModels(mask_pb2.ListModelsRequest(name=name), **options)


def health(channel, service=""):
    stub = health_pb2_grpc.HealthStub(channel)
    return stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=10).status


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidInput("bad", field="x"), grpc.StatusCode.INVALID_ARGUMENT),
        (NotFound("none"), grpc.StatusCode.NOT_FOUND),
        (FailedPrecondition("not so"), grpc.StatusCode.FAILED_PRECONDITION),
        (OutOfRange("too many"), grpc.StatusCode.OUT_OF_RANGE),
    ],
)
def test_each_error_has_its_status_and_keeps_its_words(error, code):
    with running(scripted(failing(error))) as server, connected(server) as channel:
        caught = expect_refusal(lambda: list_models(channel), code)
        assert str(error) in caught.details()


def test_invalid_input_names_the_field_in_a_bad_request():
    with running(scripted(failing(InvalidInput("bad", field="rows[3].boxes")))) as server, connected(server) as channel:
        caught = expect_refusal(lambda: list_models(channel), grpc.StatusCode.INVALID_ARGUMENT)
        assert detail(caught, error_details_pb2.BadRequest()).field_violations[0].field == "rows[3].boxes"


def test_the_words_of_a_caller_do_not_make_an_error_too_long_to_arrive():
    with (
        running(scripted(failing(NotFound("no model is called " + "x" * 50_000)))) as server,
        connected(server) as channel,
    ):
        assert len(expect_refusal(lambda: list_models(channel), grpc.StatusCode.NOT_FOUND).details()) == 500


def test_unknown_errors_say_nothing_of_the_inside_and_the_record_has_all(caplog):
    logging.getLogger("visum").propagate = True
    with running(scripted(failing(RuntimeError("secret path /etc/x")))) as server, connected(server) as channel:
        caught = expect_refusal(lambda: list_models(channel), grpc.StatusCode.INTERNAL)
    assert "secret" not in str(caught.details())
    assert "secret" in caplog.text


def test_a_full_queue_is_resource_exhausted_with_a_retry_time():
    entered, opened = threading.Event(), threading.Event()

    def hold(_name):
        entered.set()
        assert opened.wait(30)

    service = scripted(hold, capacity=1)
    with running(service) as server, connected(server) as channel:
        stub = mask_pb2_grpc.MaskServiceStub(channel)
        futures = [stub.ListModels.future(mask_pb2.ListModelsRequest())]
        assert entered.wait(30)
        futures += [stub.ListModels.future(mask_pb2.ListModelsRequest()) for _ in range(2)]
        exhausted = next(error for error in (future.exception() for future in futures[1:] if _refused(future)) if error)
        opened.set()
        assert exhausted.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        retry = detail(exhausted, error_details_pb2.RetryInfo()).retry_delay
        assert retry.seconds + retry.nanos > 0
        assert sum(future.exception() is None for future in futures) == 2


def _refused(future: grpc.Future) -> bool:
    try:
        return future.exception(timeout=5) is not None
    except grpc.FutureTimeoutError:
        return False


def test_health_answers_while_the_worker_is_busy_and_tells_readiness_from_liveness():
    entered, opened = threading.Event(), threading.Event()

    def hold(_name):
        entered.set()
        assert opened.wait(30)

    settings = ServerSettings(port=0, health_port=0)
    with running(scripted(hold), settings) as server, connected(server) as channel:
        future = mask_pb2_grpc.MaskServiceStub(channel).ListModels.future(mask_pb2.ListModelsRequest())
        assert entered.wait(30)
        for name in ("", LIVENESS, READINESS, SERVICE):
            assert health(channel, name) == SERVING
        with grpc.insecure_channel(f"127.0.0.1:{server.health_port}") as probes:
            assert health(probes, READINESS) == SERVING
            expect_refusal(lambda: list_models(probes), grpc.StatusCode.UNIMPLEMENTED)
        opened.set()
        assert future.exception() is None


def test_what_is_no_message_is_refused_by_every_service_in_the_words_of_callers():
    """Also by those that come with gRPC, on both ports."""
    names = ("grpc.health.v1.Health/Check", "grpc.health.v1.Health/Watch", "visum.v1.InfoService/GetServerInfo")
    reflection = "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    settings = ServerSettings(port=0, health_port=0)
    with running(scripted(list), settings) as server, connected(server) as channel:
        with grpc.insecure_channel(f"127.0.0.1:{server.health_port}") as probes:
            asked = [(channel, name) for name in (*names, reflection)] + [(probes, name) for name in names[:2]]
            for place, name in asked:
                call = place.stream_stream(f"/{name}")
                said = expect_refusal(lambda call=call: list(call(iter([b"\xff"]))), grpc.StatusCode.INVALID_ARGUMENT)
                assert said.details() == "request: is not a message of the kind that this call takes"
            assert health(probes, READINESS) == SERVING
            expect_refusal(lambda: health(probes, "nothing"), grpc.StatusCode.NOT_FOUND)


def test_what_grows_beyond_the_limit_when_it_is_unpacked_is_not_unpacked():
    settings = ServerSettings(port=0, max_message_bytes=1 << 20)
    with running(scripted(list), settings) as server:
        address = f"127.0.0.1:{server.port}"
        with grpc.insecure_channel(address, compression=grpc.Compression.Gzip) as channel:
            said = expect_refusal(lambda: list_models(channel, "x" * (2 << 20)), grpc.StatusCode.RESOURCE_EXHAUSTED)
    assert "larger than max" in said.details()


def test_draining_turns_readiness_off_keeps_liveness_and_finishes_what_is_in_flight():
    entered, opened = threading.Event(), threading.Event()

    def hold(_name):
        entered.set()
        assert opened.wait(30)

    settings = ServerSettings(port=0, health_port=0, drain_seconds=30)
    with running(scripted(hold), settings) as server:
        with connected(server) as channel, grpc.insecure_channel(f"127.0.0.1:{server.health_port}") as probes:
            future = mask_pb2_grpc.MaskServiceStub(channel).ListModels.future(mask_pb2.ListModelsRequest())
            assert entered.wait(30)
            watched = health_pb2_grpc.HealthStub(probes).Watch(health_pb2.HealthCheckRequest(service=READINESS))
            assert next(watched).status == SERVING
            stopping = threading.Thread(target=_stop, args=(server,))
            stopping.start()
            assert next(watched).status == health_pb2.HealthCheckResponse.NOT_SERVING
            assert health(probes, LIVENESS) == SERVING
            opened.set()
            assert future.exception(timeout=30) is None
            stopping.join()


def _stop(server):
    asyncio.run_coroutine_threadsafe(server.stop(), server.loop).result(timeout=60)


def test_cancelled_and_expired_calls_free_the_worker():
    with running(scripted(lambda _name: None)) as server, connected(server) as channel:
        entered, opened = threading.Event(), threading.Event()

        def hold():
            entered.set()
            assert opened.wait(30)

        holder = asyncio.run_coroutine_threadsafe(server.service.worker.compute(hold), server.loop)
        assert entered.wait(30)
        expect_refusal(lambda: list_models(channel, timeout=0.2), grpc.StatusCode.DEADLINE_EXCEEDED)
        opened.set()
        holder.result(timeout=30)
        list_models(channel, timeout=30)


def test_a_message_above_the_limit_is_refused():
    with running(scripted(lambda _n: None), ServerSettings(port=0, max_message_bytes=1000)) as server:
        with connected(server) as channel:
            expect_refusal(lambda: list_models(channel, "x" * 2000), grpc.StatusCode.RESOURCE_EXHAUSTED)
            list_models(channel, "x" * 500)


def test_a_server_says_what_it_is():
    service = scripted(lambda _n: None, threads=2, max_batch=3, capacity=11)
    with running(service) as server, connected(server) as channel:
        info = info_pb2_grpc.InfoServiceStub(channel).GetServerInfo(info_pb2.GetServerInfoRequest())
    assert (info.service, info.version, info.algorithm_version) == (SERVICE, "1.2.3", "7")
    assert (info.preferred_concurrency, info.queue_capacity, info.device) == (6, 11, "cpu")


def test_answers_tell_the_replicas_behind_a_name_apart():
    with running(scripted(lambda _n: None)) as first, running(scripted(lambda _n: None)) as second:
        seen = [[_replica(server) for _ in range(2)] for server in (first, second)]
    assert [len(set(names)) for names in seen] == [1, 1]
    assert seen[0] != seen[1]


def _replica(server):
    with connected(server) as channel:
        stub = info_pb2_grpc.InfoServiceStub(channel)
        _, call = stub.GetServerInfo.with_call(info_pb2.GetServerInfoRequest())
    return dict(call.trailing_metadata())["visum-replica"]


def test_reflection_lists_the_services():
    with running(scripted(lambda _n: None)) as server, connected(server) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        (answer,) = stub.ServerReflectionInfo(iter([request]))
    names = {service.name for service in answer.list_services_response.service}
    assert {SERVICE, "visum.v1.InfoService", "grpc.health.v1.Health"} <= names


def test_metrics_count_calls_by_method_and_code():
    settings = ServerSettings(port=0, metrics_port=0)
    with running(scripted(failing(NotFound("none"))), settings) as server, connected(server) as channel:
        expect_refusal(lambda: list_models(channel), grpc.StatusCode.NOT_FOUND)
        with urllib.request.urlopen(f"http://127.0.0.1:{server.metrics_port}/metrics", timeout=10) as page:
            text = page.read().decode()
    assert 'visum_calls_total{code="NOT_FOUND",method="/visum.v1.MaskService/ListModels"} 1.0' in text
    assert "visum_queue_depth 0.0" in text


def test_a_taken_port_is_a_clear_error():
    with running(scripted(lambda _n: None)) as server, pytest.raises(OSError, match=f"127.0.0.1:{server.port}"):
        with running(scripted(lambda _n: None), ServerSettings(port=server.port)):
            pass


def test_a_server_whose_threads_cannot_be_prepared_ends_with_an_error(capsys):
    def prepare():
        raise RuntimeError("no kernels")

    with pytest.raises(SystemExit, match="no kernels"):
        run(scripted(len, prepare=prepare), ServerSettings(port=0))
    assert "worker not prepared" in capsys.readouterr().err


def test_logs_are_json_lines(capsys):
    logger = logging.getLogger("visum")
    handlers, level = logger.handlers, logger.level
    start_logging("info")
    log("something", name='a "name"\nwith a break', number=3)
    log("hidden", logging.DEBUG)
    logger.handlers = handlers
    logger.setLevel(level)
    (line,) = capsys.readouterr().err.splitlines()
    entry = json.loads(line)
    assert (entry["event"], entry["number"], entry["level"]) == ("something", 3, "info")
