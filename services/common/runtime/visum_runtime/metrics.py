"""What a server counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, start_http_server

_BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128)
_SECONDS_BUCKETS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300)


class Metrics:
    """One server's metrics, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.queue_depth = Gauge("visum_queue_depth", "Calls that wait for a worker", registry=self.registry)
        self.queue_capacity = Gauge("visum_queue_capacity", "Calls that may wait", registry=self.registry)
        self.calls_in_flight = Gauge("visum_calls_in_flight", "Calls received, not answered", registry=self.registry)
        self.calls = Counter("visum_calls", "Calls answered", ["method", "code"], registry=self.registry)
        self.call_seconds = Histogram(
            "visum_call_seconds", "Time of a call", ["method"], buckets=_SECONDS_BUCKETS, registry=self.registry
        )
        self.batch_size = Histogram(
            "visum_batch_size", "Calls worked on together", buckets=_BATCH_BUCKETS, registry=self.registry
        )
        self.compute_seconds = Histogram(
            "visum_compute_seconds", "Time of a batch", buckets=_SECONDS_BUCKETS, registry=self.registry
        )
        ProcessCollector(registry=self.registry)

    def serve(self, host: str, port: int) -> int:
        """Serves the metrics over HTTP from a thread of its own; port 0 takes any. Returns the port."""
        server, _ = start_http_server(port, addr=host, registry=self.registry)
        return int(server.server_address[1])
