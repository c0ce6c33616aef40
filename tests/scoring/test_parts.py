"""However examples are cut into shards, parts and batches: each comes once, in order, and parts are always the same."""

import itertools

import pytest

from tfvae.scoring.parts import Cut, runs

CUTS = [Cut(*sizes) for sizes in itertools.product((1, 7, 8, 9, 100), (1, 4, 8), (1, 3, 256))]


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_batches_hold_every_example_once_and_in_order(cut):
    batches = list(cut.batches(range(cut.num_parts)))
    assert list(itertools.chain.from_iterable(batches)) == list(range(cut.num_examples))
    assert max(map(len, batches)) <= cut.batch_size


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_a_batch_lies_within_one_part(cut):
    for number in range(cut.num_parts):
        assert list(itertools.chain.from_iterable(cut.batches([number]))) == list(cut.part(number))


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_sizes_of_batches_repeat_with_every_whole_part(cut):
    sizes = [len(batch) for batch in cut.batches(range(cut.num_parts))]
    assert sum(cut.batch_sizes) == cut.part_size
    expected = list(itertools.islice(itertools.cycle(cut.batch_sizes), len(sizes)))
    assert sizes[:-1] == expected[:-1] and sizes[-1] <= expected[-1]


@pytest.mark.parametrize("count", [1, 2, 3, 7, 200])
@pytest.mark.parametrize("cut", CUTS[::5], ids=str)
def test_shards_share_the_parts_evenly_among_them(cut, count):
    shards = [cut.shard(index, count) for index in range(count)]
    assert list(itertools.chain.from_iterable(shards)) == list(range(cut.num_parts))
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


def test_runs_are_what_lies_between_gaps():
    assert list(runs([0, 1, 2, 5, 7, 8])) == [range(3), range(5, 6), range(7, 9)]
    assert list(runs([])) == []
