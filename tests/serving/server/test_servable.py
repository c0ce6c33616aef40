"""A loaded version: its signatures, what it refuses in which words, and what a client sees of an op's error."""

import gc
import shutil
import threading
import time
import weakref

import numpy as np
import pytest
import tensorflow as tf

from tfvae.serving.server.errors import ServingError
from tfvae.serving.server.operation_errors import clean
from tfvae.serving.server.servable import Servable, Uses

FLOATS = tf.TensorSpec([None, 2], tf.float32, "a")
MORE_FLOATS = tf.TensorSpec([None, 2], tf.float32, "b")


@pytest.fixture
def half(half_plus_two, base_path):
    return Servable("m", 7, half_plus_two(base_path, 7))


@pytest.fixture
def sums(export_functions):
    """Two inputs, two outputs."""
    functions = {"serving_default": (lambda a, b: {"sum": a + b, "difference": a - b}, [FLOATS, MORE_FLOATS])}
    return Servable("m", 1, export_functions(functions))


def test_it_knows_its_name_version_and_signatures(half):
    assert (half.name, half.version) == ("m", 7)
    assert "__saved_model_init_op" in half.meta_graph.signature_def
    assert "__saved_model_init_op" not in half.signatures
    assert sorted(half.signatures) == [
        "classify_x_to_sign",
        "classify_x_to_y",
        "regress_x_to_y",
        "regress_x_to_y2",
        "serving_default",
    ]


@pytest.mark.parametrize("x", [[1.0, 2.0, 5.0], [[1.0], [2.0]], 3.0, [[]], np.ones((2, 3, 4)).tolist()], ids=str)
def test_y_is_half_x_plus_two_in_any_shape(half, x):
    x = np.asarray(x, "float32")
    y = half.run("serving_default", {"x": x})["y"]
    assert y.dtype == np.float32 and y.shape == x.shape
    np.testing.assert_array_equal(y, x / 2 + 2)  # both are exact in float32


@pytest.mark.parametrize(
    ("key", "output", "expected"),
    [
        ("regress_x_to_y", "outputs", [[2.5], [3.0]]),
        ("regress_x_to_y2", "outputs", [[3.5], [4.0]]),
        ("classify_x_to_y", "scores", [[2.5], [3.0]]),
        ("classify_x_to_sign", "scores", [[-1.0, 1.0], [-2.0, 2.0]]),
        ("classify_x_to_sign", "classes", [[b"negative", b"positive"]] * 2),
    ],
)
def test_signatures_of_serialised_examples(half, key, output, expected):
    examples = [tf.train.Example(), tf.train.Example()]
    for x, example in enumerate(examples, start=1):
        example.features.feature["x"].float_list.value.append(x)
    inputs = np.array([example.SerializeToString() for example in examples], object)
    assert half.run(key, {"inputs": inputs})[output].tolist() == expected


def test_an_empty_key_is_serving_default(half):
    assert half.run("", {"x": np.float32(1)})["y"] == 2.5


def test_one_of_our_vaes_gives_what_the_session_gives(vae_export, binary_server, images):
    servable = Servable("vae", 1, vae_export)
    expected = binary_server.call("encode", {"images": images})
    answer = servable.run("encode", {"images": images})
    assert answer.keys() == expected.keys()
    for name in expected:
        np.testing.assert_array_equal(answer[name], expected[name])


ONES = np.ones((1, 2), "float32")
NAMES = "input size does not match signature: "
REFUSED = [
    ({"a": ONES}, f"{NAMES}1!=2 len({{a}}) != len({{a,b}}). Sent extra: {{}}. Missing but required: {{b}}."),
    ({}, f"{NAMES}0!=2 len({{}}) != len({{a,b}}). Sent extra: {{}}. Missing but required: {{a,b}}."),
    (
        {"a": ONES, "b": ONES, "c": ONES},
        f"{NAMES}3!=2 len({{a,b,c}}) != len({{a,b}}). Sent extra: {{c}}. Missing but required: {{}}.",
    ),
    (
        {"a": ONES, "c": ONES},
        "input tensor alias not found in signature: c. Inputs expected to be in the set {a,b}.",
    ),
    ({"a": ONES.astype("int64"), "b": ONES}, "Expects arg[0] to be float but int64 is provided"),
    ({"a": ONES, "b": ONES.astype("float64")}, "Expects arg[1] to be float but double is provided"),
    ({"a": ONES, "b": ONES.astype("float16")}, "Expects arg[1] to be float but half is provided"),
    ({"a": ONES, "b": np.array([b"x"], object)}, "Expects arg[1] to be float but string is provided"),
    ({"a": ONES, "b": ONES > 0}, "Expects arg[1] to be float but bool is provided"),
]


