"""Arrays as JSON and back: every float32 unchanged, NaN too, and bytes in base64."""

import json

import numpy as np
import pytest

from tfvae.serving.client import json_format
from tfvae.serving.client.interface import Tensor


def sent(inputs):
    return json.loads(json_format.request_body("score", inputs))


def test_a_request_names_its_signature_and_its_columns():
    seeds = np.array([-(2**63), 2**63 - 1], "int64")
    assert sent({"seed": seeds}) == {"signature_name": "score", "inputs": {"seed": [-(2**63), 2**63 - 1]}}


def test_every_float32_is_read_as_the_same_float32():
    bits = np.random.default_rng(0).integers(0, 2**32, 100_000, "uint32")
    values = bits.view("float32")
    values = values[np.isfinite(values)]
    read = np.array(sent({"x": values})["inputs"]["x"], "float64").astype("float32")  # through double, as a server does
    np.testing.assert_array_equal(read.view("uint32"), values.view("uint32"))


def test_float32_takes_no_digits_that_it_does_not_have():
    assert b"[0.1,0.3]" in json_format.request_body("x", {"x": np.array([0.1, 0.3], "float32")})


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_what_json_has_no_word_for_is_written_and_read_as_tensorflow_serving_does(word):
    body = json_format.request_body("x", {"x": np.array([0.5, float(word)], "float32")})
    assert f"[0.5, {word}]".encode() in body
    np.testing.assert_array_equal(json_format.parse(body)["inputs"]["x"], [0.5, float(word)])


def test_bytes_are_wrapped_in_base64():
    files = np.empty(2, object)
    files[:] = [b"\x89PNG", b""]
    assert sent({"image_bytes": files})["inputs"]["image_bytes"] == [{"b64": "iVBORw=="}, {"b64": ""}]


def test_a_single_output_comes_without_its_name_and_several_with_theirs():
    float32 = Tensor(np.dtype("float32"), (None, 2))
    assert json_format.arrays([[1, 2]], {"z": float32})["z"].tolist() == [[1.0, 2.0]]
    both = json_format.arrays({"z": [[1, 2]], "y": [[3, 4]]}, {"y": float32, "z": float32})
    assert both["y"].dtype == "float32"
    assert both["y"].tolist() == [[3.0, 4.0]]


def test_only_outputs_that_are_named_bytes_are_unwrapped():
    text = Tensor(np.dtype(object), (None,))
    found = json_format.arrays({"png_bytes": [{"b64": "iVBORw=="}], "kind": ["b64"]}, {"png_bytes": text, "kind": text})
    assert found["png_bytes"].tolist() == [b"\x89PNG"]
    assert found["kind"].tolist() == ["b64"]


@pytest.mark.parametrize("value", [{"y": [1]}, [[1, 2], [3]], [["a"]], None])
def test_what_is_no_answer_is_an_error(value):
    outputs = {"z": Tensor(np.dtype("float32"), (None, 2)), "y": Tensor(np.dtype("float32"), (None,))}
    with pytest.raises((KeyError, TypeError, ValueError)):
        json_format.arrays(value, outputs)


def test_a_number_may_be_called_bytes():
    float32 = Tensor(np.dtype("float32"), (None,))
    found = json_format.arrays({"src_bytes": [1.5, 2.0], "z": [3.0, 4.0]}, {"src_bytes": float32, "z": float32})
    assert found["src_bytes"].tolist() == [1.5, 2.0]
