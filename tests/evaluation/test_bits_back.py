"""Bits-back coding: every bit comes back, and the length is the negative ELBO."""

import numpy as np
import pytest

from tfvae.evaluation.bits_back import _Chain, compress, decompress, stream
from tfvae.likelihoods import Bernoulli, DiscretizedLogistic, Normal
from tfvae.networks import MLP, Conditioned
from tfvae.objectives import Reconstruction
from tfvae.posteriors import Deterministic, DiagonalNormal, FullCovarianceNormal
from tfvae.priors import VampPrior

LOG_2 = np.log(2)


def round_trip(model, x, **options):
    compressed = compress(model, x, **options)
    return compressed, decompress(model, compressed, **{k: v for k, v in options.items() if k == "condition"})


def test_every_binary_pixel_comes_back(make_vae, binary):
    x = binary(40, (4, 4, 1))
    assert np.array_equal(round_trip(make_vae((4, 4, 1)), x)[1], x)


def test_every_grey_level_comes_back(make_vae):
    x = np.random.default_rng(0).integers(0, 256, (10, 3, 5, 2)).astype("float32") / 255
    model = make_vae((3, 5, 2), likelihood=DiscretizedLogistic())
    assert np.array_equal(round_trip(model, x)[1], x)


def test_a_code_depends_on_its_condition(make_vae, binary):
    x, condition = binary(12), np.eye(3, dtype="float32")[np.arange(12) % 3]
    networks = {name: Conditioned(MLP([16]), condition_size=3) for name in ("encoder", "decoder")}
    model = make_vae(**networks)
    compressed, again = round_trip(model, x, condition=condition)
    assert np.array_equal(again, x)
    assert not np.array_equal(compress(model, x, condition=condition[::-1]).words, compressed.words)


def test_another_model_does_not_understand_it(make_vae, binary):
    compressed = compress(make_vae(), binary(20))
    with pytest.raises(ValueError, match="`compressed` is no code of this model and condition"):
        decompress(make_vae(seed=1, posterior=DiagonalNormal(2)), compressed)


def test_length_on_r1_is_the_negative_elbo_of_quadrature(r1):
    # Fresh bits for each image: one latent leaves so few that the next image would draw what the last one wrote.
    chain, levels, random = _Chain(r1()), np.array([1, 0, 1], "int32"), np.random.RandomState(0)
    # The word on top by its logarithm: lengths are whole bits, and their rounding must not lean to one side.
    words = [[*random.randint(1, 2**32, 3), 2 ** random.uniform(16, 32)] for _ in range(2000)]
    coders = [stream.stack.AnsCoder(np.array(w).astype("uint32")) for w in words]
    before = [coder.num_valid_bits() for coder in coders]
    for coder in coders:
        chain.push(coder, levels, None)
    nats = np.subtract([coder.num_valid_bits() for coder in coders], before) * LOG_2
    error = nats.std() / np.sqrt(len(nats))
    assert abs(nats.mean() - 1.505662) < 4 * error < 0.1  # without bits back it would be 5 nats more


def test_the_initial_bits_are_given_back(make_vae, binary):
    x = binary(30)
    compressed = compress(make_vae(), x)
    assert 32 * len(compressed.words) == pytest.approx(compressed.num_initial_bits + compressed.bits.sum(), abs=32)
    assert compressed.num_initial_bits < 300  # two latents at 64 steps a unit are some 16 bits


def test_a_wide_window_draws_no_stray_codes(make_vae, binary):
    # On a grid of 4,097 steps one draw in 4,000 would be any step at all: of 1,200 draws some would leave 6 sigma.
    model = make_vae()
    x = binary(600)
    bits = compress(model, x).bits
    assert bits.max() < bits.mean() + 40


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"likelihood": Normal(0.5)}, "a likelihood of discrete pixels"),
        ({"posterior": FullCovarianceNormal(2)}, "independent and normal in posterior and prior"),
        ({"prior": VampPrior(3)}, "independent and normal in posterior and prior"),
        (
            {"posterior": Deterministic(2), "prior": None, "objective": Reconstruction()},
            "independent and normal in posterior and prior",
        ),
    ],
)
def test_models_that_cannot_be_coded_so_are_refused(make_vae, binary, parts, message):
    with pytest.raises(ValueError, match=message):
        compress(make_vae(**parts), binary(3))


def test_values_between_the_grey_levels_are_refused(make_vae):
    with pytest.raises(ValueError, match="must hold 2 grey levels from 0 to 1"):
        compress(make_vae(likelihood=Bernoulli()), np.full((2, 6), 0.5, "float32"))