@pytest.mark.parametrize(("inputs", "text"), REFUSED, ids=range(len(REFUSED)))
def test_inputs_that_do_not_fit_are_refused_in_the_real_ones_words(sums, inputs, text):
    with pytest.raises(ServingError) as caught:
        sums.run("serving_default", inputs)
    assert (caught.value.code, caught.value.message) == ("INVALID_ARGUMENT", text)


@pytest.mark.parametrize("key", ["nope", "__saved_model_init_op", "SERVING_DEFAULT"])
def test_an_unknown_signature_is_a_failed_precondition(half, key):
    with pytest.raises(ServingError) as caught:
        half.run(key, {})
    assert caught.value.code == "FAILED_PRECONDITION"
    assert caught.value.message == f'Serving signature key "{key}" not found.'


@pytest.mark.parametrize(
    ("names", "expected"),
    [(None, ["difference", "sum"]), ((), ["difference", "sum"]), (["sum"], ["sum"]), (["sum", "difference"], None)],
)
def test_only_the_outputs_that_are_named_are_computed(sums, names, expected):
    answer = sums.run("serving_default", {"a": 3 * ONES, "b": ONES}, names)
    assert sorted(answer) == (expected or ["difference", "sum"])
    assert answer["sum"].tolist() == [[4.0, 4.0]]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (
            ["nope"],
            "output tensor alias not found in signature: nope Outputs expected to be in the set {difference,sum}.",
        ),
        (["sum", "sum"], "duplicate output tensor alias: sum"),
    ],
)
def test_outputs_that_do_not_fit_are_refused(sums, names, text):
    with pytest.raises(ServingError) as caught:
        sums.run("", {"a": ONES, "b": ONES}, names)
    assert (caught.value.code, caught.value.message) == ("INVALID_ARGUMENT", text)


def test_an_input_with_a_default_may_be_left_out(tmp_path):
    seven = tf.constant(7.0)  # only a default that is a tensor gets into the signature

    @tf.function(input_signature=[FLOATS, tf.TensorSpec([], tf.float32, "shift")])
    def shifted(a, shift=seven):
        return {"y": a + shift}

    tf.saved_model.save(tf.Module(), str(tmp_path / "1"), signatures=shifted)
    servable = Servable("m", 1, tmp_path / "1")
    assert servable.run("", {"a": ONES})["y"].tolist() == [[8.0, 8.0]]
    assert servable.run("", {"a": ONES, "shift": np.float32(1)})["y"].tolist() == [[2.0, 2.0]]


FAILURES = [
    (lambda a: tf.matmul(a, tf.ones([3, 1])), "INVALID_ARGUMENT", "Matrix size-incompatible"),
    (lambda a: tf.gather(a, tf.constant([99])), "INVALID_ARGUMENT", "is not in [0, 1)"),
    (lambda a: tf.io.decode_raw(tf.io.read_file("/nowhere/secret.txt"), tf.uint8), "NOT_FOUND", "<path>"),
]


@pytest.mark.parametrize(("function", "code", "text"), FAILURES, ids=range(len(FAILURES)))
def test_an_ops_error_keeps_its_code_and_loses_nodes_and_paths(export_functions, function, code, text):
    spec = tf.TensorSpec(None, tf.float32, "a")
    directory = export_functions({"serving_default": (lambda a: {"y": function(a)}, [spec])})
    with pytest.raises(ServingError) as caught:
        Servable("m", 1, directory).run("", {"a": ONES})
    assert caught.value.code == code
    assert text in caught.value.message
    for leak in ("{{node", "secret.txt", str(directory), "Traceback", ".py"):
        assert leak not in caught.value.message


MESSAGES = {
    "Bad shape\n\t [[{{node dense/MatMul}}]]": "Bad shape",
    "Bad shape\n\t [[{{function_node f_1}}{{node a}}]]": "Bad shape",
    "Bad shape\n\t [[{{node a}}]]\nHint: see /usr/lib/x.py": "Bad shape",
    "No such file: /models/vae/1/saved_model.pb": "No such file: <path>",
    "/a/b; No such file or directory": "<path>; No such file or directory",
    "Failed to read '/tmp/x y/z' now": "Failed to read '<path> y/z' now",
    "gs://bucket/model is not there": "<path> is not there",
    "file:///srv/model: missing": "<path>: missing",
    "Could not find variable dense/bias.": "Could not find variable dense/bias.",
    "Expected 1/2 of N, got a/b": "Expected 1/2 of N, got a/b",
    "shape [2,3] vs. [3,4]": "shape [2,3] vs. [3,4]",
    "x" * 5000: "x" * 1024,
}


