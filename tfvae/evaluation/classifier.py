"""A small classifier of the data's own labels, whose last hidden layer gives features where no extractor is named."""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfvae.evaluation.features import keras_extractor
from tfvae.evaluation.importance_sampling import no_progress
from tfvae.evaluation.metrics import mean_of

NUM_FEATURES = 64  # fewer than the examples of a small test set, so that their covariance is not singular
NUM_STEPS, BATCH_SIZE, LEARNING_RATE = 1200, 128, 2e-3
FILTERS, SMALLEST_GRID = (32, 64), 4
MOST_PIXELS = 2**26  # of all images that are trained on, 256 MiB: of larger data a sample that fits
UNKNOWN = -1
FEATURES = "features"


class TrainedClassifier(NamedTuple):
    """A classifier and what it gets right.

    Attributes:
        model: Functional Keras model, images [B, H, W, C] -> probabilities [B, K]; its layer "features" has 64 units.
        is_correct: Whether the likeliest class of each test example with a label is its own, [N].
    """

    model: keras.Model
    is_correct: np.ndarray

    def metrics(self):
        """The accuracy on the test examples."""
        if not len(self.is_correct):
            return {}
        return {"classifier_accuracy": mean_of(self.is_correct, "share") | {"num_examples": len(self.is_correct)}}


def train_classifier(batches, test_batches, seed=0, num_steps=NUM_STEPS, progress=no_progress):
    """Trains a classifier on labelled images; the same seed gives the same weights, bit for bit on the same CPU.

    No global random state is read or changed. Examples whose label is -1 are passed over.

    Args:
        batches: Iterable of {"x": [B, H, W, C], "label": int64 [B]}, read once. Of data that is larger than 256 MiB a
            sample is kept in memory, in which each example is as likely as any other.
        test_batches: The same, of examples that are not trained on.
        seed: Integer that keys weights, sample and order.
        num_steps: Number of steps, with 128 examples each.
        progress: Makes a progress bar from a total and a unit.

    Returns:
        A `TrainedClassifier`.

    Raises:
        ValueError: If there are no labels, or only one class.
    """
    random = np.random.RandomState(seed)
    x, label = _sampled(batches, random)
    if len(np.unique(label)) < 2:
        raise ValueError("A classifier for features needs labels of two classes or more: name a feature extractor.")
    model = _classifier(x.shape[1:], int(label.max()) + 1, random)
    _train(model, x, label, random, num_steps, progress)
    return TrainedClassifier(model, _is_correct(model, test_batches))


def classifier_extractor(model, name="classifier"):
    """The `Extractor` of a trained classifier: its last hidden layer, [B, 64]."""
    return keras_extractor(model, name, FEATURES)


def _classifier(image_shape, num_classes, random):
    """Convolutions that halve the image down to a grid of 4 or so, and a hidden layer."""

    def layer(kind, *sizes, **options):
        initializer = keras.initializers.HeNormal(seed=random.randint(2**31))
        return kind(*sizes, kernel_initializer=initializer, dtype="float32", **options)

    x = inputs = keras.Input(image_shape, name="image", dtype="float32")
    for number in range(_num_halvings(image_shape)):
        filters, name = FILTERS[min(number, len(FILTERS) - 1)], f"convolution_{number}"
        x = layer(keras.layers.Conv2D, filters, 3, 2, padding="same", activation="relu", name=name)(x)
    x = keras.layers.Flatten(name="flat", dtype="float32")(x)
    x = layer(keras.layers.Dense, NUM_FEATURES, activation="relu", name=FEATURES)(x)
    x = layer(keras.layers.Dense, num_classes, activation="softmax", name="probabilities")(x)
    return keras.Model(inputs, x, name="classifier")


def _num_halvings(image_shape):
    """At least one; then until the shorter side is 4 to 7 pixels."""
    return max(1, int(np.log2(max(1, min(image_shape[:2]) / SMALLEST_GRID))))


def _train(model, x, label, random, num_steps, progress):
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, num_steps)
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(model.trainable_variables)

    @tf.function(reduce_retracing=True)
    def step(x, label):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(label, model(x, training=True)))
        optimizer.apply(tape.gradient(loss, model.trainable_variables))

    with progress(num_steps, "step") as bar:
        for rows in _order(len(x), min(BATCH_SIZE, len(x)), num_steps, random):
            step(x[rows], label[rows])
            bar.update(1)


def _order(size, batch_size, num_steps, random):
    """Rows of each step: whole batches of one permutation after the other."""
    per_epoch = size // batch_size
    for step in range(num_steps):
        if step % per_epoch == 0:
            order = random.permutation(size)
        first = step % per_epoch * batch_size
        yield order[first : first + batch_size]


def _sampled(batches, random):
    """Images and labels of at most `MOST_PIXELS` pixels: every labelled example is kept with the same probability.

    Reference:
        Vitter, 1985. Random Sampling with a Reservoir, algorithm R. https://doi.org/10.1145/3147.3165
    """
    kept, seen, most = {}, 0, None
    for batch in batches:
        for x, label in _labelled(batch):
            most = most or max(1, MOST_PIXELS // x.size)
            place = seen if seen < most else random.randint(seen + 1)
            seen += 1
            if place < most:
                kept[place] = (x.copy(), label)  # a view would keep its whole batch in memory
    if not kept:
        return np.zeros([0, 1, 1, 1], "float32"), np.zeros([0], "int64")
    images, labels = zip(*kept.values(), strict=True)
    return np.stack(images), np.array(labels, "int64")


def _labelled(batch):
    if "label" not in batch:
        return []
    x, label = np.asarray(batch["x"], "float32"), np.asarray(batch["label"])
    return list(zip(x[label != UNKNOWN], label[label != UNKNOWN], strict=True))


def _is_correct(model, batches):
    predict = tf.function(lambda x: tf.argmax(model(x), axis=-1), reduce_retracing=True)
    found = [np.zeros(0, bool)]
    for batch in batches:
        label = np.asarray(batch["label"])
        found.append((predict(batch["x"]).numpy() == label)[label != UNKNOWN])
    return np.concatenate(found)
