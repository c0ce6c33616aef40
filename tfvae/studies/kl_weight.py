"""KL weight: a sweep over beta, what it does to rate and distortion, to samples and to reconstructions."""

import itertools

import numpy as np

from tfvae.evaluation.metrics import jackknife, metric
from tfvae.report.figures.choices import over_choices, ranges
from tfvae.report.figures.curves import curves
from tfvae.report.figures.families import families
from tfvae.report.figures.rows import labelled_rows
from tfvae.report.section import Section
from tfvae.report.wording import counted, measured, number
from tfvae.studies.rate_and_distortion import (
    curve_columns,
    generated,
    over_epochs,
    rate_and_distortion,
    rebuilt,
    weighted,
)
from tfvae.studies.workbench import Findings

DEFAULT = "digits"
MODELS = ("VAE", "LadderVAE")
NATS = "nats per example"
LEAST_STEP = 0.05  # nats: two models whose rates are closer have no slope between them
WIDEST = 10.0  # times the rate of the best model: what is further to the right would squeeze the rest of the curve
ALLOWED = 2.0  # standard errors that a slope may lie outside of what theory says


def run(bench, *, betas=(0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0), num_examples=5000, num_shown=8):
    """Trains the experiment with loss = distortion + beta * rate for each beta, all for the same number of steps.

    Args:
        bench: A `Workbench`.
        betas: Weights of the rate, from 0 up.
        num_examples: Number of test examples, the first ones.
        num_shown: Number of images in a row.
    """
    betas = sorted({float(beta) for beta in betas})
    bench.need(len(betas) > 1 and betas[0] >= 0, f"`study.betas` must be two or more numbers from 0 up: {betas}.")
    name = bench.experiment.model["name"]
    bench.need(name in MODELS, f"This study weights the rate of a {' or '.join(MODELS)}, and the model is a {name}.")
    runs = {beta: bench.train(f"beta_{beta:g}", weighted(bench.experiment, beta)) for beta in betas}
    found = {beta: rate_and_distortion(trained, num_examples) for beta, trained in runs.items()}
    slopes = _slopes(found)
    sections = [_rate_distortion(found), _slope_section(slopes), _learning_curves(runs), _units(found)]
    if not bench.experiment.data.is_table:
        sections += [_reconstructions(runs, num_shown), _samples(runs, num_shown)]
    return Findings(_headline(found), [section for section in sections if section], _numbers(found, slopes))


def _slopes(found):
    """For neighbouring betas whose rates differ: {(low, high): (slope, standard error)}, the slope with a plus sign."""
    slopes = {}
    for low, high in itertools.pairwise(found):
        a, b = found[low], found[high]
        if a.rate.mean() - b.rate.mean() > LEAST_STEP:
            value, error = jackknife(_slope, a.distortion, a.rate, b.distortion, b.rate)
            slopes[low, high] = float(value), float(np.nan_to_num(error))
    return slopes


def _slope(distortion, rate, larger_distortion, smaller_rate):
    return (larger_distortion.mean() - distortion.mean()) / (rate.mean() - smaller_rate.mean())


def _agrees(bounds, slope):
    (low, high), (value, error) = bounds, slope
    return low - ALLOWED * error <= value <= high + ALLOWED * error


def _rate_distortion(found):
    best, columns = found[_best(found)], _columns(found)
    shown = {beta: use for beta, use in found.items() if use.rate.mean() <= WIDEST * best.rate.mean() + 1}
    points = {
        "x": _columns(shown)["rate"],
        "y": _columns(shown)["distortion"],
        "error": _columns(shown)["distortion_standard_error"],
        "labels": [f"{beta:g}" for beta in shown],
    }
    line = np.linspace(0, min(max(points["x"]), 3 * best.rate.mean() + 1), 50)
    level = {"x": line, "y": best.rate.mean() + best.distortion.mean() - line}
    series = {"models, beta beside them": points, "the best negative ELBO": level}
    falls, rises = (_share_of_steps(columns[name], sign) for name, sign in (("rate", -1), ("distortion", 1)))
    hidden = [f"beta = {beta:g} at {number(float(use.rate.mean()), 3)} nats" for beta, use in found.items()]
    hidden = [text for text, beta in zip(hidden, found, strict=True) if beta not in shown]
    return Section(
        "rate_distortion",
        "The rate-distortion curve",
        curves(series, f"rate, {NATS}", f"distortion, {NATS}", height=4.0),
        f"Line chart of distortion over rate for {len(found)} weights of the rate.",
        "What the code costs (rate) and what it leaves out (distortion), for one model at each beta. In theory the "
        "rate falls and the distortion rises with beta, on a convex curve whose slope at beta is minus beta (Alemi et "
        f"al., 2018). Here the rate falls in {falls} steps and the distortion rises in {rises}. Models on a line of "
        "slope minus 1 have the same negative ELBO; the line drawn is that of the best, and no point should lie below "
        f"it. At the left end the code says nothing.{_outside(hidden)}",
        columns,
    )


def _outside(hidden):
    return f" Too far to the right to be drawn: {', '.join(hidden)}." if hidden else ""


def _share_of_steps(values, sign):
    steps = sign * np.diff(values) > 0
    return f"{int(steps.sum())} of {len(steps)}"


