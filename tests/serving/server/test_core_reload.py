"""Labels, and configurations that replace each other while the server runs."""

import asyncio

import pytest
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from tfvae.errors import ConfigError
from tfvae.serving.server.errors import ServingError
from tfvae.serving.server.labels import Labels
from tfvae.serving.server.model_config import models_of


def configuration(*models):
    """Of (name, base path, further fields)."""
    configs = "".join(
        f"config {{ name: '{name}' base_path: '{path}' model_platform: 'tensorflow' {fields} }}"
        for name, path, fields in models
    )
    return text_format.Parse(f"model_config_list {{ {configs} }}", ModelServerConfig())


def labels(**versions):
    return " ".join(f"version_labels {{ key: '{label}' value: {version} }}" for label, version in versions.items())


ALL = "model_version_policy { all {} }"


@pytest.fixture
def two_versions(half_plus_two, base_path):
    half_plus_two(base_path, 1)
    half_plus_two(base_path, 2, half=1.0)
    return base_path


async def reload_error(core, new):
    with pytest.raises(ServingError) as caught:
        await core.reload(new)
    return caught.value.code, caught.value.message


def test_all_versions_are_served_and_chosen_by_number(with_core, two_versions):
    async def scenario(core):
        await core.until(lambda: core.states() == {1: "AVAILABLE", 2: "AVAILABLE"})
        assert await core.y([1], version=1) == [2.5]
        assert await core.y([1], version=2) == [3.0]
        assert await core.y([1]) == [3.0]
        assert [version for version, *_ in core.statuses("m")] == [2, 1]

    with_core(scenario, configuration(("m", two_versions, ALL)))


def test_labels_are_given_by_a_reload_once_their_versions_are_available(with_core, two_versions):
    async def scenario(core):
        with pytest.raises(ServingError, match="Unrecognized servable version label: stable"):
            await core.y([1], label="stable")
        await core.reload(configuration(("m", two_versions, ALL + labels(stable=1, canary=2))))
        assert await core.y([1], label="stable") == [2.5]
        assert await core.y([1], label="canary") == [3.0]
        await core.reload(configuration(("m", two_versions, ALL + labels(stable=2))))
        assert await core.y([1], label="stable") == [3.0]
        with pytest.raises(ServingError, match="Unrecognized servable version label: canary"):
            await core.y([1], label="canary")

    with_core(scenario, configuration(("m", two_versions, ALL)))


def test_a_label_of_a_version_that_is_not_available_is_refused_and_nothing_changes(with_core, two_versions):
    async def scenario(core):
        await core.reload(configuration(("m", two_versions, ALL + labels(stable=1))))
        text = "Request to assign label to version 7 of model m, which is not currently available for inference"
        new = configuration(("m", two_versions, "model_version_policy { latest {} }" + labels(stable=7)))
        assert await reload_error(core, new) == ("FAILED_PRECONDITION", text)
        await asyncio.sleep(0.2)
        assert core.states() == {1: "AVAILABLE", 2: "AVAILABLE"}
        assert await core.y([1], label="stable") == [2.5]

    with_core(scenario, configuration(("m", two_versions, ALL)))


def test_labels_at_the_start_need_the_flag_as_nothing_is_available_yet(with_core, two_versions):
    models = configuration(("m", two_versions, ALL + labels(stable=1)))
    with pytest.raises(ConfigError, match="Request to assign label to version 1 of model m") as caught:
        with_core(None, models)
    assert "--allow_version_labels_for_unavailable_models" in str(caught.value)

    async def scenario(core):
        await core.until(lambda: core.states() == {1: "AVAILABLE", 2: "AVAILABLE"})
        assert await core.y([1], label="stable") == [2.5]

    with_core(scenario, models, allow_version_labels_for_unavailable_models=True)


