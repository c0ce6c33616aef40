"""What TensorBoard shows of a run, and the rows of its history."""

import json

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tfvae.training import logs

STEPS = [9, 18, 27]
TERMS = {"loss", "distortion", "rate", "negative_elbo"}
NO_TERMS = {"train": {}, "validation": {}}


def events(directory, split):
    accumulator = EventAccumulator(str(directory / "tensorboard" / split), size_guidance={"tensors": 0})
    return accumulator.Reload()


def points(accumulator, tag):
    """{step: value} of a scalar."""
    return {event.step: float(tf.make_ndarray(event.tensor_proto)) for event in accumulator.Tensors(tag)}


@pytest.fixture(scope="module")
def train(finished):
    return events(finished, "train")


@pytest.fixture(scope="module")
def validation(finished):
    return events(finished, "validation")


def test_tensorboard_has_every_scalar_that_is_asked_for(train, validation):
    assert TERMS | {"learning_rate", "examples_per_second"} <= set(train.Tags()["tensors"])
    assert TERMS | {f"rate_per_dimension/{i:03d}" for i in range(2)} <= set(validation.Tags()["tensors"])


@pytest.mark.parametrize("split", ["train", "validation"])
def test_scalars_are_those_of_the_history(split, finished):
    rows = [json.loads(line) for line in (finished / "history.jsonl").read_text().splitlines()]
    accumulator = events(finished, split)
    for name in TERMS:
        assert points(accumulator, name) == {row["step"]: np.float32(row[split][name]) for row in rows}


def test_learning_rate_and_speed_have_a_point_an_epoch(train):
    assert list(points(train, "learning_rate")) == list(points(train, "examples_per_second")) == STEPS


def test_rates_of_dimensions_add_up_to_the_rate_of_validation(validation):
    # The 16 examples of validation are one batch.
    sums = np.sum([list(points(validation, f"rate_per_dimension/{i:03d}").values()) for i in range(2)], axis=0)
    np.testing.assert_allclose(sums, list(points(validation, "rate").values()), rtol=1e-4)  # float32 rounding


@pytest.mark.parametrize(("name", "width"), [("reconstructions", b"16"), ("samples", b"8")])
def test_images_are_those_of_a_grid_with_originals_at_the_left(name, width, validation):
    (first, *_) = validation.Tensors(name)
    strings = tf.make_ndarray(first.tensor_proto)  # width, height, and the PNGs
    assert list(strings[:2]) == [width, b"8"] and len(strings) == 2 + logs.NUM_IMAGES
    assert tf.io.decode_image(strings[2]).shape == (8, int(width), 1)


def test_reconstructions_begin_with_the_original(validation):
    (first, *_) = validation.Tensors("reconstructions")
    pairs = [tf.io.decode_png(png).numpy() for png in tf.make_ndarray(first.tensor_proto)[2:]]
    assert {int(v) for v in np.unique([pair[:, :8] for pair in pairs])} == {0, 255}
    assert len(np.unique([pair[:, 8:] for pair in pairs])) > 2


def test_images_come_after_the_first_epoch_and_then_at_their_interval(make_vae, binary, tmp_path):
    board = logs.TensorBoard(
        tmp_path / "tensorboard", make_vae((8, 8, 1)), {"x": tf.constant(binary(4, (8, 8, 1)))}, image_epochs=4
    )
    for epoch in range(1, 10):
        board.epoch({"epoch": epoch, "step": epoch, "learning_rate": 0, "examples_per_second": 0, **NO_TERMS})
    shown = events(tmp_path, "validation").Tensors("samples")
    assert [event.step for event in shown] == [1, 4, 8]


def test_the_configuration_is_a_text(train, finished):
    (event,) = train.Tensors("configuration")
    text = tf.make_ndarray(event.tensor_proto).item().decode()
    assert json.loads(text) == json.loads((finished / "experiment.json").read_text())


def test_history_is_read_as_it_was_written(tmp_path):
    rows = [{"epoch": 1, "train": {"loss": 1.5}}, {"epoch": 2, "train": {"loss": 1.25}}]
    logs.write_history(tmp_path / "history.jsonl", rows[:1])
    logs.append_history(tmp_path / "history.jsonl", rows[1])
    assert logs.read_history(tmp_path / "history.jsonl") == rows
