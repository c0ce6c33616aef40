"""The core follows the disk: versions come, go, fail and are tried again, and no request ever finds nothing."""

import asyncio
import gc
import logging
import os
import resource
import shutil
import time
import weakref

import numpy as np
import pytest
import tensorflow as tf

from tfvae.serving.server.batching_parameters import BatchingParameters
from tfvae.serving.server.errors import ServingError
from tfvae.serving.server.loader import Loader
from tfvae.serving.server.observer import Observer
from tfvae.serving.server.requests import END
from tfvae.serving.server.versions import State, Version, next_action

FAST_RETRIES = {"max_num_load_retries": 2, "load_retry_interval_micros": 50_000}


def break_version(directory):
    (directory / "variables" / "variables.index").write_bytes(b"rubbish")


def error_of(function, *arguments):
    with pytest.raises(ServingError) as caught:
        function(*arguments)
    return caught.value.code, caught.value.message


def used(core, *spec):
    with core.use(spec) as servable:
        return servable.version


def test_the_highest_version_answers(with_core, half_plus_two, base_path):
    half_plus_two(base_path, 1)
    half_plus_two(base_path, 2, half=0.25)

    async def scenario(core):
        assert core.statuses("m") == [(2, "AVAILABLE", "OK", "")]
        assert used(core, "m", None, None) == 2
        assert await core.y([1, 2, 5]) == [2.25, 2.5, 3.25]

    with_core(scenario, base_path)


def test_what_is_not_there_is_not_found_in_the_real_ones_words(with_core, half_plus_two, base_path):
    half_plus_two(base_path, 3)

    async def scenario(core):
        for spec, request in [
            (("foo", None, None), "Latest(foo)"),
            (("foo", 99, None), "Specific(foo, 99)"),
            (("m", 99, None), "Specific(m, 99)"),
            (("m", 0, None), "Specific(m, 0)"),
            (("../m", None, None), "Latest(../m)"),
        ]:
            assert error_of(used, core, *spec) == ("NOT_FOUND", f"Servable not found for request: {request}")
        assert error_of(used, core, "", None, None) == ("INVALID_ARGUMENT", "ModelSpec has no name specified.")
        unknown = ("INVALID_ARGUMENT", "Unrecognized servable version label: nope")
        assert error_of(used, core, "m", None, "nope") == unknown
        assert error_of(used, core, "foo", None, "nope") == unknown
        assert error_of(core.statuses, "foo") == ("NOT_FOUND", "Could not find any versions of model foo")
        assert error_of(core.statuses, "m", 9) == ("NOT_FOUND", "Could not find version 9 of model m")
        assert core.statuses("m", 3) == [(3, "AVAILABLE", "OK", "")]

    with_core(scenario, base_path)


def test_an_empty_base_path_is_a_warning_and_a_version_that_appears_is_served(
    with_core, half_plus_two, base_path, caplog
):
    async def scenario(core):
        assert error_of(used, core, "m", None, None)[0] == "NOT_FOUND"
        await asyncio.sleep(0.3)  # some polls
        half_plus_two(base_path, 1)
        await core.until(lambda: core._models["m"].versions)
        await core.until(lambda: core.states() == {1: "AVAILABLE"})
        assert await core.y([1]) == [2.5]

    with_core(scenario, base_path)
    warnings = [record.message for record in caplog.records if "No versions of servable m" in record.message]
    assert len(warnings) == 1  # not one with each poll


def test_a_base_path_that_vanishes_leaves_what_is_served(with_core, half_plus_two, base_path):
    half_plus_two(base_path, 1)

    async def scenario(core):
        os.rename(base_path, base_path.with_name("away"))
        await asyncio.sleep(0.3)
        assert await core.y([1]) == [2.5]
        os.rename(base_path.with_name("away"), base_path)
        half_plus_two(base_path, 2, half=1.0)
        await core.until(lambda: core.states() == {1: "END", 2: "AVAILABLE"})

    with_core(scenario, base_path)


