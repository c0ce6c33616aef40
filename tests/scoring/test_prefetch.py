"""A thread ahead of the reader changes neither the items nor the errors, and ends with the reader."""

import threading

import pytest

from tfvae.scoring.prefetch import DEPTH, prefetched


def counting(number, made):
    for item in range(number):
        made.append(item)
        yield item


def test_items_keep_their_order():
    assert list(prefetched(counting(100, []))) == list(range(100))


def test_nothing_is_nothing():
    assert list(prefetched(counting(0, []))) == []


def test_an_error_is_raised_after_the_items_before_it():
    def failing():
        yield 1
        raise ValueError("broken")

    items = prefetched(failing())
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken"):
        next(items)


def test_the_thread_is_ahead_by_no_more_than_its_depth():
    made, first_ten = [], 10
    items = prefetched(counting(1000, made))
    for _ in range(first_ten):
        next(items)
    # Beside those that wait, one is on its way into the queue.
    assert len(made) <= first_ten + DEPTH + 1


def test_closing_ends_the_thread_and_the_source():
    closed, before = threading.Event(), threading.active_count()

    def endless():
        try:
            while True:
                yield 0
        finally:
            closed.set()

    items = prefetched(endless())
    next(items)
    items.close()
    assert closed.is_set() and threading.active_count() == before
