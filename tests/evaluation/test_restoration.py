"""Restoration: damage that is what it says, and errors that are known."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.evaluation.image_quality import psnr
from tfvae.evaluation.restoration import denoising, imputation, noisy


class Echo:
    """A model that gives back what it is given, with something done to it."""

    def __init__(self, change=lambda x: x):
        self.reconstruct = change

    def given(self, batch):
        return self


def cut(x, batch_size=4):
    columns = {"x": x.astype("float32"), "index": np.arange(len(x))}
    return tf.data.Dataset.from_tensor_slices(columns).batch(batch_size)


@pytest.fixture
def grey():
    return np.random.default_rng(0).random((9, 8, 8, 1)).astype("float32")


def test_a_model_that_changes_nothing_is_as_far_off_as_the_noise(grey):
    found = denoising(Echo(), cut(grey))
    assert np.array_equal(found.squared_error, found.damaged_error)


def test_noise_has_the_stated_deviation():
    x = np.full((200, 10, 10, 1), 0.5, "float32")
    noise = noisy(tf.constant(x), np.arange(200), 0.05).numpy() - x
    # 20,000 draws: their deviation is known to 0.5 %; no draw of 10 sigma is cut off.
    assert noise.std() == pytest.approx(0.05, rel=0.02) and abs(noise.mean()) < 4 * 0.05 / np.sqrt(20_000)


def test_noise_is_that_of_the_image_and_not_of_its_batch(grey):
    one, many = (denoising(Echo(), cut(grey, size)).damaged_error for size in (9, 2))
    assert np.allclose(one, many, rtol=1e-6)
    assert not np.allclose(one, denoising(Echo(), cut(grey), seed=1).damaged_error)


def test_a_perfect_model_has_the_largest_psnr(grey):
    clean = tf.constant(grey[:4])
    metrics = denoising(Echo(lambda x: clean), cut(grey[:4]), levels=(0.2,)).metrics()
    assert metrics["denoising_psnr"]["value"] == [100.0] and metrics["denoising_ssim"]["value"] == [pytest.approx(1)]
    assert json.dumps(metrics, allow_nan=False)


def test_the_filter_helps_smooth_images_and_harms_a_checkerboard():
    smooth = np.full((5, 8, 8, 1), 0.5)
    board = np.broadcast_to((np.indices((8, 8)).sum(0) % 2)[..., np.newaxis], (5, 8, 8, 1))
    of_smooth, of_board = (denoising(Echo(), cut(x), levels=(0.1,)) for x in (smooth, board))
    assert np.all(of_smooth.filtered_error < of_smooth.damaged_error / 2)
    assert np.all(of_board.filtered_error > 5 * of_board.damaged_error)


def test_imputation_counts_holes_alone(grey):
    # A model that answers with 1 everywhere: its error is that of 1 at the holes, and seen pixels do not matter.
    found = imputation(Echo(lambda x: 0 * x + 1), cut(grey), levels=(0.5,))
    inverted = imputation(Echo(lambda x: 0 * x), cut(1 - grey), levels=(0.5,))
    assert np.allclose(found.squared_error, inverted.squared_error, rtol=1e-4)
    assert found.squared_error.mean() == pytest.approx(np.mean((1 - grey) ** 2), rel=0.1)


def test_what_is_seen_is_kept(grey):
    nothing_missing = imputation(Echo(lambda x: 0 * x), cut(grey), levels=(0.0,))
    assert np.all(nothing_missing.squared_error == 0) and np.allclose(nothing_missing.ssim, 1)


def test_holes_start_at_the_mean_of_what_is_seen():
    x = np.full((3, 8, 8, 1), 0.3, "float32")
    assert np.allclose(imputation(Echo(), cut(x), levels=(0.9,)).damaged_error, 0, atol=1e-12)


def test_filling_in_repeats_until_it_settles():
    # x -> 0.5 x + 0.25 settles at 0.5, whatever it starts from; a single pass would leave 0.3.
    x = np.full((3, 8, 8, 1), 0.1, "float32")
    found = imputation(Echo(lambda x: 0.5 * x + 0.25), cut(x), levels=(0.5,))
    assert np.allclose(found.squared_error, 0.4**2, rtol=1e-4)


def test_denoising_improves_what_a_trained_model_has_seen(make_vae):
    # One image, known by heart, is rebuilt from its noisy self.
    x = np.tile((np.random.default_rng(3).random((1, 6, 6, 1)) < 0.5).astype("float32"), (64, 1, 1, 1))
    model = make_vae((6, 6, 1))
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(cut(x, 64), epochs=150, verbose=0)
    found = denoising(model, cut(x[:8]), levels=(0.5,))
    assert found.squared_error.mean() < 0.1 * found.damaged_error.mean()
    assert np.mean(psnr(x[:8], model.reconstruct(x[:8]))) > 15


def test_tables_are_refused(make_vae, binary):
    for restore in (denoising, imputation):
        with pytest.raises(ValueError, match="Restoration is measured on images"):
            restore(make_vae(), cut(binary(5)))