# (allowed for unavailable models?, bound before, asked for, available versions, accepted?)
ASSIGNMENTS = [
    (False, {}, {"stable": 1}, {1}, True),
    (False, {}, {"stable": 1}, set(), False),
    (False, {}, {"stable": 1, "canary": 2}, {1, 2}, True),
    (False, {}, {"stable": 1, "canary": 2}, {1}, False),
    (False, {"stable": 1}, {"stable": 2}, {1, 2}, True),
    (False, {"stable": 1}, {"stable": 2}, {1}, False),
    (False, {"stable": 1}, {"stable": 1}, set(), False),
    (False, {"stable": 1}, {}, set(), True),
    (False, {}, {"same": 1, "other": 1}, {1}, True),
    (True, {}, {"stable": 1}, set(), True),
    (True, {"stable": 1}, {"stable": 1}, set(), True),
    (True, {"stable": 1}, {"stable": 2}, set(), False),  # bound to another version: that one must not be lost
    (True, {"stable": 1}, {"stable": 2}, {2}, True),
    (True, {"stable": 1}, {"canary": 2}, set(), True),
]


@pytest.mark.parametrize(("allowed", "before", "asked", "available", "accepted"), ASSIGNMENTS)
def test_which_labels_may_be_assigned(allowed, before, asked, available, accepted):
    held = Labels(allow_unavailable=allowed)
    held.replace({"m": before})
    models = models_of(configuration(("m", "/m", labels(**asked))))
    if accepted:
        assert held.assigned(models, lambda name, version: version in available) == {"m": asked}
    else:
        with pytest.raises(ServingError) as caught:
            held.assigned(models, lambda name, version: version in available)
        assert caught.value.code == "FAILED_PRECONDITION"
    assert held._versions == {"m": before}  # checking alone changes nothing


def test_a_reload_replaces_the_models(with_core, half_plus_two, tmp_path):
    for name, half in (("a", 1.0), ("b", 2.0), ("c", 3.0)):
        (tmp_path / name).mkdir()
        half_plus_two(tmp_path / name, 1, half=half)

    async def scenario(core):
        assert await core.y([1], name="a") == [3.0]
        await core.reload(configuration(("b", tmp_path / "b", ""), ("c", tmp_path / "c", "")))
        assert await core.y([1], name="b") == [4.0]
        assert await core.y([1], name="c") == [5.0]  # a new model is there when the reload returns
        await core.until(lambda: core.states("a") == {1: "END"})
        with pytest.raises(ServingError, match=r"Servable not found for request: Latest\(a\)"):
            await core.y([1], name="a")
        await core.reload(configuration(("a", tmp_path / "a", "")))
        assert await core.y([1], name="a") == [3.0]
        await core.reload(configuration())
        await core.until(lambda: core.states("a") == {1: "END"})

    with_core(scenario, configuration(("a", tmp_path / "a", ""), ("b", tmp_path / "b", "")))


def test_a_new_base_path_brings_its_versions(with_core, half_plus_two, tmp_path):
    for name, version, half in (("old", 1, 1.0), ("new", 2, 2.0)):
        (tmp_path / name).mkdir()
        half_plus_two(tmp_path / name, version, half=half)

    async def scenario(core):
        await core.reload(configuration(("m", tmp_path / "new", "")))
        await core.until(lambda: core.states() == {1: "END", 2: "AVAILABLE"})
        assert await core.y([1]) == [4.0]

    with_core(scenario, configuration(("m", tmp_path / "old", "")))


def test_a_new_policy_counts_at_once(with_core, two_versions):
    async def scenario(core):
        assert core.states() == {2: "AVAILABLE"}
        await core.reload(configuration(("m", two_versions, "model_version_policy { specific { versions: 1 } }")))
        await core.until(lambda: core.states() == {1: "AVAILABLE", 2: "END"})

    with_core(scenario, configuration(("m", two_versions, "")), file_system_poll_wait_seconds=0)


