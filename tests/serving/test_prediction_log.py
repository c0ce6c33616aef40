"""Records of calls, against the real messages of tensorflow-serving-api."""

import numpy as np
import pytest
import tensorflow as tf

from tfvae.serving.standalone.prediction_log import Call, PredictionLog, read_calls, write_calls


@pytest.fixture
def call():
    inputs = {"seed": np.array([1, -2], "int64"), "image_bytes": np.array([b"a\x00", b"\xff"], object)}
    return Call("score_bytes", inputs, {"rate": np.array([0.5, 2.0], "float32")})


def test_a_call_survives_a_trip_through_a_file(call, tmp_path):
    write_calls(tmp_path / "log", [call, call])
    first, second = read_calls(tmp_path / "log")
    assert first.signature == second.signature == "score_bytes"
    for found, expected in ((first.inputs, call.inputs), (first.outputs, call.outputs)):
        assert set(found) == set(expected)
        assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_tensorflow_serving_reads_what_we_write(call, tmp_path):
    apis = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    write_calls(tmp_path / "log", [call])
    record = next(iter(tf.data.TFRecordDataset(str(tmp_path / "log")).as_numpy_iterator()))
    log = apis.PredictionLog.FromString(record).predict_log
    assert log.request.model_spec.signature_name == "score_bytes"
    assert {name: tf.make_ndarray(value).tolist() for name, value in log.request.inputs.items()} == {
        "seed": [1, -2],
        "image_bytes": [b"a\x00", b"\xff"],
    }
    assert tf.make_ndarray(log.response.outputs["rate"]).tolist() == [0.5, 2.0]


def test_we_read_what_tensorflow_serving_writes(tmp_path):
    apis = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    log = apis.PredictionLog()
    log.predict_log.request.model_spec.name = "vae"
    log.predict_log.request.model_spec.version.value = 3
    log.predict_log.request.inputs["x"].CopyFrom(tf.make_tensor_proto([1.0, 2.0]))
    with tf.io.TFRecordWriter(str(tmp_path / "log")) as writer:
        writer.write(log.SerializeToString())
    (found,) = read_calls(tmp_path / "log")
    assert found.signature == "serving_default" and found.inputs["x"].tolist() == [1.0, 2.0]


def test_a_file_that_is_no_tfrecord_is_refused(tmp_path):
    (tmp_path / "log").write_bytes(b"no records here, only text")
    with pytest.raises(ValueError, match="TFRecord"):
        read_calls(tmp_path / "log")


@pytest.mark.parametrize("record", [b"\xff\xff", PredictionLog().SerializeToString()])
def test_a_record_without_a_request_is_refused(tmp_path, record):
    with tf.io.TFRecordWriter(str(tmp_path / "log")) as writer:
        writer.write(record)
    with pytest.raises(ValueError, match="record 0"):
        read_calls(tmp_path / "log")
