"""Exports of models that are no plain VAE: what each can be asked, what it leaves out and why, and the gate."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.data import preprocessing
from tfvae.likelihoods import Bernoulli, Normal
from tfvae.models import VAE, SemiSupervisedVAE
from tfvae.networks import MLP, Conditioned
from tfvae.objectives import ELBO, Reconstruction
from tfvae.posteriors import Deterministic, DiagonalNormal, InverseAutoregressive, Product, VonMisesFisher
from tfvae.priors import ConditionalNormal, FittedAfterTraining, MixtureOfNormals, StandardNormal, UniformOnSphere
from tfvae.priors import Product as ProductOfPriors
from tfvae.serving import export, validate
from tfvae.serving.images import Images
from tfvae.serving.signatures import PRIOR, left_out, signatures
from tfvae.serving.standalone.served_model import ServedModel

IMAGE, K = (6, 6, 1), 3
SEED = np.array([5, 6, 2**40], "int64")
X = np.random.default_rng(3).random((3, *IMAGE)).astype("float32")
CONDITION = np.eye(K, dtype="float32")
NO_DRAW = "its code is no draw, but a function of x"
NO_PRIOR = "it has no prior to draw codes from"
OF_IMAGES = {"serving_default", "reconstruct", "encode", "decode", "score", "encode_bytes", "score_bytes"}


def built(**parts):
    keras.utils.set_random_seed(1)
    defaults = {
        "encoder": MLP([16]),
        "posterior": DiagonalNormal(2),
        "prior": StandardNormal(),
        "decoder": MLP([16]),
        "likelihood": Normal(0.5),
        "objective": ELBO(),
    }
    model = VAE(**{**defaults, **parts})
    model.build((None, *IMAGE))
    return model


def exported(model, folder):
    export(model, folder / "export")
    return folder / "export", ServedModel(folder / "export")


def manifest(directory):
    return json.loads((directory / "assets.extra" / "tfvae_manifest.json").read_text())


# An autoencoder without prior.


@pytest.fixture(scope="module")
def autoencoder():
    return built(posterior=Deterministic(2), prior=None, objective=Reconstruction())


@pytest.fixture(scope="module")
def plain(autoencoder, tmp_path_factory):
    return exported(autoencoder, tmp_path_factory.mktemp("autoencoder"))


def test_an_autoencoder_leaves_out_what_it_cannot_do_and_says_why(plain):
    directory, server = plain
    assert set(server.signatures) == OF_IMAGES == set(manifest(directory)["signatures"])
    assert manifest(directory)["left_out"] == {"encode_sample": NO_DRAW, "sample": NO_PRIOR}
    assert manifest(directory)["condition_size"] is None


def test_an_autoencoder_is_scored_by_its_distortion_alone_and_asks_for_no_seed(plain, autoencoder):
    found = plain[1].call("score", {"images": X})
    assert set(found) == {"distortion"}
    exact = -autoencoder.decode(autoencoder.code(X)).log_prob(X)
    np.testing.assert_allclose(found["distortion"], exact, rtol=1e-5)  # float32 rounding


def test_an_autoencoder_encodes_without_a_standard_deviation(plain, autoencoder):
    found = plain[1].call("encode", {"images": X})
    assert set(found) == {"z_mean"}
    np.testing.assert_allclose(found["z_mean"], autoencoder.code(X), atol=1e-5)


def test_the_gate_lets_an_autoencoder_pass(plain):
    assert set(validate(plain[0])["signatures"]) == OF_IMAGES


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: built(), {}),
        (lambda: built(prior=None, objective=Reconstruction()), {"sample": NO_PRIOR}),
        (lambda: built(posterior=Deterministic(2), objective=Reconstruction()), {"encode_sample": NO_DRAW}),
        (
            lambda: built(prior=FittedAfterTraining(MixtureOfNormals(2)), objective=Reconstruction()),
            {"sample": NO_PRIOR},
        ),
    ],
    ids=["VAE", "no prior", "no noise", "not fitted"],
)
def test_left_out_is_what_is_not_among_the_signatures(make, expected):
    model = make()
    assert left_out(model) == expected
    everything = {*OF_IMAGES, "encode_sample", "sample"}
    assert set(signatures(model, Images(IMAGE, "none"))) == everything - set(expected)


def test_a_prior_that_was_fitted_is_sampled_from(tmp_path):
    model = built(
        posterior=Deterministic(2), prior=FittedAfterTraining(MixtureOfNormals(2)), objective=Reconstruction()
    )
    model.fit_prior([{"x": X}])
    _, server = exported(model, tmp_path)
    expected = model.prior_sample(preprocessing.row_seeds(SEED, PRIOR))
    np.testing.assert_allclose(server.call("sample", {"seed": SEED})["z"], expected, rtol=1e-4, atol=1e-5)


# A conditional model.


@pytest.fixture(scope="module")
def conditional():
    model = built(encoder=Conditioned(MLP([16]), K), decoder=Conditioned(MLP([16]), K), prior=ConditionalNormal(K, [4]))
    kernel = model.prior.parameters.kernel
    kernel.assign(np.random.default_rng(0).normal(size=kernel.shape))
    return model


@pytest.fixture(scope="module")
def conditioned(conditional, tmp_path_factory):
    return exported(conditional, tmp_path_factory.mktemp("conditional"))


def test_every_signature_of_a_conditional_model_asks_for_its_condition(conditioned):
    directory, server = conditioned
    for name, signature in server.signatures.items():
        assert "condition" in signature.inputs
        stated = manifest(directory)["signatures"][name]["inputs"]["condition"]
        assert stated == {"dtype": "float32", "shape": [None, K]}
    assert manifest(directory)["condition_size"] == K


def test_answers_of_a_conditional_export_are_those_of_the_model(conditioned, conditional):
    given, server = conditional.given({"condition": tf.constant(CONDITION)}), conditioned[1]
    z, condition = np.ones((3, 2), "float32"), {"condition": CONDITION}
    found = server.call("encode", {"images": X, **condition})
    pairs = [
        (found["z_mean"], given.encode(X).mean()),
        (found["z_stddev"], given.encode(X).stddev()),
        (server.call("reconstruct", {"images": X, **condition})["reconstructions"], given.reconstruct(X)),
        (server.call("decode", {"z": z, **condition})["images"], given.decode(z).mean()),
        (
            server.call("sample", {"seed": SEED, **condition})["z"],
            given.prior_sample(preprocessing.row_seeds(SEED, PRIOR)),
        ),
    ]
    for served, own in pairs:
        np.testing.assert_allclose(served, own, atol=1e-5)  # float32 rounding


@pytest.mark.parametrize("name", ["reconstruct", "encode", "encode_sample", "decode", "sample", "score"])
def test_each_row_is_answered_for_its_own_condition_wherever_it_stands(name, conditioned):
    everything = {"images": X, "seed": SEED, "z": np.eye(3, 2, dtype="float32"), "condition": CONDITION}
    inputs = {key: everything[key] for key in conditioned[1].signatures[name].inputs}
    together, swapped = (
        conditioned[1].call(name, {**inputs, "condition": c}) for c in (CONDITION, np.roll(CONDITION, 1, axis=0))
    )
    for row in range(3):
        alone = conditioned[1].call(name, {key: value[row : row + 1] for key, value in inputs.items()})
        for key, value in alone.items():
            np.testing.assert_allclose(value[0], together[key][row], rtol=1e-5, atol=1e-5)
            assert np.any(swapped[key][row] != together[key][row])


def test_the_gate_lets_a_conditional_model_pass(conditioned):
    assert {"sample", "encode_sample"} < set(validate(conditioned[0])["signatures"])


# Other kinds.


def test_a_semi_supervised_model_classifies():
    keras.utils.set_random_seed(1)
    model = SemiSupervisedVAE(
        encoder=MLP([8]),
        posterior=DiagonalNormal(2),
        prior=StandardNormal(),
        decoder=Conditioned(MLP([8]), K),
        likelihood=Bernoulli(),
        classifier=MLP([8]),
        num_classes=K,
    )
    model.build((None, *IMAGE))
    served = signatures(model, Images(IMAGE, "none"))
    found = served["classify"].function(tf.constant(X))["probabilities"].numpy()
    np.testing.assert_allclose(found, model.classify(X), atol=1e-5)  # float32 rounding
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    assert [spec.name for spec in served["sample"].inputs] == ["seed"]
    sampled = served["sample"].function(tf.constant(SEED))["z"].numpy()
    np.testing.assert_array_equal(np.sort(sampled[:, 2:]), [[0, 0, 1]] * 3)  # one class each


@pytest.mark.parametrize(
    ("posterior", "prior", "outputs"),
    [
        (lambda: InverseAutoregressive(2, hidden_sizes=[8]), StandardNormal, {"z_mean"}),
        (lambda: VonMisesFisher(3), UniformOnSphere, {"z_mean"}),
        (
            lambda: Product([DiagonalNormal(2), DiagonalNormal(1)]),
            lambda: ProductOfPriors([StandardNormal(), StandardNormal()]),
            {"z_mean", "z_stddev"},
        ),
    ],
    ids=["flow", "sphere", "product"],
)
def test_any_posterior_is_encoded_sampled_and_scored(posterior, prior, outputs):
    model = built(posterior=posterior(), prior=prior())
    served = signatures(model, Images(IMAGE, "none"))
    found = served["encode"].function(tf.constant(X))
    assert set(found) == outputs
    np.testing.assert_allclose(found["z_mean"], model.code(X), atol=1e-6)
    assert served["encode_sample"].function(tf.constant(X), tf.constant(SEED))["z"].shape == (3, model.latent_size)
    score = {name: value.numpy() for name, value in served["score"].function(tf.constant(X), tf.constant(SEED)).items()}
    assert score["rate"].shape == (3,) and np.all(np.isfinite(score["rate"]))
    np.testing.assert_allclose(score["negative_elbo"], score["distortion"] + score["rate"], rtol=1e-6)
