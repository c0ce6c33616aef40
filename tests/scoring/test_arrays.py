"""Arrays in files are read from the front, in any part, as NumPy reads them whole."""

import numpy as np
import pytest

from tfvae.errors import ConfigError, DataError
from tfvae.scoring import Scoring, score
from tfvae.scoring.examples.array_examples import ArrayExamples
from tfvae.scoring.examples.stored_array import StoredArray
from tfvae.scoring.model import Interface, Tensor
from tfvae.scoring.parts import Cut

ARRAYS = {
    "bytes": np.arange(60, dtype="uint8").reshape(10, 3, 2),
    "floats": np.linspace(0, 1, 60, dtype=">f4").reshape(10, 6),
    "labels": np.arange(10),
}
SPANS = [range(0, 3), range(3, 4), range(4, 10)]


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("key", ARRAYS)
@pytest.mark.parametrize("skipped", [0, 1, 2])
def test_spans_of_an_npz_file_are_those_of_the_array(key, compressed, skipped, tmp_path):
    (np.savez_compressed if compressed else np.savez)(tmp_path / "a.npz", **ARRAYS)
    found = list(StoredArray(tmp_path / "a.npz", key).read(SPANS[skipped:]))
    assert len(found) == 3 - skipped
    for span, values in zip(SPANS[skipped:], found, strict=True):
        np.testing.assert_array_equal(values, ARRAYS[key][span.start : span.stop])


def test_spans_of_an_npy_file_are_those_of_the_array(tmp_path):
    np.save(tmp_path / "a.npy", ARRAYS["floats"])
    for span, values in zip(SPANS, StoredArray(tmp_path / "a.npy", "").read(SPANS), strict=True):
        np.testing.assert_array_equal(values, ARRAYS["floats"][span.start : span.stop])


def images_of(path, split=None, shape=(3, 2, 1)):
    interface = Interface(path, {"images": Tensor("float32", shape)}, {}, {})
    examples = ArrayExamples(path, interface, split)
    (rows,) = examples.read(Cut(examples.num_examples, 100, 100), range(1))
    return rows


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (ARRAYS["bytes"], ARRAYS["bytes"] / 255),
        (ARRAYS["bytes"].astype("int64") * 4, ARRAYS["bytes"] * 4 / 255),
        (ARRAYS["bytes"] / 59, ARRAYS["bytes"] / 59),
        (ARRAYS["bytes"] > 30, ARRAYS["bytes"] > 30),
    ],
    ids=["uint8", "int64", "float64", "bool"],
)
def test_images_are_scaled_by_their_type(array, expected, tmp_path):
    np.savez(tmp_path / "a.npz", images=array)
    rows = images_of(tmp_path / "a.npz")
    assert rows.inputs["images"].dtype == np.float32 and rows.labels is None
    np.testing.assert_allclose(rows.inputs["images"], expected[..., None], rtol=1e-7)  # one rounding to float32


def test_of_dsprites_one_is_white(tmp_path):
    images = (ARRAYS["bytes"] > 30).astype("uint8")
    np.savez(tmp_path / "a.npz", imgs=images, latents_classes=np.zeros((10, 6), int), latents_values=np.zeros((10, 6)))
    np.testing.assert_array_equal(images_of(tmp_path / "a.npz").inputs["images"][..., 0], images)


@pytest.mark.parametrize(("split", "expected"), [(None, "7"), ("test", "7"), ("train", "4")])
def test_a_split_is_chosen_by_its_name(split, expected, tmp_path):
    parts = {"x_train": ARRAYS["bytes"], "y_train": [4] * 10, "x_test": ARRAYS["bytes"][:5], "y_test": [[7]] * 5}
    np.savez(tmp_path / "a.npz", **parts)
    rows = images_of(tmp_path / "a.npz", split)
    assert rows.labels == [expected] * len(parts[f"x_{split or 'test'}"])


