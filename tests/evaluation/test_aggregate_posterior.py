"""The aggregate posterior: known information, known correlation, and terms that add up to the rate."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.evaluation.aggregate_posterior import aggregate_posterior
from tfvae.networks import MLP, Conditioned
from tfvae.objectives import Reconstruction
from tfvae.posteriors import Deterministic, DiagonalNormal, FullCovarianceNormal, InverseAutoregressive
from tfvae.posteriors.diagonal_normal import MINIMAL_STDDEV


def cut(x, batch_size=64, **more):
    columns = {"x": x.astype("float32"), "index": np.arange(len(x)), **more}
    return tf.data.Dataset.from_tensor_slices(columns).batch(batch_size)


@pytest.fixture
def coder(make_vae):
    """A model whose q(z|x) = N(x, stddev^2)."""

    def make(size, stddev):
        model = make_vae((size,), encoder=keras.layers.Flatten(), posterior=DiagonalNormal(size))
        kernel = np.hstack([np.eye(size), np.zeros((size, size))])
        bias = np.concatenate([np.zeros(size), np.full(size, np.log(np.expm1(stddev - MINIMAL_STDDEV)))])
        model.posterior.parameters.set_weights([kernel, bias])
        return model

    return make


def means(terms):
    return {name: float(np.mean(value)) for name, value in terms._asdict().items() if value is not None}


def test_equal_posteriors_know_nothing(coder):
    found = means(aggregate_posterior(coder(2, 0.5), cut(np.ones((50, 2)))))
    assert found["mutual_information"] == pytest.approx(0, abs=1e-5)
    assert found["total_correlation"] == pytest.approx(0, abs=1e-5)


def test_separate_posteriors_know_which_example_it_is(coder):
    x = 100.0 * np.arange(40)[:, np.newaxis]
    assert means(aggregate_posterior(coder(1, 0.5), cut(x)))["mutual_information"] == pytest.approx(
        np.log(40), abs=1e-4
    )


def test_total_correlation_of_correlated_codes_is_the_golden_value(coder):
    # With the noise of q(z|x) the codes have unit variance and a correlation of 0.5.
    x = np.random.default_rng(0).multivariate_normal([0, 0], [[0.91, 0.5], [0.5, 0.91]], 2000)
    correlation = aggregate_posterior(coder(2, 0.3), cut(x)).total_correlation
    error = correlation.std() / np.sqrt(2000)  # 0.011
    # The mixture of 2,000 examples is some 1 % higher at its own samples than the normal that they were drawn from.
    assert abs(correlation.mean() - 0.143841) < 4 * error + 0.02 < 0.07


def test_terms_add_up_to_the_rate_of_the_sample(make_vae, binary):
    model, x = make_vae(), binary(30)
    terms = aggregate_posterior(model, cut(x))
    seeds = tf.stack([tf.zeros(30, "int32"), tf.range(30)], axis=1)
    z = model.encode_sample(x, seeds)
    rate = (model.encode(x).log_prob(z) - model.p_z().log_prob(z))[0].numpy()
    assert np.allclose(terms.mutual_information + terms.aggregate_kl, rate, atol=1e-4)
    assert np.allclose(terms.total_correlation + terms.dimension_wise_kl, terms.aggregate_kl, atol=1e-4)


def test_aggregate_kl_is_what_the_mixture_is_from_the_prior(coder):
    # One example at 2: q(z) is N(2, 0.5^2), whose divergence from N(0, 1) is closed.
    terms = aggregate_posterior(coder(1, 0.5), cut(np.full((4000, 1), 2.0)))
    expected = np.log(2) + (0.25 + 4) / 2 - 0.5
    assert terms.aggregate_kl.mean() == pytest.approx(expected, abs=4 * terms.aggregate_kl.std() / np.sqrt(4000))


def test_batches_and_examples_beyond_the_number_do_not_matter(make_vae, binary):
    model, x = make_vae(), binary(23)
    one, other = (aggregate_posterior(model, cut(x, size), num_examples=11) for size in (23, 4))
    alone = aggregate_posterior(model, cut(x[:11]))
    for terms in (other, alone):
        assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(one, terms, strict=True))
    assert one.metrics()["mutual_information"]["num_examples"] == 11


def test_a_full_covariance_has_normal_marginals(make_vae, binary):
    terms = aggregate_posterior(make_vae(posterior=FullCovarianceNormal(3)), cut(binary(20)))
    assert np.all(np.isfinite(terms.total_correlation))


def test_a_flow_has_no_known_marginals(make_vae, binary):
    terms = aggregate_posterior(make_vae(posterior=InverseAutoregressive(3, num_flows=1)), cut(binary(12)))
    assert terms.total_correlation is None and set(terms.metrics()) == {"mutual_information", "aggregate_kl"}


def test_a_conditional_model_has_no_single_prior(make_vae, binary):
    networks = {name: Conditioned(MLP([16]), condition_size=2) for name in ("encoder", "decoder")}
    batches = cut(binary(12), condition=np.eye(2, dtype="float32")[np.arange(12) % 2])
    assert set(aggregate_posterior(make_vae(**networks), batches).metrics()) == {
        "mutual_information",
        "total_correlation",
    }


def test_models_without_densities_are_refused(make_vae, binary):
    model = make_vae(posterior=Deterministic(2), prior=None, objective=Reconstruction())
    with pytest.raises(ValueError, match="a model with one encoder and with densities"):
        aggregate_posterior(model, cut(binary(5)))
