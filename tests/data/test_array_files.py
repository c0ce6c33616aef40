"""Arrays in a file: what they become, and the sentence for each thing that can be wrong with them."""

import numpy as np
import pytest
import tensorflow as tf

from tfvae.data.files import array_sources
from tfvae.errors import DataError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (5, 4, 6), dtype=np.uint8)
GREY[0, 0, :2] = 0, 255
COLOUR = RNG.integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)


def examples(source):
    batch = source.fetch(tf.range(source.num_examples, dtype="int64"))
    return batch["x"].numpy(), batch["label"].numpy().tolist()


@pytest.fixture
def npz(tmp_path):
    def save(**arrays):
        np.savez(tmp_path / "own.npz", **arrays)
        return tmp_path / "own.npz"

    return save


@pytest.fixture
def npy(tmp_path):
    def save(array):
        np.save(tmp_path / "own.npy", array)
        return tmp_path / "own.npy"

    return save


def test_npy_is_images_without_labels(npy):
    sources = array_sources(npy(GREY))
    x, labels = examples(sources["train"])
    np.testing.assert_array_equal(x, GREY[..., None])
    assert (list(sources), labels, sources["train"].class_names) == (["train"], [0] * 5, ())


@pytest.mark.parametrize("image_key", ["x", "images"])
@pytest.mark.parametrize("label_key", ["label", "labels", "y"])
def test_npz_names_of_images_and_labels(npz, image_key, label_key):
    x, labels = examples(
        array_sources(npz(**{image_key: COLOUR, label_key: np.arange(5), "other": np.ones(2)}))["train"]
    )
    np.testing.assert_array_equal(x, COLOUR)
    assert labels == [0, 1, 2, 3, 4]


def test_npz_with_one_array_needs_no_name(npz):
    np.testing.assert_array_equal(examples(array_sources(npz(faces=COLOUR))["train"])[0], COLOUR)


def test_keras_names_give_both_splits_with_common_classes(npz):
    path = npz(x_train=GREY[:3], y_train=[[7], [2], [7]], x_test=GREY[3:], y_test=[[2], [9]])
    sources = array_sources(path)
    assert [examples(sources[split])[1] for split in ("train", "test")] == [[1, 0, 1], [0, 2]]
    assert sources["train"].class_names == sources["test"].class_names == ("2", "7", "9")
    np.testing.assert_array_equal(examples(sources["test"])[0], GREY[3:, ..., None])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_become_the_nearest_grey_level(npy, dtype):
    levels = np.arange(256).reshape(1, 16, 16)
    x, _ = examples(array_sources(npy((levels / 255).astype(dtype)))["train"])
    np.testing.assert_array_equal(x[..., 0], levels)


def test_floats_between_levels_are_rounded(npy):
    x, _ = examples(array_sources(npy(np.full((1, 1, 2), [10.4 / 255, 10.6 / 255])))["train"])
    assert x.ravel().tolist() == [10, 11]


def test_booleans_become_black_and_white(npy):
    x, _ = examples(array_sources(npy(GREY > 127))["train"])
    np.testing.assert_array_equal(x[..., 0], np.where(GREY > 127, 255, 0))


def test_wider_integers_in_range_keep_their_values(npy):
    x, _ = examples(array_sources(npy(GREY.astype("int64")))["train"])
    np.testing.assert_array_equal(x[..., 0], GREY)


