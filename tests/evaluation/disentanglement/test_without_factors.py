"""UDR and ModelCentrality: known values, and that both choose the disentangled run."""

import numpy as np
import pytest

from tfvae.evaluation.disentanglement import Coder, lasso, model_centrality, spearman, udr
from tfvae.evaluation.disentanglement.model_centrality import centrality_of
from tfvae.evaluation.disentanglement.udr import agreement_of
from tfvae.objectives import Reconstruction

GRID = np.stack(np.meshgrid(*[np.arange(5.0)] * 3, indexing="ij"), -1).reshape(-1, 3)  # uncorrelated to the last digit
CODES = np.tile(GRID, (4, 1))
ROTATION = np.linalg.qr(np.random.RandomState(0).standard_normal((3, 3)))[0]
OTHER_ROTATION = np.linalg.qr(np.random.RandomState(1).standard_normal((3, 3)))[0]


# UDR.


@pytest.mark.parametrize(
    ("relation", "expected"),
    [
        ([[1, 0], [0, 1]], 1.0),
        ([[0.5, 0.5], [0.5, 0.5]], 0.25),
        ([[1, 0, 0], [0, 1, 0]], 4 / 5),  # the mean of the means over a and over b would be 5/6
        ([[0, 0], [0, 0]], 0.0),
        ([[0.6, 0.2]], (0.6 + 0.2 + 0.36 / 0.8) / 3),
    ],
)
def test_agreement_of_known_relations(relation, expected):
    assert agreement_of(np.array(relation, float)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("relation", "highest"), [(spearman, 1.0), (lasso, 0.9)])
def test_runs_that_differ_in_order_and_sign_agree_wholly(relation, highest):
    found = udr([CODES, CODES[:, [2, 0, 1]] * [1, -3, 1], -CODES], relation=relation)
    # Lasso with penalty 0.1 takes 0.1 of a weight of 1. Codes are rounded to float32.
    np.testing.assert_allclose(found.scores, highest, atol=1e-6)


def test_spearman_looks_at_ranks():
    assert udr([CODES, np.exp(CODES)]).scores == pytest.approx([1, 1], abs=1e-12)


@pytest.mark.parametrize("relation", [spearman, lasso])
def test_unrelated_runs_do_not_agree(relation):
    random = np.random.RandomState(0)
    # Rank correlations of 2000 unrelated rows are of size 0.02, and r^2 / sum r no larger.
    assert udr([random.standard_normal((2000, 5)) for _ in range(3)], relation=relation).scores.max() < 0.03


def test_score_is_the_median_over_the_other_runs():
    found = udr([CODES, CODES, CODES, CODES @ ROTATION])
    low = found.agreement[3, 0]
    assert low < 0.7 and found.scores == pytest.approx([1, 1, 1, low], abs=1e-9)
    assert np.diag(found.agreement).tolist() == [0, 0, 0, 0]


def test_disentangled_runs_are_chosen():
    assert udr([CODES @ ROTATION, CODES, -CODES[:, ::-1], CODES @ OTHER_ROTATION, CODES]).best in (1, 2, 4)


def test_uninformative_dimensions_are_masked():
    noise = np.random.RandomState(0).standard_normal((500, 4))
    runs = [np.concatenate([CODES, noise[:, :2]], axis=1), np.concatenate([noise[:, 2:], CODES], axis=1)]
    rates = [[1, 1, 1, 0.009, 0], [0, 0.009, 0.01, 1, 1]]
    assert udr(runs, rates).scores == pytest.approx([1, 1], abs=1e-9)
    assert udr(runs).scores.max() < 0.9


def test_dead_dimensions_and_dead_runs_are_defined():
    dead = np.full((500, 2), 0.3)
    found = udr([np.concatenate([CODES, dead], axis=1), CODES, CODES, dead])
    assert found.scores == pytest.approx([1, 1, 1, 0], abs=1e-9)


def test_error_of_udr_is_small_for_many_examples():
    metric = udr([CODES + np.random.RandomState(i).standard_normal(CODES.shape) for i in range(3)]).metrics()["udr"]
    assert metric["unit"] == "share" and len(metric["value"]) == 3
    assert all(0 < error < 0.1 for error in metric["standard_error"])


