"""Codes of a data set: those of the model, whatever the batches are."""

import numpy as np
import pytest
import tensorflow as tf

from tfvae.evaluation.codes import codes_of
from tfvae.likelihoods import Bernoulli, Table
from tfvae.models import VQVAE, LadderVAE, SemiSupervisedVAE
from tfvae.networks import MLP, Conditioned, TableFeatures
from tfvae.objectives import ELBO, Reconstruction
from tfvae.posteriors import Deterministic, DiagonalNormal, RelaxedCategorical, VonMisesFisher
from tfvae.priors import StandardNormal, UniformCategorical, UniformOnSphere

SIZE = 9


def cut(x, batch_size, **more):
    columns = {"x": x, "index": np.arange(len(x), dtype="int64"), **more}
    return tf.data.Dataset.from_tensor_slices(columns).batch(batch_size)


def test_codes_are_the_means_whatever_the_batches(make_vae, binary):
    model, x = make_vae(), binary(SIZE)
    one, many = codes_of(model, cut(x, SIZE)), codes_of(model, cut(x, 4))
    assert np.allclose(one.codes, model.encode(x).mean(), atol=1e-6)
    assert np.allclose(one.stddevs, model.encode(x).stddev(), atol=1e-6)
    assert np.allclose(one.codes, many.codes, atol=1e-6) and np.array_equal(many.index, np.arange(SIZE))


def test_what_is_known_of_examples_comes_along(make_vae, binary):
    labels, factors = np.arange(SIZE) % 3, np.arange(2 * SIZE).reshape(SIZE, 2)
    codes = codes_of(make_vae(), cut(binary(SIZE), 4, label=labels, factors=factors))
    assert np.array_equal(codes.labels, labels) and np.array_equal(codes.factors, factors)
    assert codes_of(make_vae(), cut(binary(SIZE), 4)).labels is None


def test_a_code_without_noise_has_no_standard_deviation(make_vae, binary):
    model = make_vae(posterior=Deterministic(2), prior=None, objective=Reconstruction())
    assert codes_of(model, cut(binary(SIZE), 4)).stddevs is None


def test_a_conditional_model_is_told_the_condition(make_vae, binary):
    networks = {name: Conditioned(MLP([16]), condition_size=3) for name in ("encoder", "decoder")}
    model, x = make_vae(**networks), np.tile(binary(1), (3, 1))
    codes = codes_of(model, cut(x, 2, condition=np.eye(3, dtype="float32"))).codes
    assert codes.shape == (3, 2) and len(np.unique(codes[:, 0])) == 3


def ladder():
    parts = {"encoders": [MLP([8]), MLP([8])], "decoders": [MLP([8]), MLP([8])], "prior": StandardNormal()}
    posteriors = [DiagonalNormal(3), DiagonalNormal(2)]
    return LadderVAE(posteriors=posteriors, likelihood=Bernoulli(), objective=ELBO(), **parts)


def vq_vae():
    sizes = {"num_codes": 2, "codebook_size": 4, "code_size": 3}
    return VQVAE(MLP([8]), decoder=MLP([8]), likelihood=Bernoulli(), **sizes)


def semi_supervised():
    networks = {name: Conditioned(MLP([8]), 3) for name in ("encoder", "decoder")}
    parts = {"posterior": DiagonalNormal(2), "prior": StandardNormal(), "classifier": MLP([8])}
    return SemiSupervisedVAE(**networks, **parts, likelihood=Bernoulli(), num_classes=3, label_weight=1.0)


@pytest.mark.parametrize(("make", "has_stddevs"), [(ladder, True), (vq_vae, False), (semi_supervised, True)])
def test_every_graph_has_codes(make, has_stddevs, binary):
    model, x = make(), binary(SIZE)
    model.build((None, 6))
    found = codes_of(model, cut(x, 4, label=np.full(SIZE, -1)))
    assert np.allclose(found.codes, model.code(x), atol=1e-6) and found.codes.shape == (SIZE, model.latent_size)
    assert (found.stddevs is not None) == has_stddevs
    assert not has_stddevs or found.stddevs.shape == found.codes.shape


@pytest.mark.parametrize(
    ("posterior", "prior"),
    [(RelaxedCategorical(3), UniformCategorical()), (VonMisesFisher(3), UniformOnSphere())],
    ids=["categories", "sphere"],
)
def test_a_posterior_without_standard_deviation_still_has_codes(posterior, prior, make_vae, binary):
    codes = codes_of(make_vae(posterior=posterior, prior=prior), cut(binary(SIZE), 4))
    assert codes.codes.shape == (SIZE, 3) and codes.stddevs is None


def test_rows_of_a_table_have_codes_where_values_are_missing(make_vae):
    columns = [{"name": "age", "type": "real", "mean": 10.0, "stddev": 2.0}, {"name": "vip", "type": "binary"}]
    model = make_vae((2,), encoder=TableFeatures(MLP([8]), columns), likelihood=Table(columns))
    x = np.array([[9.0, 1.0], [np.nan, 0.0], [np.nan, np.nan]], "float32")
    assert np.all(np.isfinite(codes_of(model, cut(x, 2)).codes))


@pytest.fixture(autouse=True)
def no_progress_bar(capsys):
    yield
    assert capsys.readouterr().err.count("batch") == 0
