"""Estimates how rotating changes descriptors: `python -m visum_proposals.estimate_rotation IMAGES... --out FILE`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from visum_proposals.boxes import Boxes
from visum_proposals.descriptors import describe_boxes
from visum_proposals.estimate_whitening import find_files, load_photograph, random_boxes
from visum_proposals.rotation import ROTATION_DEGREES, Rotation
from visum_proposals.whitening import Whitening

REGULARIZATION = 0.01
"""Added to the second moments of the descriptors, in units of their mean."""


def estimate_rotation(images: Sequence[Path], boxes: int, whitening: Whitening) -> Rotation:
    """The best guess of descriptors in rotated views, from random boxes of photographs and of their mirror images.

    Args:
        images: Files of photographs.
        boxes: Boxes taken of each, >= 1.
        whitening: That of the descriptors.

    Raises:
        InvalidInput: A file is not an image that is read.
        ValueError: No photographs were given.
    """
    if not images:
        raise ValueError("no photographs were given")
    dimensions = len(whitening.parities)
    squares, products = np.zeros((dimensions, dimensions)), np.zeros((dimensions, dimensions))
    for path in sorted(images):
        own, rotated = _samples(path, boxes, whitening)
        squares += own.T @ own
        products += own.T @ rotated
    ridge = REGULARIZATION * np.trace(squares) / dimensions * np.eye(dimensions)
    matrix = np.linalg.solve(squares + ridge, products)
    return Rotation(matrix.astype(np.float32), whitening.parities)


def _samples(path: Path, boxes: int, whitening: Whitening) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Descriptors of random boxes, and those of the same boxes in the view rotated counterclockwise."""
    view, generator = load_photograph(path)
    chosen = random_boxes(generator, boxes)
    own = describe_boxes(view, chosen, whitening).astype(np.float64)
    forth = _describe_rotated(view, chosen, ROTATION_DEGREES, whitening)
    back = _describe_rotated(view, chosen, -ROTATION_DEGREES, whitening)
    # Rotating a mirror image counterclockwise gives the mirror image of the view rotated clockwise.
    parities = whitening.parities
    return np.concatenate([own, own * parities]), np.concatenate([forth, back * parities])


def _describe_rotated(view: NDArray[np.uint8], boxes: Boxes, degrees: int, whitening: Whitening) -> NDArray[np.float64]:
    """Descriptors of boxes [N, D], each in the view rotated about the box's middle."""
    size = view.shape[1::-1]
    found = []
    for box in boxes:
        middle = (box[:2] + box[2:] - 1) / 2
        turn = cv2.getRotationMatrix2D(middle.tolist(), degrees, 1)
        rotated = cv2.warpAffine(view, turn, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        found.append(describe_boxes(rotated.astype(np.uint8), box[None], whitening)[0].astype(np.float64))
    return np.array(found)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Estimates from photographs how rotating changes descriptors.")
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="photographs, or folders of them")
    parser.add_argument("--out", type=Path, required=True, help="statistics file to write (.npy)")
    parser.add_argument("--boxes", type=int, default=20, help="boxes of each photograph (default: 20)")
    arguments = parser.parse_args(argv)
    cv2.setNumThreads(1)
    with threadpool_limits(1):
        rotation = estimate_rotation(find_files(arguments.images), arguments.boxes, Whitening.load())
    np.save(arguments.out, rotation.counterclockwise.astype(np.float16))


if __name__ == "__main__":
    main()
