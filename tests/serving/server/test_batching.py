"""Batching: its parameters and errors are the real server's, and each answer is that of the request alone."""

import asyncio
import dataclasses
import gc
import shutil
import time
import weakref

import numpy as np
import pytest
import tensorflow as tf

from tfvae.serving.server.batch import num_rows, part_sizes
from tfvae.serving.server.batching import Batcher
from tfvae.serving.server.batching_parameters import BatchingParameters
from tfvae.serving.server.configuration import single_model
from tfvae.serving.server.errors import ServingError
from tfvae.serving.server.observer import Observer
from tfvae.serving.server.servable import Servable

LONG = 10_000_000  # microseconds that no test waits
FULL = "The batch scheduling queue to which this task was submitted is full; "


class Batches(Observer):
    """Records batches."""

    def __init__(self):
        self.all = []

    def batch(self, name, signature_key, size, padding, queueing_seconds):
        self.all.append((size, padding, len(queueing_seconds)))


class Scene:
    """A batcher over one servable."""

    def __init__(self, servable, parameters):
        self.servable, self.observer = servable, Batches()
        self.servable.batching = parameters
        self.batcher = Batcher(parameters.num_batch_threads, self.observer)

    def run(self, inputs, key="", outputs=None):
        return self.batcher.run(self.servable, self.servable.prepare(key, inputs, outputs))

    def x(self, *values):
        """A task that asks half_plus_two."""
        return asyncio.ensure_future(self._y(values))

    async def _y(self, values):
        return (await self.run({"x": np.float32(values)}))["y"].tolist()

    async def busy(self, *values):
        """A task on a thread that `open_gate` alone frees."""
        task = self.x(*values)
        while self.batcher._num_free:
            await asyncio.sleep(0.001)
        return task

    @property
    def batches(self):
        return self.observer.all


def with_batcher(servable, scenario, **parameters):
    async def scene():
        made = Scene(servable, BatchingParameters(**{"num_batch_threads": 1} | parameters))
        try:
            return await asyncio.wait_for(scenario(made), 60)
        finally:
            made.batcher.shutdown()

    return asyncio.run(scene())


@pytest.fixture
def half(half_plus_two, base_path):
    return Servable("m", 1, half_plus_two(base_path, 1))


@pytest.fixture
def gated(gated_export):
    return Servable("gated", 1, gated_export)


async def error_of(awaitable):
    with pytest.raises(ServingError) as caught:
        await awaitable
    return caught.value.code, caught.value.message


def test_requests_go_together_and_each_gets_its_own_rows(half):
    async def scenario(scene):
        answers = await asyncio.gather(scene.x(1, 2), scene.x(5), scene.x(), scene.x(7, 8, 9))
        assert answers == [[2.5, 3.0], [4.5], [], [5.5, 6.0, 6.5]]
        assert scene.batches == [(6, 0, 4)]

    with_batcher(half, scenario)


def test_a_full_batch_does_not_wait(half):
    async def scenario(scene):
        assert await asyncio.gather(*(scene.x(value) for value in range(4))) == [[2.0], [2.5], [3.0], [3.5]]
        assert scene.batches == [(4, 0, 4)]

    with_batcher(half, scenario, max_batch_size=4, batch_timeout_micros=LONG)


def test_a_batch_runs_when_the_next_request_does_not_fit(half):
    async def scenario(scene):
        first, second = scene.x(1, 2, 3), scene.x(4, 5)
        assert await first == [2.5, 3.0, 3.5]
        assert scene.batches == [(3, 0, 1)]
        assert not second.done()
        scene.x(6, 7)
        assert await second == [4.0, 4.5]

    with_batcher(half, scenario, max_batch_size=4, batch_timeout_micros=LONG)


def test_a_batch_that_does_not_fill_waits_for_its_time(half):
    async def scenario(scene):
        await scene.x(0)  # the first call makes the session's executor
        scene.x(1)
        start = time.monotonic()
        await asyncio.sleep(0.1)
        assert await scene.x(2) == [3.0]
        assert 0.3 <= time.monotonic() - start < 0.4 + 1  # from the first request on; a busy machine may be late
        assert scene.batches[1:] == [(2, 0, 2)]

    with_batcher(half, scenario, batch_timeout_micros=300_000)


