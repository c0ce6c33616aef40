"""The VAE of small experiments, of tests as of benchmarks: MLPs, a normal posterior, binary pixels."""


def mlp_vae(hidden_sizes, latent_size):
    """Its `[model]` table, with the same hidden sizes in encoder and decoder."""
    network = {"name": "MLP", "hidden_sizes": list(hidden_sizes)}
    return {
        "name": "VAE",
        "encoder": network,
        "posterior": {"name": "DiagonalNormal", "latent_size": latent_size},
        "prior": {"name": "StandardNormal"},
        "decoder": dict(network),
        "likelihood": {"name": "Bernoulli"},
        "objective": {"name": "ELBO"},
    }
