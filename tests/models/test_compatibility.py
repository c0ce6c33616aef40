"""Every refusal of parts that cannot go together, with its sentence; what goes together is in test_combinations."""

import re

import pytest

from tfvae.likelihoods import Bernoulli
from tfvae.models import VAE
from tfvae.networks import MLP, Conditioned, Corrupted, Masking
from tfvae.objectives import ELBO, GECO, CapacityELBO, DistortionBelow, ImportanceWeightedELBO, Reconstruction
from tfvae.posteriors import (
    Deterministic,
    DiagonalNormal,
    InverseAutoregressive,
    Product,
    RelaxedCategorical,
    VonMisesFisher,
)
from tfvae.priors import (
    ConditionalNormal,
    ExemplarPrior,
    FittedAfterTraining,
    MixtureOfNormals,
    StandardNormal,
    UniformCategorical,
    UniformOnSphere,
    VampPrior,
)
from tfvae.priors import Product as ProductOfPriors
from tfvae.regularizers import (
    RBF,
    CodeNorm,
    CovarianceOfMeans,
    CovarianceOfSamples,
    LatentCovariance,
    MaximumMeanDiscrepancy,
    TotalCorrelation,
)


def fitted():
    return FittedAfterTraining(MixtureOfNormals(2))


def mmd():
    return MaximumMeanDiscrepancy(1.0, RBF(1.0))


def flow():
    return InverseAutoregressive(3, hidden_sizes=[8])


def categories():
    return Product([DiagonalNormal(2), RelaxedCategorical(3)])


def of_categories():
    return ProductOfPriors([StandardNormal(), UniformCategorical()])


NO_DENSITY = "needs a posterior with a density, and `Deterministic` has none."
NO_STDDEV = "needs mean and standard deviation of q(z|x), and `{}` has none in closed form."
NO_PRIOR = "needs a prior, and there is none."
NOT_YET = "needs a prior, and `FittedAfterTraining` is there only after training."
WEIGHTS = "`ImportanceWeightedELBO` weights samples by the density of the prior, and `{}` has none."
APART = "The posterior `{}` puts z on {}, and the prior `{}` on {}: they must agree."
SPHERE, REAL, SIMPLEX = "the sphere", "the real space", "the simplex"

REFUSED = {  # name: (posterior, prior, objective, regularizers, sentence)
    "point, ELBO": (lambda: Deterministic(3), StandardNormal, ELBO, [], f"`ELBO` {NO_DENSITY}"),
    "point, GECO": (
        lambda: Deterministic(3),
        StandardNormal,
        lambda: GECO(DistortionBelow(1.0)),
        [],
        f"`GECO` {NO_DENSITY}",
    ),
    "point, capacity": (
        lambda: Deterministic(3),
        StandardNormal,
        lambda: CapacityELBO(1.0, 2.0),
        [],
        f"`CapacityELBO` {NO_DENSITY}",
    ),
    "point, IWAE": (
        lambda: Deterministic(3),
        StandardNormal,
        lambda: ImportanceWeightedELBO(2),
        [],
        f"`ImportanceWeightedELBO` {NO_DENSITY}",
    ),
    "point, total correlation": (
        lambda: Deterministic(3),
        StandardNormal,
        Reconstruction,
        [lambda: TotalCorrelation(1.0, 50)],
        f"`TotalCorrelation` {NO_DENSITY}",
    ),
    "point, DIP II": (
        lambda: Deterministic(3),
        StandardNormal,
        Reconstruction,
        [lambda: LatentCovariance(1.0, CovarianceOfSamples())],
        f"`LatentCovariance` {NO_DENSITY}",
    ),
    "flow, total correlation": (
        flow,
        StandardNormal,
        ELBO,
        [lambda: TotalCorrelation(1.0, 50)],
        "`TotalCorrelation` " + NO_STDDEV.format("InverseAutoregressive"),
    ),
    "flow, DIP I": (
        flow,
        StandardNormal,
        ELBO,
        [lambda: LatentCovariance(1.0, CovarianceOfMeans())],
        "`LatentCovariance` " + NO_STDDEV.format("InverseAutoregressive"),
    ),
    "no prior, ELBO": (lambda: DiagonalNormal(3), lambda: None, ELBO, [], f"`ELBO` {NO_PRIOR}"),
    "no prior, IWAE": (
        lambda: DiagonalNormal(3),
        lambda: None,
        lambda: ImportanceWeightedELBO(2),
        [],
        f"`ImportanceWeightedELBO` {NO_PRIOR}",
    ),
    "no prior, MMD": (
        lambda: Deterministic(3),
        lambda: None,
        Reconstruction,
        [mmd],
        f"`MaximumMeanDiscrepancy` {NO_PRIOR}",
    ),
    "fitted prior, ELBO": (lambda: DiagonalNormal(3), fitted, ELBO, [], f"`ELBO` {NOT_YET}"),
    "fitted prior, MMD": (
        lambda: Deterministic(3),
        fitted,
        Reconstruction,
        [mmd],
        f"`MaximumMeanDiscrepancy` {NOT_YET}",
    ),
    "sphere, normal": (
        lambda: VonMisesFisher(3),
        StandardNormal,
        ELBO,
        [],
        APART.format("VonMisesFisher", SPHERE, "StandardNormal", REAL),
    ),
    "normal, sphere": (
        lambda: DiagonalNormal(3),
        UniformOnSphere,
        ELBO,
        [],
        APART.format("DiagonalNormal", REAL, "UniformOnSphere", SPHERE),
    ),
    "point, sphere, without rate": (
        lambda: Deterministic(3),
        UniformOnSphere,
        Reconstruction,
        [],
        APART.format("Deterministic", REAL, "UniformOnSphere", SPHERE),
    ),
    "point, VampPrior": (
        lambda: Deterministic(3),
        lambda: VampPrior(2),
        Reconstruction,
        [],
        "`VampPrior` is a mixture of posteriors, and `Deterministic` has no density to mix.",
    ),
    "product, normal": (
        categories,
        StandardNormal,
        ELBO,
        [],
        APART.format("Product", f"the product of {REAL} and {SIMPLEX}", "StandardNormal", REAL),
    ),
    "product in another order": (
        lambda: Product([RelaxedCategorical(3), DiagonalNormal(2)]),
        of_categories,
        ELBO,
        [],
        APART.format(
            "Product", f"the product of {SIMPLEX} and {REAL}", "Product", f"the product of {REAL} and {SIMPLEX}"
        ),
    ),
    "categories, IWAE": (
        lambda: RelaxedCategorical(3),
        UniformCategorical,
        lambda: ImportanceWeightedELBO(2),
        [],
        WEIGHTS.format("UniformCategorical"),
    ),
    "product with categories, IWAE": (
        categories,
        of_categories,
        lambda: ImportanceWeightedELBO(2),
        [],
        WEIGHTS.format("Product"),
    ),
    "two of one report": (
        lambda: DiagonalNormal(3),
        StandardNormal,
        ELBO,
        [lambda: CodeNorm(1.0), lambda: CodeNorm(2.0)],
        "`regularizers` must differ in what they report. Received: ['distortion', 'rate', 'negative_elbo', "
        "'code_norm', 'code_norm']",
    ),
}


