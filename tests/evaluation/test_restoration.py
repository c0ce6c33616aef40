"""Restoration: damage that is what it says, and errors that are known."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.evaluation.damage import (
    CENTRAL_HOLE,
    RANDOM_HOLES,
    SALT_AND_PEPPER,
    central_hole,
    random_holes,
    salt_and_pepper,
)
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


def test_salt_and_pepper_are_as_frequent_as_stated():
    x = np.full((200, 10, 10, 1), 0.5, "float32")
    changed = salt_and_pepper(tf.constant(x), np.arange(200), 0.2).numpy()
    # 20,000 draws: the standard error of a share of 0.1 is 0.0021, of 0.8 it is 0.0028.
    for value, share in ((0.0, 0.1), (1.0, 0.1), (0.5, 0.8)):
        assert np.mean(changed == value) == pytest.approx(share, abs=4 * 0.003)


def test_missing_pixels_are_as_frequent_as_stated_and_miss_all_channels():
    seen = random_holes(tf.zeros([200, 10, 10, 3]), np.arange(200), 0.3).numpy()
    # 20,000 draws: the standard error of a share of 0.3 is 0.0032.
    assert seen.shape == (200, 10, 10, 1) and np.mean(seen == 0) == pytest.approx(0.3, abs=4 * 0.0033)


def test_the_central_hole_is_a_rectangle_in_the_middle():
    seen = central_hole(tf.zeros([2, 8, 4, 3]), np.arange(2), 0.25).numpy()
    expected = np.ones((8, 4))
    expected[2:6, 1:3] = 0
    assert np.array_equal(seen, np.broadcast_to(expected[..., np.newaxis], (2, 8, 4, 1)))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_central_hole_may_be_nothing_or_everything(share):
    assert np.all(central_hole(tf.zeros([1, 5, 7, 1]), np.arange(1), share).numpy() == 1 - share)


@pytest.mark.parametrize("damage", [RANDOM_HOLES, CENTRAL_HOLE], ids=["pixels", "block"])
def test_all_missing_is_filled_from_nothing(damage, grey):
    found = imputation(Echo(), cut(grey), levels=(1.0,), damage=damage)
    assert np.allclose(found.squared_error, np.mean(grey**2, axis=(1, 2, 3)), rtol=1e-5)


@pytest.mark.parametrize("damage", [SALT_AND_PEPPER, RANDOM_HOLES], ids=["salt and pepper", "pixels"])
def test_damage_is_that_of_the_image_and_not_of_its_batch(damage, grey):
    restore = denoising if damage is SALT_AND_PEPPER else imputation
    one, many = (restore(Echo(), cut(grey, size), damage=damage).damaged_error for size in (9, 2))
    assert np.allclose(one, many, rtol=1e-6)
    assert not np.allclose(one, restore(Echo(), cut(grey), seed=1, damage=damage).damaged_error)


def test_figures_are_called_after_the_damage(grey):
    pepper = denoising(Echo(), cut(grey), damage=SALT_AND_PEPPER).metrics()
    block = imputation(Echo(), cut(grey), damage=CENTRAL_HOLE).metrics()
    of = ["_psnr", "_damaged_psnr", "_filtered_psnr", "_ssim", "_mse"]
    assert set(pepper) == {f"salt_and_pepper{name}" for name in of}
    assert set(block) == {f"block_imputation{name}" for name in of if "filtered" not in name}


def test_psnr_of_a_level_is_that_of_the_mean_error():
    # Errors of 0.01 and 0.04: the PSNR of 0.025, whose standard error is 0.015; and by the delta method that of the
    # PSNR is 10 / ln 10 * 0.015 / 0.025.
    x = np.stack([np.full((8, 8, 1), 0.5), np.full((8, 8, 1), 0.4)])
    metrics = denoising(Echo(lambda x: 0 * x + 0.6), cut(x), levels=(0.0,)).metrics()
    assert metrics["denoising_mse"]["value"] == pytest.approx([0.025])
    assert metrics["denoising_psnr"]["value"] == pytest.approx([-10 * np.log10(0.025)])
    assert metrics["denoising_psnr"]["standard_error"] == pytest.approx([10 / np.log(10) * 0.015 / 0.025])


def test_images_that_noise_left_alone_do_not_decide_the_psnr():
    # Half of the images are as they were: twice the error of the whole, 3 dB, and not the mean of 100 dB and another.
    x = np.concatenate([np.full((4, 8, 8, 1), 0.6), np.full((4, 8, 8, 1), 0.5)])
    metrics = denoising(Echo(lambda x: 0 * x + 0.6), cut(x), levels=(0.0,)).metrics()
    assert metrics["denoising_psnr"]["value"] == pytest.approx([20 + 10 * np.log10(2)], rel=1e-5)


@pytest.mark.parametrize("levels", [(), (0.1, -0.1)])
@pytest.mark.parametrize("restore", [denoising, imputation])
def test_levels_must_not_be_negative_or_none(restore, levels, grey):
    with pytest.raises(ValueError, match=r"`levels` must hold numbers from 0 up, at least one\. Received: levels="):
        restore(Echo(), cut(grey), levels)


def test_tables_are_refused(make_vae, binary):
    for restore in (denoising, imputation):
        with pytest.raises(ValueError, match="Restoration is measured on images"):
            restore(make_vae(), cut(binary(5)))
