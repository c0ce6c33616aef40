"""Variants of an experiment that several studies train, as changes by dotted paths."""


def autoencoder(experiment):
    """The same networks and code size without noise in the code, without prior and rate."""
    latent_size = experiment.model["posterior"]["latent_size"]
    return {
        "model.posterior": {"name": "Deterministic", "latent_size": latent_size},
        "model.prior": None,
        "model.objective": {"name": "Reconstruction"},
        "model.regularizers": [],
    }


def corrupted(experiment, stddev):
    """The same encoder, which in training sees images under Gaussian noise."""
    corruption = {"name": "GaussianNoise", "stddev": stddev}
    return {"model.encoder": {"name": "Corrupted", "network": experiment.model["encoder"], "corruption": corruption}}
