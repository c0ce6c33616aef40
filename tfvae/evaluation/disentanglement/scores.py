"""All scores of one model that know the factors of variation."""

from typing import NamedTuple

import numpy as np

from tfvae.evaluation.disentanglement.beta_vae_score import BetaVAEScore, beta_vae_score
from tfvae.evaluation.disentanglement.dci import DCI, dci
from tfvae.evaluation.disentanglement.examples import NUM_EXAMPLES
from tfvae.evaluation.disentanglement.explicitness import Explicitness, explicitness
from tfvae.evaluation.disentanglement.factor_vae_score import FactorVAEScore, factor_vae_score
from tfvae.evaluation.disentanglement.irs import IRS, irs
from tfvae.evaluation.disentanglement.modularity import Modularity, modularity
from tfvae.evaluation.disentanglement.mutual_information_gap import (
    MutualInformationGap,
    binned_mutual_information_gap,
    mutual_information_gap,
)
from tfvae.evaluation.disentanglement.sap import SAP, sap


class Disentanglement(NamedTuple):
    """Every score of one code; matrices are [L, F], of the F factors that vary.

    Attributes:
        factor_names: Names of the F factors.
        constant_factors: Names of the factors that have one value only, and are left out.
        num_examples: Number of rows that were looked at.
    """

    mig: MutualInformationGap
    mig_binned: MutualInformationGap
    factor_vae_score: FactorVAEScore
    beta_vae_score: BetaVAEScore
    dci: DCI
    sap: SAP
    modularity: Modularity
    explicitness: Explicitness
    irs: IRS
    factor_names: tuple
    constant_factors: tuple
    num_examples: int

    @property
    def mutual_information(self):
        """I(z_l; v_f) in nats, [L, F], as the mutual information gap has it."""
        return self.mig.mutual_information

    @property
    def importance(self):
        """Importance of each dimension for each factor, [L, F], as DCI has it."""
        return self.dci.importance

    def metrics(self):
        """The scores by name; each says how many rows were looked at and which factors were left out, if any."""
        more = {"num_examples": self.num_examples}
        if self.constant_factors:
            more["constant_factors"] = list(self.constant_factors)
        found = [part.metrics() for part in self if hasattr(part, "metrics")]
        return {name: entry | more for part in found for name, entry in part.items()}


def disentanglement(codes, factors, stddevs=None, factor_names=(), seed=0, num_examples=NUM_EXAMPLES):
    """Computes all scores of one code that need factors.

    Args:
        codes: Codes, [N, L]: means of q(z|x) where it has any.
        factors: Integer classes, [N, F].
        stddevs: Standard deviations of q(z|x), [N, L], or None for codes without noise.
        factor_names: Names of the F factors; by default their numbers.
        seed: Integer that keys all draws.
        num_examples: Number of rows to look at, drawn by the seed where there are more.

    Returns:
        A `Disentanglement`.

    Raises:
        ValueError: If the arrays do not belong together, or no factor varies.
    """
    number = np.shape(factors)[-1]
    names = tuple(factor_names) or tuple(f"factor_{f}" for f in range(number))
    if len(names) != number:
        raise ValueError(f"`factor_names` must be one for each factor. Received: {len(names)} names, {number} factors")
    more = {"num_examples": num_examples, "seed": seed}
    mig = mutual_information_gap(codes, stddevs, factors, **more)
    return Disentanglement(
        mig,
        binned_mutual_information_gap(codes, factors, **more),
        factor_vae_score(codes, factors, stddevs, **more),
        beta_vae_score(codes, factors, **more),
        dci(codes, factors, **more),
        sap(codes, factors, **more),
        modularity(codes, factors, **more),
        explicitness(codes, factors, **more),
        irs(codes, factors, stddevs, **more),
        tuple(names[f] for f in mig.columns),
        tuple(name for f, name in enumerate(names) if f not in mig.columns),
        min(num_examples, len(codes)),
    )
