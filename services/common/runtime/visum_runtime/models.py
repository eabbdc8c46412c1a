"""References to models in requests."""

import re

from visum.v1 import common_pb2

from visum_runtime.errors import InvalidInput

_SHA256 = re.compile(r"[0-9a-f]{64}")


def require_model(model: common_pb2.ModelRef) -> None:
    """Raises InvalidInput unless a request names a model, and gives its digest in the right form if at all."""
    if not model.name and not model.sha256:
        raise InvalidInput("is empty", field="model.name")
    if model.sha256 and not _SHA256.fullmatch(model.sha256):
        raise InvalidInput("must be 64 lowercase hexadecimal digits", field="model.sha256")
