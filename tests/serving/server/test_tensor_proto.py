"""TensorProtos: what TensorFlow reads from ours, and what we read from TensorFlow's, is the same array."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework.tensor_pb2 import TensorProto

from tfvae.serving.server.errors import ServingError
from tfvae.serving.server.tensor_proto import to_array, to_proto

NAMES = ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
NAMES += ["bool"]
SHAPES = [(), (0,), (1,), (3, 0, 2), (2, 3), (31,), (32,), (1, 28, 28, 1), (70, 70)]  # lengths of one, two, three bytes


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("as_content", [False, True])
def test_arrays_go_out_and_come_in(name, shape, as_content):
    array = (100 * np.random.default_rng(0).random(shape)).astype(name)
    proto = TensorProto.FromString(to_proto(array, as_content).SerializeToString())
    for read in (tf.make_ndarray(proto), to_array("x", proto, 1 << 20)):
        assert read.dtype == array.dtype
        np.testing.assert_array_equal(read, array, strict=True)
    assert as_content or name == "float16" or not proto.tensor_content


def test_a_transposed_array_and_numbers_that_are_not_finite_keep_their_places():
    array = np.array([[np.nan, -np.inf, 1.0], [np.inf, -0.0, 2.0]], "float32").T
    np.testing.assert_array_equal(tf.make_ndarray(to_proto(array)), array)
    assert np.signbit(tf.make_ndarray(to_proto(array))[1, 1])


@pytest.mark.parametrize("content", [b"\0" * 3, b"\0" * 4, b"\0" * 12])
def test_content_that_does_not_fill_the_shape_is_refused(content):
    proto = TensorProto(dtype=1, tensor_shape={"dim": [{"size": 2}]}, tensor_content=content)
    with pytest.raises(ServingError) as caught:
        to_array("x", proto, 1 << 20)
    assert (caught.value.code, caught.value.message) == ("INVALID_ARGUMENT", "tensor parsing error: x")


@pytest.mark.parametrize("size", [-1, 1 << 40])
def test_a_shape_that_cannot_be_is_refused(size):
    proto = TensorProto(dtype=1, tensor_shape={"dim": [{"size": size}]}, float_val=[1.0])
    with pytest.raises(ServingError, match="tensor parsing error: x"):
        to_array("x", proto, 1 << 20)
