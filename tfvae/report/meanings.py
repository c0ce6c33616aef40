"""Meanings: what each metric says in a plain sentence, which kind it is of, and which way is better."""

from typing import NamedTuple

LIKELIHOOD, LATENT, DISENTANGLEMENT, SAMPLES, USE = KINDS = (
    "Likelihood and reconstruction",
    "Latent space",
    "Disentanglement",
    "Samples",
    "Use of the codes",
)
OTHER = "Other"
LOWER, HIGHER, NEITHER = "Lower is better.", "Higher is better.", ""


class Meaning(NamedTuple):
    """What a metric says.

    Attributes:
        kind: One of `KINDS`, or `OTHER`.
        sentence: What it measures.
        better: `LOWER`, `HIGHER`, or `NEITHER` where it depends, or where the best is neither.
    """

    kind: str = OTHER
    sentence: str = ""
    better: str = NEITHER

    @property
    def text(self):
        """The sentence, and which way is better."""
        return f"{self.sentence} {self.better}".strip()


MEANINGS = {
    "negative_log_likelihood": Meaning(LIKELIHOOD, "How surprised the model is by an example it has not seen.", LOWER),
    "annealed_negative_log_likelihood": Meaning(
        LIKELIHOOD, "The same, estimated by annealed importance sampling.", LOWER
    ),
    "negative_elbo": Meaning(LIKELIHOOD, "Distortion plus rate: an upper bound on the negative log likelihood.", LOWER),
    "bits_per_dimension": Meaning(LIKELIHOOD, "The negative log likelihood per pixel and channel, in bits.", LOWER),
    "distortion": Meaning(
        LIKELIHOOD, "What is lost when an example is rebuilt from its code. Lower means closer reconstructions."
    ),
    "reconstruction_mse": Meaning(
        LIKELIHOOD, "Mean squared difference between an image and its reconstruction.", LOWER
    ),
    "reconstruction_gradient_energy_ratio": Meaning(
        LIKELIHOOD, "How sharp reconstructions are beside their originals. Below 1, they are blurred."
    ),
    "effective_sample_size": Meaning(
        LIKELIHOOD, "How many of the samples carry weight in the estimate. A few only: do not trust it."
    ),
    "inference_gap": Meaning(LIKELIHOOD, "How far the ELBO lies below the log likelihood.", LOWER),
    "approximation_gap": Meaning(
        LIKELIHOOD, "The part of that gap that the best posterior of the family leaves for each example.", LOWER
    ),
    "amortization_gap": Meaning(
        LIKELIHOOD, "The part of that gap that comes from the encoder, which serves all examples at once.", LOWER
    ),
    "annealed_effective_sample_size": Meaning(LIKELIHOOD, "How many of the annealed samples carry weight."),
    "acceptance_rate": Meaning(LIKELIHOOD, "How often annealing accepts a move; near 0, do not trust it."),
    "simulated_negative_log_likelihood_upper": Meaning(
        LIKELIHOOD, "On examples that the model made itself: an upper bound by annealing."
    ),
    "simulated_negative_log_likelihood_lower": Meaning(LIKELIHOOD, "The same from below, by annealing backwards."),
    "bidirectional_gap": Meaning(LIKELIHOOD, "The gap between both: how far annealing may be off. Near 0, trust it."),
    "simulated_acceptance_rate": Meaning(LIKELIHOOD, "How often annealing accepts a move on those examples."),
    "rate": Meaning(LATENT, "How much a code tells about its example. Near 0, the code is ignored."),
    "active_units": Meaning(
        LATENT, "Latent dimensions whose code varies from example to example; the others are not used."
    ),
    "mutual_information": Meaning(LATENT, "How well a code tells which example it belongs to."),
    "total_correlation": Meaning(LATENT, "How much the latent dimensions depend on each other, over all examples."),
    "dimension_wise_kl": Meaning(
        LATENT, "How far each latent dimension, over all examples, is from its prior, summed up."
    ),
    "aggregate_kl": Meaning(
        LATENT, "How far the codes of all examples together are from the prior. Far: samples come from empty places."
    ),
    "code_use": Meaning(
        LATENT, "What the decoder loses when it is given another example's code. Near 0, it ignores it."
    ),
    "mig": Meaning(
        DISENTANGLEMENT, "Mutual information gap: whether each factor is in one latent dimension only.", HIGHER
    ),
    "mig_binned": Meaning(
        DISENTANGLEMENT, "The same from a histogram of the codes, as disentanglement_lib has it.", HIGHER
    ),
    "factor_vae_score": Meaning(
        DISENTANGLEMENT, "Whether the dimension that varies least tells which factor was held still.", HIGHER
    ),
    "beta_vae_score": Meaning(
        DISENTANGLEMENT, "Whether a linear classifier can tell which factor was held still.", HIGHER
    ),
    "disentanglement": Meaning(DISENTANGLEMENT, "Whether a latent dimension serves one factor only (DCI).", HIGHER),
    "completeness": Meaning(DISENTANGLEMENT, "Whether a factor needs one latent dimension only (DCI).", HIGHER),
    "informativeness": Meaning(DISENTANGLEMENT, "How well the factors can be read from the codes (DCI).", HIGHER),
    "sap": Meaning(
        DISENTANGLEMENT, "How much better the best dimension predicts a factor than the second best.", HIGHER
    ),
    "modularity": Meaning(DISENTANGLEMENT, "Whether a latent dimension depends on one factor only.", HIGHER),
    "explicitness": Meaning(DISENTANGLEMENT, "How well a linear classifier reads the factors from the codes.", HIGHER),
    "irs": Meaning(
        DISENTANGLEMENT, "Whether a latent dimension stays where it is when the other factors change.", HIGHER
    ),
    "frechet_distance": Meaning(
        SAMPLES, "How far samples are from data by mean and covariance of their features.", LOWER
    ),
    "frechet_distance_of_data": Meaning(SAMPLES, "The same between two halves of the data: as low as it can get."),
    "kernel_distance": Meaning(SAMPLES, "How far samples are from data in a space of polynomials of features.", LOWER),
    "precision": Meaning(SAMPLES, "Share of samples that lie among data: few shapeless ones.", HIGHER),
    "recall": Meaning(SAMPLES, "Share of data that lies among samples: nothing left out.", HIGHER),
    "gradient_energy_ratio": Meaning(SAMPLES, "How sharp samples are beside data. Below 1, they are blurred."),
    "close_to_training_share": Meaning(
        SAMPLES, "Share of samples suspiciously close to a training example. 0.05 is to be expected; more is copying."
    ),
    "distance_to_training": Meaning(SAMPLES, "How far samples are from the nearest training example."),
    "distance_to_training_of_held_out": Meaning(SAMPLES, "The same for test examples: what no copying looks like."),
    "probe_accuracy": Meaning(USE, "How often a linear classifier tells the class from the code.", HIGHER),
    "nearest_neighbour_accuracy": Meaning(USE, "How often the nearest training codes are of the same class.", HIGHER),
    "classifier_accuracy": Meaning(USE, "How often the classifier that looks at images is right."),
    "anomaly_auroc": Meaning(
        USE, "How often a foreign example looks more surprising than one of the test set. 0.5 is guessing.", HIGHER
    ),
    "anomaly_average_precision": Meaning(
        USE, "Share of foreign examples among the most surprising ones, over all cuts.", HIGHER
    ),
}


def meaning_of(name):
    """The `Meaning` of a metric; an empty one if it is not known."""
    return MEANINGS.get(name, Meaning())
