"""Whitening: what it does to features of known covariance, its file and its script."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.pictures import encoded, noise
from visum_proposals.estimate_whitening import estimate_whitening, main
from visum_proposals.whitening import Moments, Whitening
from visum_runtime.errors import InvalidInput

SPREADS = np.array([3.0, 2.0, 1.0, 0.5])
MEAN = np.array([1.0, -2.0, 0.0, 5.0])


def features(count: int = 4000) -> np.ndarray:
    """Independent dimensions of known mean and spread."""
    return (MEAN + np.random.default_rng(0).normal(size=(count, 4)) * SPREADS).astype(np.float32)


def moments_of(*chunks: np.ndarray) -> Moments:
    moments = Moments(4)
    for chunk in chunks:
        moments.add(chunk)
    return moments


def test_every_dimension_gets_the_variance_that_regularization_leaves() -> None:
    values = features()
    whitened = moments_of(values).whitening(dimensions=4, regularization=0.1).apply(values)
    expected = np.diag(SPREADS**2 / (SPREADS**2 + 0.1))
    np.testing.assert_allclose(whitened.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(np.cov(whitened.T), expected, atol=0.02)


def test_the_dimensions_of_largest_variance_are_kept() -> None:
    projection = moments_of(features()).whitening(dimensions=2, regularization=0.1).projection
    np.testing.assert_allclose(projection * np.sqrt(SPREADS[:2] ** 2 + 0.1), np.eye(4)[:, :2], atol=0.05)


def test_features_may_come_in_pieces() -> None:
    values = features(300)
    whole = moments_of(values).whitening(3)
    pieces = moments_of(values[:7], values[7:100], values[100:]).whitening(3)
    np.testing.assert_allclose(pieces.projection, whole.projection, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(pieces.mean, whole.mean, rtol=1e-6)


def test_the_signs_are_fixed() -> None:
    projection = moments_of(features()).whitening(4).projection
    assert (projection[np.abs(projection).argmax(axis=0), np.arange(4)] > 0).all()


@pytest.mark.parametrize(("count", "dimensions"), [(1, 2), (50, 5)])
def test_too_little_is_refused(count: int, dimensions: int) -> None:
    with pytest.raises(ValueError, match=f"{dimensions} of 4 dimensions from {count} features"):
        moments_of(features(count)).whitening(dimensions)


def test_a_file_gives_back_what_was_saved(tmp_path: Path) -> None:
    whitening = moments_of(features()).whitening(3)
    path = tmp_path / "statistics.npz"
    whitening.save(path)
    loaded = Whitening.load(path)
    np.testing.assert_array_equal(loaded.mean, whitening.mean)
    np.testing.assert_array_equal(loaded.projection, whitening.projection)


def test_a_file_without_the_arrays_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    np.savez(path, mean=np.zeros(3))
    with pytest.raises(ValueError, match="expected mean, projection, parities"):
        Whitening.load(path)


def test_with_a_mirror_every_dimension_is_symmetric_or_antisymmetric() -> None:
    values = features() @ np.random.default_rng(1).normal(size=(4, 4)).astype(np.float32)
    order = np.array([1, 0, 2, 3])
    whitening = moments_of(values).whitening(4, mirrored_order=order)
    assert sorted(whitening.parities) == [-1, 1, 1, 1]
    expected = whitening.apply(values) * whitening.parities
    np.testing.assert_allclose(whitening.apply(values[:, order]), expected, atol=1e-3)


@pytest.mark.parametrize("change", [{"parities": np.zeros(2, np.float32)}, {"parities": np.ones(3, np.float32)}])
def test_parities_are_signs_one_a_dimension(change: dict[str, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="needs a parity"):
        replace(moments_of(features()).whitening(2), **change)


@pytest.mark.parametrize("change", [{"mean": np.zeros(3, np.float32)}, {"mean": np.full(4, np.nan, np.float32)}])
def test_statistics_that_do_not_fit_are_refused(change: dict[str, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="fit together|not finite"):
        replace(moments_of(features()).whitening(2), **change)


def test_the_statistics_of_this_version_reduce_1984_dimensions_to_256() -> None:
    whitening = Whitening.load()
    assert whitening.projection.shape == (1984, 256)
    assert whitening.mean.min() > 0
    lengths = np.linalg.norm(whitening.projection, axis=0)
    assert (np.diff(lengths) >= -1e-6).all()
    assert lengths.max() < 1 / np.sqrt(0.1) + 1e-3


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of two pictures of 16 patches each."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for seed in range(2):
        picture = np.kron(noise(4, 4, seed), np.ones((8, 8, 1), np.uint8))
        (folder / f"{seed}.png").write_bytes(encoded(picture))
    return folder


def test_the_script_writes_statistics_of_1984_dimensions(pictures: Path, tmp_path: Path) -> None:
    main([str(pictures / "0.png"), "--out", str(tmp_path / "out.npz"), "--boxes", "50"])
    assert Whitening.load(tmp_path / "out.npz").projection.shape == (1984, 256)


@pytest.mark.long
def test_the_script_writes_the_same_file_with_any_number_of_threads(pictures: Path, tmp_path: Path) -> None:
    files = [tmp_path / "one.npz", tmp_path / "two.npz"]
    for threads, file in zip(("1", "2"), files, strict=True):
        main([str(pictures), "--out", str(file), "--boxes", "50", "--threads", threads])
    assert files[0].read_bytes() == files[1].read_bytes()


def test_the_script_names_the_file_that_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(InvalidInput) as caught:
        estimate_whitening(list(tmp_path.iterdir()), boxes=5)
    assert caught.value.field.endswith("notes.txt")


def test_no_photograph_is_refused() -> None:
    with pytest.raises(ValueError, match="no photographs"):
        estimate_whitening([], boxes=5)
