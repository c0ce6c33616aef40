"""The classifier for features learns, is the same every time, and changes no random state but its own."""

import keras
import numpy as np
import pytest
import sklearn.datasets
import tensorflow as tf

from tfvae.evaluation import classifier
from tfvae.evaluation.classifier import classifier_extractor, train_classifier
from tfvae.evaluation.features import features_of, load_extractor


def digits():
    """scikit-learn's digits as [N, 8, 8, 1] in [0, 1], and their labels; mixed, as they come in order of writers."""
    data, order = sklearn.datasets.load_digits(), np.random.RandomState(0).permutation(1797)
    return (data.images[order, :, :, np.newaxis] / 16).astype("float32"), data.target[order]


def cut(x, label, batch_size=100):
    return tf.data.Dataset.from_tensor_slices({"x": x, "label": np.asarray(label, "int64")}).batch(batch_size)


@pytest.fixture(scope="module")
def batches():
    x, label = digits()
    return cut(x[:1200], label[:1200]), cut(x[1200:], label[1200:])


def weights(batches, seed=0, num_steps=20):
    return train_classifier(*batches, seed, num_steps).model.get_weights()


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_digits_are_told_apart_and_kept(batches, tmp_path):
    trained = train_classifier(*batches)
    metric = trained.metrics()["classifier_accuracy"]
    assert metric["value"] == np.mean(trained.is_correct) > 0.95 and metric["num_examples"] == 597
    exact = np.argmax(trained.model.predict(batches[1].map(lambda b: b["x"]), verbose=0), axis=1)
    assert np.array_equal(trained.is_correct, exact == digits()[1][1200:])
    extractor = classifier_extractor(trained.model)
    features = features_of(extractor, batches[1])
    assert features.shape == (597, 64) and np.linalg.matrix_rank(features) > 32
    trained.model.save(tmp_path / "classifier.keras")
    loaded = load_extractor(tmp_path / "classifier.keras:features", (8, 8, 1))
    np.testing.assert_array_equal(features_of(loaded, batches[1]), features)
    assert loaded.sha256 == extractor.sha256


def test_the_same_seed_gives_the_same_weights_bit_for_bit(batches):
    first = weights(batches)
    keras.utils.set_random_seed(123)  # of no influence
    keras.layers.Dense(3)  # nor is what other layers there are
    assert same(first, weights(batches)) and not same(first, weights(batches, seed=1))


def test_global_random_states_are_left_alone(batches):
    keras.utils.set_random_seed(7)
    expected = np.random.random(), tf.random.uniform([]).numpy(), keras.random.uniform([]).numpy()
    keras.utils.set_random_seed(7)
    weights(batches, num_steps=2)
    assert (np.random.random(), tf.random.uniform([]).numpy(), keras.random.uniform([]).numpy()) == expected


@pytest.mark.parametrize(
    ("shape", "num_halvings"), [((8, 8, 1), 1), ((28, 28, 1), 2), ((2, 3, 3), 1), ((64, 32, 3), 3)]
)
def test_any_image_ends_in_64_features(shape, num_halvings):
    x, label = np.random.default_rng(0).random((6, *shape)).astype("float32"), [0, 1, 2, 0, 1, 2]
    model = train_classifier(cut(x, label), cut(x, label), num_steps=1).model
    assert sum(isinstance(layer, keras.layers.Conv2D) for layer in model.layers) == num_halvings
    assert classifier_extractor(model)(x).shape == (6, 64) and model(x).shape == (6, 3)


def test_examples_without_label_are_passed_over(batches):
    x, label = digits()
    x, label = x[:300], label[:300]
    hidden = np.where(np.arange(300) % 3 == 0, -1, label)
    known = cut(x[hidden >= 0], label[hidden >= 0])
    assert same(weights((cut(x, hidden), known)), weights((known, known)))
    assert len(train_classifier(known, cut(x, hidden), num_steps=1).is_correct) == 200


@pytest.mark.parametrize(("most", "size"), [(1, 3), (20, 100)])
def test_of_large_data_a_sample_is_kept_in_which_all_examples_are_as_likely(monkeypatch, most, size):
    monkeypatch.setattr(classifier, "MOST_PIXELS", most * 4)
    x = np.arange(size, dtype="float32").reshape(-1, 1, 1, 1).repeat(4, axis=3)
    data, counts = list(cut(x, np.arange(size), 30)), np.zeros(size)
    for seed in range(400):
        kept, label = classifier._sampled(data, np.random.RandomState(seed))
        assert kept.shape == (most, 1, 1, 4) and np.array_equal(kept[:, 0, 0, 0], label)
        counts[np.unique(label)] += 1
    assert counts.sum() == 400 * most  # without repetition
    expected, error = 400 * most / size, np.sqrt(400 * most / size * (1 - most / size))
    assert np.all(np.abs(counts - expected) < 5 * error)  # 5, as it is the largest of 100


def test_every_example_is_seen_once_an_epoch():
    rows = list(classifier._order(10, 3, 6, np.random.RandomState(0)))
    for epoch in (rows[:3], rows[3:]):
        assert len(set(np.concatenate(epoch))) == 9
    assert not np.array_equal(rows[0], rows[3])


@pytest.mark.parametrize("label", [None, [-1] * 5, [2] * 5])
def test_data_without_classes_is_refused(label):
    x = np.zeros((5, 4, 4, 1), "float32")
    data = [{"x": x}] if label is None else cut(x, label)
    with pytest.raises(ValueError, match="needs labels of two classes or more: name a feature extractor"):
        train_classifier(data, data)
