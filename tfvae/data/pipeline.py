"""The input pipeline: shuffle, fetch, scale, binarise, prefetch, the order stated once.

A batch is a pure function of (seed, step): the stream can start at any step without reading what came before, which is
what makes a resumed training see the batches that the uninterrupted one would have seen.
"""

import numpy as np
import tensorflow as tf

from tfvae.data import preprocessing
from tfvae.data.source import ArraySource
from tfvae.errors import ConfigError

STATIC_SEED = 0x5A71C  # the static draw must not depend on a run: figures of several runs are compared on it
DRAWS = 2  # stream of the dynamic draws; a model's own noise, of the same seed and step, has the streams 0 and 1
CHUNK = 1024  # examples per draw of the static binarisation
AHEAD = 2  # batches that are made before they are asked for, besides those that are being made


def steps_per_epoch(source, batch_size):
    """Number of whole batches in an epoch; a batch larger than the data shrinks to it."""
    lanes = _lanes(source)
    return min(lanes) // _rows_per_lane(min(batch_size, source.num_examples), lanes)


def training_batches(source, batch_size, seed, dynamic=False, first_step=0, parts=(0, 1, 1)):
    """Shuffled batches without end from `first_step` on, every example at most once an epoch.

    Args:
        source: Where examples come from.
        batch_size: Number of examples B.
        seed: Integer that keys order and draws.
        dynamic: Whether to binarise by a fresh draw at every step.
        first_step: Number of steps that were taken before.
        parts: (first, number, of how many): which of the equal parts that devices share a batch in are wanted, one
            after the other, before those of the next batch.

    Returns:
        tf.data of {"x": float32 [B, H, W, C], "label": int64 [B], "index": int64 [B], ...}.
    """
    first, number, total = parts
    part_at = _part_at(source, batch_size, seed, dynamic, total)
    places = tf.data.Dataset.range(first_step * number, np.iinfo(np.int64).max)
    return mapped(places, lambda i: part_at(i // number, first + i % number))


def epochs(source, batch_size, seed, dynamic=False):
    """The same batches, as a dataset that ends after an epoch and goes on with the next when it is read again."""
    part_at = _part_at(source, batch_size, seed, dynamic, 1)
    length = steps_per_epoch(source, batch_size)
    with tf.device("CPU:0"):  # where tf.data runs
        epochs_read = tf.Variable(0, dtype="int64")  # outlives an iterator; Dataset.random would heed the global seed
    epoch = tf.data.Dataset.range(1).map(lambda _: epochs_read.assign_add(1) - 1)
    steps = epoch.flat_map(lambda e: tf.data.Dataset.range(e * length, (e + 1) * length))
    steps = steps.apply(tf.data.experimental.assert_cardinality(length))
    return mapped(steps, lambda step: part_at(step, 0))


def ordered_batches(source, batch_size):
    """Every example once, in order, the last batch as small as it comes; each row carries its "index", int64 [B]."""
    indices = tf.data.Dataset.range(source.num_examples).batch(batch_size)
    return mapped(indices, lambda index: batch_of(source, index))


def batch_of(source, index):
    """The batch of the examples at `index`, int64 [B], as `ordered_batches` gives them."""
    batch = source.fetch(index)
    return {**batch, "x": preprocessing.scale(batch["x"]), "index": index}


def mapped(places, batch_at):
    """Batches by their places, in order, several at a time and ahead of who reads them."""
    return untuned(places.map(batch_at, tf.data.AUTOTUNE, deterministic=True).prefetch(AHEAD))


def untuned(dataset):
    """The dataset without TensorFlow's tuner; maps of `AUTOTUNE` then have a thread for each core, at most 16.

    The tuner sleeps for up to a minute, and who lets go of an iterator waits for it: what should wake it can come too
    early, before it is marked as cancelled. On two busy cores seven trainings of two steps took 111 s to be let go of,
    and 1 s without it; the rate at which batches come is the same.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def binarized(source):
    """The source with every grey image replaced by one draw, the same for every run, kept as uint8 0 and 255."""
    if source.is_binary:
        return source
    parts = [_draw(source, first) for first in range(0, source.num_examples, CHUNK)]
    drawn = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return ArraySource(drawn["x"], drawn["label"], source.class_names, drawn.get("factors"), source.factor_names)


def _draw(source, first):
    batch = source.fetch(tf.range(first, min(first + CHUNK, source.num_examples), dtype="int64"))
    drawn = preprocessing.binarize(preprocessing.scale(batch["x"]), tf.constant([STATIC_SEED, first]))
    kept = {name: batch[name].numpy() for name in ("label", "factors") if name in batch}
    return {"x": tf.cast(drawn * 255, "uint8").numpy(), **kept}


def _lanes(source):
    """Numbers of examples of the parts of a source that each give every batch the same number of rows."""
    return getattr(source, "lane_sizes", [source.num_examples])


def _rows_per_lane(batch_size, lanes):
    if batch_size % len(lanes) or batch_size // len(lanes) > min(lanes):
        raise ConfigError(
            f"{len(lanes)} lanes, of {min(lanes)} examples or more, cannot share a batch of {batch_size} evenly: "
            "change `data.batch_size`, or prepare the data with fewer lanes."
        )
    return batch_size // len(lanes)


def _part_at(source, batch_size, seed, dynamic, total):
    """A step and a part, one of `total`, -> the rows of that part of the batch."""
    batch_size, length = min(batch_size, source.num_examples), steps_per_epoch(source, batch_size)
    seed, size, lanes = tf.constant(seed & 0x7FFFFFFF, "int32"), batch_size // total, _lanes(source)
    rows, firsts = _rows_per_lane(batch_size, lanes), tf.constant(np.cumsum([0, *lanes[:-1]]), "int64")

    def part_at(step, part):
        epoch = tf.cast(step // length, "int32")
        row = part * size + tf.range(size, dtype="int64")  # of the whole batch
        positions = step % length * rows + row % rows
        last = tf.gather(tf.constant(lanes, "int64"), row // rows) - 1 if len(lanes) > 1 else lanes[0] - 1
        order = tf.random.experimental.index_shuffle(positions, tf.stack([seed, epoch]), last)
        order = order + tf.gather(firsts, row // rows)
        batch = source.fetch(tf.ensure_shape(order, [size]))
        if dynamic:
            draw = tf.random.fold_in(tf.stack([seed, DRAWS]), tf.cast(step, "int32"))
            x = preprocessing.binarize_again(batch["x"], draw, tf.cast(part, "int32"))
        else:
            x = preprocessing.scale(batch["x"])
        return {**batch, "x": x, "index": order}

    return part_at