def test_without_a_timeout_a_batch_runs_as_soon_as_a_thread_is_free(gated, open_gate):
    async def scenario(scene):
        first = await scene.busy(1)
        others = [scene.x(value) for value in range(5)]
        await asyncio.sleep(0.05)
        assert scene.batches == [(1, 0, 1)]
        open_gate(gated, 2)
        assert await asyncio.gather(first, *others) == [[1.0], [0.0], [1.0], [2.0], [3.0], [4.0]]
        assert scene.batches == [(1, 0, 1), (5, 0, 5)]

    with_batcher(gated, scenario)


# (allowed sizes, rows of the requests, size of the batch, padding)
PADDINGS = [
    ((), (3,), 3, 0),
    ((4,), (1,), 4, 3),
    ((4,), (2, 1), 4, 1),
    ((4,), (4,), 4, 0),
    ((1, 2, 4), (1,), 1, 0),
    ((1, 2, 4), (2,), 2, 0),
    ((1, 2, 4), (1, 2), 4, 1),
    ((2, 4), (1,), 2, 1),
    ((2, 4), (0,), 0, 0),  # no row to copy
    ((2, 4), (0, 1), 2, 1),
    ((2, 4), (1, 0), 2, 1),  # the last request has no row: one of the others is copied
]


@pytest.mark.parametrize(("allowed", "rows", "size", "padding"), PADDINGS)
def test_batches_are_padded_up_to_an_allowed_size(half, allowed, rows, size, padding):
    async def scenario(scene):
        values = [[10.0 * index + row for row in range(count)] for index, count in enumerate(rows)]
        answers = await asyncio.gather(*(scene.x(*value) for value in values))
        assert answers == [[value / 2 + 2 for value in request] for request in values]
        assert scene.batches == [(size, padding, len(rows))]

    with_batcher(half, scenario, max_batch_size=4, allowed_batch_sizes=allowed)


def test_padding_is_copies_of_a_row_and_not_zeros(export_functions):
    """A row that nobody sent could be an invalid one: here it would fail the batch."""

    def inverse(x):
        return {"y": tf.debugging.check_numerics(1.0 / x, "division")}

    directory = export_functions({"serving_default": (inverse, [tf.TensorSpec([None], tf.float32, "x")])})

    async def scenario(scene):
        assert (await scene.run({"x": np.float32([2, 4])}))["y"].tolist() == [0.5, 0.25]

    with_batcher(Servable("m", 1, directory), scenario, max_batch_size=4, allowed_batch_sizes=(4,))


CHECKS = [
    ({}, None),
    ({"max_batch_size": 4, "allowed_batch_sizes": (1, 2, 4)}, None),
    ({"allowed_batch_sizes": (1000,)}, None),
    ({"enable_large_batch_splitting": True, "max_batch_size": 8, "max_execution_batch_size": 4}, None),
    (
        {"max_batch_size": 4, "allowed_batch_sizes": (1, 2)},
        "Last entry in allowed_batch_sizes must match max_batch_size; last entry was 2; expected 4",
    ),
    (
        {"allowed_batch_sizes": (8,)},
        "Last entry in allowed_batch_sizes must match max_batch_size; last entry was 8; expected 1000",
    ),
    (
        {"max_batch_size": 4, "allowed_batch_sizes": (2, 1, 4)},
        "allowed_batch_sizes entries must be monotonically increasing",
    ),
    (
        {"max_batch_size": 4, "allowed_batch_sizes": (2, 2, 4)},
        "allowed_batch_sizes entries must be monotonically increasing",
    ),
    (
        {"max_batch_size": 4, "allowed_batch_sizes": (0, 4)},
        "allowed_batch_sizes entries must be monotonically increasing",
    ),
    ({"max_batch_size": 0}, "max_batch_size must be positive; was 0"),
    ({"max_enqueued_batches": 0}, "max_enqueued_batches must be positive; was 0"),
    ({"num_batch_threads": 0}, "num_batch_threads must be positive; was 0"),
    ({"batch_timeout_micros": -1}, "batch_timeout_micros must be non-negative; was -1"),
    (
        {"max_batch_size": 4, "max_execution_batch_size": 8},
        "max_execution_batch_size should be less than or equal to max_batch_size; was 8, max_batch_size is 4",
    ),
]