@pytest.mark.parametrize(
    ("images", "named"),
    [
        (GREY.astype("float32"), "float32.*between 0 and 1.*from 0.0 to 255.0"),
        (np.full((1, 2, 2), np.nan), "float64.*nan"),
        (np.full((1, 2, 2), -0.5), "from -0.5"),
        (np.full((1, 2, 2), np.inf), "to inf"),
        (GREY.astype("int32") + 1, "int32.*between 0 and 255.*to 256"),
        (GREY.astype("int16") - 1, "int16.*from -1"),
        (GREY.astype("complex64"), "complex64"),
        (GREY.astype(str), "dtype <U3"),
        (GREY.astype(object), "Object arrays"),
        (GREY[0], r"\[4, 6\]"),
        (GREY[:0], r"\[0, 4, 6, 1\]"),
        (np.zeros((2, 3, 8, 8), np.uint8), r"1 to 4 channels.*\[2, 3, 8, 8\]"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.dtype}{value.shape}",
)
def test_array_that_is_not_images_is_named(npy, images, named):
    with pytest.raises(DataError, match=rf"own\.npy.*{named}"):
        array_sources(npy(images))


@pytest.mark.parametrize(
    ("arrays", "named"),
    [
        ({"x": GREY, "y": np.arange(4)}, r"array `y`.*\[5\].*\[4\]"),
        ({"x": GREY, "y": np.ones(5)}, "array `y`.*float64"),
        ({"x": GREY, "y": np.ones((5, 10), int)}, r"array `y`.*\[5, 10\]"),
        ({"x": GREY, "y": np.array([None] * 5)}, "Object arrays"),
        ({"x": GREY, "images": GREY}, "one array of images.*'images', 'x'"),
        ({"a": GREY, "b": GREY}, "one array of images.*'a', 'b'"),
        ({"x": GREY, "y": np.arange(5), "label": np.arange(5)}, "at most one of labels"),
        ({"x_test": GREY, "y_test": np.arange(5), "other": GREY}, "x_train"),
        ({"x_train": GREY, "x_test": GREY, "y_train": np.arange(5)}, "`y_train` and `y_test`"),
        ({"x_train": GREY, "x_test": GREY[:, 1:]}, r"different sizes: train \[4, 6, 1\] and test \[3, 6, 1\]"),
        ({}, "one array of images"),
    ],
    ids=lambda value: value.split(".")[0] if isinstance(value, str) else "+".join(value),
)
def test_wrong_arrays_in_a_file_are_named(npz, arrays, named):
    with pytest.raises(DataError, match=rf"own\.npz.*{named}"):
        array_sources(npz(**arrays))


# Factors of variation.

FACTORS = np.arange(10).reshape(5, 2)


def factors_of(source):
    return source.fetch(tf.range(source.num_examples, dtype="int64"))["factors"].numpy()


def test_factors_and_their_names_are_read(npz):
    source = array_sources(npz(faces=COLOUR, factors=FACTORS.astype("uint8"), factor_names=["age", "pose"]))["train"]
    np.testing.assert_array_equal(factors_of(source), FACTORS)
    assert source.factor_names == ("age", "pose")


def test_factors_without_names_are_numbered(npz):
    assert array_sources(npz(x=GREY, factors=FACTORS))["train"].factor_names == ("factor_0", "factor_1")


def test_file_without_factors_has_none(npz):
    source = array_sources(npz(x=GREY, factor_names=["a", "b"]))["train"]
    assert source.factor_names == () and source.factors is None


def test_both_splits_may_have_factors(npz):
    splits = {"factors_train": FACTORS[:3], "factors_test": FACTORS[3:], "factor_names": ["a", "b"]}
    sources = array_sources(npz(x_train=GREY[:3], x_test=GREY[3:], **splits))
    np.testing.assert_array_equal(factors_of(sources["test"]), FACTORS[3:])
    assert sources["train"].factor_names == sources["test"].factor_names == ("a", "b")


def test_file_of_dsprites_is_read_as_it_comes(npz):
    classes, images = np.arange(30).reshape(5, 6), (GREY > 127).astype("uint8")
    metadata = np.array({"title": "dSprites"}, dtype=object)  # a pickle, which is never opened
    path = npz(metadata=metadata, imgs=images, latents_classes=classes, latents_values=classes / 2)
    source = array_sources(path)["train"]
    np.testing.assert_array_equal(examples(source)[0][..., 0], images * 255)
    np.testing.assert_array_equal(factors_of(source), classes)
    assert source.is_binary
    assert source.factor_names == ("colour", "shape", "scale", "orientation", "x_position", "y_position")


@pytest.mark.parametrize(
    ("arrays", "named"),
    [
        ({"factors": FACTORS[:4]}, r"array `factors`: factors must be integers \[5, F\].*\[4, 2\]"),
        ({"factors": FACTORS[:, 0]}, r"integers \[5, F\].*\[5\]"),
        ({"factors": FACTORS / 2}, "float64"),
        ({"factors": FACTORS, "factor_names": ["a"]}, r"`factor_names` must be 2 different names\. Received: \['a'\]"),
        ({"factors": FACTORS, "factor_names": ["a", "a"]}, "2 different names"),
    ],
)
def test_wrong_factors_are_named(npz, arrays, named):
    with pytest.raises(DataError, match=rf"own\.npz.*{named}"):
        array_sources(npz(x=GREY, **arrays))


def test_factors_of_one_split_only_are_refused(npz):
    with pytest.raises(DataError, match="must hold `factors_train` and `factors_test`, or neither"):
        array_sources(npz(x_train=GREY, x_test=GREY, factors_test=FACTORS))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no file.*own\.npz"):
        array_sources(tmp_path / "own.npz")


def test_folder_in_place_of_a_file_is_named(tmp_path):
    (tmp_path / "own.npz").mkdir()
    with pytest.raises(DataError, match=r"own\.npz` is a folder, not a file"):
        array_sources(tmp_path / "own.npz")


@pytest.mark.parametrize("name", ["own.npz", "own.npy"])
@pytest.mark.parametrize("damage", [lambda whole: whole[: len(whole) // 2], lambda _: b"junk", lambda _: b""])
def test_damaged_file_is_named(npz, npy, tmp_path, name, damage):
    npz(x=GREY), npy(GREY)
    (tmp_path / name).write_bytes(damage((tmp_path / name).read_bytes()))
    with pytest.raises(DataError, match=f"{name}` cannot be read"):
        array_sources(tmp_path / name)


def test_damaged_header_of_an_array_is_named(npy):
    path = npy(GREY)
    path.write_bytes(path.read_bytes().replace(b"), }", b", , "))  # an open bracket, at which NumPy's parser runs out
    with pytest.raises(DataError, match=r"own\.npy` cannot be read"):
        array_sources(path)


def test_flipped_bit_in_a_zip_is_noticed(npz):
    path = npz(x=GREY)
    whole = bytearray(path.read_bytes())
    whole[whole.index(GREY.tobytes())] ^= 1
    path.write_bytes(whole)
    with pytest.raises(DataError, match="CRC"):
        array_sources(path)
