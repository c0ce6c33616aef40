"""Extractors give the numbers of the model that is named, for images that are fitted to it, and refuse what is none."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.evaluation.features import features_of, keras_extractor, load_extractor, sha256_of_weights

IMAGE = (6, 6, 1)


def images(shape=IMAGE, size=5):
    return np.random.default_rng(0).random((size, *shape)).astype("float32")


def network(shape=IMAGE, num_classes=3):
    inputs = keras.Input(shape)
    x = keras.layers.Conv2D(2, 3, activation="tanh", name="convolution")(inputs)
    x = keras.layers.GlobalAveragePooling2D(name="pooled")(x)
    return keras.Model(inputs, keras.layers.Dense(num_classes, name="classes")(x))


@pytest.fixture
def saved(tmp_path):
    """Saves a model and returns the path."""

    def save(model, name="model.keras"):
        model.save(tmp_path / name)
        return tmp_path / name

    return save


@pytest.fixture
def exported(tmp_path):
    """Saves a function of an image's pixels as SavedModel and returns the folder."""

    def export(function, *specs, signature="serving_default"):
        module = tf.Module()
        module.weight = tf.Variable(2.0)
        answer = tf.function(lambda *x: function(module.weight, *x), input_signature=specs)
        tf.saved_model.save(module, tmp_path / "saved", signatures={signature: answer})
        return tmp_path / "saved"

    return export


def spec(*shape, dtype="float32", name="x"):
    return tf.TensorSpec(shape, dtype, name)


def mean_of_channels(weight, x):
    return {"features": weight * tf.reduce_mean(x, [1, 2])}


# Numbers.


def test_a_keras_file_gives_its_output(saved):
    model, x = network(), images()
    np.testing.assert_allclose(load_extractor(saved(model), IMAGE)(x), model(x), atol=1e-6)  # float32 rounding


def test_a_named_layer_gives_its_own_output(saved):
    model, x = network(), images()
    expected = np.mean(model.get_layer("convolution")(x), axis=(1, 2))
    np.testing.assert_allclose(load_extractor(f"{saved(model)}:pooled", IMAGE)(x), expected, atol=1e-6)


def test_a_saved_model_gives_what_it_serves(exported):
    path, x = exported(mean_of_channels, spec(None, None, None, 1)), images()
    np.testing.assert_allclose(load_extractor(path, IMAGE)(x), 2 * x.mean(axis=(1, 2)), atol=1e-6)


def test_features_of_batches_are_those_of_all_images(saved):
    extractor, x = load_extractor(saved(network()), IMAGE), images()
    found = features_of(extractor, [{"x": x[:2]}, {"x": x[2:]}])
    np.testing.assert_allclose(found, extractor(x), atol=1e-6)
    assert found.shape == (5, 3) and found.dtype == np.float32


def test_any_function_is_an_extractor():
    found = features_of(lambda x: x.reshape(len(x), -1)[:, :2], [{"x": images()}])
    np.testing.assert_array_equal(found, images().reshape(5, -1)[:, :2])


# Fitted images.


def test_images_are_resized_and_grey_is_repeated(exported):
    path = exported(mean_of_channels, spec(None, 12, 12, 3))
    x = np.full((5, *IMAGE), 0.25, "float32")
    np.testing.assert_allclose(load_extractor(path, IMAGE)(x), np.full((5, 3), 0.5), atol=1e-6)


def test_a_smaller_size_does_not_alias(exported):
    # A mean of 0.5; without smoothing, each pixel would come from two that are white.
    path = exported(lambda weight, x: weight * tf.reshape(x, [-1, 16]), spec(None, 4, 4, 1))
    stripes = np.tile(np.array([0, 1, 1, 0], "float32"), 4).reshape(1, 1, 16, 1).repeat(16, axis=1)
    inner = np.reshape(load_extractor(path, (16, 16, 1))(stripes), [4, 4])[:, 1:3]
    np.testing.assert_allclose(inner, 1.0, atol=1e-6)  # 2 * 0.5: the filter is two stripes wide


def test_images_of_the_right_size_are_left_as_they_are(saved):
    model, x = network((8, 8, 3)), images((8, 8, 3))
    np.testing.assert_array_equal(load_extractor(saved(model), (8, 8, 3))(x), tf.function(model)(x))


