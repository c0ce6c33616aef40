"""Discovery of versions: names of directories, policies, and what the real server warns of."""

import pytest
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelConfig

from tfvae.serving.server.source import find_versions, version_number

LEAF = "Did you forget to name your leaf directory as a number"

# The whole name must parse as an int64, as absl::SimpleAtoi reads it.
NAMES = {
    "1": 1,
    "0": 0,
    "123": 123,
    "00000123": 123,
    "01": 1,
    "+7": 7,
    "-5": -5,
    " 4": 4,
    "4 ": 4,
    "1700000000": 1_700_000_000,
    "9223372036854775807": 2**63 - 1,
    "9223372036854775808": None,
    "-9223372036854775808": -(2**63),
    "-9223372036854775809": None,
    "": None,
    " ": None,
    "v1": None,
    "1a": None,
    "1.0": None,
    "1e3": None,
    "0x1": None,
    "1_000": None,
    "1 2": None,
    "--1": None,
    "+-1": None,
    ".1": None,
    "1.partial": None,
    ".tmp-123": None,
    "_staging": None,
    ".staging-2": None,
    "123.tmp": None,
    "latest": None,
    "\u0661": None,  # a digit, not an ASCII one
    "\u00b2": None,
}


@pytest.mark.parametrize(("name", "version"), NAMES.items(), ids=repr)
def test_a_version_is_a_name_that_is_an_int64_as_a_whole(name, version):
    assert version_number(name) == version


def model(base_path, policy=""):
    text = f"name: 'm' model_platform: 'tensorflow' model_version_policy {{ {policy} }}" if policy else "name: 'm'"
    config = text_format.Parse(text, ModelConfig())
    config.base_path = str(base_path)
    return config


ON_DISK = ("1", "2", "007", "40", "draft", ".tmp-99")
POLICIES = {
    "": [40],
    "latest {}": [40],
    "latest { num_versions: 0 }": [40],
    "latest { num_versions: 1 }": [40],
    "latest { num_versions: 2 }": [7, 40],
    "latest { num_versions: 3 }": [2, 7, 40],
    "latest { num_versions: 99 }": [1, 2, 7, 40],
    "all {}": [1, 2, 7, 40],
    "specific { versions: 2 }": [2],
    "specific { versions: 7 }": [7],
    "specific { versions: [40, 1] }": [1, 40],
    "specific { versions: [2, 2] }": [2],
    "specific { versions: [2, 3] }": [2],
    "specific { versions: 3 }": [],
    "specific {}": [],
}


@pytest.mark.parametrize(("policy", "expected"), POLICIES.items(), ids=str)
def test_the_policy_chooses_among_the_numbers(base_path, policy, expected):
    for name in ON_DISK:
        (base_path / name).mkdir()
    assert sorted(find_versions(model(base_path, policy)).versions) == expected


def test_a_version_is_its_directory_by_the_name_on_disk(base_path):
    (base_path / "007").mkdir()
    assert find_versions(model(base_path)).versions == {7: f"{base_path}/007"}


def test_numbers_are_compared_as_numbers(base_path):
    for name in ("9", "10"):
        (base_path / name).mkdir()
    assert list(find_versions(model(base_path)).versions) == [10]


def test_a_file_with_a_number_for_a_name_is_a_version_too(base_path):
    (base_path / "3").write_text("")
    assert list(find_versions(model(base_path)).versions) == [3]


@pytest.mark.parametrize("policy", ["latest {}", "all {}", "specific { versions: 1 }"])
@pytest.mark.parametrize(("names", "winner"), [(("1", "01"), "1"), (("1", "001", "01"), "1"), (("+1", "01"), "01")])
def test_of_two_names_for_a_version_one_wins_with_a_warning(base_path, policy, names, winner):
    for name in names:
        (base_path / name).mkdir()
    found = find_versions(model(base_path, policy))
    assert found.versions == {1: f"{base_path}/{winner}"}
    assert len(found.warnings) == len(names) - 1
    assert f"Version 1 of m will be loaded from {winner}," in found.warnings[-1]


@pytest.mark.parametrize("names", [(), ("v1",), (".tmp-1", "draft")], ids=str)
@pytest.mark.parametrize("policy", ["latest {}", "all {}", "specific { versions: 1 }"])
def test_without_versions_there_is_a_warning_and_nothing_is_served(base_path, names, policy):
    for name in names:
        (base_path / name).mkdir()
    found = find_versions(model(base_path, policy))
    assert found.versions == {}
    assert found.warnings[-1].startswith(f"No versions of servable m found under base path {base_path}.")
    assert LEAF in found.warnings[-1]


def test_a_specific_version_that_is_missing_is_warned_of(base_path):
    (base_path / "1").mkdir()
    (warning,) = find_versions(model(base_path, "specific { versions: [1, 8] }")).warnings
    assert warning.startswith("Version 8 of servable m, which was requested to be served as a 'specific' version")


def test_what_is_as_it_should_be_is_not_warned_of(base_path):
    (base_path / "1").mkdir()
    (base_path / "draft").mkdir()
    assert find_versions(model(base_path)).warnings == ()


def test_a_base_path_that_is_not_there_changes_nothing(tmp_path):
    """A file system that is away for a moment must not unload what is served."""
    found = find_versions(model(tmp_path / "nowhere"))
    assert found.versions is None
    assert found.warnings == (f"Could not find base path {tmp_path}/nowhere for servable m",)
