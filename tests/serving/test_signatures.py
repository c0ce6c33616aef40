"""The exported signatures, called as a server calls them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.data import preprocessing
from tfvae.serving.images import PIXELS, Images
from tfvae.serving.signatures import POSTERIOR, signatures

SEED = np.array([5, 6, 2**40], "int64")
OUTPUTS = {
    "serving_default": {"reconstructions": (8, 8, 1)},
    "reconstruct": {"reconstructions": (8, 8, 1)},
    "encode": {"z_mean": (3,), "z_stddev": (3,)},
    "encode_sample": {"z": (3,)},
    "decode": {"images": (8, 8, 1)},
    "sample": {"images": (8, 8, 1), "z": (3,)},
    "score": {"negative_elbo": (), "distortion": (), "rate": ()},
    "encode_bytes": {"z_mean": (3,), "z_stddev": (3,)},
    "score_bytes": {"negative_elbo": (), "distortion": (), "rate": ()},
}
INPUTS = {
    "serving_default": ["images"],
    "reconstruct": ["images"],
    "encode": ["images"],
    "encode_sample": ["images", "seed"],
    "decode": ["z"],
    "sample": ["seed"],
    "score": ["images", "seed"],
    "encode_bytes": ["image_bytes"],
    "score_bytes": ["image_bytes", "seed"],
}


def files_of(images, encode=tf.io.encode_png):
    return np.array([encode(tf.cast(image * 255, "uint8")).numpy() for image in images], object)


def arguments(signature, images, size=3):
    values = {"images": images, "seed": SEED, "z": np.eye(3, dtype="float32"), "image_bytes": files_of(images)}
    return {name: values[name][:size] for name in INPUTS[signature]}


def test_the_signatures_are_those_promised(binary_server):
    assert set(binary_server.signatures) == set(OUTPUTS)


@pytest.mark.parametrize("size", [0, 1, 3])
@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_have_a_row_for_each_input_row(binary_server, images, name, size):
    found = binary_server.call(name, arguments(name, images, size))
    assert {key: value.shape for key, value in found.items()} == {k: (size, *s) for k, s in OUTPUTS[name].items()}
    assert all(value.dtype == np.float32 for value in found.values())


def test_encode_is_the_posterior_of_the_model(grey_server, grey_vae, images):
    posterior, found = grey_vae.encode(images), grey_server.call("encode", {"images": images})
    np.testing.assert_allclose(found["z_mean"], posterior.mean(), atol=1e-5)  # float32 rounding
    np.testing.assert_allclose(found["z_stddev"], posterior.stddev(), atol=1e-5)


def test_the_default_signature_reconstructs(grey_server, grey_vae, images):
    found = grey_server.call("serving_default", {"images": images})["reconstructions"]
    np.testing.assert_allclose(found, grey_vae.reconstruct(images), atol=1e-5)


def test_decode_is_the_mean_of_the_likelihood(binary_server, binary_vae):
    z = np.eye(3, dtype="float32")
    expected = binary_vae.decode(tf.constant(z)).mean()
    np.testing.assert_allclose(binary_server.call("decode", {"z": z})["images"], expected, atol=1e-5)


def test_sample_decodes_the_latents_that_it_returns(binary_server):
    found = binary_server.call("sample", {"seed": SEED})
    decoded = binary_server.call("decode", {"z": found["z"]})["images"]
    np.testing.assert_allclose(found["images"], decoded, atol=1e-5)


def test_samples_of_the_prior_are_standard_normal(binary_server):
    z = binary_server.call("sample", {"seed": np.arange(1000)})["z"]
    assert abs(z.mean()) < 0.08 and abs(z.std() - 1) < 0.06  # 4 standard errors of 3000 draws


def test_score_is_the_density_at_the_sample_of_the_same_seed(grey_server, grey_vae, images):
    found = grey_server.call("score", {"images": images, "seed": SEED})
    z = grey_server.call("encode_sample", {"images": images, "seed": SEED})["z"]
    np.testing.assert_allclose(found["distortion"], -grey_vae.decode(tf.constant(z)).log_prob(images), rtol=1e-5)


def test_the_rate_is_the_closed_form_of_two_normals(grey_server, images):
    found = grey_server.call("score", {"images": images, "seed": SEED})
    q = grey_server.call("encode", {"images": images})
    variance = q["z_stddev"] ** 2
    expected = 0.5 * np.sum(variance + q["z_mean"] ** 2 - 1 - np.log(variance), axis=1)
    np.testing.assert_allclose(found["rate"], expected, rtol=1e-4)  # differences of numbers near 1
    np.testing.assert_allclose(found["negative_elbo"], found["distortion"] + found["rate"], rtol=1e-6)


def test_pixels_are_binarised_by_the_seed_of_their_row(binary_server, binary_vae, images):
    found = binary_server.call("encode_sample", {"images": images, "seed": SEED})["z"]
    x = preprocessing.binarize_rows(tf.constant(images), preprocessing.row_seeds(SEED, PIXELS))
    expected = binary_vae.encode_sample(x, preprocessing.row_seeds(SEED, POSTERIOR))[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_binary_images_pass_unchanged(binary_server, binary_vae, images):
    x = np.round(images)
    found = binary_server.call("encode", {"images": x})["z_mean"]
    np.testing.assert_allclose(found, binary_vae.encode(x).mean(), atol=1e-5)


@pytest.mark.parametrize("encode", [tf.io.encode_png, lambda image: tf.io.encode_jpeg(image, quality=100)])
def test_bytes_give_what_their_pixels_give(grey_server, images, encode):
    files = files_of(images, encode)
    pixels = np.stack([tf.io.decode_image(file).numpy() for file in files]).astype("float32") / 255
    by_pixels = grey_server.call("score", {"images": pixels, "seed": SEED})
    by_bytes = grey_server.call("score_bytes", {"image_bytes": files, "seed": SEED})
    np.testing.assert_allclose(by_bytes["negative_elbo"], by_pixels["negative_elbo"], rtol=1e-5)


@pytest.mark.parametrize("name", ["sample", "encode_sample", "score", "score_bytes"])
def test_a_seed_gives_the_same_in_any_place_of_any_batch(binary_server, images, name):
    inputs = arguments(name, images)
    together = binary_server.call(name, inputs)
    for row in range(3):
        turned = {key: np.concatenate([value[row:], value[:row]]) for key, value in inputs.items()}
        for key, value in binary_server.call(name, turned).items():
            np.testing.assert_allclose(value[0], together[key][row], rtol=1e-5, atol=1e-5)


def test_seeds_that_differ_only_above_32_bits_give_other_samples(binary_server):
    z = binary_server.call("sample", {"seed": np.array([1, 1 + 2**32, -1], "int64")})["z"]
    assert len(np.unique(z, axis=0)) == 3


@pytest.mark.parametrize("file", [b"", b"no image", b"\x89PNG\r\n\x1a\nabc"])
def test_a_corrupt_image_is_an_invalid_argument(binary_server, images, file):
    files = files_of(images)
    files[1] = file
    with pytest.raises(tf.errors.InvalidArgumentError):
        binary_server.call("encode_bytes", {"image_bytes": files})


def test_half_a_file_is_an_invalid_argument(binary_server):
    file = files_of(np.random.default_rng(0).random((1, 8, 8, 1)))[0]
    with pytest.raises(tf.errors.InvalidArgumentError):
        binary_server.call("encode_bytes", {"image_bytes": np.array([file[: len(file) // 2]], object)})


def test_an_image_of_another_size_is_an_invalid_argument(binary_server):
    files = files_of(np.zeros((1, 9, 8, 1)))
    with pytest.raises(tf.errors.InvalidArgumentError):
        binary_server.call("encode_bytes", {"image_bytes": files})


@pytest.mark.parametrize("grey", [np.nan, np.inf, -0.01, 1.01])
@pytest.mark.parametrize("name", ["serving_default", "encode", "encode_sample", "score"])
def test_what_is_no_grey_value_is_an_invalid_argument(grey_server, images, name, grey):
    images[2, 3, 3, 0] = grey
    with pytest.raises(tf.errors.InvalidArgumentError, match="finite numbers from 0 to 1"):
        grey_server.call(name, arguments(name, images))


def test_a_model_of_mixed_precision_answers_in_float32(make_vae, images):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = make_vae((8, 8, 1))
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.encoder(images).dtype == tf.float16
    served = signatures(model, Images((8, 8, 1), "none"))
    assert served["encode"].function(tf.constant(images))["z_mean"].dtype == tf.float32
    assert served["sample"].function(tf.constant([1], "int64"))["images"].dtype == tf.float32


def test_images_of_two_channels_have_no_signatures_from_bytes(make_vae):
    assert not {"encode_bytes", "score_bytes"} & set(signatures(make_vae((4, 4, 2)), Images((4, 4, 2), "none")))
