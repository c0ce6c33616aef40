"""From JSON requests to tensors: each type, both forms, and the error of everything that does not fit."""

import base64
import json

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tensorflow.core.framework import types_pb2 as types
from tensorflow.core.protobuf.meta_graph_pb2 import TensorInfo

from tfvae.serving.server.errors import ServingError
from tfvae.serving.server.json_document import Document, parse
from tfvae.serving.server.json_tensor import COLUMN, ROW, read_inputs, signature_name, to_tensor

F, D, S, B, U8 = types.DT_FLOAT, types.DT_DOUBLE, types.DT_STRING, types.DT_BOOL, types.DT_UINT8
I8, I16, I32, I64, U32, U64 = (
    types.DT_INT8, types.DT_INT16, types.DT_INT32, types.DT_INT64, types.DT_UINT32, types.DT_UINT64,
)  # fmt: skip
NAN, INF = float("nan"), float("inf")
PLACE = "Failed to process element: "
IN_LIST = " of 'instances' list. Error: INVALID_ARGUMENT: "


def read(fields, **dtypes):
    """What `read_inputs` makes of a request with inputs of these types."""
    body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    return read_inputs(parse(body), {name: TensorInfo(dtype=dtype) for name, dtype in dtypes.items()})


def error_of(fields, **dtypes):
    with pytest.raises(ServingError) as error:
        read(fields, **dtypes)
    return error.value.code, error.value.message


TAKEN = [
    (F, [1, 2.5, -3], [1, 2.5, -3]),
    (F, 2**24 - 1, 2**24 - 1),
    (F, 16777216.0, 16777216.0),
    (F, [NAN, INF, -INF], [NAN, INF, -INF]),
    (F, 3, 3),
    (F, [], []),
    (F, [[], []], [[], []]),
    (F, [[1, 2], [3, 4]], [[1, 2], [3, 4]]),
    (D, [2**53 - 1, 1e308], [2**53 - 1, 1e308]),
    (I32, [2**31 - 1, -(2**31)], [2**31 - 1, -(2**31)]),
    (I8, [127, 300, -129], [127, 44, 127]),
    (I16, [40000], [-25536]),
    (U8, [255, 300, -1], [255, 44, 255]),
    (U32, [2**32 - 1], [2**32 - 1]),
    (I64, [2**63 - 1, -(2**63)], [2**63 - 1, -(2**63)]),
    (U64, [2**64 - 1, 0], [2**64 - 1, 0]),
    (B, [True, False], [True, False]),
    (S, ["a", "\u00e9", ""], [b"a", "\u00e9".encode(), b""]),
    (S, {"b64": "gID/"}, b"\x80\x80\xff"),
    (S, [{"b64": ""}, {"b64": "QQ=="}, {"b64": "QQ"}, {"b64": "Q Q\n=="}], [b"", b"A", b"A", b"A"]),
    (S, [["a"], [{"b64": "QUI="}]], [[b"a"], [b"AB"]]),
]


@pytest.mark.parametrize(("dtype", "value", "expected"), TAKEN)
def test_a_value_that_its_type_takes(dtype, value, expected):
    array = read({COLUMN: value}, x=dtype)[0]["x"]
    np.testing.assert_array_equal(array, np.array(expected, object if dtype == S else None))
    assert tf.as_dtype(array.dtype) == tf.as_dtype(dtype)


REFUSED = [
    (F, "abc", '"abc" Type: String is not of expected type: float'),
    (F, None, "null Type: Null is not of expected type: float"),
    (F, True, "true Type: True is not of expected type: float"),
    (F, [1.5, False], "false Type: False is not of expected type: float"),
    (F, {"b64": "QQ=="}, '{"b64": "QQ=="} Type: Object is not of expected type: float'),
    (F, [{"y": 1}], '{"y": 1} Type: Object is not of expected type: float'),
    (D, "1", '"1" Type: String is not of expected type: double'),
    (I32, 1.0, "1.0 Type: Number is not of expected type: int32"),
    (I32, 2**31, "2147483648 Type: Number is not of expected type: int32"),
    (I8, 1e2, "100.0 Type: Number is not of expected type: int8"),
    (I16, [2, "a"], '"a" Type: String is not of expected type: int16'),
    (U8, 2**31, "2147483648 Type: Number is not of expected type: uint8"),
    (U32, -1, "-1 Type: Number is not of expected type: uint32"),
    (U32, 2**32, "4294967296 Type: Number is not of expected type: uint32"),
    (I64, 2**63, "9223372036854775808 Type: Number is not of expected type: int64"),
    (U64, -1, "-1 Type: Number is not of expected type: uint64"),
    (B, 1, "1 Type: Number is not of expected type: bool"),
    (S, 1, "1 Type: Number is not of expected type: string"),
    (S, True, "true Type: True is not of expected type: string"),
    (S, [{"b64": 1}], '{"b64": 1} not formatted correctly for base64 data'),
    (S, [{"b64": "QQ==", "a": 1}], '{"b64": "QQ==", "a": 1} not formatted correctly for base64 data'),
    (F, [[1], 2], "2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2"),
]


