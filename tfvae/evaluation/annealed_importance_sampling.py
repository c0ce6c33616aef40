"""log p(x) by annealing from p(z) to p(z|x): without the encoder, and on simulated data from both sides."""

from typing import NamedTuple

import numpy as np

from tfvae.evaluation.annealing import Annealer
from tfvae.evaluation.importance_sampling import as_batches, count_examples, mean_cost, no_progress
from tfvae.evaluation.metrics import mean_of


class AnnealedBound(NamedTuple):
    """What annealing says of each example.

    Attributes:
        log_likelihood: log of the mean of the chains' weights in nats, [N]; on average below log p(x).
        standard_error: Its standard error over the chains, in nats, [N]; too small where few chains count.
        effective_sample_size: (sum w)^2 / sum w^2, between 1 and the number of chains, [N].
        acceptance_rate: Mean over chains and temperatures of the probability that a transition is accepted, [N].
    """

    log_likelihood: np.ndarray
    standard_error: np.ndarray
    effective_sample_size: np.ndarray
    acceptance_rate: np.ndarray

    def metrics(self):
        """The mean cost, how many chains count, and how often their moves are accepted."""
        size = self.effective_sample_size
        return {
            "annealed_negative_log_likelihood": mean_cost(self.log_likelihood, self.standard_error),
            "annealed_effective_sample_size": mean_of(size, "samples") | {"minimum": float(size.min())},
            "acceptance_rate": mean_of(self.acceptance_rate, "share"),
        }


class Enclosure(NamedTuple):
    """Simulated examples, and log p(x) of each from both sides.

    Attributes:
        x: Simulated examples, [N, *event].
        lower: Estimate of log p(x) by annealing forward, on average below it, in nats, [N].
        upper: Estimate by annealing back from the z that x was drawn from, on average above it, in nats, [N].
        acceptance_rate: Of moves in both directions, [N].
    """

    x: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    acceptance_rate: np.ndarray

    @property
    def gap(self):
        """Between both estimates, in nats, [N]; on average more than the error of either."""
        return self.upper - self.lower

    def metrics(self):
        """Both bounds as costs, of which the upper one is that of annealing forward, and the gap between them."""
        return {
            "simulated_negative_log_likelihood_upper": mean_of(-self.lower) | {"num_examples": len(self.lower)},
            "simulated_negative_log_likelihood_lower": mean_of(-self.upper) | {"num_examples": len(self.upper)},
            "bidirectional_gap": mean_of(self.gap),
            "simulated_acceptance_rate": mean_of(self.acceptance_rate, "share"),
        }


def annealed_importance_sampling(
    model,
    x,
    num_steps=500,
    num_chains=16,
    num_leapfrog_steps=10,
    seed=0,
    progress=no_progress,
    context=None,
    num_examples=None,
):
    """Estimates log p(x) by chains from p(z) to p(z|x), through p(z) p(x|z)^t with t from 0 to 1.

    The chains move by Hamiltonian transitions. The size of a leapfrog step is adapted for each example and temperature
    on a few chains apart, and then kept: so the mean weight is p(x) exactly, whereas Wu et al. adapt on the chains
    themselves. The encoder is not used, so that models with deterministic codes can be measured too.

    Where p(z) p(x|z)^t is far narrower in some directions than in others, as between the levels of a ladder, one step
    size makes chains hardly move. The bound is one still, but loose: the gap of `bidirectional_monte_carlo` shows it.

    Noise is keyed by `seed` and the place of an example among the others, which are cut into blocks of our own: the
    result is the same for every batch size.

    Args:
        model: A `LatentVariableModel` with a prior.
        x: Examples in an array, [N, *event]; or an iterable of batches {"x": [B, *event], "index": [B], maybe
            "condition": [B, K]}, which may be read twice.
        num_steps: Number of temperatures after t = 0.
        num_chains: Number of chains for each example.
        num_leapfrog_steps: Number of leapfrog steps in a transition.
        seed: Integer that keys all draws.
        progress: Makes a progress bar from a total and a unit.
        context: What a conditional model depends on, beside an array: {"condition": [N, K]}.
        num_examples: Number of examples, the first ones; None takes all, and reads batches once more to count them.

    Returns:
        An `AnnealedBound`.

    Raises:
        ValueError: If a number is too small, there is no example, or the model has no prior with a density over real
            vectors.

    Reference:
        Wu et al., 2017. On the Quantitative Analysis of Decoder-Based Generative Models.
        https://arxiv.org/abs/1611.04273
        Neal, 2001. Annealed Importance Sampling. https://arxiv.org/abs/physics/9803008
    """
    annealer = Annealer(model, num_steps, num_chains, num_leapfrog_steps, seed)
    batches = as_batches(x, context)
    number, parts = count_examples(batches, num_examples), []
    with progress(2 * annealer.num_moves(number), "step") as bar:
        for rows in annealer.blocks(batches, number):
            parts.append(annealer.forward(rows, annealer.step_sizes(rows, bar), bar))
    return AnnealedBound(*_joined(parts, number))


def bidirectional_monte_carlo(
    model,
    num_examples=100,
    num_steps=500,
    num_chains=16,
    num_leapfrog_steps=10,
    seed=0,
    progress=no_progress,
    condition=None,
):
    """Encloses log p(x) of simulated examples, each with the z that it was drawn from: an exact draw of p(z|x).

    From there chains are annealed back to p(z), by the same transitions in the opposite order. Their mean weight is
    1 / p(x), so that minus its logarithm lies above log p(x) on average. All chains of an example begin at its one z.

    Args:
        model: A `LatentVariableModel` with a prior.
        num_examples: Number N of examples to simulate.
        condition: What a conditional model depends on, [N, K].
        num_steps, num_chains, num_leapfrog_steps, seed, progress: As in `annealed_importance_sampling`.

    Returns:
        An `Enclosure`.

    Raises:
        ValueError: As in `annealed_importance_sampling`.

    Reference:
        Grosse et al., 2015. Sandwiching the Marginal Likelihood Using Bidirectional Monte Carlo.
        https://arxiv.org/abs/1511.02543
    """
    annealer = Annealer(model, num_steps, num_chains, num_leapfrog_steps, seed)
    wanted = {"index": np.arange(num_examples)} | ({} if condition is None else {"condition": condition})
    number, parts = count_examples([wanted]), []
    with progress(3 * annealer.num_moves(number), "step") as bar:
        for rows in annealer.blocks([wanted], number):
            parts.append(_enclosed(annealer, *annealer.simulate(rows), bar))
    return Enclosure(*_joined(parts, number))


def _enclosed(annealer, rows, z, bar):
    """x, lower and upper estimate of log p(x), and acceptance, of a block."""
    sizes = annealer.step_sizes(rows, bar)
    lower, _, _, there = annealer.forward(rows, sizes, bar)
    upper, _, _, back = annealer.reverse(rows, z, sizes, bar)
    return rows["x"].numpy(), lower, -upper, (there + back) / 2


def _joined(parts, number):
    """The blocks one after the other, without what the last was filled up with."""
    return [np.concatenate(part)[:number] for part in zip(*parts, strict=True)]
