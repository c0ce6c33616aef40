"""The check refuses each fault, and names it; `test_validation.py` runs the same check in a fresh process."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.serving.standalone.check import check
from tfvae.serving.standalone.prediction_log import Call, read_calls, write_calls

X = tf.TensorSpec([None, 4], "float32", "x")
ROWS = np.random.default_rng(0).random((3, 4)).astype("float32")


def problems(directory):
    return "\n".join(check(directory)["problems"])


def rewrite(directory, name, change):
    path = directory / "assets.extra" / name
    write_calls(path, change(read_calls(path)))


@pytest.mark.parametrize("export", ["binary_export", "grey_export"])
def test_a_good_export_has_no_problems(request, export):
    report = check(request.getfixturevalue(export))
    assert report["problems"] == []
    assert report["facts"]["num_warmup_requests"] == len(report["facts"]["signatures"]) == 9
    assert report["facts"]["largest_difference"] < 1e-4


def test_a_good_function_has_no_problems(export_function):
    assert check(export_function(lambda x: {"y": tf.reduce_sum(x, axis=1)}))["problems"] == []


def hold(model):
    module = tf.Module()
    module.model = model
    module.serve = tf.function(lambda x: {"y": model(x)}, input_signature=[X])
    return module, {"serving_default": module.serve}


@pytest.mark.parametrize("holder", [lambda model: (model, None), hold], ids=["keras", "module"])
def test_an_export_without_its_variables_is_refused(tmp_path, holder):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    saved, signatures = holder(model)
    tf.saved_model.save(saved, str(tmp_path), signatures=signatures)
    found = problems(tmp_path)
    assert "Could not find variable" in found
    assert "not made by `tfvae export`" in found


def test_a_jitted_function_is_refused(export_function):
    jitted = tf.function(lambda x: tf.sin(x) * 2, jit_compile=True)
    assert "_XlaMustCompile" in problems(export_function(lambda x: {"y": jitted(x)}))


def test_an_explicit_refusal_of_xla_is_no_problem(export_function):
    inner = tf.function(lambda x: tf.sin(x) * 2, jit_compile=False)
    assert problems(export_function(lambda x: {"y": inner(x)})) == ""


def test_a_call_into_python_is_refused(export_function):
    def through_python(x):
        return {"y": tf.ensure_shape(tf.numpy_function(lambda v: v, [x], tf.float32), [None, 4])}

    assert "calls Python" in problems(export_function(through_python))


def test_a_float16_output_is_refused(export_function):
    found = problems(export_function(lambda x: {"y": tf.cast(x, "float16")}))
    assert found == "Signature `serving_default`, output `y`: REST cannot carry float16."


def test_a_scalar_input_is_refused(export_function):
    specs = (X, tf.TensorSpec([], "float32", "scale"))
    directory = export_function(lambda x, scale: {"y": x * scale}, *specs, x=ROWS, scale=np.float32(2))
    assert "input `scale`: it is a scalar" in problems(directory)


def test_an_output_without_a_batch_axis_is_refused(export_function):
    assert "output `y`: it is a scalar" in problems(export_function(lambda x: {"y": tf.reduce_mean(x)}))


def test_a_fixed_batch_size_is_refused(export_function):
    directory = export_function(lambda x: {"y": x}, tf.TensorSpec([3, 4], "float32", "x"), x=ROWS)
    assert "batch size is fixed at 3" in problems(directory)


def test_an_output_with_fewer_rows_is_refused(export_function):
    assert "batch of 3: its shape is (2, 4)" in problems(export_function(lambda x: {"y": x[1:]}))


def test_rows_that_depend_on_the_batch_are_refused(export_function):
    found = problems(export_function(lambda x: {"y": x - tf.reduce_mean(x, axis=0)}))
    assert found.endswith("a row's answer depends on the other rows of the batch.")


def test_rows_that_depend_on_their_place_are_refused(export_function):
    def number(x):
        return {"y": x + tf.cast(tf.range(tf.shape(x)[0]), "float32")[:, tf.newaxis]}

    assert "depends on its place" in problems(export_function(number))


def test_noise_without_a_seed_is_refused(export_function):
    directory = export_function(lambda x: {"y": x + tf.random.normal(tf.shape(x))})
    assert "another answer the second time" in problems(directory)


def test_a_sample_that_ignores_its_seed_is_refused(export_function):
    seed = tf.TensorSpec([None], "int64", "seed")
    directory = export_function(lambda seed: {"z": tf.cast(seed > 5, "float32")}, seed, seed=np.arange(3))
    assert "another seed gives the same sample" in problems(directory)


def test_a_value_that_is_not_finite_is_refused(export_function):
    assert "a value is not finite" in problems(export_function(lambda x: {"y": x / (x - x)}))


def test_images_without_a_check_of_their_values_are_refused(export_function):
    directory = export_function(lambda x: {"y": x}, tf.TensorSpec([None, 4], "float32", "images"), images=ROWS)
    assert "an image of grey value nan is accepted" in problems(directory)


def test_bytes_that_nobody_decodes_are_refused(export_function):
    spec, files = tf.TensorSpec([None], "string", "image_bytes"), np.array([b"a", b"b", b"c"], object)
    directory = export_function(lambda b: {"y": tf.strings.length(b)}, spec, image_bytes=files)
    assert "the corrupt image b'' is accepted" in problems(directory)


def test_a_model_without_the_default_signature_is_refused(tmp_path):
    module = tf.Module()
    module.serve = tf.function(lambda x: {"y": x}, input_signature=[X])
    tf.saved_model.save(module, str(tmp_path), signatures={"other": module.serve})
    assert "no signature `serving_default`" in problems(tmp_path)


def test_damaged_weights_are_refused(copy):
    path = copy / "variables" / "variables.data-00000-of-00001"
    data = bytearray(path.read_bytes())
    data[100] ^= 0xFF
    path.write_bytes(data)
    assert problems(copy)


def test_a_damaged_graph_is_refused(copy):
    (copy / "saved_model.pb").write_bytes(b"\xff\xff")
    assert problems(copy).startswith("TensorFlow cannot load it")


def test_weights_of_another_model_are_refused(copy):
    def other(calls):
        return [Call(c.signature, c.inputs, {name: value + 0.01 for name, value in c.outputs.items()}) for c in calls]

    rewrite(copy, "tfvae_probes", other)
    # By 0.01, or less where the largest element, to which it is relative, is above 1.
    assert re.search(r"output `z_mean`: it differs from the training process by 0\.0[01]", problems(copy))


def test_an_export_without_probes_is_refused(copy):
    (copy / "assets.extra" / "tfvae_probes").unlink()
    assert problems(copy).startswith("It was not made by `tfvae export`: there is no assets.extra/tfvae_probes.")


def test_a_signature_without_a_probe_is_refused(copy):
    rewrite(copy, "tfvae_probes", lambda calls: calls[:-1])
    assert "`score_bytes` was not recorded" in problems(copy)


def test_a_missing_warm_up_file_is_refused(copy):
    (copy / "assets.extra" / "tf_serving_warmup_requests").unlink()
    assert problems(copy).startswith("There is no assets.extra/tf_serving_warmup_requests")


def test_a_warm_up_file_that_is_no_tfrecord_is_refused(copy):
    (copy / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"not a record file")
    assert "warm-up file cannot be used" in problems(copy)


@pytest.mark.parametrize(
    "call, problem",
    [
        (Call("decode", {"z": np.zeros((1, 2), "float32")}, {}), "fails with InvalidArgumentError"),
        (Call("decode", {"z": np.zeros((1, 3), "int64")}, {}), "fails with InvalidArgumentError"),
        (Call("decode", {"latent": np.zeros((1, 3), "float32")}, {}), "has the inputs ['latent']"),
        (Call("dream", {}, {}), "calls a signature `dream` that does not exist"),
    ],
)
def test_a_warm_up_request_that_fails_is_refused(copy, call, problem):
    rewrite(copy, "tf_serving_warmup_requests", lambda calls: [*calls, call])
    assert f"Record 9 of the warm-up file {problem}" in problems(copy)


def test_a_signature_without_warm_up_is_refused(copy):
    rewrite(copy, "tf_serving_warmup_requests", lambda calls: calls[1:])
    assert problems(copy) == "The warm-up file has no request for signature `serving_default`."


def test_a_warm_up_file_that_is_too_long_is_refused(export_function):
    directory = export_function(lambda x: {"y": x})
    rewrite(directory, "tf_serving_warmup_requests", lambda calls: calls * 1001)
    assert problems(directory) == "The warm-up file has 1001 records, and TF Serving takes 1000."