def test_a_file_may_have_the_split_of_training_alone(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=ARRAYS["bytes"], y_train=[4] * 10)
    assert images_of(tmp_path / "a.npz").labels == ["4"] * 10


@pytest.mark.parametrize("labels", [np.eye(10, dtype=int), np.arange(10) / 2], ids=["one-hot", "fractions"])
def test_labels_that_name_no_class_of_each_example_are_refused(labels, tmp_path):
    np.savez(tmp_path / "a.npz", x=ARRAYS["bytes"], label=labels)
    with pytest.raises(DataError, match="array `label`: labels must be integers, one for each example"):
        images_of(tmp_path / "a.npz")


def test_codes_are_decoded(image_export, served, scored, tmp_path):
    z = np.random.default_rng(0).normal(size=(10, 3))
    np.savez(tmp_path / "codes.npz", z=z)
    np.save(tmp_path / "codes.npy", z.astype("float32"))
    expected = served.call("decode", {"z": z.astype("float32")})["images"]
    for name in ("codes.npz", "codes.npy"):
        records = scored(image_export, name + "out", data=str(tmp_path / name), signature="decode")
        found = np.array([record["images"] for record in records])
        assert np.max(np.abs(found - expected)) <= 1.2e-7  # of another batch: the rounding of values up to 1


def test_a_pixel_out_of_range_is_an_error_of_its_row(image_export, grey, tmp_path):
    images = grey / 255
    images[4, 0, 0, 0] = 1.5
    np.save(tmp_path / "x.npy", images)
    with pytest.raises(DataError, match=r"^No answer for 1 of 23 examples"):
        score(Scoring(image_export, data=str(tmp_path / "x.npy")), tmp_path / "scores")


def damaged(path, array):
    np.save(path, array)
    path.write_bytes(path.read_bytes()[:-10])


def spoilt(path, array):
    np.save(path, array)
    path.write_bytes(path.read_bytes().replace(b"}", b"("))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda path, x: None, DataError, "There is no file"),
        (lambda path, x: path.write_bytes(b"no array"), DataError, "cannot be read as an array"),
        (damaged, DataError, "is cut short"),
        (spoilt, DataError, "cannot be read as an array"),
        (lambda path, x: np.save(path, x[:, :7]), DataError, r"of shape \[7, 8, 1\], and the model takes \[8, 8, 1\]"),
        (lambda path, x: np.save(path, x[:0]), DataError, "at least one"),
        (lambda path, x: np.save(path, np.asfortranarray(x)), DataError, "Fortran order"),
        (lambda path, x: np.save(path, np.full((3, 8, 8, 1), "a")), DataError, "must be numbers"),
    ],
    ids=["missing", "no array", "cut short", "header", "shape", "empty", "Fortran", "texts"],
)
def test_what_is_wrong_with_a_file_is_said(make, error, message, plain_export, grey, tmp_path):
    make(tmp_path / "x.npy", grey)
    with pytest.raises(error, match=message):
        score(Scoring(plain_export, data=str(tmp_path / "x.npy")), tmp_path / "scores")


def test_what_is_wrong_with_an_archive_is_said(image_export, grey, array_file, tmp_path):
    np.savez(tmp_path / "x.npz", a=grey, b=grey)
    with pytest.raises(ConfigError, match="must hold one array of images"):
        score(Scoring(image_export, data=str(tmp_path / "x.npz")), tmp_path / "scores")
    np.savez(tmp_path / "x.npz", x=grey, y=[0, 1])
    with pytest.raises(DataError, match="as many labels as examples"):
        score(Scoring(image_export, data=str(tmp_path / "x.npz")), tmp_path / "scores")
    with pytest.raises(ConfigError, match=r"asks for \['z'\]"):
        score(Scoring(image_export, data=str(array_file), signature="decode"), tmp_path / "scores")
    (tmp_path / "x.npz").write_bytes(b"no archive")
    with pytest.raises(DataError, match="cannot be read as arrays"):
        score(Scoring(image_export, data=str(tmp_path / "x.npz")), tmp_path / "scores")