def test_a_new_model_that_does_not_load_is_told(with_core, two_versions, half_plus_two, tmp_path):
    (tmp_path / "broken").mkdir()
    directory = half_plus_two(tmp_path / "broken", 5)
    (directory / "saved_model.pb").unlink()

    async def scenario(core):
        new = configuration(("m", two_versions, ""), ("broken", tmp_path / "broken", ""))
        code, message = await reload_error(core, new)
        assert code == "UNKNOWN"
        assert message == (
            "1 model(s) did not become available: {{name: broken version: 5 due to error: NOT_FOUND:"
            " Could not find SavedModel .pb or .pbtxt at supplied export directory path}, }"
        )
        assert await core.y([1]) == [3.0]

    with_core(scenario, configuration(("m", two_versions, "")), max_num_load_retries=0)


def test_a_new_model_without_versions_is_not_waited_for(with_core, two_versions, half_plus_two, tmp_path):
    """The real server waits for ever here, and for ever in each later reload."""

    async def scenario(core):
        await core.reload(configuration(("m", two_versions, ""), ("later", tmp_path / "later", "")))
        (tmp_path / "later").mkdir()
        half_plus_two(tmp_path / "later", 1)
        await core.until(lambda: "later" in core._models and core._models["later"].servable() is not None)

    with_core(scenario, configuration(("m", two_versions, "")))


def test_an_illegal_reload_changes_nothing(with_core, two_versions):
    async def scenario(core):
        legal = ("m", two_versions, "")
        for new, code in [
            (configuration(legal, legal), "INVALID_ARGUMENT"),
            (configuration(("m", "relative", "")), "INVALID_ARGUMENT"),
            (configuration(legal, ("n", "relative", "")), "INVALID_ARGUMENT"),
            (text_format.Parse(f"model_config_list {{ config {{ name: 'm' base_path: '{two_versions}' "
                               "model_platform: 'other' } }", ModelServerConfig()), "INVALID_ARGUMENT"),
            (ModelServerConfig(), "FAILED_PRECONDITION"),
            (text_format.Parse("custom_model_config {}", ModelServerConfig()), "FAILED_PRECONDITION"),
        ]:  # fmt: skip
            assert (await reload_error(core, new))[0] == code
        await asyncio.sleep(0.2)
        assert core.states() == {2: "AVAILABLE"}
        assert await core.y([1]) == [3.0]

    with_core(scenario, configuration(("m", two_versions, "")))


@pytest.mark.parametrize("path", ["relative/path", ""])
def test_a_server_does_not_start_with_a_relative_base_path(with_core, path):
    with pytest.raises(ConfigError, match="Expected model m to have an absolute path or URI"):
        with_core(None, configuration(("m", path, "")))


def test_the_configuration_file_is_read_again_and_again(with_core, two_versions, tmp_path):
    file = tmp_path / "models.config"
    file.write_text(text_format.MessageToString(configuration(("m", two_versions, ALL))))

    async def scenario(core):
        await core.until(lambda: core.states() == {1: "AVAILABLE", 2: "AVAILABLE"})
        file.write_text("not a configuration")
        await asyncio.sleep(0.2)
        assert await core.y([1], version=1) == [2.5]
        new = configuration(("m", two_versions, ALL + labels(stable=1)), ("n", two_versions, ""))
        file.write_text(text_format.MessageToString(new))
        await core.until(lambda: "n" in core._models and core._models["n"].servable() is not None)
        assert await core.y([1], label="stable") == [2.5]

    options = {"model_config_file": str(file), "model_config_file_poll_wait_seconds": 0.05}
    with_core(scenario, configuration(("m", two_versions, ALL)), **options)


def test_the_configuration_file_is_read_once_by_default(with_core, two_versions, tmp_path):
    file = tmp_path / "models.config"
    file.write_text(text_format.MessageToString(configuration()))

    async def scenario(core):
        await asyncio.sleep(0.2)
        assert core.states() == {2: "AVAILABLE"}

    with_core(scenario, configuration(("m", two_versions, "")), model_config_file=str(file))