@pytest.mark.parametrize(("message", "expected"), MESSAGES.items(), ids=range(len(MESSAGES)))
def test_a_message_for_clients_holds_no_nodes_and_no_paths(message, expected):
    assert clean(message) == expected


def spoil(name, content=None):
    def change(directory):
        if content is None:
            shutil.rmtree(directory / name) if (directory / name).is_dir() else (directory / name).unlink()
        else:
            (directory / name).write_bytes(content)

    return change


SPOILED = [
    (spoil("saved_model.pb"), "NOT_FOUND", "Could not find SavedModel .pb or .pbtxt"),
    (spoil("saved_model.pb", b"rubbish"), "DATA_LOSS", ""),
    (spoil("saved_model.pb", b""), "NOT_FOUND", "could not be found in SavedModel"),
    (spoil("variables"), "UNKNOWN", "not a valid checkpoint"),
    (spoil("variables/variables.index"), "UNKNOWN", "not a valid checkpoint"),
    (spoil("variables/variables.index", b"rubbish"), "DATA_LOSS", ""),
    (spoil("variables/variables.data-00000-of-00001"), "UNKNOWN", "<path>; No such file or directory"),
    (spoil("variables/variables.data-00000-of-00001", b""), "OUT_OF_RANGE", ""),
]


@pytest.mark.parametrize(("change", "code", "text"), SPOILED, ids=range(len(SPOILED)))
def test_what_cannot_be_loaded_says_why_and_not_where(half_plus_two, base_path, change, code, text):
    directory = half_plus_two(base_path, 1)
    change(directory)
    with pytest.raises(ServingError) as caught:
        Servable("m", 1, directory)
    assert caught.value.code == code
    assert text in caught.value.message
    assert str(base_path) not in caught.value.message


def test_threads_run_at_the_same_time_and_get_their_own_answers(half):
    wrong = []

    def work(number):
        for step in range(50):
            x = np.full([3], 100 * number + step, "float32")
            if half.run("serving_default", {"x": x})["y"].tolist() != (x / 2 + 2).tolist():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_closing_frees_the_session_without_the_garbage_collector(half):
    half.run("serving_default", {"x": np.float32(1)})
    session = weakref.ref(half._model.session)
    gc.disable()
    try:
        half.close()
        assert session() is None
    finally:
        gc.enable()


def test_many_filters_keep_few_runs(export_functions):
    """A client chooses the filter, so what is kept for it must be bounded."""
    names = [f"y{index}" for index in range(8)]
    function = lambda a: {name: a + index for index, name in enumerate(names)}  # noqa: E731
    servable = Servable("m", 1, export_functions({"serving_default": (function, [FLOATS])}))
    for mask in range(1, 130):
        chosen = [name for index, name in enumerate(names) if mask >> index & 1]
        outputs = servable.run("", {"a": ONES}, chosen)
        assert list(outputs) == chosen
        for name in chosen:
            np.testing.assert_array_equal(outputs[name], ONES + names.index(name))
    assert len(servable._runs) == 65  # that of all outputs among them


def test_a_run_ends_when_its_time_is_over(endless_export):
    servable = Servable("m", 1, endless_export)
    assert servable.run("", {"x": np.float32([0, 0])})["y"].tolist() == [0.0, 0.0]  # no step at all
    start = time.monotonic()
    call = servable.prepare("", {"x": np.float32([1])}, end=start + 0.2)
    with pytest.raises(ServingError) as caught:
        servable.execute(call)
    assert (caught.value.code, caught.value.message) == ("DEADLINE_EXCEEDED", "Timed out waiting for notification")
    assert 0.15 < time.monotonic() - start < 10  # and not never; a busy machine may be late
    assert servable.execute(call._replace(inputs={"x": np.float32([0])}, end=time.monotonic() + 60))["y"] == [0.0]


def test_a_call_whose_end_has_passed_is_not_one_without_an_end(endless_export):
    servable = Servable("m", 1, endless_export)
    with pytest.raises(ServingError, match="Timed out"):
        servable.execute(servable.prepare("", {"x": np.float32([1])}, end=time.monotonic() - 1))


def test_uses_are_idle_when_closed_and_left_by_all():
    uses = Uses()
    with uses:
        uses.begin()
        assert not uses.close().done()
        uses.end()
        assert not uses.idle.done()
    assert uses.idle.done()
    assert Uses().close().done()
