"""Warm-up files: what is replayed, what is refused, and that a version waits for its own."""

import gzip
import shutil

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from tfvae.serving.server.batching_parameters import BatchingParameters
from tfvae.serving.server.core_options import CoreOptions
from tfvae.serving.server.errors import ServingError
from tfvae.serving.server.loader import Loader
from tfvae.serving.server.servable import Servable
from tfvae.serving.server.warmup import FILE, warm_up

BATCHED = CoreOptions(batching_parameters=BatchingParameters(max_batch_size=4))


@pytest.fixture
def model(half_plus_two, base_path):
    return half_plus_two(base_path, 1)


def path_of(model):
    (model / FILE).parent.mkdir(exist_ok=True)
    return model / FILE


def write(model, *records):
    with tf.io.TFRecordWriter(str(path_of(model))) as writer:
        for record in records:
            writer.write(record if isinstance(record, bytes) else record.SerializeToString())


def predict(x=(1.0,), signature="", name="", outputs=(), dtype="float32"):
    log = PredictionLog()
    request = log.predict_log.request
    request.model_spec.name, request.model_spec.signature_name = name, signature
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.asarray(x, dtype)))
    request.output_filter.extend(outputs)
    return log


def of_examples(kind, signature, num_examples=1):
    log = PredictionLog()
    request = getattr(log, kind).request
    request.model_spec.signature_name = signature
    for _ in range(num_examples):
        example = request.input.example_list.examples.add()
        example.features.feature["x"].float_list.value.append(1.0)
    return log


def several(*tasks):
    log = PredictionLog()
    request = log.multi_inference_log.request
    for signature, method in tasks:
        request.tasks.add(method_name=f"tensorflow/serving/{method}").model_spec.signature_name = signature
    example = request.input.example_list.examples.add()
    example.features.feature["x"].float_list.value.append(1.0)
    return log


def streamed():
    log = PredictionLog()
    log.predict_streamed_log.request.add()
    return log


def session_run():
    log = PredictionLog()
    log.session_run_log.request.feed.add()
    return log


def no_input():
    log = PredictionLog()
    log.predict_log.request.model_spec.signature_name = "serving_default"
    return log


ACCEPTED = [
    [],
    [predict()],
    [predict(), predict([1.0, 2.0])],
    [predict([[1.0], [2.0]])],
    [predict([])],
    [predict(signature="serving_default")],
    [predict(name="another model")],  # the name is not looked at
    [predict(outputs=["y"])],
    [of_examples("regress_log", "regress_x_to_y")],
    [of_examples("classify_log", "classify_x_to_y")],
    [of_examples("classify_log", "classify_x_to_sign", 3)],
    [several(("regress_x_to_y", "regress"))],
    [PredictionLog()],  # no log in it: skipped
    [predict(), PredictionLog(), predict()],
    [predict()] * 1000,
]


@pytest.mark.parametrize("records", ACCEPTED, ids=range(len(ACCEPTED)))
def test_a_file_is_replayed(model, records):
    write(model, *records)
    loaded = Loader(CoreOptions()).load("m", 1, model)
    assert loaded.warmup_seconds > 0
    assert loaded.servable.run("", {"x": np.float32([1])})["y"].tolist() == [2.5]


REFUSED = [
    ([predict(signature="nope")], "FAILED_PRECONDITION", 'Serving signature key "nope" not found.'),
    ([predict(), predict(dtype="int64")], "INVALID_ARGUMENT", "Expects arg[0] to be float but int64 is provided"),
    ([no_input()], "INVALID_ARGUMENT", "input size does not match signature: 0!=1"),
    ([predict(outputs=["z"])], "INVALID_ARGUMENT", "output tensor alias not found in signature: z"),
    ([of_examples("regress_log", "nope")], "INVALID_ARGUMENT", "No signature was found with the name: nope"),
    ([of_examples("regress_log", "regress_x_to_y", 0)], "INVALID_ARGUMENT", "Input is empty."),
    ([of_examples("regress_log", "serving_default")], "FAILED_PRECONDITION", "No regression inputs found"),
    ([of_examples("classify_log", "serving_default")], "FAILED_PRECONDITION", "No classification inputs found"),
    ([several(("nope", "regress"))], "INVALID_ARGUMENT", "Requested signature not found in model graph: nope"),
    ([several(("regress_x_to_y", "predict"))], "UNIMPLEMENTED", "Unsupported signature method_name"),
    (
        [several(("regress_x_to_y", "regress"), ("classify_x_to_y", "classify"))],
        "INVALID_ARGUMENT",
        "Input tensor must be the same for all Signatures.",  # never so in what TF2 saves
    ),
    ([streamed()], "UNIMPLEMENTED", "Unsupported log_type for warmup: 7"),
    ([session_run()], "UNIMPLEMENTED", "Unsupported log_type for warmup: 5"),
    ([predict(), session_run()], "UNIMPLEMENTED", "Unsupported log_type for warmup: 5"),
    ([b"\xff\xff\xff"], "INVALID_ARGUMENT", "Failed to parse warmup record"),
    ([predict()] * 1001, "INVALID_ARGUMENT", "Number of warmup records exceeds the maximum (1000)"),
    ([PredictionLog()] * 1001, "INVALID_ARGUMENT", "Number of warmup records exceeds the maximum (1000)"),
]