def test_a_version_that_vanishes_is_unloaded_and_loaded_again_when_it_comes_back(with_core, half_plus_two, base_path):
    directory = half_plus_two(base_path, 1)

    async def scenario(core):
        os.rename(directory, base_path / "hidden")
        await core.until(lambda: core.states() == {1: "END"})
        assert core.statuses("m") == [(1, "END", "OK", "")]
        assert error_of(used, core, "m", None, None)[0] == "NOT_FOUND"
        os.rename(base_path / "hidden", directory)
        await core.until(lambda: core.states() == {1: "AVAILABLE"})
        assert await core.y([1]) == [2.5]

    with_core(scenario, base_path)


def test_versions_that_come_while_requests_run_never_leave_a_gap(with_core, half_plus_two, base_path):
    """The new version is available before the old one goes: every request is answered, by one of the two."""
    half_plus_two(base_path, 1, half=1.0)

    async def scenario(core):
        answers, done = set(), asyncio.Event()

        async def ask():
            while not done.is_set():
                answers.add((await core.y([1]))[0])

        asking = [asyncio.create_task(ask()) for _ in range(4)]
        for version in range(2, 6):
            half_plus_two(base_path, version, half=float(version))
            await core.until(lambda version=version: core.states().get(version) == "AVAILABLE")
            await core.until(lambda version=version: core.states()[version - 1] == "END")
        await asyncio.sleep(0.05)
        done.set()
        await asyncio.gather(*asking)
        assert answers == {3.0, 4.0, 5.0, 6.0, 7.0}

    with_core(scenario, base_path)


def test_rollback_by_removal(with_core, half_plus_two, base_path):
    half_plus_two(base_path, 1)
    bad = half_plus_two(base_path, 2, half=9.0)

    async def scenario(core):
        shutil.rmtree(bad)
        await core.until(lambda: core.states() == {1: "AVAILABLE", 2: "END"})
        assert await core.y([1]) == [2.5]

    with_core(scenario, base_path)


def test_a_version_that_fails_to_load_leaves_the_old_one_serving_and_shows(with_core, half_plus_two, base_path):
    half_plus_two(base_path, 1)
    attempts = []

    async def scenario(core):
        core.observer.load_failed = lambda name, version, error: attempts.append(version)
        break_version(half_plus_two(base_path.parent, 2))
        os.rename(base_path.parent / "2", base_path / "2")
        await core.until(lambda: core.states().get(2) == "END")
        (version, state, code, message), old = core.statuses("m")
        assert (version, state, code) == (2, "END", "DATA_LOSS")
        assert message and str(base_path) not in message
        assert old == (1, "AVAILABLE", "OK", "")
        assert attempts == [2, 2, 2]  # the first and two more
        await asyncio.sleep(0.3)  # it is not tried for ever
        assert attempts == [2, 2, 2]
        assert await core.y([1]) == [2.5]
        shutil.rmtree(base_path / "2")
        await asyncio.sleep(0.2)
        half_plus_two(base_path, 2, half=1.0)  # it vanished and came again
        await core.until(lambda: core.states() == {1: "END", 2: "AVAILABLE"})
        assert await core.y([1]) == [3.0]

    with_core(scenario, base_path, **FAST_RETRIES)


def test_while_it_waits_for_the_next_attempt_a_version_is_loading(with_core, half_plus_two, base_path):
    break_version(half_plus_two(base_path, 1))

    async def scenario(core):
        assert core.statuses("m") == [(1, "LOADING", "OK", "")]

    with_core(scenario, base_path)  # 60 s between attempts: `start` returns after the first, `stop` does not wait


def test_a_version_that_is_repaired_between_attempts_becomes_available(with_core, half_plus_two, base_path):
    directory = half_plus_two(base_path, 1)
    break_version(directory)

    async def scenario(core):
        shutil.rmtree(directory / "variables")
        intact = half_plus_two(base_path.parent, 1)
        shutil.copytree(intact / "variables", directory / "variables")
        await core.until(lambda: core.states() == {1: "AVAILABLE"})
        assert await core.y([1]) == [2.5]

    with_core(scenario, base_path, max_num_load_retries=100, load_retry_interval_micros=100_000)


