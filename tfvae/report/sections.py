"""Sections of a run's page: which figures it shows, each with its texts and numbers."""

import numpy as np

from tfvae.report.image_sections import interpolations, prior_samples, reconstructions, traversals
from tfvae.report.measured_sections import latent_map, learning_curves, rate_bars, restorations

SMALL_IMAGE = 32  # pixels: up to here, ten images in a row can be made out


def sections(model, batch, class_names, history, metrics):
    """The sections of a report, those left out for which there is nothing to show.

    Args:
        model: A built model.
        batch: Test examples as the model sees them: {"x": [N, *event], "label": integers [N]}, and for a conditional
            model "condition", [N, K]; "index", [N], is their place in the test set, else they are its first.
        class_names: Names of the classes, may be empty.
        history: One dict for each epoch.
        metrics: What the evaluation measured; see `write_report`.
    """
    batch = {"index": np.arange(len(batch["x"])), **batch}
    rates = metrics["metrics"].get("rate_per_dimension", {}).get("value", ())
    rates = rates if len(rates) == model.latent_size else None  # a group of latents may have one rate for all
    of_images = _of_images(model, batch, rates) if batch["x"].ndim == 4 else []
    found = [
        learning_curves(history) if history else None,
        *of_images,
        latent_map(model, batch, class_names),
        rate_bars(rates) if rates else None,
        *restorations(metrics["metrics"]),
    ]
    return [section for section in found if section]


def one_of_each(labels):
    """Indices [N] of the examples, one of each class first, then a second of each, and so on."""
    labels = np.asarray(labels)
    occurrence = np.zeros(len(labels), int)
    for label in np.unique(labels):
        occurrence[labels == label] = np.arange(np.sum(labels == label))
    return np.lexsort((labels, occurrence))


def _of_images(model, batch, rates):
    columns = 10 if max(batch["x"].shape[1:3]) <= SMALL_IMAGE else 6
    order = one_of_each(batch["label"])
    few = {name: value[order[: 2 * columns]] for name, value in batch.items()}
    return [
        reconstructions(model, few, columns),
        prior_samples(model, few.get("condition"), columns) if model.can_sample else None,
        interpolations(model, few) if len(few["x"]) > 1 and model.is_euclidean else None,
        traversals(model, few, rates) if model.is_euclidean else None,
    ]