def _slope_section(slopes):
    if not slopes:
        return None
    lows, highs = (list(side) for side in zip(*slopes, strict=True))
    values, errors = (list(side) for side in zip(*slopes.values(), strict=True))
    names = [f"{low:g} to {high:g}" for low, high in slopes]
    num_right = sum(_agrees(bounds, slope) for bounds, slope in slopes.items())
    return Section(
        "slopes",
        "Does the slope obey beta?",
        ranges(names, lows, highs, values, errors, "fall of distortion for each nat of rate"),
        f"{counted(len(slopes), 'range')} between neighbouring betas, with the slope of the curve that was found.",
        "A model that is best for its own beta cannot be bettered by its neighbour's, and so the curve between two "
        "betas must fall by something between the two (the bars). A point beside its bar: one of the two is not at its "
        "optimum, because training was too short, or because test examples are not the training ones. "
        f"{num_right} of {len(slopes)} agree within {ALLOWED:g} standard errors (jackknife over test examples).",
        {"from_beta": lows, "to_beta": highs, "slope": values, "slope_standard_error": errors},
    )


def _learning_curves(runs):
    names = [f"beta {beta:g}" for beta in runs]
    panels = {
        f"{term}, nats": {name: over_epochs(trained, term) for name, trained in zip(names, runs.values(), strict=True)}
        for term in ("rate", "distortion")
    }
    return Section(
        "learning_curves",
        "Rate and distortion in training",
        families(panels, "epochs", logarithmic=("rate, nats",), is_ordered=True),
        f"Line charts of rate and distortion over the epochs for {len(runs)} weights of the rate.",
        "Validation examples; the rate on a logarithmic scale that ends at 0.001 nats. Good: lines that level off. A "
        "rate that falls to the bottom in the first epochs and stays there: the code is given up before it was of use.",
        curve_columns(names, runs.values(), ("rate", "distortion")),
    )


def _units(found):
    metrics = [use.metrics() for use in found.values()]
    panels = {
        label: (_values(metrics, name), None if name == "active_units" else _errors(metrics, name))
        for label, name in (("negative ELBO, nats", "negative_elbo"), ("active units", "active_units"))
    }
    size = len(next(iter(found.values())).rates)
    return Section(
        "elbo_and_active_units",
        "Which beta is best, and what it leaves of the code",
        over_choices([f"{beta:g}" for beta in found], panels, "beta"),
        f"Charts of negative ELBO and active units for {len(found)} weights of the rate.",
        f"Above, the negative ELBO, always with beta = 1: lower is better. In theory beta = 1 is best; here it "
        f"is beta = {_best(found):g}. (Where another is, training was short, or the model fits its examples too "
        f"closely.) A line that leaves the frame goes far off. Below, how many of the {size} dimensions vary from "
        "example to example by more than 0.01 (Burda et al., 2016): the others have been given up.",
        _columns(found),
    )


def _values(metrics, name):
    return [found[name]["value"] for found in metrics]


def _errors(metrics, name):
    return [found[name]["standard_error"] for found in metrics]


def _columns(found):
    metrics, columns = [use.metrics() for use in found.values()], {"beta": list(found)}
    for name in ("rate", "distortion", "negative_elbo"):
        columns |= {name: _values(metrics, name), f"{name}_standard_error": _errors(metrics, name)}
    return columns | {"active_units": _values(metrics, "active_units")}


def _reconstructions(runs, num_shown):
    examples = next(iter(runs.values())).examples("test", num_shown)
    rows = {"original": examples["x"]}
    rows |= {f"beta {beta:g}": rebuilt(trained, examples) for beta, trained in runs.items()}
    errors = [float(np.mean((row - examples["x"]) ** 2)) for row in rows.values()]
    return Section(
        "reconstructions",
        "The same images, rebuilt",
        labelled_rows(rows),
        f"{counted(len(examples['x']), 'test image')}, and a row of reconstructions for each of {len(runs)} betas.",
        "Test images and what each model makes of their codes. With growing beta a reconstruction keeps less of its "
        "original; once the code is given up, every row is the same image, the mean of all.",
        {"row": list(rows), "squared_error": errors},
    )


def _samples(runs, num_shown):
    rows = {f"beta {beta:g}": generated(trained, num_shown) for beta, trained in runs.items()}
    spread = [float(np.mean(row.var(axis=0))) for row in rows.values()]
    return Section(
        "samples",
        "What each invents",
        labelled_rows(rows),
        f"A row of images from the prior for each of {len(runs)} betas.",
        "Images from codes that the prior draws, the same codes in each row. Small beta: codes of examples lie where "
        "the prior seldom draws, and samples are no data. Large beta: samples are alike. Good ones lie between.",
        {"row": list(rows), "variance_between_images": spread},
    )


def _best(found):
    return min(found, key=lambda beta: found[beta].metrics()["negative_elbo"]["value"])


def _headline(found):
    best = _best(found)
    elbo, (first, last) = found[best].metrics()["negative_elbo"], [found[b].metrics() for b in (min(found), max(found))]
    rates, distortions = ([number(m[name]["value"], 3) for m in (first, last)] for name in ("rate", "distortion"))
    return (
        f"Of {len(found)} weights of the rate, beta = {best:g} has the best negative ELBO, "
        f"{measured(elbo['value'], elbo['standard_error'])} nats per example. From beta = {min(found):g} to "
        f"{max(found):g} the rate goes from {rates[0]} to {rates[1]} nats, the distortion from {distortions[0]} to "
        f"{distortions[1]}."
    )


def _numbers(found, slopes):
    best = _best(found)
    numbers = {"best_beta": metric(best, "beta")}
    for beta, use in found.items():
        numbers |= {f"{name}_of_beta_{beta:g}": value for name, value in use.metrics().items()}
    for (low, high), (value, error) in slopes.items():
        numbers[f"slope_from_beta_{low:g}_to_{high:g}"] = metric(value, "nats/nat", error)
    if slopes:
        agree = sum(_agrees(*item) for item in slopes.items())
        numbers["slopes_that_agree"] = {"value": agree, "unit": "slopes", "of": len(slopes)}
    return numbers