def test_a_failing_version_that_vanishes_is_not_waited_for(with_core, half_plus_two, base_path):
    break_version(half_plus_two(base_path, 1))

    async def scenario(core):
        shutil.rmtree(base_path / "1")
        await core.until(lambda: core.states() == {1: "END"}, seconds=5)  # not the minute between attempts
        assert core.statuses("m")[0][2] == "DATA_LOSS"

    with_core(scenario, base_path)


def test_a_version_that_is_deleted_while_it_is_loaded_has_gone_and_is_not_broken(
    with_core, half_plus_two, base_path, monkeypatch
):
    half_plus_two(base_path, 1)
    load = Loader.load

    def delete_and_load(self, name, version, directory):
        if version == 2:  # a push further on that keeps few
            shutil.rmtree(directory)  # once only, or it raises
        return load(self, name, version, directory)

    monkeypatch.setattr(Loader, "load", delete_and_load)

    async def scenario(core):
        half_plus_two(base_path, 2)
        await core.until(lambda: core.states() == {1: "AVAILABLE", 2: "END"})
        assert (2, "END", "OK", "") in core.statuses("m")

    with_core(scenario, base_path)


@pytest.mark.parametrize(("seconds", "finds_first", "finds_second"), [(0.05, 1, 2), (0, 1, 1), (-1, None, None)])
def test_polling_again_and_again_once_or_never(with_core, half_plus_two, base_path, seconds, finds_first, finds_second):
    half_plus_two(base_path, 1)

    def latest(core):
        try:
            return used(core, "m", None, None)
        except ServingError:
            return None

    async def scenario(core):
        assert latest(core) == finds_first
        half_plus_two(base_path, 2)
        await (core.until(lambda: latest(core) == 2) if seconds > 0 else asyncio.sleep(0.3))
        assert latest(core) == finds_second

    with_core(scenario, base_path, file_system_poll_wait_seconds=seconds)


def test_a_version_in_use_is_unloaded_after_its_last_request(with_core, half_plus_two, base_path):
    half_plus_two(base_path, 1)

    async def scenario(core):
        with core.use(("m", None, None)) as servable:
            half_plus_two(base_path, 2)
            await core.until(lambda: core.states() == {1: "UNLOADING", 2: "AVAILABLE"})
            assert error_of(used, core, "m", 1, None) == ("NOT_FOUND", "Servable not found for request: Specific(m, 1)")
            outputs = await core.run(servable, "serving_default", {"x": np.float32([1])})
            assert outputs["y"].tolist() == [2.5]
            assert core.states()[1] == "UNLOADING"
        await core.until(lambda: core.states() == {1: "END", 2: "AVAILABLE"})

    with_core(scenario, base_path)


def test_a_run_that_nobody_waits_for_any_more_keeps_its_session(with_core, gated_export, open_gate, base_path):
    """Cancelling frees the client, but not the thread: unloading must wait for that."""
    shutil.copytree(gated_export, base_path / "1")

    async def scenario(core):
        with core.use(("m", None, None)) as servable:
            run = asyncio.create_task(core.run(servable, "serving_default", {"x": np.float32([1])}))
            await asyncio.sleep(0.1)
            run.cancel()
            with pytest.raises(asyncio.CancelledError):
                await run
            assert servable.uses._count == 2  # this block, and the thread that goes on
        assert servable.uses._count == 1
        shutil.rmtree(base_path / "1")
        await core.until(lambda: core.states() == {1: "UNLOADING"})
        await asyncio.sleep(0.2)
        assert core.states() == {1: "UNLOADING"}
        open_gate(servable)
        await core.until(lambda: core.states() == {1: "END"})

    with_core(scenario, base_path)


