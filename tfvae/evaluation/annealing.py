"""Annealing: chains between p(z) and p(z|x), by Hamiltonian transitions."""

import itertools

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.evaluation.importance_sampling import blocks_of, bound_of
from tfvae.seeds import fold_rows, row_seeds

BLOCK = 1024  # chains that are in memory at a time
ACCEPTANCE = 0.65  # rate that step sizes are adapted to, as in Wu et al., 2017
ADAPTING_CHAINS = 4  # of each example, on which the step sizes of the others are adapted
FIRST_STEP_SIZE, GAIN = 0.3, 0.5  # of an adaptation that forgets its start within some ten steps
SLOPE = 4.0  # of the sigmoid schedule, as in Wu et al., 2017
# Streams of noise that never meet, nor the chunks of importance samples, whose keys are alike.
ADAPTATION, FORWARD, REVERSE, CODE, EXAMPLE = range(2**20, 2**20 + 5)


def sigmoid_schedule(num_steps):
    """Temperatures from 0 to 1, close together near both ends, as in Wu et al., 2017: float64 [num_steps + 1]."""
    sigmoid = 1 / (1 + np.exp(-SLOPE * np.linspace(-1, 1, num_steps + 1)))
    return (sigmoid - sigmoid[0]) / (sigmoid[-1] - sigmoid[0])


class Annealer:
    """Runs of chains on blocks of examples of one size; the last block is filled up with its last example.

    Moves draw noise for a whole block, keyed by the index of its first example. As blocks are our own, and of one size,
    it does not depend on how batches were cut, nor on how many examples follow.
    """

    def __init__(self, model, num_steps, num_chains, num_leapfrog_steps, seed):
        _check(model, num_steps=(num_steps, 2), num_chains=(num_chains, 1), num_leapfrog_steps=(num_leapfrog_steps, 1))
        self.model, self.num_chains, self.num_leapfrog_steps = model, num_chains, num_leapfrog_steps
        self.seed, self.size = seed & 0x7FFFFFFF, max(1, BLOCK // num_chains)
        self.temperatures = sigmoid_schedule(num_steps)

    def num_moves(self, num_examples):
        """Number of transitions of one run over all blocks."""
        return -(-num_examples // self.size) * (len(self.temperatures) - 2)

    def blocks(self, batches, num_examples):
        """Yields what the other methods call rows: the first examples, {"index": [B], maybe "x", "condition"}."""
        for rows in blocks_of(batches, self.size, num_examples):
            missing = self.size - len(rows["index"])
            yield {name: tf.concat([v, tf.repeat(v[-1:], missing, axis=0)], 0) for name, v in rows.items()}

    @tf.function
    def simulate(self, rows):
        """rows with x ~ p(x|z), and z ~ p(z), [B, L]."""
        seeds, model = row_seeds(self.seed, rows["index"]), self.model.given(rows)
        z = model.prior_sample(fold_rows(seeds, CODE))
        return {**rows, "x": model.decode_sample(z, fold_rows(seeds, EXAMPLE))}, z

    def step_sizes(self, rows, bar):
        """Sizes of leapfrog steps at each temperature between 0 and 1, a list of [B]: from a run apart.

        They depend on x alone, and on no draw that a weight is made of. Forward and reverse run share them, so that
        each is the other one backwards.
        """
        z, sizes = self._start(rows, ADAPTATION, ADAPTING_CHAINS), [tf.fill([self.size], FIRST_STEP_SIZE)]
        for number, temperature in enumerate(self.temperatures[1:-1]):
            z, accepted = self._move(rows, z, temperature, sizes[-1], self._key(rows, ADAPTATION, number))
            sizes.append(sizes[-1] * tf.exp(GAIN * (tf.reduce_mean(accepted, axis=0) - ACCEPTANCE)))
            bar.update(1)
        return sizes[1:]

    def forward(self, rows, sizes, bar):
        """Bound on log p(x), its errors, and acceptance: each [B]."""
        z = self._start(rows, FORWARD, self.num_chains)
        log_weights, accepted = self._run(rows, z, self.temperatures, sizes, FORWARD, bar)
        return *bound_of(log_weights), accepted

    def reverse(self, rows, z, sizes, bar):
        """The same of -log p(x), by chains from z ~ p(z|x), [B, L]."""
        z = tf.repeat(z[tf.newaxis], self.num_chains, axis=0)
        log_weights, accepted = self._run(rows, z, self.temperatures[::-1], sizes[::-1], REVERSE, bar)
        return *bound_of(log_weights), accepted

    def _run(self, rows, z, temperatures, sizes, run, bar):
        """Log-weights of chains from z, float64 [S, B], and acceptance, [B]."""
        log_weights, accepted = 0.0, []
        for number, (before, after) in enumerate(itertools.pairwise(temperatures)):
            log_weights = log_weights + (after - before) * self._weigh(rows, z).numpy()
            if number < len(sizes):  # no weight depends on a move at the last temperature
                z, rate = self._move(rows, z, after, sizes[number], self._key(rows, run, number))
                accepted.append(rate.numpy())
                bar.update(1)
        return log_weights, np.mean(accepted, axis=(0, 1))

    def _key(self, rows, run, number):
        """Stateless seed of the number-th move of a block."""
        key = tf.random.fold_in(tf.constant([self.seed, -run], "int32"), rows["index"][0])
        return tf.random.fold_in(key, number)

    @tf.function(reduce_retracing=True)
    def _start(self, rows, run, num_chains):
        """z ~ p(z), [num_chains, B, L]."""
        seeds, model = fold_rows(row_seeds(self.seed, rows["index"]), run), self.model.given(rows)
        draw = lambda chain: model.prior_sample(fold_rows(seeds, chain))  # noqa: E731
        return tf.map_fn(draw, tf.range(num_chains), fn_output_signature="float32")

    @tf.function(reduce_retracing=True)
    def _weigh(self, rows, z):
        """log p(x|z), float64 [S, B]."""
        return tf.cast(self.model.given(rows).inference(rows["x"], z).likelihood.log_prob(rows["x"]), "float64")

    @tf.function(reduce_retracing=True)
    def _move(self, rows, z, temperature, step_size, key):
        """A Hamiltonian transition that leaves p(z) p(x|z)^temperature as it is: z, and its acceptance [S, B]."""
        x, model, temperature = rows["x"], self.model.given(rows), tf.cast(temperature, "float32")

        def log_density(z):
            inference = model.inference(x, z)
            return inference.log_prior() + temperature * inference.likelihood.log_prob(x)

        kernel = tfp.mcmc.HamiltonianMonteCarlo(log_density, step_size[:, tf.newaxis], self.num_leapfrog_steps)
        z, results = kernel.one_step(z, kernel.bootstrap_results(z), seed=key)
        return z, tf.exp(tf.minimum(results.log_accept_ratio, 0.0))


def _check(model, **numbers):
    for name, (number, least) in numbers.items():
        if number < least:
            raise ValueError(f"`{name}` must be at least {least}. Received: {name}={number}")
    if not (model.is_euclidean and model.can_sample and model.prior.has_density):
        raise ValueError(
            "Annealing needs a prior with a density over real vectors, and this model has none, or not yet."
        )