def test_two_examples_are_enough_for_udr():
    assert np.all(np.isfinite(udr([CODES[:2], CODES[:2]]).scores))


@pytest.mark.parametrize("codes", [[CODES], [CODES, CODES[:-1]], []])
def test_udr_needs_two_runs_on_the_same_examples(codes):
    with pytest.raises(ValueError, match="two runs or more, on the same examples"):
        udr(codes)


# ModelCentrality.


def linear(matrix):
    """A model whose images are its latents, turned by an orthogonal matrix."""
    return Coder(lambda x: x @ matrix.T, lambda z: z @ matrix, normals)


def normals(number, seed):
    return np.random.RandomState(seed).standard_normal((number, 3)).astype("float32")


AXES = np.eye(3)
RELABELLED = np.eye(3)[[2, 0, 1]] * [1, -1, 1]


def test_models_that_differ_in_order_and_sign_are_the_same():
    found = model_centrality([linear(AXES), linear(RELABELLED)], num_votes=50)
    assert found.scores.tolist() == [1, 1] and found.standard_errors.tolist() == [0, 0]


def test_models_that_are_turned_differently_are_not_chosen():
    found = model_centrality([linear(m) for m in (ROTATION, AXES, OTHER_ROTATION, RELABELLED, AXES)], num_votes=60)
    assert found.best in (1, 3, 4) and np.argmax(found.eigenvector) in (1, 3, 4)
    assert found.similarity[1, 3] == 1 and found.similarity[0, 2] < 0.9


def test_same_seed_gives_the_same_centrality():
    found = [model_centrality([linear(AXES), linear(ROTATION)], num_votes=20, seed=3) for _ in range(2)]
    np.testing.assert_array_equal(found[0].accuracy, found[1].accuracy)


def test_latents_without_a_rate_are_not_looked_for():
    ignores = Coder(lambda x: x @ AXES, lambda z: z * [1, 1, 0], normals)  # its third latent changes no image
    rates = [[1, 1, 0], [1, 1, 0.001]]
    assert model_centrality([ignores, ignores], rates, num_votes=60).scores.tolist() == [1, 1]
    assert model_centrality([ignores, ignores], num_votes=60).scores.max() < 0.9


def test_model_that_encodes_nothing_is_like_no_other():
    blind = Coder(np.zeros_like, lambda z: z, normals)
    found = model_centrality([linear(AXES), blind, linear(AXES)], [[1, 1, 1], [0, 0, 0], [1, 1, 1]], num_votes=30)
    assert found.scores.tolist() == [0.5, 0, 0.5] and np.all(np.isfinite(found.eigenvector))


def test_centrality_of_known_accuracies():
    found = centrality_of(np.array([[0.3, 0.5, 1.0], [0.7, 0.9, 0.0], [1.0, 0.0, 0.1]]), 100)
    np.testing.assert_allclose(found.similarity, [[0, 0.6, 1], [0.6, 0, 0], [1, 0, 0]])
    np.testing.assert_allclose(found.scores, [0.8, 0.3, 0.5])
    weights = np.array([np.sqrt(1.36), 0.6, 1.0])  # the eigenvector of a star is known
    np.testing.assert_allclose(found.eigenvector, weights / weights.sum())
    np.testing.assert_allclose(found.standard_errors[1], np.sqrt((0.25 + 0.21) / 100 / 4) / 2)


def test_centrality_of_models_that_share_nothing():
    assert np.all(np.isfinite(centrality_of(np.zeros((3, 3)), 10).eigenvector))


def test_trained_models_are_taken_as_they_are(make_vae):
    models = [make_vae((4, 4, 1)) for _ in range(2)]
    found = model_centrality(models, num_votes=6, group_size=8)
    assert found.accuracy.shape == (2, 2) and np.all((found.scores >= 0) & (found.scores <= 1))


def test_model_without_a_prior_is_refused(make_vae):
    with pytest.raises(ValueError, match="must have priors"):
        model_centrality([make_vae(prior=None, objective=Reconstruction())] * 2)


def test_one_model_has_no_centrality():
    with pytest.raises(ValueError, match="two or more"):
        model_centrality([linear(AXES)])
