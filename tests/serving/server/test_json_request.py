"""JsonRequest: the fast way has the results and the errors of the rules, or is not taken."""

import json

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tensorflow.core.framework import types_pb2 as types
from tensorflow.core.protobuf.meta_graph_pb2 import TensorInfo

from tfvae.serving.server.errors import ServingError
from tfvae.serving.server.json_arrays import read_flat
from tfvae.serving.server.json_document import parse
from tfvae.serving.server.json_request import JsonRequest
from tfvae.serving.server.json_tensor import read_inputs, signature_name

FLAT = [
    (b'{"instances":[1]}', "", "instances", {None: [1]}),
    (b'{"inputs":[[1.5,-2e3],[0.25,4]]}', "", "inputs", {None: [[1.5, -2000], [0.25, 4]]}),
    (b' { "signature_name" : "a" , "instances" : [ [ 1 ] ,\n[ 2 ] ] } ', "a", "instances", {None: [[1], [2]]}),
    (b'{"instances":[[[1],[2]]],"signature_name":"a_b"}', "a_b", "instances", {None: [[[1], [2]]]}),
    (b'{"instances":[{"x":1}]}', "", "instances", {"x": [1]}),
    (b'{"instances":[{"x":[1],"y":-2},{"x":[3],"y":4}]}', "", "instances", {"x": [[1], [3]], "y": [-2, 4]}),
    (b'{"instances": [ { "y" : 2 , "x" : [ 1 ] } ] , "signature_name":"a"}', "a", "instances", {"y": [2], "x": [[1]]}),
    (b'{"inputs":{"x":[1,2]}}', "", "inputs", {"x": [1, 2]}),
    (b'{"signature_name":"a", "inputs" : { "x" : [[1]] , "y": [2.5,1] } }', "a", "inputs", {"x": [[1]], "y": [2.5, 1]}),
    (b'{"inputs":{"x":[1]},"signature_name":"a"}', "a", "inputs", {"x": [1]}),
]


@pytest.mark.parametrize(("body", "name", "form", "arrays"), FLAT)
def test_arrays_of_numbers_are_read_flat(body, name, form, arrays):
    flat = read_flat(body)
    assert (flat.signature_name, flat.form) == (name, form)
    assert {key: array.tolist() for key, array in flat.arrays.items()} == arrays


NOT_FLAT = [
    b"", b"{}", b"[1]", b'{"instances":1}', b'{"instances":[]}', b'{"instances":[[],[]]}', b'{"instances":[1,]}',
    b'{"instances":[1[,2]]}', b'{"instances":[[1]2,[3]]}', b'{"instances":[1 2]}', b'{"instances":[[1],2]}',
    b'{"instances":[[1],[2,3]]}', b'{"instances":[[1]],[[2]]}', b'{"instances":[NaN]}', b'{"instances":[true]}',
    b'{"instances":["1"]}', b'{"instances":[01]}', b'{"instances":[1.]}',
    b'{"instances":[1],"instances":[2]}', b'{"instances":[1],"inputs":[2]}', b'{"instances":[1]} trailing',
    b'{"signature_name":"a","instances":[1],"signature_name":"b"}', b'{"signature_name":"\\u0061","instances":[1]}',
    b'{"instances":[1]', b'{"instances":[1]]}', b'{"instances":' + b"[" * 33 + b"1" + b"]" * 33 + b"}",
    b'{"inputs":[{"x":1}]}', b'{"instances":{"x":[1]}}', b'{"inputs":{"x":1}}', b'{"inputs":{"x":[1],"x":[2]}}',
    b'{"inputs":{"x":[1],}}', b'{"inputs":{"x":[1]"y":[2]}}', b'{"inputs":{"x" [1]}}', b'{"inputs":{x:[1]}}',
    b'{"inputs":{"x":[1]}', b'{"inputs":{"x":[1]}}}', b'{"inputs":{"x":[1]},"instances":[1]}', b'{"inputs":{"x":"]"}}',
    b'{"instances":[{"x":1},{"y":1}]}', b'{"instances":[{"x":1,"y":2},{"y":3,"x":4}]}', b'{"instances":[{"x":1},2]}',
    b'{"instances":[{"x":1},{"x":1,"y":2}]}', b'{"instances":[{"x":1}{"x":2}]}', b'{"instances":[{"x":1},{"x":2},]}',
    b'{"instances":[{"x":1,"x":2}]}', b'{"instances":[{"x":[1]},{"x":2}]}', b'{"instances":[{"x":1,2},{"x":3}]}',
    b'{"instances":[{"x":[1,2]},{"x":[3]}]}', b'{"instances":[{"x":[1},{"x":2],[3,4]}]}', b'{"instances":[{}]}',
    b'{"instances":[{"x":[[1]},{"x":[2]],[[3],[4]]}]}', b'{"instances":[{"x":{"b64":"AA=="}}]}',
    b'{"instances":[{1,"x":1}]}', b'{"instances":[{,"x":1}]}', b'{"inputs":{1,"x":[1]}}', b'{"instances":[{"x":1},1]}',
    b'{"instances":[{"x":1}\x0c]}', b'{"instances":[{"x":1},\x0b{"x":1}]}',
    b'\x0b{"instances":[1]}', b'{"inputs":[1\x0c]}',
    b'{"instances":[{"x":1 1}]}', b'{"instances":[{"x":[1]},{"x":[2]}}]}',
    b'{"instances":[{"x":1},{"x":}]}', b'{"instances":[{"x":1,2},{"x":}]}', b'{"instances":[{"x":1}]]}',
]  # fmt: skip