@pytest.mark.parametrize(("records", "code", "text"), REFUSED, ids=range(len(REFUSED)))
def test_a_record_that_fails_fails_the_load(model, records, code, text):
    write(model, *records)
    with pytest.raises(ServingError) as caught:
        Loader(CoreOptions()).load("m", 1, model)
    assert caught.value.code == code
    assert caught.value.message.startswith(text)


def intact_bytes(model):
    write(model, predict(), predict())
    return path_of(model).read_bytes()


HEADER = 12  # bytes: the length of a record and its checksum
NOT_RECORDS = [
    (lambda content: b"this is not a file of records at all", "corrupted record at 0"),
    (lambda content: gzip.compress(content), "corrupted record at 0"),
    (lambda content: content[:-5], "truncated record at "),
    (lambda content: content + HEADER * b"x", "corrupted record at "),
    (lambda content: bytes([content[0] ^ 1]) + content[1:], "corrupted record at 0"),
    (lambda content: content[:HEADER] + bytes([content[HEADER] ^ 1]) + content[HEADER + 1 :], "corrupted record at 12"),
]


@pytest.mark.parametrize(("change", "text"), NOT_RECORDS, ids=range(len(NOT_RECORDS)))
def test_a_file_that_is_not_of_records_is_data_loss(model, change, text):
    path_of(model).write_bytes(change(intact_bytes(model)))
    with pytest.raises(ServingError) as caught:
        Loader(CoreOptions()).load("m", 1, model)
    assert caught.value.code == "DATA_LOSS"
    assert caught.value.message.startswith(text)
    assert caught.value.message.endswith(". Please verify your warmup data is in TFRecord format.")
    assert str(model) not in caught.value.message


@pytest.mark.parametrize("rest", [b"\x00", (HEADER - 1) * b"x"])
def test_less_than_a_header_ends_a_file_as_for_every_reader_of_tensorflow(model, rest):
    path_of(model).write_bytes(intact_bytes(model) + rest)
    assert warm_up(Servable("m", 1, model), model, Servable.run) == 2


def test_without_a_file_there_is_no_warm_up(model):
    assert Loader(CoreOptions()).load("m", 1, model).warmup_seconds is None


def test_it_can_be_switched_off(model):
    path_of(model).write_bytes(b"rubbish")
    assert Loader(CoreOptions(enable_model_warmup=False)).load("m", 1, model).warmup_seconds is None


@pytest.mark.parametrize("iterations", [1, 3])
def test_each_record_is_replayed_so_many_times_in_order(model, iterations):
    write(model, predict([1.0]), predict([2.0]))
    seen = []

    def run(servable, signature_key, inputs, output_names):
        seen.append((signature_key, inputs["x"].tolist()))
        return servable.run(signature_key, inputs, output_names)

    assert warm_up(Servable("m", 1, model), model, run, iterations) == 2
    assert seen == [("serving_default", [1.0])] * iterations + [("serving_default", [2.0])] * iterations


# With batching on, the records go through the batching session, and so through its rules.
UNBATCHABLE = [
    (predict(1.0), "INVALID_ARGUMENT", "Batching Run() input tensors must have at least one dimension"),
    (predict([1.0] * 5), "INVALID_ARGUMENT", "Task size 5 is larger than maximum input batch size 4"),
]


@pytest.mark.parametrize(("record", "code", "text"), UNBATCHABLE, ids=range(len(UNBATCHABLE)))
def test_with_batching_a_record_must_be_batchable(model, record, code, text):
    write(model, record)
    assert Loader(CoreOptions()).load("m", 1, model).servable
    with pytest.raises(ServingError) as caught:
        Loader(BATCHED).load("m", 1, model)
    assert (caught.value.code, caught.value.message) == (code, text)


def test_the_warm_up_of_our_exports_is_replayed_with_and_without_batching(vae_export):
    """Each of our signatures is batchable, which the contract asks of every one."""
    for options in (CoreOptions(), CoreOptions(batching_parameters=BatchingParameters())):
        assert Loader(options).load("vae", 1, vae_export).warmup_seconds > 0


def test_a_version_whose_warm_up_fails_never_becomes_available(with_core, half_plus_two, base_path):
    half_plus_two(base_path, 1)

    async def scenario(core):
        bad = half_plus_two(base_path.parent, 2)
        write(bad, predict(signature="nope"))
        shutil.move(bad, base_path / "2")
        await core.until(lambda: core.states().get(2) == "END")
        text = 'Serving signature key "nope" not found.'
        assert core.statuses("m") == [(2, "END", "FAILED_PRECONDITION", text), (1, "AVAILABLE", "OK", "")]
        assert await core.y([1]) == [2.5]

    with_core(scenario, base_path, max_num_load_retries=0)