@pytest.mark.parametrize(("fields", "text"), CHECKS, ids=range(len(CHECKS)))
def test_parameters_that_do_not_fit_together_are_refused(fields, text):
    parameters = BatchingParameters(**fields)
    if text is None:
        parameters.check()
    else:
        with pytest.raises(ServingError) as caught:
            parameters.check()
        assert (caught.value.code, caught.value.message) == ("INVALID_ARGUMENT", text)


def test_parameters_that_are_refused_fail_the_load(with_core, half_plus_two, base_path):
    half_plus_two(base_path, 1)

    async def scenario(core):
        (status,) = core.statuses("m")
        assert status[:3] == (1, "END", "INVALID_ARGUMENT")
        assert status[3].startswith("Last entry in allowed_batch_sizes must match max_batch_size")

    parameters = BatchingParameters(max_batch_size=4, allowed_batch_sizes=(2,))
    with_core(scenario, base_path, batching_parameters=parameters, max_num_load_retries=0)


ONE, TWO = np.zeros([1, 3]), np.zeros([2, 3])
ROWS = [
    ({"a": TWO, "b": TWO}, 2),
    ({"a": np.zeros([0, 3])}, 0),
    ({}, "Batching Run() must have at least one input tensor"),
    ({"a": np.zeros([])}, "Batching Run() input tensors must have at least one dimension"),
    ({"a": TWO, "b": np.zeros([])}, "Batching Run() input tensors must have at least one dimension"),
    ({"a": TWO, "b": ONE}, "Batching Run() input tensors must have equal 0th-dimension size"),
]


@pytest.mark.parametrize(("inputs", "expected"), ROWS, ids=range(len(ROWS)))
def test_all_inputs_share_the_first_dimension(inputs, expected):
    if isinstance(expected, int):
        assert num_rows(inputs) == expected
    else:
        with pytest.raises(ServingError) as caught:
            num_rows(inputs)
        assert (caught.value.code, caught.value.message) == ("INVALID_ARGUMENT", expected)


DIMENSIONS = [
    (lambda x: x[0], [4.0], "Batched output tensor has 0 dimensions"),
    (lambda x: tf.reduce_mean(x, keepdims=True), [4.0, 5.0], "Batched output tensor's 0th dimension does not equal"),
    (lambda x: tf.concat([x, x], 0), [4.0], "Batched output tensor's 0th dimension does not equal"),
]


@pytest.mark.parametrize(("function", "x", "text"), DIMENSIONS, ids=range(len(DIMENSIONS)))
def test_outputs_must_have_a_row_for_each_row(export_functions, function, x, text):
    spec = tf.TensorSpec([None], tf.float32, "x")
    servable = Servable("m", 1, export_functions({"serving_default": (lambda x: {"y": function(x)}, [spec])}))
    servable.run("", {"x": np.float32(x)})  # unbatched it is an answer

    async def scenario(scene):
        code, message = await error_of(scene.run({"x": np.float32(x)}))
        assert code == "FAILED_PRECONDITION"
        assert message.startswith(text)

    with_batcher(servable, scenario)


def test_requests_of_different_inner_shapes_never_merge(half):
    """As in the real server the batch fails, and with it all its requests; alone each is well."""

    async def scenario(scene):
        narrow, wide = {"x": np.ones([1, 2], "float32")}, {"x": np.ones([1, 3], "float32")}
        errors = await asyncio.gather(scene.run(narrow), scene.run(wide), return_exceptions=True)
        for error in errors:
            assert error.code == "FAILED_PRECONDITION"
            assert error.message.startswith(
                "Tensors with name 'x' from different tasks have different shapes and padding"
            )
        assert errors[0] is not errors[1]
        assert (await scene.run(narrow))["y"].shape == (1, 2)
        assert (await scene.run(wide))["y"].shape == (1, 3)

    with_batcher(half, scenario)


def test_inner_shapes_are_padded_with_the_first_element_if_asked(half):
    async def scenario(scene):
        small, large = np.float32([[[1, 2]]]), np.float32([[[3], [4], [5]], [[6], [7], [8]]])
        answers = await asyncio.gather(scene.run({"x": small}), scene.run({"x": large}))
        padded = [np.float32([[[1, 2], [1, 1], [1, 1]]]), np.repeat(large, 2, axis=2)]
        padded[1][:, :, 1] = 3
        for answer, x in zip(answers, padded, strict=True):
            np.testing.assert_array_equal(answer["y"], x / 2 + 2)

    with_batcher(half, scenario, pad_variable_length_inputs=True)