@pytest.mark.parametrize(("dtype", "value", "text"), REFUSED)
def test_a_value_that_its_type_refuses(dtype, value, text):
    assert error_of({COLUMN: value if isinstance(value, list) else [value]}, x=dtype) == (
        "INVALID_ARGUMENT",
        f"JSON Value: {text}",
    )


OTHER_ERRORS = [
    (F, 2**24, "Cannot convert JSON value: 16777216 to float without loss of precision."),
    (F, 1e39, "Cannot convert JSON value: 1e+39 to float without loss of precision."),
    (D, 2**53, "Cannot convert JSON value: 9007199254740992 to double without loss of precision."),
    (S, {"b64": "!!"}, "Unable to base64 decode"),
    (S, {"b64": "_-8="}, "Unable to base64 decode"),  # the web-safe alphabet
    (S, {"b64": "QQ="}, "Unable to base64 decode"),
    (F, [[1, 2], [3]], "Encountered list at unexpected size: 1 at level: 1 expected size: 2"),
    (F, [1, [2]], "Encountered list at unexpected level: 1 expected < 1"),
]


@pytest.mark.parametrize(("dtype", "value", "text"), OTHER_ERRORS)
def test_other_errors_of_values(dtype, value, text):
    fields = {COLUMN: value}
    assert error_of(fields, x=dtype) == ("INVALID_ARGUMENT", text)


@pytest.mark.parametrize("dtype", [types.DT_HALF, types.DT_BFLOAT16, types.DT_COMPLEX64])
def test_a_type_without_conversion_is_unimplemented(dtype):
    name = types.DataType.Name(dtype)[3:].lower()
    assert error_of({COLUMN: 1}, x=dtype) == ("UNIMPLEMENTED", f"Conversion of JSON Value: 1 to type: {name}")
    in_list = f"{PLACE}0 of 'instances' list. Error: UNIMPLEMENTED: Conversion of JSON Value: 1 to type: {name}"
    assert error_of({ROW: [1]}, x=dtype) == ("INVALID_ARGUMENT", in_list)  # rows wrap every error into this one


ROWS = [
    ([1, 2], {"x": F}, {"x": [1, 2]}),
    ([[1], [2]], {"x": F}, {"x": [[1], [2]]}),
    ([{"x": 1}, {"x": 2}], {"x": F}, {"x": [1, 2]}),
    ([{"x": [1], "y": 2}, {"y": 4, "x": [3]}], {"x": F, "y": I64}, {"x": [[1], [3]], "y": [2, 4]}),
    ([{"x": "a", "y": 2}, {"x": {"b64": "Yg=="}, "y": 3}], {"x": S, "y": F}, {"x": [b"a", b"b"], "y": [2, 3]}),
    ([{"b64": "YQ=="}, {"b64": "Yg=="}, "c"], {"x": S}, {"x": [b"a", b"b", b"c"]}),
    (["a", {"b64": "Yg=="}], {"x": S}, {"x": [b"a", b"b"]}),
    ([{"x": {"b64": "YQ=="}}], {"x": S}, {"x": [b"a"]}),
    ([[True], [False]], {"x": B}, {"x": [[True], [False]]}),
]


@pytest.mark.parametrize(("instances", "dtypes", "expected"), ROWS)
def test_rows(instances, dtypes, expected):
    arrays, form = read({ROW: instances}, **dtypes)
    assert form == ROW
    assert {name: array.tolist() for name, array in arrays.items()} == expected


PLAIN = "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
ROW_ERRORS = [
    ([1, 2], {"x": F, "y": F}, PLAIN + "tensorinfo_map"),
    ([[1, 2], [3]], {"x": F}, f"{PLACE}1{IN_LIST}Expecting tensor size: 2 but got: 1"),
    ([[[1, 2]], [[3], [4]]], {"x": F}, f"{PLACE}1{IN_LIST}Expecting shape [1,2] but got: [2,1]"),
    ([1, "a"], {"x": F}, f'{PLACE}1{IN_LIST}JSON Value: "a" Type: String is not of expected type: float'),
    ([{"z": 1}], {"x": F}, f"{PLACE}0 key: z{IN_LIST}JSON object: does not have named input: z"),
    (
        [{"x": 1, "y": "a"}], {"x": F, "y": F},
        f'{PLACE}0 key: y{IN_LIST}JSON Value: "a" Type: String is not of expected type: float',
    ),
    (
        [{"x": 1, "y": 1}, {"x": 1}], {"x": F, "y": F},
        f"{PLACE}1 of 'instances' list. JSON object: {{\"x\": 1}} keys must be equal to: x,y",
    ),
    ([{"x": 1}, [1]], {"x": F}, "Expecting object but got list at item 1 of input list"),
    ([[1], {"x": 1}], {"x": F}, "Expecting value/list but got object at item 1 of input list"),
    ([{"x": 1}, {"b64": "YQ=="}], {"x": S}, f"{PLACE}0 key: x{IN_LIST}JSON Value: 1 Type: Number is not of expected "
     "type: string"),
    ([{"x": "a"}, {"b64": "YQ=="}], {"x": S}, "Expecting object but got list at item 1 of input list"),
]  # fmt: skip