def test_stopping_waits_for_running_calls_and_unloads(with_core, gated_export, open_gate, base_path):
    shutil.copytree(gated_export, base_path / "1")
    kept = {}

    async def scenario(core):
        async def ask():
            with core.use(("m", None, None)) as servable:
                return await core.run(servable, "serving_default", {"x": np.float32([1])})

        kept["core"], kept["run"] = core, asyncio.create_task(ask())
        await asyncio.sleep(0.05)
        asyncio.get_running_loop().call_later(0.3, open_gate, core._models["m"].servable())

    with_core(scenario, base_path)
    assert kept["run"].result()["y"].tolist() == [1.0]
    assert kept["core"].states() == {1: "END"}


@pytest.mark.parametrize("batching", [None, BatchingParameters(8)])
def test_a_run_that_nobody_waits_for_any_more_frees_its_thread(with_core, endless_export, base_path, batching):
    """Else each request that timed out would keep one of the threads until its run ends, which here it never does."""
    (base_path / "1").symlink_to(endless_export)

    async def scenario(core):
        END.set(time.monotonic() + 0.3)
        with core.use(("m", None, None)) as servable, pytest.raises(ServingError, match="Timed out"):
            await core.run(servable, "", {"x": np.float32([1])})
        END.set(None)
        assert await core.y([0]) == [0.0]

    with_core(scenario, base_path, batching_parameters=batching, num_run_threads=1)


def test_an_interrupted_core_stops_though_a_run_would_never_end(with_core, endless_export, base_path):
    (base_path / "1").symlink_to(endless_export)

    async def scenario(core):
        run = asyncio.create_task(core.y([1]))
        with core.use(("m", None, None)) as servable:
            await core.until(lambda: servable.uses._count == 3)  # the task, its run, and this
        core.interrupt()
        with pytest.raises(ServingError) as caught:
            await run
        assert caught.value.code == "CANCELLED"

    with_core(scenario, base_path)


def test_a_version_whose_queue_holds_a_request_answers_it_before_it_goes(with_core, half_plus_two, base_path):
    half_plus_two(base_path, 1, half=0.5)

    async def scenario(core):
        first = core._models["m"].servable()
        waiting = asyncio.create_task(core.y([8]))  # for another that fills the batch
        await asyncio.sleep(0)
        half_plus_two(base_path, 2, half=2.0)
        await core.until(lambda: core.states() == {1: "UNLOADING", 2: "AVAILABLE"})
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await core._batcher.run(first, first.prepare("", {"x": np.float32([0])}))
        assert await waiting == [6.0]
        assert await core.y([8, 8]) == [18.0, 18.0]
        await core.until(lambda: core.states()[1] == "END")

    with_core(scenario, base_path, batching_parameters=BatchingParameters(2, batch_timeout_micros=60_000_000))


def test_the_observer_is_told(with_core, half_plus_two, base_path, vae_export):
    told = []

    class Recorder(Observer):
        def loaded(self, name, version, seconds):
            told.append(("loaded", name, version, seconds > 0))

        def unloaded(self, name, version):
            told.append(("unloaded", name, version))

        def warmed_up(self, name, seconds):
            told.append(("warmed_up", name, seconds > 0))

    half_plus_two(base_path, 1)

    async def scenario(core):
        core._models["m"]._observer = Recorder()
        shutil.copytree(vae_export, base_path / ".2")
        os.rename(base_path / ".2", base_path / "2")
        await core.until(lambda: core.states() == {1: "END", 2: "AVAILABLE"})
        assert told == [("warmed_up", "m", True), ("loaded", "m", 2, True), ("unloaded", "m", 1)]

    with_core(scenario, base_path)


def versions(*descriptions):
    """Of "3 aspired AVAILABLE" and the like."""
    made = []
    for description in descriptions:
        number, aspired, state = description.split()
        version = Version(int(number), "")
        version.is_aspired, version.state = aspired == "aspired", State[state]
        made.append(version)
    return made


