"""PSNR and SSIM: known values, and what leaves them as they are."""

import numpy as np
import pytest

from tfvae.evaluation.image_quality import LARGEST_PSNR, psnr, squared_error, ssim

IMAGES = np.random.default_rng(0).random((3, 12, 9, 2))


def test_psnr_of_a_known_error():
    # An error of 0.1 everywhere is 20 dB, of 0.01 is 40 dB.
    assert psnr(IMAGES, IMAGES + 0.1) == pytest.approx([20] * 3) and psnr(IMAGES, IMAGES - 0.01) == pytest.approx(
        [40] * 3
    )


def test_error_of_one_pixel_counts_as_one_of_all():
    changed = IMAGES.copy()
    changed[1, 0, 0, 0] += 0.5
    assert squared_error(IMAGES, changed) == pytest.approx([0, 0.25 / (12 * 9 * 2), 0])


def test_equal_images_have_finite_quality():
    assert np.all(psnr(IMAGES, IMAGES) == LARGEST_PSNR) and ssim(IMAGES, IMAGES) == pytest.approx([1] * 3)


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.7), (0, 1), (1, 0.2)])
def test_ssim_of_constant_images_is_that_of_their_luminance(a, b):
    expected = (2 * a * b + 1e-4) / (a * a + b * b + 1e-4)
    images = np.ones((1, 8, 8, 1))
    assert ssim(a * images, b * images) == pytest.approx([expected])


def test_ssim_of_a_negative_is_its_formula():
    # One window holds the whole image: covariance is minus the variance.
    x = np.random.default_rng(1).random((1, 7, 7, 1))
    variance, mean = x.var(ddof=1), x.mean()
    expected = (2 * mean * (1 - mean) + 1e-4) * (9e-4 - 2 * variance)
    expected /= (mean**2 + (1 - mean) ** 2 + 1e-4) * (2 * variance + 9e-4)
    assert ssim(x, 1 - x) == pytest.approx([expected])


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 1), (6, 20, 3), (7, 7, 1)])
def test_small_images_have_small_windows(shape):
    x = np.random.default_rng(2).random((4, *shape))
    values = ssim(x, np.clip(x + 0.2, 0, 1))
    assert values.shape == (4,) and np.all((values > -1) & (values < 1))


def test_ssim_is_the_mean_over_all_windows():
    # Counted out window by window, with statistics of NumPy.
    x, y = np.random.default_rng(3).random((2, 9, 8))
    values = []
    for i in range(3):
        for j in range(2):
            a, b = (image[i : i + 7, j : j + 7].ravel() for image in (x, y))
            (va, cov), (_, vb) = np.cov(a, b)
            value = (2 * a.mean() * b.mean() + 1e-4) * (2 * cov + 9e-4)
            values.append(value / (a.mean() ** 2 + b.mean() ** 2 + 1e-4) / (va + vb + 9e-4))
    assert ssim(x[np.newaxis, ..., np.newaxis], y[np.newaxis, ..., np.newaxis]) == pytest.approx([np.mean(values)])
