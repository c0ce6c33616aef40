"""Anomaly detection: areas known by counting pairs, and scores that are the model's."""

import json

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import roc_auc_score

from tfvae.evaluation.anomaly import anomaly_detection, scores_of
from tfvae.objectives import Reconstruction
from tfvae.posteriors import Deterministic


def cut(x, batch_size):
    return tf.data.Dataset.from_tensor_slices({"x": x, "index": np.arange(len(x))}).batch(batch_size)


@pytest.mark.parametrize(
    ("scores", "truth", "area", "precision"),
    [
        ([1, 2, 3, 4], [0, 0, 1, 1], 1, 1),
        ([4, 3, 2, 1], [0, 0, 1, 1], 0, (1 / 3 + 2 / 4) / 2),
        ([1, 2, 3, 4], [0, 1, 0, 1], 3 / 4, (1 + 2 / 3) / 2),
        ([5, 5, 5, 5], [0, 1, 0, 1], 1 / 2, 1 / 2),
        ([1, 2, 2, 3], [0, 0, 1, 1], 7 / 8, (1 + 2 / 3) / 2),
    ],
)
def test_areas_are_shares_of_pairs(scores, truth, area, precision):
    found = anomaly_detection(scores, truth)
    assert found.auroc == pytest.approx(area) and found.average_precision == pytest.approx(precision)
    assert found.share_of_anomalies == 0.5


def test_error_of_the_area_is_that_of_delong():
    # Placements of the anomalies are 1/2 and 1, those of the others 1 and 1/2: variances of 1/8, each over 2.
    found = anomaly_detection([1, 2, 3, 4], [0, 1, 0, 1])
    assert np.array_equal(found.placements, [1, 0.5, 0.5, 1])
    assert found.auroc_standard_error == pytest.approx(np.sqrt(1 / 8))


def test_placements_average_to_the_area_over_either_kind():
    random = np.random.default_rng(4)
    scores, truth = random.integers(0, 9, 200), random.random(200) < 0.3
    found = anomaly_detection(scores, truth)
    assert found.placements[truth].mean() == pytest.approx(found.auroc, abs=1e-12)
    assert found.placements[~truth].mean() == pytest.approx(found.auroc, abs=1e-12)


@pytest.mark.parametrize(("num_anomalies", "known"), [(1, (0, 0)), (2, (1, 0)), (9, (1, 0)), (10, (1, 1))])
def test_an_error_that_cannot_be_known_is_left_out_and_nothing_is_nan(num_anomalies, known):
    scores = np.random.default_rng(5).normal(size=40)
    metrics = anomaly_detection(scores, np.arange(40) < num_anomalies).metrics()
    names = ("anomaly_auroc", "anomaly_average_precision")
    assert tuple("standard_error" in metrics[name] for name in names) == known
    assert json.dumps(metrics, allow_nan=False)


def test_area_is_that_of_scikit_learn():
    random = np.random.default_rng(0)
    scores, truth = random.integers(0, 50, 500), random.random(500) < 0.2
    assert anomaly_detection(scores, truth).auroc == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)


def test_errors_are_the_spread_over_repetitions():
    random = np.random.default_rng(1)
    truths = [random.random(300) < 0.2 for _ in range(200)]
    found = [anomaly_detection(random.normal(size=300) + truth, truth) for truth in truths]
    # A standard deviation of 200 repetitions is known to 5 %, the jackknife of 10 groups to 25 % each time.
    areas, precisions = ([getattr(f, name) for f in found] for name in ("auroc", "average_precision"))
    assert np.mean([f.auroc_standard_error for f in found]) == pytest.approx(np.std(areas), rel=0.2)
    assert np.mean([f.average_precision_standard_error for f in found]) == pytest.approx(np.std(precisions), rel=0.2)


@pytest.mark.parametrize(
    ("scores", "truth", "message"),
    [
        ([1, 2], [0, 0], "one kind only"),
        ([1, 2], [1, 1], "one kind only"),
        ([1, np.nan], [0, 1], "must be finite"),
    ],
)
def test_what_cannot_be_measured_is_refused(scores, truth, message):
    with pytest.raises(ValueError, match=message):
        anomaly_detection(scores, truth)


def test_scores_do_not_depend_on_the_batch(make_vae, binary):
    model, x = make_vae(), binary(9)
    assert np.allclose(scores_of(model, cut(x, 9)), scores_of(model, cut(x, 4)), atol=1e-4)
    assert not np.allclose(scores_of(model, cut(x, 9)), scores_of(model, cut(x, 9), seed=1), atol=1e-4)


def test_scores_average_to_the_negative_elbo(r1):
    x = np.tile(np.array([[1, 0, 1]], "float32"), (20_000, 1))
    scores = scores_of(r1(), cut(x, 5000))
    assert abs(scores.mean() - 1.505662) < 4 * scores.std() / np.sqrt(len(scores)) < 0.02


def test_without_a_rate_the_score_is_the_distortion(make_vae, binary):
    model, x = make_vae(posterior=Deterministic(2), prior=None, objective=Reconstruction()), binary(5)
    expected = -model.decode(model.code(x)).log_prob(x)
    assert np.allclose(scores_of(model, cut(x, 2)), expected, atol=1e-5)
