"""The decoded manifold: images at the quantiles of two latent dimensions, and the test codes on the same plane."""

import numpy as np
from scipy.stats import norm

from tfvae.report import figures, walks
from tfvae.report.figures.manifold import manifold
from tfvae.report.figures.maps import class_name
from tfvae.report.section import Section
from tfvae.report.wording import counted


def decoded_manifold(trained, codes, steps):
    """The sections of a model of images with two latent dimensions.

    Args:
        trained: A `Run`.
        codes: Its `Codes` of test examples.
        steps: Number of images along each axis.
    """
    across, down, words = _coordinates(trained, codes.codes, steps)
    z = np.stack(np.meshgrid(across, down), axis=-1)
    batch = trained.examples("test", 1)
    condition = np.repeat(batch["condition"], steps, axis=0) if "condition" in batch else None
    images = np.clip(walks.decode(trained.model, z, condition), 0, 1)
    return [_grid(images, across, down, words, _of_class(trained, batch)), *_map(trained, codes)]


def _coordinates(trained, codes, steps):
    """First coordinate of each column, second of each row from the top, and what they are quantiles of."""
    shares = (np.arange(steps) + 0.5) / steps
    prior = trained.experiment.model.get("prior") or {}
    if prior.get("name") == "StandardNormal":
        return norm.ppf(shares), norm.ppf(shares)[::-1], "the prior, a standard normal"
    across, down = np.quantile(codes, shares, axis=0).T
    return across, down[::-1], "the codes of the test examples in each dimension"


def _of_class(trained, batch):
    if "condition" not in batch:
        return ""
    name = class_name(int(batch["condition"][0].argmax()), trained.splits.test.class_names)
    return f" The model depends on the class, and all images here are given the class {name}."


def _grid(images, across, down, words, of_class):
    return Section(
        "decoded_manifold",
        "The plane of two latent dimensions, decoded",
        manifold(images, across, down),
        f"{len(down)} by {len(across)} images that change smoothly into one another.",
        f"A model with two latent dimensions, decoded at every point of a grid: the first dimension grows to the "
        f"right, the second upwards, in steps of equal probability (quantiles of {words}).{of_class} Good: every image "
        "could be data, each kind has its region, and neighbours change into one another. Bad: large regions of "
        "blends, or one image all over.",
        {
            "z0": np.tile(across, len(down)).tolist(),
            "z1": np.repeat(down, len(across)).tolist(),
            "mean_grey_value": images.mean(axis=(2, 3, 4)).ravel().tolist(),
        },
    )


def _map(trained, codes):
    labels = np.zeros(len(codes.codes), int) if codes.labels is None else codes.labels
    coloured = ", coloured by class" if len(np.unique(labels)) > 1 else ""
    yield Section(
        "manifold_codes",
        "Where the test examples lie on that plane",
        figures.latent_map(codes.codes, labels, trained.splits.test.class_names),
        f"Scatter plot of the codes of {counted(len(codes.codes), 'test example')}{coloured}.",
        f"The codes of {counted(len(codes.codes), 'test example')} on the plane above{coloured}. Good: what lies here "
        "is what the images above show there, and the middle is filled. A gap is a region that the prior draws from "
        "and no example comes from.",
        {
            "index": codes.index.tolist(),
            "label": labels.tolist(),
            "z0": codes.codes[:, 0].tolist(),
            "z1": codes.codes[:, 1].tolist(),
        },
    )
