"""Labels, and the files of a real server: what each push, promotion, rollback and prune makes of them."""

import itertools

import pytest

from tfvae.errors import ConfigError
from tfvae.serving import promote, prune, push, rollback
from tfvae.serving.registry import labels_of, served, versions
from tfvae.serving.server.configuration import read_batching_parameters, read_model_config, read_monitoring_config


@pytest.fixture
def base(tmp_path):
    return tmp_path / "models" / "vae"


@pytest.fixture
def push_next(base, binary_export, grey_export):
    """Pushes the one or the other of two models, so that each push is a new version."""

    models = itertools.cycle([binary_export, grey_export])

    def make(**options):
        return push(next(models), base, **options).version

    return make


def config(base):
    """What models.config says, as the embedded server reads it: (policy, versions, labels)."""
    (model,) = read_model_config(base / "models.config").model_config_list.config
    assert (model.name, model.base_path, model.model_platform) == ("vae", "/models/vae", "tensorflow")
    policy = model.model_version_policy
    return policy.WhichOneof("policy_choice"), list(policy.specific.versions), dict(model.version_labels)


# Labels.


def test_each_push_is_the_stable_version(push_next, base):
    for version in (1, 2, 3):
        assert push_next() == version
        assert labels_of(base) == {"stable": version} and served(base)[0] == version
        assert config(base) == ("latest", [], {"stable": version})


def test_a_canary_leaves_the_stable_version_where_it_is_and_both_are_served(push_next, base):
    push_next()
    assert push_next(label="canary") == 2
    assert labels_of(base) == {"stable": 1, "canary": 2} and served(base)[0] == 1
    assert config(base) == ("specific", [1, 2], {"stable": 1, "canary": 2})


def test_a_second_canary_takes_the_place_of_the_first(push_next, base):
    push_next()
    for version in (2, 3):
        assert push_next(label="canary") == version
        assert labels_of(base) == {"stable": 1, "canary": version}


def test_the_first_version_cannot_be_a_canary(push_next, base):
    with pytest.raises(ConfigError, match="no version that a canary could be held against"):
        push_next(label="canary")
    assert versions(base) == []


def test_a_promoted_canary_is_stable_and_canary_no_more(push_next, base):
    push_next()
    push_next(label="canary")
    assert promote(base) == 2
    assert labels_of(base) == {"stable": 2} and config(base) == ("latest", [], {"stable": 2})
    with pytest.raises(ConfigError, match="no version labelled canary"):
        promote(base)


def test_a_model_that_is_pushed_again_as_stable_is_promoted(push_next, base, grey_export):
    push_next()
    push_next(label="canary")
    assert push(grey_export, base) == (2, False)
    assert labels_of(base) == {"stable": 2}


def test_a_stable_version_does_not_become_its_own_canary(push_next, base, binary_export):
    push_next()
    assert push(binary_export, base, label="canary") == (1, False)
    assert labels_of(base) == {"stable": 1}


def test_a_rollback_of_a_canary_leaves_the_stable_version(push_next, base):
    push_next()
    push_next(label="canary")
    assert rollback(base) == 1
    assert labels_of(base) == {"stable": 1} and config(base) == ("latest", [], {"stable": 1})


def test_a_rollback_of_the_stable_version_makes_the_one_before_stable(push_next, base):
    push_next(), push_next()
    rollback(base)
    assert labels_of(base) == {"stable": 1} and config(base) == ("latest", [], {"stable": 1})


def test_a_rollback_makes_no_canary_stable_while_there_is_another_version(push_next, base):
    push_next(), push_next(label="canary"), push_next()
    assert labels_of(base) == {"stable": 3, "canary": 2}
    rollback(base)
    assert labels_of(base) == {"stable": 1, "canary": 2}


def test_an_old_canary_is_not_served_after_a_rollback(push_next, base):
    push_next(), push_next(label="canary"), push_next(label="canary")
    assert rollback(base) == 1
    assert labels_of(base) == {"stable": 1} and config(base) == ("specific", [1], {"stable": 1})


def test_labelled_versions_are_never_pruned(push_next, base):
    push_next()
    for _ in range(3):
        push_next(label="canary", keep=1)
    assert [version for version, _ in versions(base)] == [1, 4]
    assert prune(base, keep=1) == [1, 4]
    promote(base)
    assert prune(base, keep=1) == [4]


def test_versions_that_were_there_before_labels_have_the_latest_as_stable(push_next, base):
    push_next(), push_next()
    (base / ".labels.json").unlink()
    assert labels_of(base) == {"stable": 2} and served(base)[0] == 2


def test_nothing_is_served_where_nothing_was_pushed(tmp_path):
    assert served(tmp_path / "nothing") is None and served(tmp_path) is None


# Files.


def test_the_files_are_what_the_server_reads(push_next, base):
    push_next()
    parameters = read_batching_parameters(base / "batching_parameters.txt")
    assert parameters.max_batch_size == 64 == parameters.allowed_batch_sizes[-1]
    monitoring = read_monitoring_config(base / "monitoring.config").prometheus_config
    assert monitoring.enable and monitoring.path == "/monitoring/prometheus/metrics"


def test_a_file_that_a_user_has_taken_over_is_left_alone(push_next, base):
    push_next()
    path = base / "batching_parameters.txt"
    own = path.read_text().split("\n", 1)[1].replace("64", "128")  # without the first line
    path.write_text(own)
    push_next()
    assert path.read_text() == own and config(base) == ("latest", [], {"stable": 2})


def test_a_file_that_was_changed_under_our_line_or_lost_is_written_again(push_next, base):
    push_next()
    before = (base / "monitoring.config").read_text()
    (base / "monitoring.config").write_text(before + "nonsense\n")
    (base / "batching_parameters.txt").unlink()
    push_next()
    assert (base / "monitoring.config").read_text() == before and (base / "batching_parameters.txt").is_file()
