"""Compression: what an image costs in bits over the latent size, beside PNG and JPEG, and a code that is lossless."""

import math

import numpy as np

from tfvae import jobs
from tfvae.errors import NothingProducedError
from tfvae.evaluation.bits_back import compress, decompress
from tfvae.evaluation.measure import bits_per_dimension, measure
from tfvae.evaluation.metrics import mean_of, metric
from tfvae.report.figures.curves import curves
from tfvae.report.figures.rows import labelled_rows
from tfvae.report.section import Section
from tfvae.report.wording import number
from tfvae.studies import image_codecs
from tfvae.studies.workbench import Findings

DEFAULT = "digits"
LATENT_SIZE = "model.posterior.latent_size"
BITS = "bits/dimension"
SHOWN = 8  # images in a row of the picture


def run(bench, *, latent_sizes=(2, 4, 8, 16, 32), jpeg_qualities=(5, 15, 30, 50, 75, 95), num_images=500):
    """Trains a model for each latent size, and codes the same test images by each, by PNG and by JPEG.

    Args:
        bench: A `Workbench`.
        latent_sizes: Sizes of the code.
        jpeg_qualities: Qualities of JPEG, 1 to 95.
        num_images: Number of test images, the first ones.
    """
    bench.need_images()
    posterior = bench.experiment.model.get("posterior", {})
    bench.need("latent_size" in posterior, "This study varies `model.posterior.latent_size`, and the model has none.")
    bench.need_rate()
    runs = {size: bench.train(f"latent_size_{size}", {LATENT_SIZE: size}) for size in latent_sizes}
    found = {size: _of_run(trained, num_images) for size, trained in runs.items()}
    images = runs[latent_sizes[0]].examples("test", num_images)["x"]
    files = _of_codecs(images, jpeg_qualities)
    sections = [_cost_section(found, files), _loss_section(found, files, len(images)), _pictures(found, files, images)]
    return Findings(_headline(found, files), sections, _numbers(found, files))


def _of_run(trained, num_images):
    """What a trained model makes of the first test images; rates and lengths in bits per dimension."""
    examples, model = trained.examples("test", num_images), trained.model
    condition = examples.get("condition")
    batches = trained.batches("test", len(examples["x"]))
    metrics = measure(model, batches, num_samples=100)["metrics"]
    given = model if condition is None else model.given({"condition": condition})
    rebuilt = given.reconstruct(examples["x"]).numpy()
    return {
        "negative_elbo": _in_bits(metrics["negative_elbo"], model, model.likelihood.discrete),
        "rate": _in_bits(metrics["rate"], model),
        "squared_error": mean_of(_squared_errors(examples["x"], rebuilt), "squared grey value/pixel"),
        "rebuilt": rebuilt,
        "bits_back": _lossless(model, examples["x"], condition),
    }


def _in_bits(nats, model, discrete=True):
    """A metric in nats per example as one in bits per dimension; that of a density is one of 8-bit pixels."""
    num_dimensions = math.prod(model.event_shape)
    error = nats["standard_error"] / (num_dimensions * math.log(2))
    return metric(bits_per_dimension(nats["value"], num_dimensions, discrete), BITS, error)


def _lossless(model, x, condition):
    """Length of the bits-back code, or None where the model has none; what does not come back is an error of ours."""
    try:
        compressed = compress(model, x, condition=condition, progress=jobs.progress_bar)
    except ValueError as error:
        jobs.event(f"No lossless code: {error}")
        return None
    if not np.array_equal(decompress(model, compressed, condition), x):
        raise NothingProducedError("The bits-back code did not give back the images that it was given.")
    return mean_of(compressed.bits / math.prod(x.shape[1:]), BITS) | {"num_examples": len(x)}


def _of_codecs(images, qualities):
    if not image_codecs.can_be_coded(images.shape[1:]):
        return {}
    return {"PNG": image_codecs.png(images)} | {f"JPEG {q}": image_codecs.jpeg(images, q) for q in qualities}


def _squared_errors(x, rebuilt):
    return np.mean((x - rebuilt) ** 2, axis=(1, 2, 3))


def _cost_section(found, files):
    sizes = list(found)
    series = {"negative ELBO": _points(sizes, [run["negative_elbo"] for run in found.values()])}
    coded = {size: run["bits_back"] for size, run in found.items() if run["bits_back"]}
    if coded:
        series["bits-back code"] = _points(list(coded), list(coded.values()))
    if files:
        series["PNG"] = {"x": [min(sizes), max(sizes)], "y": [files["PNG"].bits_per_dimension] * 2}
    return Section(
        "bits_over_latent_size",
        "What an image costs",
        curves(series, "latent dimensions", "bits per dimension", log_x=True),
        f"Line chart of {' and '.join(series)} over {len(sizes)} latent sizes.",
        "Lossless: every grey level comes back. The negative ELBO is the length that bits-back coding should have, the "
        "code is what it has on the same test images. Good: a line that falls with the latent size and levels off, the "
        "code on it, both below PNG (all images on one sheet, so that its header counts once).",
        _columns(found),
    )


