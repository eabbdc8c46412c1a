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

from visum_proposals.crops import crop_boxes
from visum_proposals.hog import describe_gradients
from visum_proposals.selective_search import ProposalOptions, find_proposals
from visum_proposals.whitening import DESCRIPTOR_DIMENSIONS, REGULARIZATION, Moments, Whitening
from visum_runtime.errors import InvalidInput
from visum_runtime.views import ImageLimits, load_view

_LIMITS = ImageLimits(max_bytes=64 << 20, max_pixels=64_000_000)
_PREPROCESSING = common_pb2.Preprocessing(resize=256, crop=224)
_IMAGES_IN_MEMORY = 16


def estimate_whitening(
    images: Sequence[Path],
    max_boxes: int,
    threads: int = 1,
    dimensions: int = DESCRIPTOR_DIMENSIONS,
    regularization: float = REGULARIZATION,
) -> Whitening:
    """Whitening from the proposals of photographs. The result depends on the images, not on their order or the threads.

    Args:
        images: Files of photographs.
        max_boxes: Proposals taken of each, >= 1.
        threads: Images worked on at a time.
        dimensions: Dimensions of a descriptor.
        regularization: Added to every eigenvalue of the covariance.

    Raises:
        InvalidInput: A file is not an image that is read.
        ValueError: There are too few proposals.
    """
    moments: Moments | None = None
    for features in _features_of_all(sorted(images), ProposalOptions(max_boxes=max_boxes), threads):
        moments = moments or Moments(features.shape[1])
        moments.add(features)
    if moments is None:
        raise ValueError("no photographs were given")
    return moments.whitening(dimensions, regularization)


def _features_of_all(images: Sequence[Path], options: ProposalOptions, threads: int) -> Iterator[NDArray[np.float32]]:
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(images), _IMAGES_IN_MEMORY):
            batch = images[start : start + _IMAGES_IN_MEMORY]
            yield from pool.map(lambda path: _features_of(path, options), batch)
            print(f"{start + len(batch)} of {len(images)} images", file=sys.stderr)


def _features_of(path: Path, options: ProposalOptions) -> NDArray[np.float32]:
    data = path.read_bytes()
    try:
        view = load_view(common_pb2.Image(data=data), _PREPROCESSING, _LIMITS).pixels
    except InvalidInput as error:
        raise InvalidInput(error.message, field=str(path)) from error
    boxes = find_proposals(view, hashlib.sha256(data).hexdigest(), options)
    return describe_gradients(crop_boxes(view, boxes))


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Estimates the whitening statistics from photographs.")
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="photographs, or folders of them")
    parser.add_argument("--out", type=Path, required=True, help="statistics file to write (.npz)")
    parser.add_argument("--max-boxes", type=int, default=100, help="proposals of each photograph (default: 100)")
    parser.add_argument("--threads", type=int, default=1, help="photographs worked on at a time (default: 1)")
    arguments = parser.parse_args(argv)
    files = [file for given in arguments.images for file in (given.iterdir() if given.is_dir() else [given])]
    cv2.setNumThreads(1)
    with threadpool_limits(1):
        estimate_whitening(files, arguments.max_boxes, arguments.threads).save(arguments.out)


if __name__ == "__main__":
    main()
