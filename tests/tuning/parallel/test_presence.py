"""Signs of life of workers, and that a name is had by one at a time."""

import time

import pytest

from tfvae.errors import LockedError
from tfvae.tuning.presence import LastSeen, present


def test_a_name_is_had_by_one_at_a_time_and_free_again_after_that(tmp_path):
    with present(tmp_path, "worker-0"):
        with pytest.raises(LockedError, match="worker-0 is in use by process"), present(tmp_path, "worker-0"):
            pytest.fail("two of the same name")
        with present(tmp_path, "worker-1"):
            pass
    with present(tmp_path, "worker-0"):
        pass


def test_who_lives_is_seen_and_who_left_is_not(tmp_path):
    seen = LastSeen(tmp_path)
    with present(tmp_path, "worker-0"):
        assert seen.seconds_since("worker-0") == 0.0
        time.sleep(5)  # two beats
        assert seen.seconds_since("worker-0") == 0.0
    time.sleep(5)
    assert seen.seconds_since("worker-0") >= 5


def test_clocks_of_other_machines_do_not_matter(tmp_path):
    (tmp_path / "workers" / "worker-0").mkdir(parents=True)
    seen = LastSeen(tmp_path)
    for beat in ("9" * 19, "1"):  # far in the future, long ago
        (tmp_path / "workers" / "worker-0" / "beat").write_text(beat)
        assert seen.seconds_since("worker-0") == 0.0


def test_who_never_was_there_is_missed_from_the_first_look_on(tmp_path):
    seen = LastSeen(tmp_path)
    assert seen.seconds_since("worker-0") == 0.0
    time.sleep(0.2)
    assert seen.seconds_since("worker-0") >= 0.2
    seen.forget("worker-0")
    assert seen.seconds_since("worker-0") == 0.0
