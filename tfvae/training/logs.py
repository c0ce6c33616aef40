"""What a training leaves to look at: history.jsonl and TensorBoard."""

import json

import tensorflow as tf

from tfvae.evaluation.latent_space import rate_per_dimension
from tfvae.storage import read_json_lines, write_json_lines

NUM_IMAGES = 16
NUM_EXAMPLES = 256  # validation examples that the rate of each latent dimension is taken over


def read_history(path):
    """The rows of a history.jsonl, one for each epoch."""
    return read_json_lines(path)


def append_history(path, row):
    """Adds the row of one epoch."""
    with open(path, "a") as file:
        file.write(json.dumps(row) + "\n")


def write_history(path, rows):
    """Writes all rows anew, whole or not at all."""
    write_json_lines(path, rows)


class TensorBoard:
    """Writes scalars, images and the configuration for TensorBoard.

    Args:
        directory: Folder of the event files; one sub-folder each for training and validation.
        model: The model in training.
        batch: Validation examples, {"x": [B, *event], ...}; reconstructions of images are shown.
        image_epochs: Number of epochs between images.
    """

    def __init__(self, directory, model, batch, image_epochs):
        self.image_epochs = image_epochs
        self.has_rate, self.has_images = model.has_rate, batch["x"].shape.rank == 4
        self.rates = tf.function(lambda: rate_per_dimension(model.given(batch), batch["x"]))
        few = {name: value[:NUM_IMAGES] for name, value in batch.items()}
        self.model, self.x = model.given(few), few["x"]
        self.writers = {
            split: tf.summary.create_file_writer(str(directory / split)) for split in ("train", "validation")
        }

    def configuration(self, experiment):
        text = json.dumps(experiment.to_dict(), indent=2)
        with self.writers["train"].as_default(step=0):
            tf.summary.text("configuration", "\n".join("    " + line for line in text.splitlines()))

    def epoch(self, row):
        """Writes one row of the history."""
        for split, writer in self.writers.items():
            with writer.as_default(step=row["step"]):
                for name, value in row[split].items():
                    tf.summary.scalar(name, value)
        with self.writers["train"].as_default(step=row["step"]):
            tf.summary.scalar("learning_rate", row["learning_rate"])
            tf.summary.scalar("examples_per_second", row["examples_per_second"])
        with self.writers["validation"].as_default(step=row["step"]):
            for i, rate in enumerate(self.rates() if self.has_rate else ()):
                tf.summary.scalar(f"rate_per_dimension/{i:03d}", rate)
            if self.has_images and (row["epoch"] % self.image_epochs == 0 or row["epoch"] == 1):
                self._images()
        for writer in self.writers.values():
            writer.flush()

    def _images(self):
        # Original left, reconstruction right.
        images = {"reconstructions": tf.concat([self.x, self.model.reconstruct(self.x)], axis=2)}
        if self.model.can_sample:
            images["samples"] = self.model.sample(len(self.x), seed=(self.model.seed, 0))
        for name, batch in images.items():
            tf.summary.image(name, tf.clip_by_value(batch[..., :3], 0, 1), max_outputs=NUM_IMAGES)
