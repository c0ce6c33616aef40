"""The input pipeline: images per second of each kind of source, and what a training step waits for them."""

import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.performance import apart, machine
from benchmarks.performance.works import CASES, WORKS, Training

BATCH_SIZE = 1000
SECONDS = 5.0
NUM_PNGS = 10_000
LARGE = (160_000, 64, 64, 3)  # 1.83 GiB of pixels
STEPS = 100
BYTES = 5  # of a pixel, read as uint8 and written as float32
SPARE = 1400  # MiB beside what the imports take, stacks of 80 threads among it: all that its reader may have


def rows():
    """Lines of the table, each from a process of its own; the set of TFDS is left out where it is not prepared."""
    with tempfile.TemporaryDirectory() as folder:
        write_pngs(Path(folder) / "pngs")
        large = apart.measured("reading", "write", f"{folder}/large")
        yield from map(_read, ["mnist"] if _has_mnist() else [], ["MNIST, from TFDS, in memory"])
        yield _read(f"{folder}/pngs", f"{NUM_PNGS} PNGs of 28 x 28 in folders, in memory")
        shown = f"{large['gibibytes']:.2f} GiB of records of 64 x 64 x 3, on disk, by a process given {SPARE} MiB"
        yield _read(f"{folder}/large", shown, SPARE)


def waits():
    """Shares of a step of each work that is trained: {"case", "waits", "costs"}."""
    for work, size in CASES:
        if isinstance(WORKS[work], Training):
            yield {"case": f"{work}:{size}", **apart.measured("reading", "waits", work, size)}


def main(task, *arguments):
    """Measures in a process of its own."""
    {"read": _reads, "write": _writes, "waits": _waits}[task](*arguments)


def write_pngs(folder):
    """A folder of PNGs, one folder for each of ten classes."""
    from PIL import Image

    pixels = np.random.default_rng(0)
    for number in range(NUM_PNGS):
        path = folder / str(number % 10) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.integers(0, 256, (28, 28), np.uint8)).save(path)


def _read(name, shown, *spare):
    found, rate = apart.measured("reading", "read", name, *spare), machine.bandwidth()
    return {
        "source": shown,
        "images/s": f"{found['images_per_second']:,.0f}",
        "of bandwidth": f"{found['images_per_second'] * found['bytes'] / rate:.3f}",
        "seconds to open": f"{found['opened']:.1f}",
        "memory, MiB": f"{found['resident']:.0f}",
        "before it was opened": f"{found['before']:.0f}",
    }


def _has_mnist():
    from tfvae.data.datasets import open_splits
    from tfvae.data.options import Data
    from tfvae.errors import DataError

    try:
        open_splits(Data("mnist", num_examples=100))
    except DataError:
        return False
    return True


def _reads(name, spare=None):
    from tfvae.data import pipeline
    from tfvae.data.datasets import open_splits
    from tfvae.data.options import Data

    if spare:
        apart.limit_memory(int(spare))
    before, started = apart.resident_mebibytes(), time.perf_counter()
    source = open_splits(Data(name)).train
    opened = time.perf_counter() - started
    batches = iter(pipeline.training_batches(source, BATCH_SIZE, 0))
    for _ in range(20):
        next(batches)
    number, started = 0, time.perf_counter()
    while (seconds := time.perf_counter() - started) < SECONDS:
        next(batches)
        number += BATCH_SIZE
    size = next(batches)["x"][0].shape.num_elements()
    found = {"before": before, "resident": apart.resident_mebibytes(), "bytes": BYTES * size}
    apart.answer(images_per_second=number / seconds, opened=opened, **found)


def _writes(folder):
    from tfvae.data import records

    splits = {"train": Noise(LARGE[0]), "validation": Noise(1000), "test": Noise(1000)}
    records.prepare(splits, Path(folder), 8, 1, lambda number: None)
    apart.answer(gibibytes=np.prod(LARGE) / 2**30)


class Noise:
    """A source of random images, made when they are fetched."""

    image_shape, class_names, factor_names, is_binary = LARGE[1:], ["one"], [], False

    def __init__(self, num_examples):
        self.num_examples = num_examples

    def fetch(self, indices):
        import tensorflow as tf

        number = len(indices)
        pixels = np.random.default_rng(int(indices[0])).integers(0, 256, (number, *LARGE[1:]), np.uint8)
        return {"x": tf.constant(pixels), "label": tf.zeros([number], "int64")}


def _waits(work, batch_size):
    """Share of a step until its batch is there, and what a supply of one and the same batch would save."""
    import tensorflow as tf

    from benchmarks.performance.systems.tfvae import loop_of

    loop, feed = loop_of(WORKS[work], int(batch_size))
    same = iter(tf.data.Dataset.from_tensors(feed.batch).cache().repeat())

    @tf.function
    def steps(iterator, batch):
        waited = tf.constant(0.0, "float64")
        began = tf.timestamp()
        for _ in tf.range(STEPS):
            ready = tf.timestamp()
            with tf.control_dependencies([batch["x"]]):
                there = tf.timestamp()
            waited += there - ready
            with tf.control_dependencies([there]):  # or the step would begin before the clock is read
                batch = {name: tf.identity(rows) for name, rows in batch.items()}
                following = next(iterator)
            loop.model.update(batch)
            batch = following
            with tf.control_dependencies([weight.value for weight in loop.model.trainable_weights]):
                ended = tf.timestamp()  # of all of the step: what follows would begin during it, and seem to wait
        return (waited, ended - began), batch

    def median(iterator):
        shares, batch = [], feed.batch
        for _ in range(6):
            share, batch = steps(iterator, batch)
            shares.append(tuple(map(float, share)))
        return np.median(shares[1:], axis=0)

    waited, total = median(feed.iterator)
    _, alone = median(same)
    apart.answer(waits=waited / total, costs=1 - alone / total)