UNPADDABLE = [
    ([1, 2], [1, 0], "Got empty tensor in batch of non-empty tensors."),
    ([1, 2, 1, 1, 1, 1, 1], [1, 3, 1, 1, 1, 1, 1], "Only tensors with rank from 1 to 6 can be padded."),
    ([1, 2], [1, 2, 1], "Tensors of different ranks cannot be padded to one shape."),
]


@pytest.mark.parametrize(("first", "second", "text"), UNPADDABLE, ids=range(len(UNPADDABLE)))
def test_what_cannot_be_padded_is_refused(half, first, second, text):
    async def scenario(scene):
        requests = [{"x": np.ones(shape, "float32")} for shape in (first, second)]
        errors = await asyncio.gather(*map(scene.run, requests), return_exceptions=True)
        assert [(error.code, error.message) for error in errors] == [("INVALID_ARGUMENT", text)] * 2

    with_batcher(half, scenario, pad_variable_length_inputs=True)


def test_the_requests_of_a_batch_share_its_failure(export_functions):
    """What the real server does: the session ran once, so there is one status."""

    def check(x):
        return {"y": tf.debugging.check_numerics(x, "not a number")}

    directory = export_functions({"serving_default": (check, [tf.TensorSpec([None], tf.float32, "x")])})

    async def scenario(scene):
        errors = await asyncio.gather(scene.x(1), scene.x(np.nan), return_exceptions=True)
        for error in errors:
            assert error.code == "INVALID_ARGUMENT"
            assert error.message.startswith("not a number")
        assert (await scene.run({"x": np.float32([1])}))["y"].tolist() == [1.0]  # the next batch is well

    with_batcher(Servable("m", 1, directory), scenario)


def test_a_first_dimension_that_the_signature_fixes_is_batched_all_the_same(export_functions):
    """As in the real server, which looks at the arrays alone: a model must not fix it, or tell its own size."""
    one, functions = tf.TensorSpec([1, 2], tf.float32, "x"), {}
    functions["serving_default"] = (lambda x: {"y": 2.0 * x}, [one])
    functions["reshaped"] = (lambda x: {"y": tf.reshape(x, [1, 2])}, [one])

    async def scenario(scene):
        requests = [{"x": np.float32([[value, 1]])} for value in (1, 2, 3)]
        answers = await asyncio.gather(*map(scene.run, requests))
        assert [answer["y"].tolist() for answer in answers] == [[[2.0, 2.0]], [[4.0, 2.0]], [[6.0, 2.0]]]
        assert scene.batches == [(3, 0, 3)]
        assert (await scene.run(requests[0], "reshaped"))["y"].tolist() == [[1.0, 1.0]]
        errors = await asyncio.gather(*(scene.run(request, "reshaped") for request in requests), return_exceptions=True)
        assert [error.code for error in errors] == ["INVALID_ARGUMENT"] * 3

    with_batcher(Servable("m", 1, export_functions(functions)), scenario)


def test_a_request_that_is_too_large_is_refused(half):
    async def scenario(scene):
        text = "Task size 5 is larger than maximum input batch size 4"
        assert await error_of(scene.x(1, 2, 3, 4, 5)) == ("INVALID_ARGUMENT", text)
        assert await scene.x(1, 2, 3, 4) == [2.5, 3.0, 3.5, 4.0]

    with_batcher(half, scenario, max_batch_size=4)


def test_a_full_queue_refuses(gated, open_gate):
    async def scenario(scene):
        running = await scene.busy(1, 1)
        waiting = [scene.x(1, 1) for _ in range(3)]  # the most, the open batch among them
        await asyncio.sleep(0)
        text = FULL + "currently 3 batches enqueued and max_enqueued_batches is 3"
        assert await error_of(scene.x(1)) == ("UNAVAILABLE", text)
        open_gate(gated, 5)
        assert await asyncio.gather(running, *waiting) == [[1.0, 1.0]] * 4
        assert await scene.x(1) == [1.0]

    with_batcher(gated, scenario, max_batch_size=2, max_enqueued_batches=3)


