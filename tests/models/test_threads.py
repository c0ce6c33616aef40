"""Threads: parts of a batch calculated beside each other give what the whole batch gives, noise and all."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.likelihoods import Bernoulli, Laplace, Normal, OptimalScale, PixelScale
from tfvae.models import VAE, FactorVAE
from tfvae.networks import MLP, Corrupted, Masking
from tfvae.objectives import ELBO, CapacityELBO, ImportanceWeightedELBO, Reconstruction
from tfvae.objectives.gradients import DoublyReparameterized
from tfvae.posteriors import Deterministic, DiagonalNormal, FullCovarianceNormal, InverseAutoregressive
from tfvae.priors import StandardNormal, VampPrior
from tfvae.regularizers import (
    CodeNorm,
    Contractive,
    CovarianceOfMeans,
    L1Sparsity,
    LatentCovariance,
    TargetRateSparsity,
)

BATCH_SIZE = 12
ADDITIVE = {
    "ELBO": {},
    "ELBO of 3 samples": {"objective": ELBO(beta=2.0, num_samples=3)},
    "importance weights": {"objective": ImportanceWeightedELBO(4)},
    "doubly reparameterized": {"objective": ImportanceWeightedELBO(4, gradient=DoublyReparameterized())},
    "autoencoder": {
        "objective": Reconstruction(),
        "posterior": Deterministic(2),
        "regularizers": [CodeNorm(0.1), L1Sparsity(0.1), Contractive(0.1)],
    },
    "normal likelihood": {"likelihood": Normal(PixelScale())},
    "full covariance": {"posterior": FullCovarianceNormal(2)},
    "flow": {"posterior": InverseAutoregressive(2, hidden_sizes=[5])},
    "pseudo-inputs": {"prior": VampPrior(3)},
    "corruption": {"encoder": Corrupted(MLP([16]), Masking(0.5))},
}
OF_WHOLE_BATCHES = {
    "free bits": {"objective": ELBO(free_bits=0.1)},
    "capacity": {"objective": CapacityELBO(1.0, 2.0)},
    "optimal scale": {"likelihood": Laplace(OptimalScale())},
    "covariance": {"regularizers": [LatentCovariance(1.0, CovarianceOfMeans())]},
    "average activation": {
        "objective": Reconstruction(),
        "posterior": Deterministic(2),
        "regularizers": [TargetRateSparsity(0.1, 0.2)],
    },
}


def updated(make_vae, x, threads, parts, seen=None):
    """The terms of two steps and the weights after them."""
    keras.utils.set_random_seed(0)  # of the weights
    model = make_vae(**{name: copy(part) for name, part in parts.items()})
    model.compile(keras.optimizers.SGD(0.05), threads=threads)
    terms_of, seen = model.terms, [] if seen is None else seen
    model.terms = lambda batch, *args, **kwargs: seen.append(len(batch["x"])) or terms_of(batch, *args, **kwargs)
    step = tf.function(model.update)
    terms = [step({"x": tf.constant(x)}) for _ in range(2)]
    return {name: float(term) for each in terms for name, term in each.items()}, model.get_weights()


def copy(part):
    return [copy(each) for each in part] if isinstance(part, list) else type(part).from_config(part.get_config())


CASES = [(name, 2, 2) for name in ADDITIVE] + [("ELBO", 3, 3), ("ELBO", 5, 4), ("importance weights", 5, 4)]


@pytest.mark.parametrize(("name", "threads", "number"), CASES)
def test_parts_add_up_to_the_batch(name, threads, number, make_vae, binary):
    x, parts, seen = binary(BATCH_SIZE), ADDITIVE[name], []
    terms, weights = updated(make_vae, x, 1, parts)
    ours, our_weights = updated(make_vae, x, threads, parts, seen)
    assert seen == [BATCH_SIZE // number] * number
    assert ours == pytest.approx(terms, rel=1e-5, abs=1e-6)  # float32, added up in another order
    for one, other in zip(our_weights, weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("parts", OF_WHOLE_BATCHES.values(), ids=OF_WHOLE_BATCHES)
def test_what_looks_at_a_whole_batch_gets_it(parts, make_vae, binary):
    x, seen = binary(BATCH_SIZE), []
    terms, _ = updated(make_vae, x, 1, parts)
    assert (updated(make_vae, x, 4, parts, seen)[0], seen) == (terms, [BATCH_SIZE])


def test_a_discriminator_gets_a_whole_batch():
    parts = {"encoder": MLP([4]), "posterior": DiagonalNormal(2), "prior": StandardNormal(), "decoder": MLP([4])}
    parts |= {"likelihood": Bernoulli(), "objective": ELBO()}
    assert VAE(**parts).is_additive
    assert not FactorVAE(**parts, discriminator=MLP([4]), weight=1.0).is_additive


def test_a_batch_of_unknown_size_is_one_part(make_vae, binary, batches):
    model = make_vae()
    model.compile(threads=2)
    history = model.fit(batches(binary(10), 4), verbose=0)
    assert np.isfinite(history.history["loss"][0])


def test_validation_by_parts_gives_what_the_batch_gives(make_vae, binary):
    x, found = tf.constant(binary(BATCH_SIZE)), []
    for threads in (1, 3):
        keras.utils.set_random_seed(0)  # of the weights
        model = make_vae()
        model.compile(threads=threads)
        found.append({name: float(value) for name, value in tf.function(model.test_step)({"x": x}).items()})
    assert found[1] == pytest.approx(found[0], rel=1e-5)
