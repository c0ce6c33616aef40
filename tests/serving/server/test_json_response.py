"""From tensors to JSON answers."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tfvae.serving.server import json_response
from tfvae.serving.server.errors import ServingError

NAN, INF = float("nan"), float("inf")


def strings(*values):
    array = np.empty(len(values), object)
    array[:] = values
    return array


COLUMN_ANSWERS = [
    (np.float32([1, 2.5]), b"[1.0,2.5]"),
    (np.float32([0.1, 1 / 3, 16777216]), b"[0.1,0.33333334,16777216.0]"),
    (np.float64([0.1, 1 / 3]), b"[0.1,0.3333333333333333]"),
    (np.float32([NAN, INF, -INF, 0]), b"[NaN,Infinity,-Infinity,0.0]"),
    (np.array(NAN, np.float32), b"NaN"),
    (np.array(3, np.float32), b"3.0"),
    (np.int8([-128, 127]), b"[-128,127]"),
    (np.int16([-1]), b"[-1]"),
    (np.int32([7]), b"[7]"),
    (np.int64([2**63 - 1]), b"[9223372036854775807]"),
    (np.uint8([0, 255]), b"[0,255]"),
    (np.uint32([2**32 - 1]), b"[4294967295]"),
    (np.uint64([2**64 - 1]), b"[18446744073709551615]"),
    (np.array([True, False]), b"[true,false]"),
    (strings(b"a", '"\u00e9\n'.encode()), '["a","\\"\u00e9\\n"]'.encode()),
    (strings(b"\xff\x00"), b'["\xff\\u0000"]'),
    (np.array(b"a", object), b'"a"'),
    (np.zeros((2, 0), np.float32), b"[[],[]]"),
    (np.zeros((0, 2), np.float32), b"[]"),
    (np.float32([[1], [2]]).T, b"[[1.0,2.0]]"),
]


@pytest.mark.parametrize(("array", "text"), COLUMN_ANSWERS)
def test_one_output_stands_alone(array, text):
    assert json_response.columns({"y": array}) == b'{"outputs": %b}' % text


def test_bytes_are_base64_by_the_name_of_their_output():
    assert json_response.columns({"image_bytes": strings(b"\xff")}) == b'{"outputs": [{"b64":"/w=="}]}'
    assert json_response.predictions({"image_bytes": strings(b"a")}) == b'{"predictions": [{"b64":"YQ=="}]}'
    assert json_response.columns({"n_bytes": np.int32([1])}) == b'{"outputs": [1]}'


def test_several_outputs_are_named():
    outputs = {"a": np.float32([1, 2]), "b": np.float32([[3], [4]])}
    assert json_response.columns(outputs) == b'{"outputs": {"a":[1.0,2.0],"b":[[3.0],[4.0]]}}'
    assert json_response.predictions(outputs) == b'{"predictions": [{"a":1.0,"b":[3.0]},{"a":2.0,"b":[4.0]}]}'


def test_a_row_is_an_element():
    assert json_response.predictions({"y": np.float32([[1], [2]])}) == b'{"predictions": [[1.0],[2.0]]}'


def test_numbers_that_are_not_finite_keep_their_places_among_strings_and_rows():
    outputs = {
        "a": np.float32([[NAN, 1], [INF, -INF]]),
        "b": strings(b"null", b'"null\\'),
        "c": np.float64([-INF, NAN]),
        "d_bytes": strings(b"null", b""),
    }
    assert json_response.predictions(outputs) == (
        b'{"predictions": [{"a":[NaN,1.0],"b":"null","c":-Infinity,"d_bytes":{"b64":"bnVsbA=="}},'
        b'{"a":[Infinity,-Infinity],"b":"\\"null\\\\","c":NaN,"d_bytes":{"b64":""}}]}'
    )


def error_of(write, outputs):
    with pytest.raises(ServingError) as error:
        write(outputs)
    assert error.value.code == "INVALID_ARGUMENT"
    return error.value.message


ERRORS = [
    (json_response.predictions, {"y": np.float32(1) + np.zeros(())}, "Tensor name: y has no shape information "),
    (
        json_response.predictions, {"a": np.zeros(2), "b": np.zeros(3)},
        "Tensor name: b has inconsistent batch size: 3 expecting: 2",
    ),
    (json_response.columns, {"y": np.zeros(1, np.float16)}, "Failed to write JSON value for tensor type: half"),
    (json_response.predictions, {"y": np.zeros(1, np.float16)}, "Failed to write JSON value for tensor type: half"),
    (json_response.columns, {"y": np.zeros(1, np.complex64)}, "Failed to write JSON value for tensor type: complex64"),
    (json_response.columns, {}, "Cannot convert empty tensor map to JSON"),
]  # fmt: skip


@pytest.mark.parametrize(("write", "outputs", "text"), ERRORS)
def test_what_json_has_no_form_for(write, outputs, text):
    assert error_of(write, outputs) == text


def test_classifications_are_pairs():
    labels, scores = np.array([[b"a", b"b"]], object), np.float32([[0.5, NAN]])
    assert json_response.classifications(labels, scores) == b'{"results": [[["a",0.5],["b",NaN]]]}'
    assert json_response.classifications(None, scores[:, :1]) == b'{"results": [[["",0.5]]]}'
    assert json_response.classifications(labels, None) == b'{"results": [[["a",0.0],["b",0.0]]]}'


def test_regressions_are_numbers():
    assert json_response.regressions(np.float32([1, INF])) == b'{"results": [1.0,Infinity]}'


def test_an_error_is_no_longer_than_needed():
    assert len(json_response.error("n" * 10**6)) < 17_000


def test_an_error_is_one_string():
    assert json_response.error('a "b"\n\udcff') == b'{ "error": "a \\"b\\"\\n?" }'


@settings(max_examples=100, deadline=None, derandomize=True)
@given(hnp.arrays(np.float32, hnp.array_shapes(max_dims=3, max_side=4), elements=st.floats(width=32)))
def test_every_float32_comes_back(array):
    decoded = json.loads(json_response.columns({"y": array}))["outputs"]
    np.testing.assert_array_equal(np.float32(decoded), array)
