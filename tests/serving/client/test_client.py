"""The client against an embedded server: the answers of the exported models, for all that a caller may give."""

import io
import json

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image

from tfvae.errors import ConfigError, DataError
from tfvae.serving.client import Client

ROUNDING = {"rtol": 1e-5, "atol": 1e-6}  # float32, in a process with other threads


@pytest.fixture
def binary(url):
    with Client(url, "images", version=1) as client:
        yield client


@pytest.fixture
def grey(url):
    with Client(url, "images") as client:  # whose newest version it is
        yield client


def png(levels):
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def levels():
    return np.random.default_rng(5).integers(0, 256, (3, 8, 8), "uint8")


def assert_answers(found, expected):
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_allclose(found[name], values, **ROUNDING)


@pytest.mark.parametrize("name", ["encode", "reconstruct"])
def test_answers_are_those_of_the_export(binary, binary_server, images, name):
    assert_answers(getattr(binary, name)(images), binary_server.call(name, {"images": images}))


@pytest.mark.parametrize("name", ["score", "encode_sample"])
def test_rows_count_their_seeds_from_the_first(binary, binary_server, images, name):
    first = 2**40
    seeds = np.array([first, first + 1, first + 2], "int64")
    assert_answers(getattr(binary, name)(images, first), binary_server.call(name, {"images": images, "seed": seeds}))


def test_samples_count_their_seeds_from_the_first(binary, binary_server):
    expected = binary_server.call("sample", {"seed": np.array([-2, -1, 0, 1], "int64")})
    assert_answers(binary.sample(4, -2), expected)


def test_a_version_is_asked_by_its_number(url, binary_server, grey_server, images):
    for version, served in ((1, binary_server), (2, grey_server)):
        with Client(url, "images", version=version) as client:
            assert_answers(client.encode(images), served.call("encode", {"images": images}))


def test_an_image_needs_no_batch_and_a_grey_one_no_channel(grey, images):
    expected = grey.encode(images)["z_mean"]
    readings = {(1,): images[0], (2,): images[0, ..., 0], (3,): images[..., 0]}
    for rows, reading in zip((1, 1, 3), readings.values(), strict=True):
        np.testing.assert_allclose(grey.encode(reading)["z_mean"], expected[:rows], **ROUNDING)


