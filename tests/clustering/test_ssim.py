import numpy as np
import pytest
from skimage.metrics import structural_similarity

from tests.clustering.builders import pattern
from visum_clustering import ssim
from visum_clustering.ssim import median_ssim, pair_ssim


def reference(first, second):
    return structural_similarity(
        first, second, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )


def pictures():
    generator = np.random.default_rng(0)
    flat = [np.full((64, 64), level, np.uint8) for level in (0, 1, 254, 255)]
    noise = list(generator.integers(0, 256, (3, 64, 64), dtype=np.uint8))
    faint = [(200 + picture // 64).astype(np.uint8) for picture in noise]
    coarse = [pattern(1), pattern(1, noise=15), pattern(2), 255 - pattern(1)]
    return np.stack([*flat, *noise, *faint, *coarse])


def test_every_pair_equals_scikit_image():
    thumbnails = pictures()
    first, second = np.triu_indices(len(thumbnails))
    expected = [reference(thumbnails[i], thumbnails[j]) for i, j in zip(first, second, strict=True)]
    np.testing.assert_allclose(pair_ssim(thumbnails, first, second), expected, atol=1e-4)


def test_equal_pictures_have_one_and_the_order_of_a_pair_does_not_matter():
    thumbnails = pictures()
    each = np.arange(len(thumbnails))
    np.testing.assert_allclose(pair_ssim(thumbnails, each, each), 1, atol=1e-5)
    back = np.roll(each, 1)
    np.testing.assert_array_equal(pair_ssim(thumbnails, each, back), pair_ssim(thumbnails, back, each))


def test_results_do_not_depend_on_the_company_of_a_pair():
    thumbnails = np.stack([pattern(seed) for seed in range(20)])
    first, second = np.triu_indices(20, k=1)
    together = pair_ssim(thumbnails, first, second)
    alone = [pair_ssim(thumbnails[[i, j]], np.array([0]), np.array([1]))[0] for i, j in zip(first, second, strict=True)]
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_median_is_over_all_pairs():
    thumbnails = pictures()[4:]
    expected = [reference(a, b) for i, a in enumerate(thumbnails) for b in thumbnails[:i]]
    assert median_ssim(thumbnails) == pytest.approx(np.median(expected), abs=1e-4)


def test_the_sample_of_a_large_class_is_always_the_same_and_close_to_all_pairs(monkeypatch):
    thumbnails = np.stack([pattern(seed % 7, noise=40, noise_seed=seed) for seed in range(60)])
    exact = median_ssim(thumbnails)
    monkeypatch.setattr(ssim, "MAX_PAIRS", 1000)
    sampled = median_ssim(thumbnails)
    values = np.sort(pair_ssim(thumbnails, *np.triu_indices(60, k=1)))
    assert sampled != exact
    assert median_ssim(thumbnails) == sampled
    assert abs(np.searchsorted(values, sampled) / len(values) - 0.5) < 0.05


def test_a_sampled_pair_is_of_two_different_pictures(monkeypatch):
    monkeypatch.setattr(ssim, "MAX_PAIRS", 2)
    thumbnails = np.stack([np.full((64, 64), level, np.uint8) for level in (0, 85, 170, 255)])
    assert median_ssim(thumbnails) < 0.9