def assemble(posterior, prior, objective, regularizers=()):
    parts = {"prior": prior, "decoder": MLP([4]), "likelihood": Bernoulli(), "objective": objective}
    return VAE(MLP([4]), posterior, **parts, regularizers=regularizers)


@pytest.mark.parametrize("name", REFUSED)
def test_parts_that_cannot_go_together_are_refused_with_one_sentence(name):
    posterior, prior, objective, regularizers, sentence = REFUSED[name]
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        assemble(posterior(), prior(), objective(), [make() for make in regularizers])


@pytest.mark.parametrize(
    ("posterior", "prior"),
    [
        (lambda: VonMisesFisher(3), lambda: VampPrior(2)),  # lives wherever the posterior does
        (lambda: RelaxedCategorical(3), UniformCategorical),  # a rate it has, and no density of samples
        (categories, of_categories),
    ],
    ids=["sphere, VampPrior", "categories", "product"],
)
def test_what_looks_alike_and_goes_together_is_accepted(posterior, prior):
    assert assemble(posterior(), prior(), ELBO()).has_rate


def test_a_prior_that_is_fitted_after_training_may_live_anywhere():
    assert assemble(VonMisesFisher(3), fitted(), Reconstruction()).prior.fitted_after


def test_a_penalty_that_compares_with_the_prior_needs_no_density_of_the_posterior():
    assert not assemble(Deterministic(3), StandardNormal(), Reconstruction(), [mmd()]).has_rate


def conditioned(size):
    return Conditioned(MLP([4]), size)


def of_parts(encoder, decoder, prior):
    parts = {"decoder": decoder, "prior": prior, "likelihood": Bernoulli(), "objective": ELBO()}
    return VAE(encoder, DiagonalNormal(3), **parts)


@pytest.mark.parametrize(
    ("encoder", "prior"),
    [
        (lambda: conditioned(3), lambda: VampPrior(2)),
        (lambda: Corrupted(conditioned(3), Masking(0.1)), lambda: ExemplarPrior(2)),
    ],
    ids=["VampPrior", "ExemplarPrior"],
)
def test_a_prior_of_examples_has_no_condition_for_an_encoder(encoder, prior):
    message = f"^`{type(prior()).__name__}` encodes examples without a condition, and the encoder needs one.$"
    with pytest.raises(ValueError, match=message):
        of_parts(encoder(), MLP([4]), prior())


def test_conditions_of_two_sizes_are_refused_when_the_model_is_built():
    message = "must depend on a condition of one size, or on none. Received: condition_size=[3, None, 4]"
    with pytest.raises(ValueError, match=re.escape(message)):
        of_parts(conditioned(3), MLP([4]), ConditionalNormal(4)).build((None, 6))


def test_a_prior_of_examples_goes_with_a_conditional_decoder():
    assert of_parts(MLP([4]), conditioned(3), VampPrior(2)).condition_size == 3
