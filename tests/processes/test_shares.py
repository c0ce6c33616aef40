"""Processors and graphics cards, shared out."""

import pytest

from tfvae.processes import shares

THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    """Eight processors, and no card."""
    for name in (*THREADS, "CUDA_VISIBLE_DEVICES", "TF_FORCE_GPU_ALLOW_GROWTH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(8)))
    monkeypatch.setattr(shares, "CARDS", tmp_path)


@pytest.mark.parametrize(("number", "threads"), [(1, "8"), (3, "2"), (8, "1"), (20, "1")])
def test_processors_are_shared_out(number, threads):
    assert shares.share_of_worker(0, number) == dict.fromkeys(THREADS, threads)


def test_what_the_user_sets_stays(monkeypatch):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "5")
    assert shares.share_of_worker(0, 4) == {"TF_NUM_INTRAOP_THREADS": "5", "TF_NUM_INTEROP_THREADS": "2"}


def test_cards_are_taken_in_turn(tmp_path):
    for name in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / name).mkdir()
    found = [shares.share_of_worker(place, 3) for place in range(3)]
    assert [variables["CUDA_VISIBLE_DEVICES"] for variables in found] == ["0", "1", "0"]
    assert all(variables["TF_FORCE_GPU_ALLOW_GROWTH"] == "true" for variables in found)


def test_only_cards_that_are_visible_are_shared_out(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    assert [shares.share_of_worker(place, 2)["CUDA_VISIBLE_DEVICES"] for place in range(2)] == ["2", "5"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "CUDA_VISIBLE_DEVICES" not in shares.share_of_worker(0, 2)


def test_the_chief_takes_no_card():
    assert shares.share_of_chief() == {"CUDA_VISIBLE_DEVICES": "-1"}
