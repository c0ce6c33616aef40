"""A checkpoint gives back what it was given, or says why not."""

import errno
import json
import os

import keras
import numpy as np
import pytest

from tfvae import storage
from tfvae.errors import DataError
from tfvae.training import checkpoint

STATE = {"best": 1.5, "history": [{"epoch": 1}], "seconds": 0.25}


def variables(*shapes):
    rng = np.random.default_rng(0)
    return [keras.Variable(rng.normal(size=shape).astype("float32")) for shape in shapes]


@pytest.fixture
def saved(tmp_path):
    """A checkpoint of twelve variables and one counter: more than ten, so that names have to sort as numbers."""
    weights = [*variables(*[(i, 2) for i in range(1, 13)]), keras.Variable(7, dtype="int64")]
    checkpoint.save(tmp_path / "checkpoint.npz", weights, [np.ones(3), np.array(2, "int64")], STATE)
    return tmp_path / "checkpoint.npz", weights


def zeroed(weights):
    return [keras.Variable(np.zeros(w.shape, w.dtype)) for w in weights]


def test_values_come_back_bit_for_bit_with_state_and_best(saved):
    path, weights = saved
    fresh = zeroed(weights)
    best, state, is_whole = checkpoint.restore(path, fresh)
    assert is_whole
    assert all(np.array_equal(*pair) for pair in zip(*map(checkpoint.values_of, (weights, fresh)), strict=True))
    assert state == STATE
    assert [value.tolist() for value in best] == [[1.0, 1.0, 1.0], 2]


def test_best_may_be_empty_and_best_loss_infinite(tmp_path):
    checkpoint.save(tmp_path / "c.npz", variables((2,)), [], {"best": float("inf")})
    assert checkpoint.restore(tmp_path / "c.npz", variables((2,))) == ([], {"best": float("inf")}, True)


def test_values_of_a_variable_do_not_change_with_it():
    (weight,) = variables((3,))
    (before,) = checkpoint.values_of([weight])
    copy = before.copy()
    weight.assign_add(np.ones(3))
    np.testing.assert_array_equal(before, copy)


def damages():
    yield "empty", lambda data: b""
    yield "cut short", lambda data: data[: len(data) // 2]
    yield "no archive", lambda data: b"no archive at all" * 9
    yield "a flipped bit", lambda data: data[:1000] + bytes([data[1000] ^ 1]) + data[1001:]
    yield "zeros", lambda data: bytes(len(data))


@pytest.mark.parametrize("damage", [pytest.param(damage, id=name) for name, damage in damages()])
def test_a_damaged_checkpoint_is_told_with_its_name_and_what_to_do(damage, saved):
    path, weights = saved
    path.write_bytes(damage(path.read_bytes()))
    message = f"The checkpoint {path} is damaged .*: delete it to start again"
    with pytest.raises(DataError, match=message) as caught:
        checkpoint.restore(path, zeroed(weights))
    assert "pickle" not in str(caught.value)  # which NumPy suspects, and offers to load


@pytest.mark.parametrize("damage", [pytest.param(damage, id=name) for name, damage in damages()])
def test_a_damaged_checkpoint_falls_back_to_the_one_before_and_says_so(damage, saved, caplog):
    path, weights = saved
    newer = [keras.Variable(weight.numpy() + 1) for weight in weights]
    checkpoint.save(path, newer, [], {"newer": True})
    path.write_bytes(damage(path.read_bytes()))
    fresh = zeroed(weights)
    assert checkpoint.restore(path, fresh)[1] == STATE
    assert all(np.array_equal(*pair) for pair in zip(*map(checkpoint.values_of, (weights, fresh)), strict=True))
    assert f"The checkpoint {path} is damaged" in caplog.text and "the one before" in caplog.text


def test_a_damaged_checkpoint_does_not_take_the_place_of_the_one_before(saved):
    path, weights = saved
    checkpoint.save(path, zeroed(weights), [], {"newer": True})
    path.write_bytes(b"damaged")
    fresh = zeroed(weights)
    *_, is_whole = checkpoint.restore(path, fresh)
    assert not is_whole
    checkpoint.save(path, fresh, [], {"after": True}, keep=is_whole)
    assert checkpoint.restore(path, fresh)[1:] == ({"after": True}, True)
    path.write_bytes(b"damaged again")
    assert checkpoint.restore(path, fresh)[1] == STATE


def test_without_links_there_is_always_one_of_the_two(saved, monkeypatch):
    path, weights = saved

    def refuse(*_):
        raise OSError(errno.EOPNOTSUPP, "no links")

    monkeypatch.setattr(os, "link", refuse)
    checkpoint.save(path, weights, [], {"newer": True})
    fresh = zeroed(weights)
    assert checkpoint.restore(path, fresh)[1] == {"newer": True}
    path.unlink()  # as if it had been killed between the two names
    assert checkpoint.exists(path) and checkpoint.restore(path, fresh)[1] == STATE


def test_one_file_with_both_names_leaves_nothing_behind(saved):
    path, weights = saved
    os.link(path, checkpoint.before_of(path))  # as a process that was killed between the two leaves it
    checkpoint.save(path, weights, [], {"newer": True})
    assert sorted(each.name for each in path.parent.iterdir()) == sorted({path.name, checkpoint.before_of(path).name})


def test_whatever_bit_flips_values_are_right_or_the_damage_is_told(saved):
    path, weights = saved
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    ends = [*range(64), *range(len(whole) - 200, len(whole))]  # where an archive says what is in it
    for place in [*ends, *rng.integers(0, len(whole), 300)]:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        fresh = zeroed(weights)
        try:
            state = checkpoint.restore(path, fresh)[1]
        except DataError:
            continue
        assert state == STATE
        assert all(np.array_equal(*pair) for pair in zip(*map(checkpoint.values_of, (weights, fresh)), strict=True))


def test_two_damaged_checkpoints_are_told_together(saved):
    path, weights = saved
    checkpoint.save(path, weights, [], STATE)
    for each in (path, checkpoint.before_of(path)):
        each.write_bytes(b"")
    with pytest.raises(DataError, match="delete both to start again"):
        checkpoint.restore(path, zeroed(weights))


def test_what_a_killed_process_had_begun_to_write_goes(saved):
    path, _ = saved
    for name in ("checkpoint-abc.npz", "model-abc.keras"):
        (path.parent / f"{storage.PARTIAL}{name}").write_bytes(b"half")
    storage.remove_leftovers(path.parent)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_an_archive_without_a_state_is_damaged(tmp_path):
    np.savez(tmp_path / "c.npz", **{"now-00000": np.zeros(2)})
    with pytest.raises(DataError, match="is damaged"):
        checkpoint.restore(tmp_path / "c.npz", variables((2,)))


@pytest.mark.parametrize("change", [lambda w: w[:-1], lambda w: [*w, *variables((2,))], lambda w: w[::-1]])
def test_a_checkpoint_of_another_model_is_refused_and_changes_nothing(change, saved):
    path, weights = saved
    others = zeroed(change(weights))
    with pytest.raises(DataError, match=f"The checkpoint {path} is of another model: choose another output directory"):
        checkpoint.restore(path, others)
    assert not any(np.any(value) for value in checkpoint.values_of(others))


def test_a_failed_save_leaves_the_old_checkpoint(saved):
    path, weights = saved
    with pytest.raises(TypeError):
        checkpoint.save(path, zeroed(weights), [], {"not JSON": object()})
    assert checkpoint.restore(path, zeroed(weights))[1] == STATE == json.loads(json.dumps(STATE))
