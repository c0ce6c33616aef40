"""push, rollback and prune: which numbers exist, and what they mean."""

import fcntl
import shutil

import pytest

from tfvae.errors import ConfigError, GateError, LockedError
from tfvae.serving import prune, push, rollback
from tfvae.serving.fingerprint import fingerprint


@pytest.fixture
def base(tmp_path):
    return tmp_path / "models" / "vae"


def names(base):
    return sorted(path.name for path in base.iterdir() if path.is_dir())


@pytest.fixture
def push_three(base, binary_export, grey_export):
    """Three versions: binary, grey, binary."""
    for directory in (binary_export, grey_export, binary_export):
        push(directory, base)


def test_a_blessed_export_is_version_one(base, binary_export):
    assert push(binary_export, base) == (1, True)
    assert names(base) == ["1"]
    assert fingerprint(base / "1") == fingerprint(binary_export)


@pytest.mark.parametrize("name", ["assets.extra/tfvae_probes", "variables/variables.index", "saved_model.pb"])
def test_an_export_that_lost_a_byte_since_it_was_blessed_leaves_nothing(base, copy, name):
    (copy / name).write_bytes((copy / name).read_bytes()[:-1])
    with pytest.raises(GateError, match="was changed"):
        push(copy, base)
    assert names(base) == []


def test_a_file_that_was_added_to_a_blessed_export_is_refused(base, copy):
    (copy / "assets.extra" / "more").write_text("")
    with pytest.raises(GateError, match="was changed"):
        push(copy, base)


def test_a_linked_folder_is_pushed_as_what_it_holds(base, copy, tmp_path):
    shutil.move(copy / "variables", tmp_path / "elsewhere")
    (copy / "variables").symlink_to(tmp_path / "elsewhere")
    assert push(copy, base) == (1, True)
    assert (base / "1" / "variables").is_dir() and not (base / "1" / "variables").is_symlink()
    (tmp_path / "elsewhere" / "variables.index").write_bytes(b"")
    with pytest.raises(GateError):
        push(copy, base)


def test_a_number_appears_only_once_the_copy_is_whole(base, binary_export, monkeypatch):
    seen = []

    def copy_and_look(source, staging):
        monkeypatch.undo()  # it calls itself
        shutil.copytree(source, staging)
        seen.append((staging, names(base)))

    monkeypatch.setattr("tfvae.serving.registry.shutil.copytree", copy_and_look)
    push(binary_export, base)
    ((staging, during),) = seen
    assert during == [staging.name] and staging.name.startswith(".staging-")


def test_a_copy_that_is_not_what_was_blessed_is_refused(base, binary_export, monkeypatch):
    def copy_badly(source, staging):
        monkeypatch.undo()
        shutil.copytree(source, staging)
        (staging / "variables" / "variables.index").write_bytes(b"")

    monkeypatch.setattr("tfvae.serving.registry.shutil.copytree", copy_badly)
    with pytest.raises(GateError, match="while it was copied"):
        push(binary_export, base)
    assert names(base) == []


def test_pushing_the_same_model_twice_does_nothing(base, binary_export):
    push(binary_export, base)
    assert push(binary_export, base) == (1, False)
    assert names(base) == ["1"]


def test_another_model_is_another_version(base, binary_export, grey_export):
    push(binary_export, base)
    assert push(grey_export, base) == (2, True)


def test_an_older_model_can_be_pushed_again(push_three, base):
    assert names(base) == ["1", "2", "3"]
    assert fingerprint(base / "3") == fingerprint(base / "1") != fingerprint(base / "2")


def test_rollback_makes_the_version_before_the_latest(push_three, base):
    assert rollback(base) == 2
    assert names(base) == [".withdrawn-3", "1", "2"]


def test_a_withdrawn_number_is_never_used_again(push_three, base, binary_export):
    rollback(base)
    rollback(base)
    assert push(binary_export, base) == (1, False)  # the latest is that model
    rewritten = push(base / ".withdrawn-2", base)
    assert rewritten == (4, True)


def test_there_is_no_rollback_from_the_only_version(base, binary_export):
    push(binary_export, base)
    with pytest.raises(ConfigError, match="no version before"):
        rollback(base)
    assert names(base) == ["1"]


def test_prune_keeps_the_latest(push_three, base):
    assert prune(base, keep=2) == [2, 3]
    assert names(base) == ["2", "3"]


def test_prune_removes_withdrawn_versions_that_were_replaced(push_three, base, binary_export):
    rollback(base)
    assert prune(base, keep=2) == [1, 2] and ".withdrawn-3" in names(base)
    push(binary_export, base, keep=1)
    assert names(base) == ["4"]


def test_a_number_is_not_used_again_after_a_prune(push_three, base, grey_export):
    prune(base, keep=1)
    assert push(grey_export, base) == (4, True)


@pytest.mark.parametrize("keep", [0, -1, 1.5, True])
def test_keeping_less_than_one_version_is_refused(base, binary_export, keep):
    with pytest.raises(ConfigError, match="`keep` must be an integer from 1 up"):
        push(binary_export, base, keep=keep)


def test_what_killed_jobs_left_is_removed(base, binary_export):
    shutil.copytree(binary_export, base / ".staging-0")
    shutil.copytree(binary_export, base / ".deleting-0")
    push(binary_export, base)
    assert names(base) == ["1"]


def test_a_push_beside_another_one_is_refused(base, binary_export):
    base.mkdir(parents=True)
    with open(base / ".lock", "w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(LockedError):
            push(binary_export, base)
    assert names(base) == []


def test_leading_zeros_count_as_tensorflow_serving_counts_them(base, binary_export, grey_export):
    shutil.copytree(binary_export, base / "0007")
    assert push(binary_export, base) == (7, False)
    assert push(grey_export, base) == (8, True)


@pytest.mark.parametrize("name", ["7.partial", "v7", str(2**63), "\u0667"])
def test_what_is_no_number_is_no_version(base, binary_export, name):
    shutil.copytree(binary_export, base / name)
    assert push(binary_export, base) == (1, True)


def test_a_version_can_be_read_by_the_user_of_the_server(base, binary_export):
    push(binary_export, base)
    assert (base / "1").stat().st_mode & 0o777 == binary_export.stat().st_mode & 0o777