def _points(x, measured):
    return {"x": x, "y": [m["value"] for m in measured], "error": [m["standard_error"] for m in measured]}


def _columns(found):
    rows = list(found.values())
    columns = {"latent_size": list(found)}
    for name in ("negative_elbo", "rate", "squared_error"):
        columns[name] = [row[name]["value"] for row in rows]
        columns[f"{name}_standard_error"] = [row[name]["standard_error"] for row in rows]
    return columns | {"bits_back": [row["bits_back"] and row["bits_back"]["value"] for row in rows]}


def _loss_section(found, files, num_images):
    rows = list(found.values())
    x, y = [row["rate"]["value"] for row in rows], [row["squared_error"]["value"] for row in rows]
    series = {"codes of the model": {"x": x, "y": y, "labels": [f"{size}" for size in found]}}
    jpegs = {name: coded for name, coded in files.items() if name != "PNG"}
    if jpegs:
        points = {
            "x": [coded.bits_per_dimension for coded in jpegs.values()],
            "y": list(_errors(jpegs, files).values()),
        }
        series["JPEG"] = points | {"labels": [name.removeprefix("JPEG ") for name in jpegs]}
    return Section(
        "loss_over_bits",
        "What a lossy code loses",
        curves(series, "bits per dimension", "squared error per pixel", log_x=True, log_y=True),
        f"Scatter plot of squared error over bits for {len(found)} latent sizes and {len(jpegs)} qualities of JPEG.",
        f"Lossy: {num_images} test images from their codes alone, whose length is the rate, and from JPEG, with the "
        "latent size and the quality beside the points. Lower and further left is better. A model is made for its own "
        "kind of images, JPEG for photographs, and JPEG spends bits on blocks of 8x8 pixels that a model knows.",
        {
            "codec": [*["model"] * len(rows), *jpegs],
            "latent_size_or_quality": [*found, *(name.removeprefix("JPEG ") for name in jpegs)],
            "bits_per_dimension": [*x, *(coded.bits_per_dimension for coded in jpegs.values())],
            "squared_error": [*y, *_errors(jpegs, files).values()],
        },
    )


def _errors(jpegs, files):
    """Mean squared error of each JPEG; PNG gives back what it was given."""
    return {name: float(np.mean((coded.images - files["PNG"].images) ** 2)) for name, coded in jpegs.items()}


def _pictures(found, files, images):
    shown = slice(0, SHOWN)
    rows = {"original": images[shown]}
    rows |= {f"{size} latent\n{run['rate']['value']:.3f} bits": run["rebuilt"][shown] for size, run in found.items()}
    jpegs = [name for name in files if name != "PNG"]
    rows |= {
        f"{name}\n{files[name].bits_per_dimension:.3f} bits": files[name].images[shown] for name in jpegs[::-1][-2:]
    }
    return Section(
        "rebuilt_images",
        "The images after each code",
        labelled_rows(rows),
        f"{min(SHOWN, len(images))} test images, and below them what {len(rows) - 1} codes make of them.",
        "The same test images from codes of growing size and from JPEG at low quality, with bits per dimension.",
        {"row": list(rows), "mean_grey_value": [float(np.mean(row)) for row in rows.values()]},
    )


def _best(found):
    return min(found, key=lambda size: found[size]["negative_elbo"]["value"])


def _headline(found, files):
    best = found[_best(found)]
    elbo = best["negative_elbo"]["value"]
    sentence = f"With {_best(found)} latent dimensions an image costs {number(elbo)} bits per dimension (negative ELBO)"
    if best["bits_back"]:
        code = best["bits_back"]["value"]
        sentence += f"; the bits-back code gives back every grey level at {number(code)}, {code / elbo - 1:+.1%}"
    return sentence + (f"; PNG takes {number(files['PNG'].bits_per_dimension)}." if files else ".")


def _numbers(found, files):
    best = found[_best(found)]
    numbers = {"latent_size": {"value": _best(found), "unit": "dimensions"}, "negative_elbo": best["negative_elbo"]}
    if best["bits_back"]:
        ratio = best["bits_back"]["value"] / best["negative_elbo"]["value"]
        numbers |= {"bits_back": best["bits_back"], "bits_back_over_negative_elbo": metric(ratio, "ratio")}
    numbers |= {"rate": best["rate"], "squared_error": best["squared_error"]}
    return numbers | {name.lower().replace(" ", "_"): metric(c.bits_per_dimension, BITS) for name, c in files.items()}