# Identity.


def test_the_hash_is_that_of_the_weights_and_not_of_the_file(saved):
    model = network()
    one, other = (load_extractor(saved(model, name), IMAGE) for name in ("one.keras", "other.keras"))
    assert one.sha256 == other.sha256 == sha256_of_weights(model) and one.name != other.name
    model.get_layer("classes").bias.assign([0, 0, 1e-7])
    assert load_extractor(saved(model), IMAGE).sha256 != one.sha256


def test_a_saved_model_has_the_hash_of_its_files(exported):
    hashes = {load_extractor(exported(mean_of_channels, spec(None, 6, 6, c)), IMAGE).sha256 for c in (1, 3, 1)}
    assert all(len(h) == 64 for h in hashes) and len(hashes) >= 2


# Refusals.


def test_no_model_is_refused(tmp_path):
    for name in ("missing.keras", "missing.keras:layer", "folder"):
        with pytest.raises(ValueError, match="An extractor must be a"):
            load_extractor(tmp_path / name, IMAGE)


def test_a_broken_file_is_refused(tmp_path):
    (tmp_path / "broken.keras").write_text("not a model")
    with pytest.raises(ValueError, match="cannot be loaded"):
        load_extractor(tmp_path / "broken.keras", IMAGE)
    (tmp_path / "saved_model.pb").write_text("not a model")
    with pytest.raises(ValueError, match="cannot be loaded"):
        load_extractor(tmp_path, IMAGE)


def test_a_layer_that_is_not_there_is_refused(saved):
    with pytest.raises(ValueError, match=r"`conv` must be one of the model's layers.*convolution, pooled, classes"):
        load_extractor(f"{saved(network())}:conv", IMAGE)
    with pytest.raises(ValueError, match=r"`conv` must be one"):
        keras_extractor(network(), "network", "conv")


def test_features_that_are_no_vector_are_refused(saved):
    with pytest.raises(ValueError, match=r"An extractor must give features \[B, F\]; name a layer that does"):
        load_extractor(f"{saved(network())}:convolution", IMAGE)


def test_channels_that_do_not_fit_are_refused(saved):
    with pytest.raises(ValueError, match="An extractor must take images of 3 channels"):
        load_extractor(saved(network()), (6, 6, 3))


def test_an_input_that_is_no_image_is_refused(saved):
    model = keras.Sequential([keras.Input((36,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match=r"An extractor must take batches of images \[B, H, W, C\]"):
        load_extractor(saved(model), IMAGE)


def test_several_inputs_are_refused(saved):
    one, other = keras.Input(IMAGE), keras.Input(IMAGE)
    model = keras.Model([one, other], keras.layers.Flatten()(keras.layers.Add()([one, other])))
    with pytest.raises(ValueError, match="functional Keras model of one input and one output"):
        load_extractor(saved(model), IMAGE)


@pytest.mark.parametrize(
    ("specs", "signature", "message"),
    [
        ([spec(None, 6, 6, 1)], "other", "must have the signature `serving_default`"),
        ([spec(None, 6, 6, 1), spec(None, 6, 6, 1, name="y")], "serving_default", "one input and one output"),
        ([spec(None, 6, 6, 1, dtype="uint8")], "serving_default", "must take float32 images. Received: uint8"),
        ([spec(1, 6, 6, 1)], "serving_default", "must take batches of images"),
    ],
)
def test_signatures_that_do_not_fit_are_refused(exported, specs, signature, message):
    path = exported(lambda weight, x, *_: weight * tf.cast(x[:, 0, 0], "float32"), *specs, signature=signature)
    with pytest.raises(ValueError, match=message):
        load_extractor(path, IMAGE)


def test_features_that_are_not_finite_or_no_rows_are_refused():
    with pytest.raises(ValueError, match="must give finite features"):
        features_of(lambda x: x[:, 0, :, 0] * np.nan, [{"x": images()}])
    with pytest.raises(ValueError, match=r"must give features \[5, F\]. Received: \[5, 6, 6, 1\]"):
        features_of(lambda x: x, [{"x": images()}])
