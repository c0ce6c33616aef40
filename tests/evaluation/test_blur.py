"""Energy and spectrum of images whose gradient and frequencies are known."""

import numpy as np
import pytest

from tfvae.evaluation.blur import (
    ReconstructionBlur,
    gradient_energy,
    power_spectrum,
    ratio_of_sets,
    reconstruction_blur,
)

SIZE = 16
ROW, COLUMN = np.mgrid[:SIZE, :SIZE]


def image(values):
    return np.asarray(values, "float64")[np.newaxis, :, :, np.newaxis]


def noise(size=5, height=SIZE, width=SIZE, channels=1, seed=0):
    return np.random.default_rng(seed).random((size, height, width, channels))


# The energy of the gradient.


def test_a_constant_has_none():
    assert gradient_energy(image(np.full((SIZE, SIZE), 0.7))) == [0]


def test_a_checkerboard_has_the_most():
    # Every difference of neighbours is 1, down and across.
    assert gradient_energy(image((ROW + COLUMN) % 2)) == [2]


def test_a_ramp_has_its_slope_squared():
    np.testing.assert_allclose(gradient_energy(image(0.03 * ROW + 0.04 * COLUMN)), 0.05**2, rtol=1e-12)


def test_energy_is_that_of_a_pixel_of_an_example():
    # Twice the width, channels or examples: the same. Turned: the same. Twice the contrast: four times as much.
    x = noise(height=8, channels=3)
    energy = gradient_energy(x)
    assert energy.shape == (5,)
    np.testing.assert_allclose(gradient_energy(np.swapaxes(x, 1, 2)), energy, rtol=1e-12)
    np.testing.assert_allclose(gradient_energy(np.concatenate([x, x], axis=3)), energy, rtol=1e-12)
    np.testing.assert_allclose(gradient_energy(2 * x), 4 * energy, rtol=1e-12)
    assert gradient_energy(x[2:3]) == pytest.approx(energy[2], rel=1e-12)


def test_images_of_one_row_or_pixel_are_defined():
    assert gradient_energy(np.ones((2, 1, 1, 1))).tolist() == [0, 0]
    assert gradient_energy(np.array([0.0, 1, 0]).reshape(1, 1, 3, 1)).tolist() == [1]


# The spectrum.


@pytest.mark.parametrize(("height", "width"), [(16, 16), (15, 15), (12, 20), (1, 9)])
def test_power_of_all_frequencies_is_the_mean_square(height, width):
    x = noise(height=height, width=width, channels=3)
    spectrum = power_spectrum(x)
    assert spectrum.num_frequencies.sum() == height * width
    np.testing.assert_allclose(spectrum.power @ spectrum.num_frequencies, np.mean(x**2, axis=(1, 2, 3)), rtol=1e-12)


def test_a_constant_lies_in_the_first_ring():
    spectrum = power_spectrum(image(np.full((SIZE, SIZE), 0.5)))
    np.testing.assert_allclose(spectrum.power[0], [0.25] + [0] * (len(spectrum.frequency) - 1), atol=1e-15)
    assert spectrum.frequency[0] == 0 and spectrum.num_frequencies[0] == 1


@pytest.mark.parametrize(("down", "across", "ring"), [(3, 0, 3), (0, 3, 3), (3, 4, 5), (2, 2, 3), (5, 12, 6)])
def test_a_wave_lies_in_the_ring_of_its_frequency(down, across, ring):
    # 12 waves in 16 pixels are 4 the other way round: (5, 12) is at |(5, -4)| = 6.4.
    spectrum = power_spectrum(image(np.sin(2 * np.pi * (down * ROW + across * COLUMN) / SIZE)))
    total = spectrum.power[0] * spectrum.num_frequencies
    assert total[ring] == pytest.approx(0.5, rel=1e-12) and np.sum(total) == pytest.approx(0.5, rel=1e-12)
    assert spectrum.frequency[ring] == ring / SIZE


def test_blurring_multiplies_the_power_by_the_squared_response_of_the_kernel():
    # (1, 2, 1) / 4 around the edge, down alone: of waves of f cycles per pixel down, cos(pi f)^2 is left.
    x = np.repeat(noise(width=1, height=SIZE), SIZE, axis=2)  # no change across, so that a ring has one frequency
    blurred = (np.roll(x, 1, axis=1) + 2 * x + np.roll(x, -1, axis=1)) / 4
    sharp, spectrum = power_spectrum(x), power_spectrum(blurred)
    rings = sharp.frequency <= 0.5
    expected = sharp.power * np.cos(np.pi * sharp.frequency) ** 4
    np.testing.assert_allclose(spectrum.power[:, rings], expected[:, rings], atol=1e-15)


# Ratios.


def test_ratio_of_sets_has_the_error_of_its_spread():
    def draw(seed):
        random = np.random.default_rng(seed)
        return ratio_of_sets(random.gamma(2, 1, 100), random.gamma(5, 1, 200))

    ratios, errors = np.array([draw(seed) for seed in range(200)]).T
    assert abs(ratios.mean() - 0.4) < 4 * ratios.std() / np.sqrt(200) + 0.4 * 0.2 / 200  # and 1/E of a mean is biased
    assert errors.mean() == pytest.approx(ratios.std(), rel=0.2)  # a spread of 200 is known to 5 %


def test_data_without_gradient_has_no_ratio():
    assert ratio_of_sets([1.0, 2.0], [0.0, 0.0]) is None
    assert ReconstructionBlur(np.ones(3), np.zeros(3)).metrics() == {}


def test_ratio_of_pairs_knows_that_they_are_pairs():
    energy = np.random.default_rng(0).gamma(2, 1, 50)
    metric = ReconstructionBlur(0.3 * energy, energy).metrics()["reconstruction_gradient_energy_ratio"]
    assert metric["value"] == pytest.approx(0.3, rel=1e-12)
    assert metric["standard_error"] == pytest.approx(0, abs=1e-12) and ratio_of_sets(0.3 * energy, energy)[1] > 0.02


def test_few_reconstructions_have_a_ratio_and_no_error():
    metric = ReconstructionBlur(np.ones(3), 2 * np.ones(3)).metrics()["reconstruction_gradient_energy_ratio"]
    assert metric["value"] == 0.5 and "standard_error" not in metric


def test_reconstructions_are_those_of_the_model(make_vae, binary, batches):
    model, x = make_vae((4, 4, 1)), binary(10, (4, 4, 1))
    found = reconstruction_blur(model, batches(x))
    np.testing.assert_allclose(found.of_reconstructions, gradient_energy(model.reconstruct(x)), rtol=1e-4, atol=1e-9)
    np.testing.assert_array_equal(found.of_data, gradient_energy(x))
