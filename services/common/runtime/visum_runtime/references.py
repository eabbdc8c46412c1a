"""References to models and digests in requests."""

import re

from visum.v1 import common_pb2

from visum_runtime.errors import InvalidInput

MAX_NAME_CHARACTERS = 512
_SHA256 = re.compile(r"[0-9a-f]{64}")


def require_model(model: common_pb2.ModelRef) -> None:
    """Raises InvalidInput unless a request names a model, and gives its digest in the right form if at all."""
    if not model.name and not model.sha256:
        raise InvalidInput("is empty", field="model.name")
    if len(model.name) > MAX_NAME_CHARACTERS:
        raise InvalidInput(f"is longer than {MAX_NAME_CHARACTERS} characters", field="model.name")
    require_digest(model.sha256, "model.sha256")


def require_digest(sha256: str, field: str) -> None:
    """Raises InvalidInput unless `sha256` is empty or of the form of a SHA-256."""
    if sha256 and not _SHA256.fullmatch(sha256):
        raise InvalidInput("must be 64 lowercase hexadecimal digits", field=field)
