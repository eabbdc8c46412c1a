"""A probe in a process of its own: `python -m tests.support.prober PORT SECONDS`.

Asks a server for its health ten times a second until standard input closes; each answer must be there in time. Prints
the time that each took.
"""

import select
import sys
import time

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

PAUSE_SECONDS = 0.1


def main(port: str, seconds: float) -> None:
    """Raises grpc.RpcError where an answer takes longer than that."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest(service="readiness")
        while True:
            asked = time.monotonic()
            answer = health.Check(request, timeout=seconds)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
            print(f"{time.monotonic() - asked:.3f}", flush=True)
            if select.select([sys.stdin], [], [], PAUSE_SECONDS)[0]:
                return


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