@pytest.mark.parametrize("body", NOT_FLAT)
def test_anything_else_is_left_to_the_rules(body):
    assert read_flat(body) is None


def outcome(read):
    try:
        inputs, form = read()
    except ServingError as error:
        return error.code, error.message
    return form, {name: (array.dtype, array.shape, array.tobytes()) for name, array in inputs.items()}


def by_the_rules(body, signature_inputs):
    document = parse(body)
    signature_name(document)
    return read_inputs(document, signature_inputs)


ARRAYS = hnp.arrays(np.float64, hnp.array_shapes(max_dims=4, max_side=3), elements=st.floats(-1e9, 1e9)).map(
    np.ndarray.tolist
) | hnp.arrays(np.int64, hnp.array_shapes(max_dims=3, max_side=3)).map(np.ndarray.tolist)


ROWS = st.fixed_dictionaries({"x": ARRAYS, "seed": st.integers(-5, 5)})
VALUES = ARRAYS | st.lists(ROWS, min_size=1, max_size=3) | st.fixed_dictionaries({"x": ARRAYS, "seed": ARRAYS})
EQUAL_ROWS = ROWS.flatmap(lambda row: st.lists(st.just(row), min_size=1, max_size=3))


@st.composite
def damaged(draw):
    """The text of a request with up to two characters put in or taken out."""
    text = json.dumps({draw(st.sampled_from(["instances", "inputs"])): draw(VALUES | EQUAL_ROWS)})
    for _ in range(draw(st.integers(0, 2))):
        place, character = draw(st.integers(0, len(text))), draw(st.sampled_from(list('[],01.-e+ \n"{}tN')))
        text = text[:place] + character + text[place:] if draw(st.booleans()) else text[:place] + text[place + 1 :]
    return text.encode()


@settings(max_examples=600, deadline=None, derandomize=True)
@given(damaged(), st.sampled_from([types.DT_FLOAT, types.DT_UINT8, types.DT_INT64, types.DT_STRING]))
@example(b'{"instances": [1[,2]]}', types.DT_FLOAT)
@example(b'{"instances": [[1]2,[3]]}', types.DT_FLOAT)
@example(b'{"instances": [16777217]}', types.DT_FLOAT)
@example(b'{"instances": [300, -1]}', types.DT_UINT8)
@example(b'{"instances": [{"x": [[1], "seed": 1}, {"x": [2]],[[3],[4]], "seed": 2}]}', types.DT_FLOAT)
@example(b'{"inputs": {"x": [1], "seed": [1.5]}}', types.DT_FLOAT)
@example(b'{"inputs": {"x": [1], "other": [1], "seed": [2]}}', types.DT_FLOAT)
def test_the_fast_way_has_the_results_and_errors_of_the_rules(body, dtype):
    signature_inputs = {"x": TensorInfo(dtype=dtype)}
    if b"seed" in body:
        signature_inputs["seed"] = TensorInfo(dtype=types.DT_INT64)
    fast = outcome(lambda: JsonRequest(body).read_inputs(signature_inputs))
    assert fast == outcome(lambda: by_the_rules(body, signature_inputs))


def test_a_signature_of_two_inputs_has_its_own_error():
    with pytest.raises(ServingError, match="instances is a plain list, but expecting list of objects"):
        JsonRequest(b'{"instances":[1]}').read_inputs({"a": TensorInfo(dtype=1), "b": TensorInfo(dtype=1)})
