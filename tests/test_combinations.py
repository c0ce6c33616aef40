"""Every part goes with every part of another role, or the constructor says in one sentence why not."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfvae import likelihoods, networks, objectives, posteriors, priors, regularizers
from tfvae.models import VAE

SIZE = 3
SPHERE, SIMPLEX, REAL, ANY = "sphere", "simplex", "real", "any"

POSTERIORS = {
    "DiagonalNormal": (lambda: posteriors.DiagonalNormal(SIZE), REAL),
    "FullCovarianceNormal": (lambda: posteriors.FullCovarianceNormal(SIZE), REAL),
    "InverseAutoregressive": (lambda: posteriors.InverseAutoregressive(SIZE, hidden_sizes=[8]), REAL),
    "VonMisesFisher": (lambda: posteriors.VonMisesFisher(SIZE), SPHERE),
    "RelaxedCategorical": (lambda: posteriors.RelaxedCategorical(SIZE), SIMPLEX),
    "Product": (
        lambda: posteriors.Product([posteriors.DiagonalNormal(2), posteriors.RelaxedCategorical(2)]),
        (REAL, SIMPLEX),
    ),
    "Deterministic": (lambda: posteriors.Deterministic(SIZE), REAL),
}
PRIORS = {
    "StandardNormal": (priors.StandardNormal, REAL),
    "MixtureOfNormals": (lambda: priors.MixtureOfNormals(2), REAL),
    "VampPrior": (lambda: priors.VampPrior(2), ANY),
    "ExemplarPrior": (lambda: priors.ExemplarPrior(2), REAL),
    "AutoregressiveFlow": (lambda: priors.AutoregressiveFlow(1, [8]), REAL),
    "UniformOnSphere": (priors.UniformOnSphere, SPHERE),
    "UniformCategorical": (priors.UniformCategorical, SIMPLEX),
    "UniformRelaxedCategorical": (lambda: priors.UniformRelaxedCategorical(0.5), SIMPLEX),
    "Product": (lambda: priors.Product([priors.StandardNormal(), priors.UniformCategorical()]), (REAL, SIMPLEX)),
    "FittedAfterTraining": (lambda: priors.FittedAfterTraining(priors.MixtureOfNormals(2)), ANY),
    "another before": (
        lambda: priors.FittedAfterTraining(priors.MixtureOfNormals(2), before=priors.StandardNormal()),
        REAL,
    ),
    "none": (lambda: None, ANY),
}
OBJECTIVES = {
    "ELBO": lambda: objectives.ELBO(),
    "free bits": lambda: objectives.ELBO(free_bits=0.1, num_samples=2),
    "CapacityELBO": lambda: objectives.CapacityELBO(1.0, 2.0),
    "GECO": lambda: objectives.GECO(objectives.DistortionBelow(3.0)),
    "IWAE": lambda: objectives.ImportanceWeightedELBO(2),
    "DReG": lambda: objectives.ImportanceWeightedELBO(2, gradient=objectives.DoublyReparameterized()),
    "Reconstruction": lambda: objectives.Reconstruction(),
}
REGULARIZERS = {
    "TotalCorrelation": lambda: regularizers.TotalCorrelation(1.0, dataset_size=50),
    "LatentCovariance-means": lambda: regularizers.LatentCovariance(1.0, regularizers.CovarianceOfMeans()),
    "LatentCovariance-samples": lambda: regularizers.LatentCovariance(1.0, regularizers.CovarianceOfSamples()),
    "MaximumMeanDiscrepancy": lambda: regularizers.MaximumMeanDiscrepancy(1.0, regularizers.RBF(1.0)),
    "CodeNorm": lambda: regularizers.CodeNorm(1.0),
    "L1Sparsity": lambda: regularizers.L1Sparsity(1.0),
    "TargetRateSparsity": lambda: regularizers.TargetRateSparsity(1.0),
    "Contractive": lambda: regularizers.Contractive(1.0),
}
LIKELIHOODS = {
    "Bernoulli": likelihoods.Bernoulli,
    "ContinuousBernoulli": likelihoods.ContinuousBernoulli,
    "Normal": lambda: likelihoods.Normal(likelihoods.OptimalScale()),
    "Laplace": lambda: likelihoods.Laplace(likelihoods.PixelScale()),
    "Categorical": lambda: likelihoods.Categorical(2),
    "DiscretizedLogistic": likelihoods.DiscretizedLogistic,
    "MixtureOfDiscretizedLogistics": lambda: likelihoods.MixtureOfDiscretizedLogistics(2),
    "PixelCNN": lambda: likelihoods.PixelCNN(4, 1, 3),
}
ENCODERS = {
    "MLP": lambda: networks.MLP([8]),
    "GatedMLP": lambda: networks.GatedMLP([8]),
    "ConvEncoder": lambda: networks.ConvEncoder([4], 8),
    "ResidualEncoder": lambda: networks.ResidualEncoder([4], 8),
    "Corrupted": lambda: networks.Corrupted(networks.MLP([8]), networks.Masking(0.2)),
    "Conditioned": lambda: networks.Conditioned(networks.MLP([8]), 2),
}
DECODERS = {
    "MLP": lambda: networks.MLP([8]),
    "GatedMLP": lambda: networks.GatedMLP([8]),
    "ConvDecoder": lambda: networks.ConvDecoder([4], 8),
    "ResidualDecoder": lambda: networks.ResidualDecoder([4], 8),
    "Conditioned": lambda: networks.Conditioned(networks.ConvDecoder([4], 8), 2),
}
BATCH = {
    "x": tf.cast(tf.random.stateless_uniform([4, 4, 4, 1], (0, 1)) < 0.4, "float32"),
    "condition": tf.one_hot([0, 1, 0, 1], 2),
    "index": tf.range(4, dtype="int64"),
}


def pairs(*members):
    """All combinations of the names of members."""
    return list(itertools.product(*members))


def goes_with(posterior, prior):
    supports = POSTERIORS[posterior][1], PRIORS[prior][1]
    if prior == "VampPrior":
        return posterior not in ("Deterministic", "Product")  # a mixture of points has no density
    if prior == "FittedAfterTraining":
        return posterior != "Product"  # one density for a normal and a category would be neither
    return ANY in supports or supports[0] == supports[1]


def model_of(**parts):
    defaults = {
        "encoder": networks.MLP([8]),
        "posterior": posteriors.DiagonalNormal(SIZE),
        "prior": priors.StandardNormal(),
        "decoder": networks.MLP([8]),
        "likelihood": likelihoods.Bernoulli(),
        "objective": objectives.ELBO(),
    }
    model = VAE(**{**defaults, **parts})
    model.build((None, 4, 4, 1))
    if model.num_examples:
        model.start(BATCH["x"][: model.num_examples], BATCH["index"][: model.num_examples])
    return model


def assert_trains(model):
    """The terms are finite and so is their gradient, in training; validation has finite terms too."""
    with tf.GradientTape() as tape:
        terms = model.terms(BATCH, tf.constant([0, 1]), training=True)
    gradients = [g for g in tape.gradient(terms["loss"], model.trainable_weights) if g is not None]
    validation = model.terms(BATCH, tf.constant([0, 1]), training=False)
    assert gradients and all(
        np.all(np.isfinite(value)) for value in [*terms.values(), *gradients, *validation.values()]
    )


@pytest.mark.parametrize(("posterior", "prior"), pairs(POSTERIORS, PRIORS))
def test_posterior_and_prior(posterior, prior):
    needs_rate = posterior != "Deterministic" and prior not in ("none", "FittedAfterTraining")
    objective = objectives.ELBO() if needs_rate else objectives.Reconstruction()
    parts = {"posterior": POSTERIORS[posterior][0](), "prior": PRIORS[prior][0](), "objective": objective}
    if goes_with(posterior, prior):
        assert_trains(model_of(**parts))
    else:
        with pytest.raises(ValueError, match=r"^[^\n]+\.[^\n]*$"):
            model_of(**parts)


@pytest.mark.parametrize(("posterior", "objective"), pairs(POSTERIORS, OBJECTIVES))
def test_posterior_and_objective(posterior, objective):
    make, support = POSTERIORS[posterior]
    prior = {REAL: "StandardNormal", SPHERE: "UniformOnSphere", SIMPLEX: "UniformRelaxedCategorical"}
    prior = PRIORS["Product" if isinstance(support, tuple) else prior[support]][0]()
    weighted = objective in ("IWAE", "DReG") and posterior == "Product"  # its categorical prior has no density
    refused = posterior == "Deterministic" and objective != "Reconstruction"
    parts = {"posterior": make(), "prior": prior, "objective": OBJECTIVES[objective]()}
    if refused or weighted:
        with pytest.raises(ValueError, match=r"`.+` .+, and `.+` has none"):
            model_of(**parts)
    else:
        assert_trains(model_of(**parts))


@pytest.mark.parametrize(("posterior", "regularizer"), pairs(POSTERIORS, REGULARIZERS))
def test_posterior_and_regularizer(posterior, regularizer):
    make, support = POSTERIORS[posterior]
    prior = {REAL: "StandardNormal", SPHERE: "UniformOnSphere", SIMPLEX: "UniformRelaxedCategorical"}
    prior = PRIORS["Product" if isinstance(support, tuple) else prior[support]][0]()
    objective = objectives.Reconstruction() if posterior == "Deterministic" else objectives.ELBO()
    parts = {"posterior": make(), "prior": prior, "objective": objective, "regularizers": [REGULARIZERS[regularizer]()]}
    has_moments = posterior in ("DiagonalNormal", "FullCovarianceNormal", "Deterministic")
    of_moments = regularizer in ("TotalCorrelation", "LatentCovariance-means", "LatentCovariance-samples")
    of_density = regularizer in ("TotalCorrelation", "LatentCovariance-samples")
    if (of_moments and not has_moments) or (of_density and posterior == "Deterministic"):
        with pytest.raises(ValueError, match="needs"):
            model_of(**parts)
    else:
        assert_trains(model_of(**parts))


@pytest.mark.parametrize(("prior", "objective"), pairs(PRIORS, OBJECTIVES))
def test_prior_and_objective(prior, objective):
    make, support = PRIORS[prior]
    posterior = {SPHERE: "VonMisesFisher", SIMPLEX: "RelaxedCategorical"}.get(support, "DiagonalNormal")
    posterior = POSTERIORS["Product" if isinstance(support, tuple) else posterior][0]()
    no_prior = prior in ("none", "FittedAfterTraining") and objective != "Reconstruction"
    discrete = prior in ("UniformCategorical", "Product") and objective in ("IWAE", "DReG")
    parts = {"posterior": posterior, "prior": make(), "objective": OBJECTIVES[objective]()}
    if no_prior or discrete:
        with pytest.raises(ValueError, match="prior"):
            model_of(**parts)
    else:
        assert_trains(model_of(**parts))


@pytest.mark.parametrize(("likelihood", "objective"), pairs(LIKELIHOODS, OBJECTIVES))
def test_likelihood_and_objective(likelihood, objective):
    assert_trains(model_of(likelihood=LIKELIHOODS[likelihood](), objective=OBJECTIVES[objective]()))


@pytest.mark.parametrize(("encoder", "decoder"), pairs(ENCODERS, DECODERS))
def test_encoder_and_decoder(encoder, decoder):
    assert_trains(model_of(encoder=ENCODERS[encoder](), decoder=DECODERS[decoder]()))


@pytest.mark.parametrize(("decoder", "likelihood"), pairs(DECODERS, LIKELIHOODS))
def test_decoder_and_likelihood(decoder, likelihood):
    assert_trains(model_of(decoder=DECODERS[decoder](), likelihood=LIKELIHOODS[likelihood]()))
