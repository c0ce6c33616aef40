"""Gaps between log p(x) and the ELBO: what the posterior's family costs, and what the encoder costs."""

from typing import NamedTuple

import numpy as np

from tfvae.evaluation.importance_sampling import (
    as_batches,
    blocks_of,
    count_examples,
    importance_weighted_bound,
    no_progress,
)
from tfvae.evaluation.metrics import mean_of
from tfvae.evaluation.refinement import refine

BLOCK = 100  # examples that are refined together


class Gaps(NamedTuple):
    """log p(x) of each example, and the ELBO of two posteriors, in nats.

    Attributes:
        log_likelihood: Estimate of log p(x), [N]; where it lies below, so do the gaps that it is part of.
        elbo: ELBO at the encoder's q(z|x), [N].
        refined_elbo: ELBO at q*(z|x), the best that was found in the same family for each example alone, [N]; what the
            search left is missing from the amortisation gap and added to the approximation gap.
    """

    log_likelihood: np.ndarray
    elbo: np.ndarray
    refined_elbo: np.ndarray

    @property
    def inference(self):
        """log p(x) - ELBO(q), KL(q(z|x) || p(z|x)): the sum of the two others, [N]."""
        return self.log_likelihood - self.elbo

    @property
    def approximation(self):
        """log p(x) - ELBO(q*): what the family of q lacks, [N]."""
        return self.log_likelihood - self.refined_elbo

    @property
    def amortization(self):
        """ELBO(q*) - ELBO(q): what the encoder loses by serving all x, [N]."""
        return self.refined_elbo - self.elbo

    def metrics(self):
        """The mean gaps."""
        number = {"num_examples": len(self.elbo)}
        return {
            "inference_gap": mean_of(self.inference) | number,
            "approximation_gap": mean_of(self.approximation) | number,
            "amortization_gap": mean_of(self.amortization) | number,
        }


def inference_gaps(
    model,
    x,
    num_samples=5000,
    num_steps=300,
    seed=0,
    progress=no_progress,
    context=None,
    num_examples=None,
    log_likelihood=None,
):
    """Splits the gap between log p(x) and the ELBO into what the family of q costs and what the encoder costs.

    Args:
        model: A `VAE` whose posterior and prior have densities.
        x: Examples in an array, [N, *event]; or an iterable of batches {"x": [B, *event], "index": [B], maybe
            "condition": [B, K]}, which may be read several times.
        num_samples: Number of importance samples of each example for log p(x).
        num_steps: Number of gradient steps from the encoder's q(z|x) to q*.
        seed: Integer that keys all draws.
        progress: Makes a progress bar from a total and a unit.
        context: What a conditional model depends on, beside an array: {"condition": [N, K]}.
        num_examples: Number of examples, the first ones; None takes all.
        log_likelihood: log p(x) of these examples if it is known, [N], as from annealing; None estimates it by the
            importance-weighted bound.

    Returns:
        A `Gaps`.

    Raises:
        ValueError: If the model has no densities to measure by, or there is no example.

    Reference:
        Cremer et al., 2018. Inference Suboptimality in Variational Autoencoders, section 3.
        https://arxiv.org/abs/1801.03558
    """
    batches = as_batches(x, context)
    if log_likelihood is None:
        bound = importance_weighted_bound(model, batches, num_samples, seed, progress, num_examples=num_examples)
        log_likelihood = bound.log_likelihood
    parts = []
    with progress(count_examples(batches, num_examples), "example") as bar:
        for rows in blocks_of(batches, BLOCK, num_examples):
            found = refine(model, rows["x"], num_steps, seed=seed, context=_condition(rows))
            parts.append([-found.encoded_negative_elbo, -found.negative_elbo])
            bar.update(len(rows["x"]))
    return Gaps(log_likelihood, *(np.concatenate(part) for part in zip(*parts, strict=True)))


def _condition(rows):
    return {"condition": rows["condition"]} if "condition" in rows else None
