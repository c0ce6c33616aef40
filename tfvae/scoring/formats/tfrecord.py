"""TFRecord: a tf.train.Example for each example, arrays flattened in C order; their shapes are in the manifest."""

import contextlib

import numpy as np
import tensorflow as tf

from tfvae.scoring.formats.fields import texts_of

SUFFIX = "tfrecord"


class Writer:
    """Writes a file of records."""

    def __init__(self, path, layout):
        self.path, self.layout = path, layout

    def __enter__(self):
        self.file = tf.io.TFRecordWriter(str(self.path))
        return self

    def __exit__(self, *_):
        with _disk_errors():
            self.file.close()

    def write(self, records):
        columns = records.outputs.items()
        for place, index in enumerate(records.index.tolist()):
            texts = texts_of(self.layout, records, place)
            outputs = {name: KINDS[values.dtype.kind](np.ravel(values[place])) for name, values in columns}
            if place in records.errors:
                texts, outputs = {**texts, "error": records.errors[place]}, {}
            features = {"index": _integers([index]), **outputs}
            features |= {name: _strings([text.encode()]) for name, text in texts.items() if text is not None}
            # Deterministic, since the same job must give the same file, and the order of a map is not one.
            example = tf.train.Example(features=tf.train.Features(feature=features))
            with _disk_errors():
                self.file.write(example.SerializeToString(deterministic=True))


def read(path, layout):
    """Yields the records of a file."""
    for serialized in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        features = tf.train.Example.FromString(serialized).features.feature
        record = {"index": features["index"].int64_list.value[0]}
        texts = [*([layout.name] if layout.name else []), *(["label"] if layout.has_labels else [])]
        record |= {name: _text(features[name]) if name in features else None for name in texts}
        if "error" in features:
            yield record | {"error": _text(features["error"])}
            continue
        yield record | {name: _array(features[name], *spec) for name, spec in layout.outputs.items()}


@contextlib.contextmanager
def _disk_errors():
    """A full disk as the other formats report it, for which TensorFlow has an exception of its own."""
    try:
        yield
    except tf.errors.OpError as error:
        raise OSError(error.message) from error


def _floats(values):
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def _integers(values):
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _strings(values):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


KINDS = {"f": _floats, "i": _integers, "u": _integers, "b": _integers, "O": _strings}


def _text(feature):
    return feature.bytes_list.value[0].decode()


def _array(feature, dtype, shape):
    values = getattr(feature, feature.WhichOneof("kind")).value
    if dtype == "string":
        return np.array([value.decode("utf-8", "backslashreplace") for value in values], object).reshape(shape)
    return np.array(values, dtype).reshape(shape)
