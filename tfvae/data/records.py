"""Records: examples in ArrayRecord files on disk, read one by one where they are wanted, for data larger than memory.

A prepared folder has the shards of each split, `train-00003-of-00016.array_record`, each record a `tf.train.Example`
with the bytes of an image, and records.json, written last, which says what they hold.
"""

import math
from pathlib import Path

import numpy as np
import tensorflow as tf
from array_record.python.array_record_data_source import ArrayRecordDataSource
from array_record.python.array_record_module import ArrayRecordWriter

from tfvae.data.source import CHUNK, read_by_python
from tfvae.errors import DataError
from tfvae.storage import atomic_path, read_json, remove_leftovers, sha256_of_file, sha256_of_json, write_json

NAME = "records.json"
OPTIONS = "group_size:1"  # one record is read without its neighbours


class RecordSource:
    """Examples in records.

    Each lane is a part of the shards from which every batch takes the same number of rows; so a machine that computes
    these rows needs these shards alone, and the batches are the same however many machines there are.

    Args:
        directory: A prepared folder.
        split: "train", "validation" or "test".

    Raises:
        DataError: If the folder is not prepared.
    """

    def __init__(self, directory, split):
        directory = Path(directory).expanduser()
        said = read_json(_manifest(directory))
        shards = said["splits"][split]["shards"]
        self.image_shape, self.class_names = tuple(said["image_shape"]), tuple(said["class_names"])
        self.factor_names, self.is_binary = tuple(said["factor_names"]), said["splits"][split]["is_binary"]
        self.columns = []
        sizes = [shard["num_examples"] for shard in shards]
        self.num_examples, per_lane = sum(sizes), len(shards) // said["lanes"]
        self.lane_sizes = [sum(sizes[i : i + per_lane]) for i in range(0, len(sizes), per_lane)]
        self._digest = sha256_of_json([[shard["sha256"] for shard in shards], said["class_names"]])
        # By the sizes that were written down: files that this machine does not need may be missing.
        files = [_Shard(str(Path(directory, shard["file"])), shard["num_examples"]) for shard in shards]
        self._reader = ArrayRecordDataSource(files)

    def fetch(self, indices):
        """The examples at `indices`, int64 [B], as every source gives them."""
        records = tf.ensure_shape(read_by_python(self._read, indices, tf.string), indices.shape)
        known = {"factors": tf.io.FixedLenFeature([len(self.factor_names)], "int64")} if self.factor_names else {}
        scalar = {"x": tf.io.FixedLenFeature([], "string"), "label": tf.io.FixedLenFeature([], "int64")}
        batch = tf.io.parse_example(records, scalar | known)
        pixels = tf.io.decode_raw(batch["x"], "uint8", fixed_length=math.prod(self.image_shape))
        return {**batch, "x": tf.reshape(pixels, [-1, *self.image_shape])}

    def digest(self):
        return self._digest

    def _read(self, indices):
        return np.array(self._reader.__getitems__(indices.tolist()), dtype=object)


class _Shard:
    """What `ArrayRecordDataSource` takes for a file of which it need not look how much it holds."""

    def __init__(self, filename, num_examples):
        self.filename, self.skip, self.take, self.examples_in_shard = filename, 0, num_examples, num_examples


def is_prepared(path):
    """Whether a folder has been prepared."""
    return (Path(path).expanduser() / NAME).is_file()


def missing_files(path, split):
    """Names of the files of a split that a prepared folder does not have, as where it has those of one lane alone."""
    path = Path(path).expanduser()
    said = read_json(_manifest(path))
    names = [shard["file"] for shard in said["splits"][split]["shards"]]
    return [name for name in names if not Path(path, name).is_file()]


def incomplete(path, what):
    """The `DataError` that says what a prepared folder lacks."""
    return DataError(f"`{path}` lacks {what}: copy all that `tfvae data prepare` wrote, or run it again.")


def prepare(splits, directory, num_shards, lanes, progress):
    """Writes splits as records.

    What a killed preparation left is written anew; a folder is prepared when its records.json is there.

    Args:
        splits: {name: source}; the training examples in an order that may be read from front to back.
        directory: The folder.
        num_shards: Number of files of each split.
        lanes: Number of parts that machines may share the files by; a divisor of `num_shards`.
        progress: Called with the number of examples that were written.

    Returns:
        What is in records.json.
    """
    directory.mkdir(parents=True, exist_ok=True)
    remove_leftovers(directory)
    first = splits["train"]
    written = {
        "image_shape": list(first.image_shape),
        "class_names": list(first.class_names),
        "factor_names": list(first.factor_names),
        "lanes": lanes,
        "splits": {name: _prepare(source, directory, name, num_shards, progress) for name, source in splits.items()},
    }
    write_json(directory / NAME, written)
    return written


def _prepare(source, directory, split, num_shards, progress):
    shards = []
    for number in range(num_shards):
        path = directory / f"{split}-{number:05d}-of-{num_shards:05d}.array_record"
        indices = range(number, source.num_examples, num_shards)
        with atomic_path(path) as temporary:
            _write(temporary, source, indices, progress)
        shards.append({"file": path.name, "num_examples": len(indices), "sha256": sha256_of_file(path)})
    return {"is_binary": bool(source.is_binary), "shards": shards}


def _write(path, source, indices, progress):
    writer = ArrayRecordWriter(str(path), OPTIONS)
    try:
        for chunk in (indices[i : i + CHUNK] for i in range(0, len(indices), CHUNK)):
            batch = {name: value.numpy() for name, value in source.fetch(tf.constant(chunk, "int64")).items()}
            for row in range(len(chunk)):
                writer.write(_example({name: value[row] for name, value in batch.items()}))
            progress(len(chunk))
    finally:
        writer.close()


def _example(row):
    integers = {name: row[name].reshape(-1) for name in ("label", "factors") if name in row}
    feature = {name: tf.train.Feature(int64_list=tf.train.Int64List(value=v)) for name, v in integers.items()}
    feature["x"] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[row["x"].tobytes()]))
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def _manifest(directory):
    path = Path(directory) / NAME
    if not path.is_file():
        raise DataError(f"{directory} is not prepared: no file {NAME}. Run `tfvae data prepare` first.")
    return path
