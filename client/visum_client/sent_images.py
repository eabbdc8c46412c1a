"""Images as calls carry them: the file itself, or where services that may do so read it."""

import os
from pathlib import PurePosixPath
from urllib.parse import quote

from visum.v1 import common_pb2

from visum_client.errors import InvalidInputError
from visum_client.images import ImageFile
from visum_client.remote_images import is_uri


def image_message(image: ImageFile, images_at: str | None) -> common_pb2.Image:
    """An image for a request, with its digest.

    Args:
        image: The image.
        images_at: URI where services find the image's folder; None: send the file.

    Raises:
        InvalidInputError: The file cannot be read.
    """
    if images_at is not None:
        return common_pb2.Image(uri=f"{images_at.rstrip('/')}/{_place(image)}", sha256=image.digest or "")
    try:
        return common_pb2.Image(data=image.path.read_bytes(), sha256=image.digest or "")
    except OSError as error:
        raise InvalidInputError(f"cannot be read: {error.strerror}", "image") from error


def _place(image: ImageFile) -> str:
    """Names of an image's folder and of itself, encoded."""
    path = PurePosixPath(image.label if is_uri(image.label) else os.path.abspath(image.label))
    return quote("/".join(path.parts[-2:]))
