"""Gradient histograms against a plain transcription of the paper's definition, and their invariances."""

import math

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from visum_proposals.hog import CELL_DIMENSIONS, describe_gradients, mirrored_order

DIRECTIONS = 18


def plain_histogram(crop: NDArray[np.float32]) -> NDArray[np.float64]:
    """Votes [cells, cells, 18], pixel by pixel."""
    side = crop.shape[-1]
    cells = side // 8
    votes = np.zeros((cells, cells, DIRECTIONS))
    units = [(math.cos(d * math.pi / 9), math.sin(d * math.pi / 9)) for d in range(DIRECTIONS)]
    for y in range(1, side - 1):
        for x in range(1, side - 1):
            gradients = [
                (float(plane[y, x + 1] - plane[y, x - 1]), float(plane[y + 1, x] - plane[y - 1, x])) for plane in crop
            ]
            gx, gy = max(gradients, key=lambda g: g[0] ** 2 + g[1] ** 2)
            tilted = gx + (1e-4 if y % 2 else -1e-4) * gy
            direction = int(np.argmax([tilted * ux + gy * uy for ux, uy in units]))
            row, column = (y + 0.5) / 8 - 0.5, (x + 0.5) / 8 - 0.5
            for r in (math.floor(row), math.floor(row) + 1):
                for c in (math.floor(column), math.floor(column) + 1):
                    if 0 <= r < cells and 0 <= c < cells:
                        share = (1 - abs(row - r)) * (1 - abs(column - c))
                        votes[r, c, direction] += share * math.hypot(gx, gy) / 255
    return votes


def plain_features(crop: NDArray[np.float32]) -> NDArray[np.float64]:
    votes = plain_histogram(crop)
    energy = ((votes[..., :9] + votes[..., 9:]) ** 2).sum(axis=-1)
    cells = len(votes)
    rows = []
    for y in range(1, cells - 1):
        for x in range(1, cells - 1):
            corners = [(y - 1, x - 1), (y - 1, x), (y, x - 1), (y, x)]
            norms = [math.sqrt(energy[r : r + 2, c : c + 2].sum() + 1e-4) for r, c in corners]
            signed = np.array([np.minimum(votes[y, x] / norm, 0.2) for norm in norms])
            unsigned = np.array([np.minimum((votes[y, x, :9] + votes[y, x, 9:]) / norm, 0.2) for norm in norms])
            rows.append(np.concatenate([signed.sum(0) / 2, unsigned.sum(0) / 2, 0.2357 * signed.sum(1)]))
    return np.array(rows)


def random_crops(count: int, side: int = 24) -> NDArray[np.float32]:
    # Not whole grey levels: their gradients lie exactly between two directions now and then.
    return np.random.default_rng(0).uniform(0, 255, (count, 3, side, side)).astype(np.float32)


def as_cells(features: NDArray[np.float32]) -> NDArray[np.float32]:
    return features.reshape(-1, CELL_DIMENSIONS)


@pytest.mark.parametrize("side", [24, 40])
def test_equals_a_plain_transcription(side: int) -> None:
    (crop,) = random_crops(1, side)
    (features,) = describe_gradients(crop[None])
    np.testing.assert_allclose(as_cells(features), plain_features(crop), atol=2e-6)


def test_an_80_pixel_crop_has_1984_dimensions() -> None:
    assert describe_gradients(random_crops(2, 80)).shape == (2, 1984)


def test_a_flat_crop_has_no_gradients() -> None:
    assert not describe_gradients(np.full((1, 3, 24, 24), 77, np.float32)).any()


@pytest.mark.parametrize(("slope", "direction"), [(5, 0), (-5, 9)])
def test_a_ramp_votes_for_its_direction(slope: int, direction: int) -> None:
    ramp = 120 + np.arange(24, dtype=np.float32) * slope
    crop = np.broadcast_to(ramp, (1, 3, 24, 24)).astype(np.float32)
    (cell,) = as_cells(describe_gradients(crop))
    assert cell[direction] > 0
    assert np.delete(cell[:DIRECTIONS], direction).max() == 0
    assert cell[DIRECTIONS] > 0


def test_the_strongest_channel_decides() -> None:
    (crop,) = random_crops(1)
    weak = np.stack([crop[0], crop[0] / 2, crop[0] / 4])
    grey = np.stack([crop[0]] * 3)
    np.testing.assert_array_equal(describe_gradients(weak[None]), describe_gradients(grey[None]))


def test_contrast_does_not_matter_where_gradients_are_strong() -> None:
    crops = random_crops(3)
    np.testing.assert_allclose(describe_gradients(crops), describe_gradients(crops / 2), atol=2e-5)


def test_a_crop_does_not_depend_on_its_company() -> None:
    crops = random_crops(5)
    np.testing.assert_array_equal(describe_gradients(crops)[3:4], describe_gradients(crops[3:4]))


def test_a_mirrored_crop_has_the_same_features_in_another_order() -> None:
    crops = cv2.GaussianBlur(random_crops(1)[0].transpose(1, 2, 0), (0, 0), 2).transpose(2, 0, 1)[None]
    order = mirrored_order(crops.shape[-1])
    np.testing.assert_array_equal(order[order], np.arange(len(order)))
    mirrored = describe_gradients(np.ascontiguousarray(crops[..., ::-1]))
    np.testing.assert_allclose(describe_gradients(crops)[:, order], mirrored, atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 3, 16, 16), (1, 3, 25, 25), (1, 3, 24, 32)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="multiple of 8"):
        describe_gradients(np.zeros(shape, np.float32))


def test_no_crop_gives_no_feature() -> None:
    assert describe_gradients(np.empty((0, 3, 80, 80), np.float32)).shape == (0, 1984)
