"""Checks before any work: whether data and model fit, and whether all of the data is there."""

import tensorflow as tf

from tfvae.data import pipeline
from tfvae.data.records import incomplete, is_prepared, missing_files
from tfvae.errors import ConfigError


def check_fit(model, splits, data):
    """Refuses data that the model cannot take, before any work: grey images, no table, no condition.

    Raises:
        ConfigError: If the model's condition or classes are not those of the data, or one is for a table and the other
            is not, or the table has missing values that the encoder cannot take.
        DataError: If the likelihood gives values of x no probability, as that of binary images to grey ones.
    """
    if bool(model.likelihood.columns) != data.is_table:
        taken, given = ("a table", "images") if model.likelihood.columns else ("images", "a table: take `Table`")
        raise ConfigError(f"`{type(model.likelihood).__name__}` is a likelihood of {taken}, and the data is {given}.")
    size = len(splits.train.class_names) if data.conditional else None
    if model.condition_size != size:
        asked = f"a condition of {model.condition_size} classes" if model.condition_size else "no condition"
        has = f"has {size} classes" if size else "gives none: set `data.conditional`"
        raise ConfigError(f"The model asks for {asked}, and the data {has}.")
    if model.can_classify and model.num_classes != len(splits.train.class_names):
        raise ConfigError(f"The model has {model.num_classes} classes, the data {len(splits.train.class_names)}.")
    for source in splits if data.is_table else ():
        _check_gaps(model, source)
    if model.likelihood.binary and data.binarize == "none" and not splits.train.is_binary:
        model.likelihood.check(tf.constant(0.5))
    if data.binarize == "none":
        # Not of training: of prepared data a machine may have another part of it alone.
        source = splits.validation if is_prepared(data.name) else splits.train
        model.likelihood.check(pipeline.batch_of(source, tf.range(_few(source), dtype="int64"))["x"])


def check_files(model, data, cluster):
    """Refuses, on all machines, prepared data without a file that it takes.

    A machine among several needs the files of its own rows alone, but for a model that looks at more than its batches.

    Raises:
        DataError: If one of them lacks such a file.
    """
    if not is_prepared(data.name) or not (cluster.is_alone or model.num_examples or is_fitted_after(model)):
        return
    missing = missing_files(data.name, "train")
    (is_missing,) = cluster.any(bool(missing))
    if is_missing:
        raise incomplete(data.name, missing[0] if missing else "a file on another machine")


def is_fitted_after(model):
    """Whether a model has a prior that is fitted after training."""
    return getattr(getattr(model, "prior", None), "fitted_after", False)


def _check_gaps(model, source):
    batch = pipeline.batch_of(source, tf.range(source.num_examples, dtype="int64"))
    gap = tf.where(tf.math.reduce_any(tf.math.is_nan(batch["x"]), axis=1))[:1, 0]  # the first row with one
    row = {name: tf.gather(value, gap) for name, value in batch.items()}
    if len(gap) and not bool(tf.reduce_all(tf.math.is_finite(model.given(row).code(row["x"])))):
        raise ConfigError("The data has missing values, and the encoder cannot take them: take `TableFeatures`.")


def _few(source):
    """Number of examples that are enough to see what kind they are of."""
    return min(256, source.num_examples)
