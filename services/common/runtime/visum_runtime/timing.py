"""Times of a call, as the wire has them."""

from visum.v1 import common_pb2

from visum_runtime.worker import Done


def timing_of(done: Done) -> common_pb2.Timing:
    """How long work waited and took."""
    return common_pb2.Timing(queued_seconds=done.queued_seconds, compute_seconds=done.compute_seconds)