def test_a_full_queue_of_parts_refuses(gated, open_gate):
    async def scenario(scene):
        running = await scene.busy(1, 1)
        waiting = scene.x(1, 2, 3)
        await asyncio.sleep(0)
        text = (
            "task size is 4 but scheduling capacity is only 3 (num_enqueued_batches=2, max_enqueued_batches=3,"
            " open_batch_size=1, max_execution_batch_size=2)"
        )
        assert await error_of(scene.x(1, 1, 1, 1)) == ("UNAVAILABLE", FULL + text)
        fitting = scene.x(4, 5, 6)
        open_gate(gated, 4)
        assert await asyncio.gather(running, waiting, fitting) == [[1.0, 1.0], [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
        assert scene.batches == [(2, 0, 1), (2, 0, 1), (2, 0, 2), (2, 0, 1)]

    splitting = {"enable_large_batch_splitting": True, "max_execution_batch_size": 2}
    with_batcher(gated, scenario, max_batch_size=4, max_enqueued_batches=3, **splitting)


# (rows, room in the open batch, most rows of a batch, expected parts)
PARTS = [
    (4, 4, 4, [4]),
    (3, 4, 4, [3]),
    (5, 4, 4, [4, 1]),
    (9, 4, 4, [4, 4, 1]),
    (8, 4, 4, [4, 4]),
    (9, 1, 4, [1, 4, 4]),
    (10, 3, 4, [3, 4, 3]),
    (4, 0, 4, [4]),
    (6, 0, 4, [4, 2]),
    (0, 4, 4, [0]),
    (0, 0, 4, [0]),
]


@pytest.mark.parametrize(("rows", "room", "limit", "expected"), PARTS)
def test_a_large_request_fills_the_open_batch_first(rows, room, limit, expected):
    splitting = BatchingParameters(10, enable_large_batch_splitting=True, max_execution_batch_size=limit)
    assert part_sizes(rows, room, splitting) == expected
    assert part_sizes(rows, room, dataclasses.replace(splitting, enable_large_batch_splitting=False)) == [rows]


def test_parts_become_one_answer(half):
    async def scenario(scene):
        answers = await asyncio.gather(scene.x(1), scene.x(*range(9)), scene.x(3))
        assert answers == [[2.5], [value / 2 + 2 for value in range(9)], [3.5]]
        assert sorted(scene.batches) == [(3, 0, 2), (4, 0, 1), (4, 0, 2)]

    splitting = {"enable_large_batch_splitting": True, "max_execution_batch_size": 4}
    with_batcher(half, scenario, max_batch_size=100, **splitting)


def test_signatures_and_filters_have_queues_of_their_own(half):
    async def scenario(scene):
        example = tf.train.Example()
        example.features.feature["x"].float_list.value.append(1.0)
        inputs = {"inputs": np.array([example.SerializeToString()], object)}
        answers = await asyncio.gather(
            scene.x(1),
            scene.run(inputs, "classify_x_to_sign"),
            scene.run(inputs, "classify_x_to_sign"),
            scene.run(inputs, "classify_x_to_sign", ["scores"]),
        )
        assert answers[1]["classes"].tolist() == [[b"negative", b"positive"]]
        assert answers[3].keys() == {"scores"}
        assert sorted(scene.batches) == [(1, 0, 1), (1, 0, 1), (2, 0, 2)]
        assert scene.batcher._queues == {}  # none is kept, so no servable is either

    with_batcher(half, scenario)


def test_queues_take_turns(half, gated, open_gate):
    """A queue with much to do does not keep the only thread for itself."""

    async def scenario(scene):
        order = []

        async def ask(servable, name):
            await scene.batcher.run(servable, servable.prepare("", {"x": np.float32([1])}))
            order.append(name)

        half.batching = gated.batching
        running = await scene.busy(1)
        asks = [asyncio.create_task(ask(servable, servable.name)) for servable in [gated] * 3 + [half] * 3]
        await asyncio.sleep(0)
        open_gate(gated, 4)
        await asyncio.gather(running, *asks)
        assert order == ["gated", "m"] * 3

    with_batcher(gated, scenario, max_batch_size=1)


def test_a_cancelled_request_leaves_the_queue(gated, open_gate):
    async def scenario(scene):
        running = await scene.busy(1)
        gone, kept = scene.x(1, 1), scene.x(1)
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        open_gate(gated, 2)
        assert await asyncio.gather(running, kept) == [[1.0], [1.0]]
        assert gone.cancelled()
        assert scene.batches == [(1, 0, 1), (1, 0, 1)]

    with_batcher(gated, scenario)


def test_a_queue_that_all_have_left_is_gone_and_a_new_one_waits_its_own_time(half):
    async def scenario(scene):
        gone = scene.x(1)
        await asyncio.sleep(0.1)
        gone.cancel()
        await asyncio.sleep(0)
        assert scene.batcher._queues == {}
        start = time.monotonic()
        assert await scene.x(1) == [2.5]
        assert time.monotonic() - start >= 0.2

    with_batcher(half, scenario, batch_timeout_micros=200_000)


def test_one_who_stays_in_a_batch_waits_as_long_as_before(half):
    async def scenario(scene):
        gone, kept = scene.x(1), scene.x(2)
        start = time.monotonic()
        await asyncio.sleep(0.1)
        gone.cancel()
        assert await kept == [3.0]
        assert 0.2 <= time.monotonic() - start < 0.3 + 1  # a busy machine may be late
        assert scene.batches == [(1, 0, 1)]

    with_batcher(half, scenario, batch_timeout_micros=200_000)


def test_room_of_a_cancelled_request_is_free_again(gated, open_gate):
    async def scenario(scene):
        running = await scene.busy(1, 1)
        gone, kept = scene.x(1, 1), scene.x(2, 2)
        await asyncio.sleep(0)
        assert (await error_of(scene.x(1)))[0] == "UNAVAILABLE"
        gone.cancel()
        await asyncio.sleep(0)
        late = scene.x(3)
        open_gate(gated, 3)
        assert await asyncio.gather(running, kept, late) == [[1.0, 1.0], [2.0, 2.0], [3.0]]

    with_batcher(gated, scenario, max_batch_size=2, max_enqueued_batches=2)


def test_a_request_whose_client_left_while_it_ran_harms_nobody(gated, open_gate):
    async def scenario(scene):
        gone = scene.x(1)
        kept = await scene.busy(2)
        gone.cancel()
        await asyncio.sleep(0)
        assert gated.uses._count == 1  # the session is in use, though
        open_gate(gated)
        assert await kept == [2.0]
        assert gated.uses._count == 0
        assert scene.batches == [(2, 0, 2)]

    with_batcher(gated, scenario)


def test_a_client_that_leaves_a_run_takes_no_later_queue_with_it(gated, open_gate):
    async def scenario(scene):
        gone = await scene.busy(1)
        kept = scene.x(2)  # in a new queue: the one of the running task is empty, and forgotten
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        open_gate(gated, 2)
        assert await kept == [2.0]

    with_batcher(gated, scenario)


def test_nothing_of_a_request_is_kept(half):
    async def scenario(scene):
        array = np.ones([2], "float32")
        reference = weakref.ref(array)
        answer = await scene.run({"x": array})
        del array
        # The one thread lets go of a run when it takes the next, which may be after the answer is here.
        await asyncio.get_running_loop().run_in_executor(scene.batcher._threads, int)
        gc.collect()
        assert reference() is None
        assert answer["y"].tolist() == [2.5, 2.5]

    with_batcher(half, scenario, batch_timeout_micros=1000)


def test_a_batch_runs_as_long_as_anyone_waits_for_it(endless_export):
    """The time of a batch is the longest of its requests', and without an end if one of them has none."""

    async def scenario(scene):
        def ask(seconds, value=1.0):
            end = None if seconds is None else time.monotonic() + seconds
            return scene.batcher.run(scene.servable, scene.servable.prepare("", {"x": np.float32([value])}, end=end))

        await ask(None, 0.0)  # the first call makes the session's executor
        start = time.monotonic()
        errors = await asyncio.gather(ask(0.1), ask(0.5), return_exceptions=True)
        assert [error.code for error in errors] == ["DEADLINE_EXCEEDED"] * 2
        assert 0.4 < time.monotonic() - start < 10  # a busy machine may be late
        answers = await asyncio.gather(ask(-1, 0.0), ask(None, 0.0))
        assert [answer["y"].tolist() for answer in answers] == [[0.0], [0.0]]

    with_batcher(Servable("m", 1, endless_export), scenario)


def test_a_core_that_batches_gives_the_answers_of_one_that_does_not(with_core, vae_export, base_path, images):
    shutil.copytree(vae_export, base_path / "1")
    signatures = ("encode", "reconstruct", "decode", "score")

    async def ask(core):
        with core.use(("m", None, None)) as servable:
            generator, answers = np.random.default_rng(0), []
            for key in signatures:
                for _ in range(6):
                    infos = sorted(servable.signatures[key].inputs.items())
                    inputs = {name: _random(info, generator) for name, info in infos}
                    answers.append(core.run(servable, key, inputs))
            return await asyncio.gather(*answers)

    parameters = BatchingParameters(64, allowed_batch_sizes=(32, 64))
    alone = with_core(ask, base_path, enable_model_warmup=False)
    together = with_core(ask, base_path, enable_model_warmup=False, batching_parameters=parameters)
    for one, other in zip(alone, together, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            # Sums over at most 64 pixels in another order: float32 rounding of figures up to 1e2.
            np.testing.assert_allclose(one[name], other[name], rtol=1e-5, atol=1e-5)


def _random(info, generator):
    shape = [3, *(dimension.size for dimension in info.tensor_shape.dim[1:])]
    if info.dtype == tf.int64.as_datatype_enum:
        return generator.integers(0, 1000, shape)
    return generator.random(shape).astype("float32")


def test_a_model_may_bring_its_own_parameters(with_core, half_plus_two, base_path):
    own = half_plus_two(base_path, 1)
    (own / "batching_params.pbtxt").write_text("max_batch_size { value: 2 }")
    half_plus_two(base_path, 2)
    broken = half_plus_two(base_path, 3)
    (broken / "batching_params.pbtxt").write_text("rubbish {")

    async def ask(core, version, num_rows):
        with core.use(("m", version, None)) as servable:
            return await core.run(servable, "", {"x": np.ones(num_rows, "float32")})

    async def scenario(core):
        await core.until(lambda: core.states() == {1: "AVAILABLE", 2: "AVAILABLE", 3: "END"})
        assert core.statuses("m", 3)[0][2] == "INVALID_ARGUMENT"
        assert (await error_of(ask(core, 1, 3)))[1] == "Task size 3 is larger than maximum input batch size 2"
        assert len((await ask(core, 1, 2))["y"]) == 2
        assert (await ask(core, 2, ()))["y"] == 2.5  # without the file it is not batched: a scalar is an answer

    async def globally(core):
        await core.until(lambda: core.states() == {1: "AVAILABLE", 2: "AVAILABLE", 3: "AVAILABLE"})
        assert len((await ask(core, 1, 3))["y"]) == 3

    configuration = _all_versions(base_path)
    options = {"batching_parameters": BatchingParameters(), "max_num_load_retries": 0}
    with_core(scenario, configuration, enable_per_model_batching_parameters=True, **options)
    with_core(globally, configuration, **options)


def _all_versions(base_path):
    configuration = single_model("m", base_path)
    configuration.model_config_list.config[0].model_version_policy.all.SetInParent()
    return configuration


@pytest.mark.slow
def test_random_requests_get_the_answers_of_unbatched_ones(half):
    """Sizes, splitting, padding, timeouts and cancellations at random: each answer that arrives is exact."""

    async def scenario(scene):
        generator = np.random.default_rng(0)

        async def ask():
            x = generator.integers(0, 1000, generator.integers(0, 20)).astype("float32")
            task = scene.x(*x)
            if generator.random() < 0.2:
                await asyncio.sleep(float(generator.random()) * 0.005)
                task.cancel()
            try:
                assert await task == (x / 2 + 2).tolist()
            except asyncio.CancelledError:
                return
            except ServingError as error:
                assert error.code == "UNAVAILABLE"

        for _ in range(40):
            await asyncio.gather(*(ask() for _ in range(50)))
        await asyncio.sleep(0.1)
        assert scene.batcher._queues == {}
        assert scene.batcher._num_free == 2
        assert max(size for size, _, _ in scene.batches) <= 8

    parameters = {"num_batch_threads": 2, "batch_timeout_micros": 500, "allowed_batch_sizes": (2, 8, 20)}
    splitting = {"enable_large_batch_splitting": True, "max_execution_batch_size": 8, "max_enqueued_batches": 60}
    with_batcher(half, scenario, max_batch_size=20, **parameters, **splitting)
