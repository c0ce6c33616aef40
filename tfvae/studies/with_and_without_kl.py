"""With and without KL: the models that the study of the latent space compares, whatever the experiment trains."""

from tfvae.studies.variants import autoencoder

VAE, WITHOUT_KL, AUTOENCODER = "VAE", "without KL", "autoencoder"


def compared(bench, base):
    """{name: `Run`}: a VAE, the same without the rate, an autoencoder; of other models than `VAE` the model alone.

    Args:
        bench: A `Workbench`.
        base: The `Run` of its experiment.
    """
    model = bench.experiment.model
    if model["name"] != "VAE":
        return {model["name"]: base}
    vae = base if base.model.has_rate else bench.train("vae", _as_vae(base))
    runs = {VAE: vae, WITHOUT_KL: bench.train("without_kl", _as_vae(base) | _without_rate())}
    if not base.model.is_stochastic:
        return runs | {AUTOENCODER: base}
    if "latent_size" not in model["posterior"]:  # a product of posteriors
        return runs
    return runs | {AUTOENCODER: bench.train("autoencoder", autoencoder(bench.experiment))}


def _as_vae(base):
    """What makes a VAE of an experiment whose model has no rate; nothing if it has one."""
    if base.model.has_rate:
        return {}
    return {
        "model.posterior": {"name": "DiagonalNormal", "latent_size": base.model.latent_size},
        "model.prior": {"name": "StandardNormal"},
        "model.objective": {"name": "ELBO"},
        "model.regularizers": [],
    }


def _without_rate():
    """Reconstruction of the same noisy code. Unlike ELBO(beta=0) it keeps the epoch that is best by its own loss."""
    return {"model.objective": {"name": "Reconstruction"}, "model.prior": None, "model.regularizers": []}


def two_dimensional(bench, runs):
    """A `Run` of images with two latent dimensions: the experiment itself, or a variant; None if it can have none."""
    base = runs.get(VAE) or next(iter(runs.values()))
    posterior = base.experiment.model.get("posterior", {})  # a model of several levels has several
    if bench.experiment.data.is_table or not base.model.is_euclidean or "latent_size" not in posterior:
        return None
    if base.model.latent_size == 2:
        return base
    if VAE not in runs:
        return None
    smaller = dict(posterior, latent_size=2)
    changes = {f"model.{part}": base.experiment.model.get(part) for part in ("prior", "objective", "regularizers")}
    known = {path: value for path, value in changes.items() if value is not None}
    return bench.train("two_dimensions", {**known, "model.posterior": smaller})
