"""Estimates the whitening statistics: `python -m visum_proposals.estimate_whitening IMAGES... --out FILE`."""

import argparse
import hashlib
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from visum.v1 import common_pb2

from visum_proposals.boxes import VIEW_SIDE_PX, Boxes, as_boxes
from visum_proposals.crops import CROP_SIDE_PX, crop_boxes
from visum_proposals.hog import describe_gradients, mirrored_order
from visum_proposals.whitening import DESCRIPTOR_DIMENSIONS, REGULARIZATION, Moments, Whitening
from visum_runtime.errors import InvalidInput
from visum_runtime.views import ImageLimits, load_view

_LIMITS = ImageLimits(max_bytes=64 << 20, max_pixels=64_000_000)
_PREPROCESSING = common_pb2.Preprocessing(resize=256, crop=VIEW_SIDE_PX)
_IMAGES_IN_MEMORY = 16
_MIN_SIDE_PX = 20
_ASPECT_SPREAD = 0.5
_SEED_DIGITS = 32


def estimate_whitening(
    images: Sequence[Path],
    boxes: int,
    threads: int = 1,
    dimensions: int = DESCRIPTOR_DIMENSIONS,
    regularization: float = REGULARIZATION,
) -> Whitening:
    """Whitening from random boxes of photographs and of their mirror images.

    The result depends on the images, not on their order or the threads.

    Args:
        images: Files of photographs.
        boxes: Boxes taken of each, >= 1; their sides and aspects are drawn evenly by logarithm.
        threads: Images worked on at a time.
        dimensions: Dimensions of a descriptor.
        regularization: Added to every eigenvalue of the covariance.

    Raises:
        InvalidInput: A file is not an image that is read.
        ValueError: There are too few boxes.
    """
    moments: Moments | None = None
    for features in _features_of_all(sorted(images), boxes, threads):
        moments = moments or Moments(features.shape[1])
        moments.add(features)
    if moments is None:
        raise ValueError("no photographs were given")
    return moments.whitening(dimensions, regularization, mirrored_order(CROP_SIDE_PX))


def _features_of_all(images: Sequence[Path], boxes: int, threads: int) -> Iterator[NDArray[np.float32]]:
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(images), _IMAGES_IN_MEMORY):
            batch = images[start : start + _IMAGES_IN_MEMORY]
            yield from pool.map(lambda path: _features_of(path, boxes), batch)
            print(f"{start + len(batch)} of {len(images)} images", file=sys.stderr)


def _features_of(path: Path, boxes: int) -> NDArray[np.float32]:
    view, generator = load_photograph(path)
    return describe_gradients(crop_boxes(view, random_boxes(generator, boxes)))


def load_photograph(path: Path) -> tuple[NDArray[np.uint8], np.random.Generator]:
    """The view of a photograph, and random numbers that depend on it alone. Raises InvalidInput where it is none."""
    data = path.read_bytes()
    try:
        view = load_view(common_pb2.Image(data=data), _PREPROCESSING, _LIMITS).pixels
    except InvalidInput as error:
        raise InvalidInput(error.message, field=str(path)) from error
    seed = int(hashlib.sha256(data).hexdigest()[:_SEED_DIGITS], 16)
    return view, np.random.default_rng(seed)


def random_boxes(generator: np.random.Generator, count: int) -> Boxes:
    """Boxes within the view. Sides are spread evenly over octaves, aspects normally."""
    sides = np.exp(generator.uniform(np.log(_MIN_SIDE_PX), np.log(VIEW_SIDE_PX), count))
    stretch = np.exp(generator.normal(0, _ASPECT_SPREAD / 2, count))
    sizes = np.column_stack([sides * stretch, sides / stretch]).clip(_MIN_SIDE_PX, VIEW_SIDE_PX).astype(np.int32)
    starts = generator.integers(0, VIEW_SIDE_PX - sizes + 1)
    return as_boxes(np.hstack([starts, starts + sizes]))


def find_files(given: Sequence[Path]) -> list[Path]:
    """The files, and those in the folders, that are given."""
    return [file for path in given for file in (path.iterdir() if path.is_dir() else [path])]


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Estimates the whitening statistics from photographs.")
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="photographs, or folders of them")
    parser.add_argument("--out", type=Path, required=True, help="statistics file to write (.npz)")
    parser.add_argument("--boxes", type=int, default=50, help="boxes of each photograph (default: 50)")
    parser.add_argument("--threads", type=int, default=1, help="photographs worked on at a time (default: 1)")
    arguments = parser.parse_args(argv)
    files = find_files(arguments.images)
    cv2.setNumThreads(1)
    with threadpool_limits(1):
        estimate_whitening(files, arguments.boxes, arguments.threads).save(arguments.out)


if __name__ == "__main__":
    main()