# AvailabilityPreservingPolicy.
ACTIONS = [
    ((), None),
    (("1 aspired START",), ("load", 1)),
    (("1 aspired START", "3 aspired START", "2 aspired START"), ("load", 3)),
    (("1 aspired LOADING",), None),
    (("1 aspired AVAILABLE",), None),
    (("1 aspired END",), None),
    (("1 unwanted AVAILABLE",), ("unload", 1)),
    (("1 unwanted AVAILABLE", "2 unwanted AVAILABLE"), ("unload", 1)),
    (("1 unwanted AVAILABLE", "2 aspired START"), ("load", 2)),
    (("1 unwanted AVAILABLE", "2 aspired LOADING"), None),
    (("1 unwanted AVAILABLE", "2 aspired AVAILABLE"), ("unload", 1)),
    (("1 unwanted AVAILABLE", "2 aspired END"), None),  # the new one failed: the old one stays
    (("1 unwanted AVAILABLE", "2 unwanted AVAILABLE", "3 aspired LOADING"), ("unload", 1)),  # one is enough
    (("1 unwanted AVAILABLE", "2 aspired AVAILABLE", "3 aspired START"), ("unload", 1)),
    (("1 unwanted LOADING", "2 aspired AVAILABLE"), None),
    (("1 unwanted UNLOADING", "2 aspired AVAILABLE"), None),
    (("1 unwanted END", "2 aspired START"), ("load", 2)),
    (("2 unwanted AVAILABLE", "1 aspired START"), ("load", 1)),  # rollback
    (("2 unwanted AVAILABLE", "1 aspired AVAILABLE"), ("unload", 2)),
]


@pytest.mark.parametrize(("descriptions", "expected"), ACTIONS, ids=range(len(ACTIONS)))
def test_the_policy_preserves_availability(descriptions, expected):
    action = next_action(versions(*descriptions))
    assert (action and (action[0], action[1].number)) == expected


def test_session_and_graph_of_an_unloaded_version_are_gone(with_core, half_plus_two, base_path):
    half_plus_two(base_path, 1)

    async def scenario(core):
        with core.use(("m", None, None)) as servable:
            session = servable._model.session
            session, graph = weakref.ref(session), weakref.ref(session.graph)
            await core.run(servable, "serving_default", {"x": np.float32([1])})
        del servable
        half_plus_two(base_path, 2)
        gc.disable()  # what is freed, the core has freed
        try:
            await core.until(lambda: core.states() == {1: "END", 2: "AVAILABLE"})
        finally:
            gc.enable()
        assert session() is None
        assert graph() is None

    with_core(scenario, base_path)


@pytest.mark.slow
def test_thirty_versions_that_come_and_go_leave_no_memory_behind(with_core, base_path, export_functions):
    """Of 30 versions with 16 MB of weights each, less than four remain: the others are freed, not only forgotten."""
    module = tf.Module()
    module.weights = tf.Variable(tf.ones([4 << 20]))
    predict = tf.function(
        lambda x: {"y": x + module.weights[0]}, input_signature=[tf.TensorSpec(None, tf.float32, "x")]
    )
    tf.saved_model.save(module, str(base_path.parent / "model"), signatures=predict)

    def publish(version):
        shutil.copytree(base_path.parent / "model", base_path / ".new")
        os.rename(base_path / ".new", base_path / str(version))
        shutil.rmtree(base_path / str(version - 1), ignore_errors=True)

    def megabytes():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize() / 2**20

    async def scenario(core):
        sizes = []
        for version in range(2, 36):
            publish(version)
            await core.until(lambda version=version: core.states().get(version) == "AVAILABLE")
            assert (await core.y([1]))[0] == 2.0
            await core.until(lambda version=version: core.states()[version - 1] == "END")
            sizes.append(megabytes())
        logging.getLogger("tfvae").info("%s", sizes)
        assert sizes[-1] - sizes[3] < 64, sizes

    publish(1)
    with_core(scenario, base_path)
