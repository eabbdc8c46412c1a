"""What a pod of a Job of class runs does: `python -m visum_client.kube.class_run`.

The run folder comes from the object store, where an earlier attempt left one, and goes back there however the run ends:
so the next attempt goes on where this one was.
"""

import argparse
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from visum_client.client import Client
from visum_client.commands.run import parse_options
from visum_client.errors import InvalidInputError, NotFoundError, RunFolderError, TooFewImagesError, VisumError
from visum_client.kube.job import INDEX_VARIABLE, ORDER_VARIABLE, WILL_NOT_GET_BETTER, Order
from visum_client.kube.object_store import download_folder, download_images, upload_folder

TRY_AGAIN = 1
"""Exit code of a class run that may succeed another time."""
_WILL_NOT_GET_BETTER = (InvalidInputError, NotFoundError, RunFolderError, TooFewImagesError)


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Runs the class of this pod's index; returns the exit code by which the Job tells whether to try again."""
    parser = argparse.ArgumentParser(prog="class_run", description="Runs one class of a Job.")
    parser.add_argument("--folder", type=Path, required=True, help="where images and run folder lie while it runs")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    order, index = Order.parse(environ[ORDER_VARIABLE]), int(environ[INDEX_VARIABLE])
    try:
        run_class(order, index, arguments.folder, environ)
    except _WILL_NOT_GET_BETTER as error:
        print(f"visum: {error}", file=sys.stderr)
        return WILL_NOT_GET_BETTER
    except VisumError as error:
        print(f"visum: {error}", file=sys.stderr)
        return TRY_AGAIN
    except KeyboardInterrupt:
        print("visum: interrupted; what is finished was saved", file=sys.stderr)
        return TRY_AGAIN
    return 0


def run_class(order: Order, index: int, folder: Path, environ: Mapping[str, str]) -> None:
    """Runs one class from object store to object store.

    Raises:
        VisumError: The store refuses, or as `Client.summarize`.
    """
    images, out, place = folder / "images", folder / "run", order.out_of(index)
    if not download_images(order.images_of(index), images):
        raise InvalidInputError(f"no images in {order.images_of(index)}", "images")
    if restored := download_folder(place, out):
        print(f"goes on with {restored} files of an earlier attempt", file=sys.stderr)
    try:
        with Client.from_env(environ) as client:
            client.summarize(
                model=order.model,
                target=order.targets[index],
                images=images,
                out=out,
                limit=order.limit,
                admit_unrecognized=order.admit_unrecognized,
                **parse_options(list(order.options)),
            )
    finally:
        if out.exists():
            upload_folder(out, place)
    print(f"run folder: {place}", file=sys.stderr)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