@pytest.mark.parametrize(("instances", "dtypes", "text"), ROW_ERRORS)
def test_errors_of_rows(instances, dtypes, text):
    assert error_of({ROW: instances}, **dtypes) == ("INVALID_ARGUMENT", text)


COLUMNS = [
    ([[1], [2]], {"x": F}, {"x": [[1], [2]]}),
    ({"x": 5}, {"x": F}, {"x": 5}),
    ({"x": [1, 2], "y": [[3]], "z": "ignored"}, {"x": F, "y": F}, {"x": [1, 2], "y": [[3]]}),
    ({"b64": "YQ=="}, {"x": S}, {"x": b"a"}),
    ({"x": {"b64": "YQ=="}}, {"x": S}, {"x": b"a"}),
]


@pytest.mark.parametrize(("inputs", "dtypes", "expected"), COLUMNS)
def test_columns(inputs, dtypes, expected):
    arrays, form = read({COLUMN: inputs}, **dtypes)
    assert form == COLUMN
    assert {name: array.tolist() for name, array in arrays.items()} == expected


BOTH = "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
FORM_ERRORS = [
    ({"signature_name": "x"}, {"x": F}, "Missing 'inputs' or 'instances' key"),
    ({ROW: [1], COLUMN: [1]}, {"x": F}, f'JSON Value: {{"instances": [1], "inputs": [1]}} {BOTH}'),
    ({ROW: 1}, {"x": F}, "JSON Value: {\"instances\": 1} Excepting 'instances' to be an list/array"),
    ({ROW: {}}, {"x": F}, "JSON Value: {\"instances\": {}} Excepting 'instances' to be an list/array"),
    ({ROW: []}, {"x": F}, "JSON Value: {\"instances\": []} No values in 'instances' array"),
    ({COLUMN: {"y": 1}}, {"x": F}, "Missing named input: x in 'inputs' object."),
    ({COLUMN: {}}, {"x": F}, "Missing named input: x in 'inputs' object."),
    (
        {COLUMN: [1]}, {"x": F, "y": F},
        "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
        "tensorinfo_map",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "dtypes", "text"), FORM_ERRORS)
def test_errors_of_the_form(fields, dtypes, text):
    assert error_of(fields, **dtypes) == ("INVALID_ARGUMENT", text)


@pytest.mark.parametrize("name", [1, None, ["serving_default"], {}])
def test_a_signature_name_is_a_string(name):
    with pytest.raises(ServingError, match=r"'signature_name' key must be a string value\."):
        signature_name(Document({"signature_name": name}, True))


def test_a_missing_signature_name_is_the_default():
    assert signature_name(Document({}, True)) == ""


def test_a_rank_beyond_the_limit_is_refused():
    value = 1.0
    for _ in range(200):
        value = [value]
    assert error_of({COLUMN: value}, x=F)[0] == "INVALID_ARGUMENT"


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.sampled_from([F, D, I32, I64, U8, U64]),
    st.recursive(
        st.integers(-(2**70), 2**70) | st.floats() | st.booleans() | st.none() | st.text(max_size=2),
        lambda values: st.lists(values, max_size=3),
    ),
)
def test_arrays_of_numbers_are_read_as_their_elements_are(dtype, value):
    """The fast way gives what the slow one gives, or leaves the value to it."""
    document = parse(json.dumps({"a": value}).encode())
    assert outcome(document.fields["a"], dtype, document.has_booleans) == outcome(document.fields["a"], dtype, True)


def outcome(value, dtype, has_booleans):
    try:
        array = to_tensor(value, dtype, has_booleans)
    except ServingError as error:
        return error.code, error.message
    return array.dtype, array.shape, array.tobytes()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(hnp.arrays(np.float32, hnp.array_shapes(max_dims=3, max_side=4), elements=st.floats(width=32)))
def test_every_float32_survives_json(array):
    text = json.dumps({COLUMN: array.tolist()}).encode()
    np.testing.assert_array_equal(read(text, x=F)[0]["x"], array)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.binary(max_size=20))
def test_base64_is_the_standard_one(data):
    assert read({COLUMN: {"b64": base64.b64encode(data).decode()}}, x=S)[0]["x"] == data
