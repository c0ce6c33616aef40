"""Denoising: a denoising autoencoder and a denoising VAE against plain ones, over the amount of noise."""

import numpy as np

from tfvae import jobs
from tfvae.evaluation.image_quality import psnr
from tfvae.evaluation.restoration import denoising, noisy
from tfvae.report.figures.curves import curves
from tfvae.report.figures.rows import labelled_rows
from tfvae.report.section import Section
from tfvae.report.wording import number
from tfvae.studies.variants import autoencoder, corrupted
from tfvae.studies.workbench import Findings

DEFAULT = "grey_digits"
SHOWN = 8  # images in a row of the picture
NOTHING, FILTER = "noisy image", "median filter"


def run(bench, *, noise=0.3, levels=(0.05, 0.1, 0.2, 0.3, 0.4, 0.5), num_images=1000):
    """Trains an autoencoder and a VAE, each on clean and on noisy inputs, and lets them denoise test images.

    Args:
        bench: A `Workbench`.
        noise: Standard deviation of the noise in training, in grey values.
        levels: Standard deviations of the noise in the test.
        num_images: Number of test images, the first ones.
    """
    bench.need_images()
    bench.need("posterior" in bench.experiment.model, "This study needs a model with an encoder and a posterior.")
    changes = {
        "autoencoder": autoencoder(bench.experiment),
        "denoising autoencoder": autoencoder(bench.experiment) | corrupted(bench.experiment, noise),
        "VAE": {},
        "denoising VAE": corrupted(bench.experiment, noise),
    }
    runs = {name: bench.train(name.replace(" ", "_").lower(), change) for name, change in changes.items()}
    levels = sorted({*levels, noise})
    found = {name: _of_run(trained, levels, num_images) for name, trained in runs.items()}
    at = levels.index(noise)
    sections = [_curve_section(found, levels, noise), _picture_section(runs, noise)]
    measured = {name: _at(restored, at) for name, restored in found.items()}
    first = next(iter(found.values()))
    baselines = {NOTHING: _at(first, at, "_damaged"), FILTER: _at(first, at, "_filtered")}
    numbers = {f"psnr_of_{name}".replace(" ", "_"): metric for name, metric in (measured | baselines).items()}
    return Findings(_headline(measured, baselines, noise), sections, numbers)


def _of_run(trained, levels, num_images):
    jobs.event(f"Denoising with {trained.name} ...")
    return denoising(trained.model, trained.batches("test", num_images), levels, trained.experiment.seed).metrics()


def _at(metrics, level, of=""):
    """The PSNR at one level, as a metric of one value."""
    values = metrics[f"denoising{of}_psnr"]
    error = values["standard_error"][level]
    return {"value": values["value"][level], "standard_error": error, "unit": values["unit"]}


def _curve_section(found, levels, noise):
    first = next(iter(found.values()))
    lines = {name: metrics["denoising_psnr"] for name, metrics in found.items()}
    lines |= {NOTHING: first["denoising_damaged_psnr"], FILTER: first["denoising_filtered_psnr"]}
    series = {n: {"x": levels, "y": m["value"], "error": m["standard_error"]} for n, m in lines.items()}
    columns = {"noise": levels} | {name.replace(" ", "_"): metric["value"] for name, metric in lines.items()}
    columns |= {f"{name}_ssim".replace(" ", "_"): m["denoising_ssim"]["value"] for name, m in found.items()}
    return Section(
        "psnr_over_noise",
        "How near the clean image is",
        curves(series, "standard deviation of the noise", "PSNR in dB", height=3.8),
        f"Line chart of the PSNR of {', '.join(lines)} over {len(levels)} amounts of noise.",
        f"PSNR of test images against the clean ones; higher is better. Trained with noise of {noise:g}. A model "
        "helps where its line is above that of the noisy image: with little noise it loses more by rebuilding than it "
        "gains. Good: the denoising models on top at the noise that they were trained with, and flat around it.",
        columns,
    )


def _picture_section(runs, noise):
    first = next(iter(runs.values()))
    examples = first.examples("test", SHOWN)
    clean = examples["x"]
    damaged = noisy(clean, examples["index"], noise, first.experiment.seed).numpy()
    rows = {"clean": clean, "noisy": damaged}
    rows |= {name: trained.model.given(examples).reconstruct(damaged).numpy() for name, trained in runs.items()}
    errors = np.array([psnr(clean, row) for row in rows.values()])  # [rows, images]
    labels = [
        f"{name.replace(' ', chr(10))}\n{mean:.1f} dB" for name, mean in zip(rows, errors.mean(axis=1), strict=True)
    ]
    return Section(
        "denoised_images",
        "Noisy, denoised, clean",
        labelled_rows(dict(zip(["clean", *labels[1:]], rows.values(), strict=True))),
        f"{len(clean)} test images, clean, under noise, and as {len(runs)} models rebuild them from the noisy ones.",
        f"The same test images under noise of standard deviation {noise:g}, and what each model makes of the noisy "
        "image, with the mean PSNR of these images.",
        {"row": list(rows)} | {f"psnr_{i}": [float(value) for value in column] for i, column in enumerate(errors.T)},
    )


def _headline(measured, baselines, noise):
    best = max(measured, key=lambda name: measured[name]["value"])
    values = {name: number(metric["value"], 3) for name, metric in (measured | baselines).items()}
    return (
        f"Under noise of {noise:g} the best of the {len(measured)} models is the {best} with {values[best]} dB; the "
        f"{NOTHING} has {values[NOTHING]} dB, a {FILTER} {values[FILTER]} dB."
    )