def test_grey_levels_files_and_bytes_are_the_same_images(grey, levels, tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for path, image in zip(paths, levels, strict=True):
        path.write_bytes(png(image))
    pixels = levels[..., np.newaxis] / np.float32(255)
    for name in ("encode", "reconstruct"):  # which the server decodes, and which the client does
        expected = getattr(grey, name)(pixels)
        for x in (levels, paths, [str(path) for path in paths], [png(image) for image in levels], list(pixels)):
            assert_answers(getattr(grey, name)(x), expected)
    assert_answers(grey.encode(paths[1]), {k: v[1:2] for k, v in grey.encode(pixels).items()})


def test_files_are_sent_as_files_where_the_server_decodes_them(server, levels, monkeypatch):
    with Client(server.rest, "images") as client:
        asked, predict = [], client._batches.transport.predict
        monkeypatch.setattr(client._batches.transport, "predict", lambda *a: asked.append(a[0]) or predict(*a))
        client.score([png(image) for image in levels])
        client.score(levels)
    assert asked == ["score_bytes", "score"]


def test_a_colour_file_becomes_grey_for_a_model_of_grey_images(grey, levels):
    colours = np.repeat(levels[0][..., np.newaxis], 3, axis=-1)
    found = grey.reconstruct([png(colours), png(levels[0])])["reconstructions"]
    np.testing.assert_allclose(found[0], found[1], **ROUNDING)


def test_the_condition_goes_with_every_row_or_is_one_for_all(url, conditional_vae, images):
    rows = np.eye(4, dtype="float32")[[0, 3, 3]]
    with Client(url, "conditional", batch_size=2) as client:
        found = client.encode(images, condition=rows)["z_mean"]
        expected = conditional_vae.given({"condition": tf.constant(rows)}).code(images).numpy()
        np.testing.assert_allclose(found, expected, **ROUNDING)
        np.testing.assert_allclose(client.encode(images, condition=rows[1])["z_mean"][1:], expected[1:], **ROUNDING)
        assert client.sample(3, condition=[0, 1, 0, 0])["images"].shape == (3, 8, 8, 1)
        with pytest.raises(ConfigError, match="give `condition`, 4 numbers"):
            client.encode(images)
        with pytest.raises(DataError, match=r"\[3, 4\] or \[4\].*\[3, 3\]"):
            client.encode(images, condition=rows[:, :3])


def test_a_table_is_asked_by_columns_with_gaps_and_answers_columns(url):
    rows = {"age": [31.5, None, float("nan")], "vip": [1, None, 0], "kind": ["b\u00e9e", "", None], "more": [7, 8, 9]}
    with Client(url, "table") as client:
        found = client.reconstruct(rows)
        assert found["age"][0] == 31.5
        assert found["kind"][0] == "b\u00e9e"
        assert set(found["kind"]) <= {"ant", "b\u00e9e", "cat"}
        assert np.isfinite(found["age"]).all()
        assert found["vip"].dtype == "int64"
        frame = pd.DataFrame(rows)
        np.testing.assert_allclose(
            client.score(frame)["negative_elbo"], client.score(rows)["negative_elbo"], **ROUNDING
        )
        texts = {"age": ["31.5", "", ""], "vip": ["1", "", "0"], "kind": ["b\u00e9e", "", ""]}
        np.testing.assert_array_equal(client.encode(texts)["z_mean"], client.encode(rows)["z_mean"])
        assert set(client.sample(8)["kind"]) <= {"ant", "b\u00e9e", "cat"}


WRONG = [
    (lambda c: c.encode(np.zeros((2, 8, 7))), DataError, r"8 x 8 x 1.*\[2, 8, 7\]"),
    (lambda c: c.encode([np.zeros((8, 8)), np.zeros((8, 9))]), DataError, "different shapes"),
    (lambda c: c.encode(np.zeros((8, 8), "int64")), DataError, "uint8, from 0 to 255, or floats"),
    (lambda c: c.encode(np.full((8, 8), "a")), DataError, "must be numbers"),
    (lambda c: c.encode("no_such.png"), DataError, "no_such.png cannot be read: No such file"),
    (lambda c: c.encode(b"text"), DataError, "is no image"),
    (lambda c: c.encode(png(np.zeros((8, 9), "uint8"))), DataError, "9 x 8 pixels, and the model takes 8 x 8"),
    (lambda c: c.reconstruct(png(np.zeros((8, 8), "uint16"))), DataError, "more than 8 bits"),
    (lambda c: c.reconstruct(png(np.zeros((8, 8), "uint8"))[:-30]), DataError, "The file is no image .* or a damaged"),
    (lambda c: c.decode(np.zeros((2, 4))), DataError, r"\[B, 3\].*\[2, 4\]"),
    (lambda c: c.encode(np.zeros((8, 8)), condition=[1]), ConfigError, "not conditional"),
    (lambda c: c.classify(np.zeros((8, 8))), ConfigError, "no signature `classify`. It has decode, encode"),
    (lambda c: c.sample(-1), ConfigError, "must not be negative"),
    (lambda c: c.sample(2, seed=2**63 - 1), ConfigError, "64 bits"),
    (lambda c: c.predict("encode", {"image": np.zeros((1, 8, 8, 1))}), ConfigError, r"takes \['images'\]"),
    (lambda c: c.predict("encode", {"images": np.zeros((1, 8, 8))}), DataError, r"\[B, 8, 8, 1\].*\[1, 8, 8\]"),
    (lambda c: c.predict("decode", {"z": [["a", "b", "c"]]}), DataError, "`z` must be float32"),
]


@pytest.mark.parametrize(("ask", "error", "message"), WRONG)
def test_what_the_model_cannot_take_is_told_before_anything_is_sent(server, monkeypatch, ask, error, message):
    with Client(server.rest, "images") as client:
        assert client.signatures
        monkeypatch.setattr(client._batches.transport, "predict", lambda *_: pytest.fail("a request was sent"))
        with pytest.raises(error, match=message):
            ask(client)


def test_columns_that_are_missing_or_wrong_are_named(server):
    with Client(server.rest, "table") as client:
        with pytest.raises(DataError, match=r"missing: \['kind', 'vip'\]"):
            client.encode({"age": [1.0]})
        with pytest.raises(DataError, match="Column `age`"):
            client.encode({"age": ["old"], "vip": [1], "kind": [""]})
        with pytest.raises(DataError, match=r"same number of rows. Received: \{.*'age': 2"):
            client.encode({"age": [1, 2], "vip": [1], "kind": [""]})
        with pytest.raises(DataError, match=r"takes columns, .*\['age', 'kind', 'vip'\]"):
            client.encode(np.zeros((2, 3)))


def test_the_metadata_is_asked_for_once(server, monkeypatch):
    with Client(server.rest, "images") as client:
        asked, attempt = [], client._batches.transport._attempt
        monkeypatch.setattr(client._batches.transport, "_attempt", lambda *a: asked.append(a[:2]) or attempt(*a))
        client.sample(1)
        client.sample(1)
    assert asked == [("GET", "/v1/models/images/metadata"), *[("POST", "/v1/models/images:predict")] * 2]


def test_both_transports_say_the_same_of_a_model(server):
    for model in ("images", "conditional", "table"):
        with Client(server.rest, model) as rest, Client(server.grpc, model) as grpc:
            assert json.dumps(rest.signatures, default=str) == json.dumps(grpc.signatures, default=str)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"url": "localhost:8501"}, "http://HOST:PORT or grpc://HOST:PORT"),
        ({"url": "ftp://localhost"}, "http://HOST:PORT or grpc://HOST:PORT"),
        ({"url": "http://localhost:port"}, "http://HOST:PORT or grpc://HOST:PORT"),
        ({"version": 1, "label": "stable"}, "by `version` or by `label`"),
        ({"batch_size": 0}, "must be positive"),
        ({"timeout": 0}, "must be positive"),
        ({"ca_certificates": "nowhere.pem"}, "must be a PEM file"),
    ],
)
def test_wrong_arguments_are_told_at_once(arguments, message):
    with pytest.raises(ConfigError, match=message):
        Client(**{"url": "http://localhost:8501", "model": "digits", **arguments})
