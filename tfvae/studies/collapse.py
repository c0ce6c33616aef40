"""Collapse: a posterior that collapses onto the prior, and what warm-up, free bits and GECO do about it."""

from typing import NamedTuple

import numpy as np

from tfvae import jobs
from tfvae.data import pipeline
from tfvae.evaluation.aggregate_posterior import aggregate_posterior
from tfvae.evaluation.collapse import code_use
from tfvae.evaluation.measure import judged
from tfvae.report.figures.choices import over_choices
from tfvae.report.figures.families import families
from tfvae.report.figures.rows import labelled_rows
from tfvae.report.section import Section
from tfvae.report.wording import counted, measured, number
from tfvae.studies.rate_and_distortion import curve_columns, over_epochs, rate_and_distortion, rebuilt
from tfvae.studies.workbench import Findings

DEFAULT = "digits"
NOTHING, WARM_UP, FREE_BITS, GECO = "no remedy", "warm-up", "free bits", "GECO"
SLACK = 0.25  # of the way from a good model's distortion to the collapsed one's: what GECO may lose
LEAST_GAP = 0.1  # of a good model's distortion: that way where the plain ELBO did not collapse
SPEED = 0.05  # of GECO's multiplier, over that way in nats
HINT = " Here the code was not given up; with study.activation=sigmoid or a greater study.depth it may be."
SHOWN = ("rate", "code_use", "mutual_information", "active_units", "negative_elbo")
LABELS = ("rate,\nnats", "code use,\nnats", "mutual\ninformation, nats", "active\nunits", "negative\nELBO, nats")


class Outcome(NamedTuple):
    """What became of a model.

    Attributes:
        metrics: {name: metric} of the test examples.
        collapsed: Whether its posterior has collapsed.
        verdict: The sentences that say so or not.
    """

    metrics: dict
    collapsed: bool
    verdict: str


def run(
    bench, *, depth=10, hidden_size=128, activation="relu", learning_rate=3e-3, warmup_share=0.5, free_bits=0.25,
    num_examples=1000, num_shown=8,
):  # fmt: skip
    """Trains the experiment with a deep decoder by the plain ELBO, and three times more with one remedy each.

    A decoder of many layers passes on little of the code before it has learned to, while the rate is a cost from the
    first step on: the encoder gives the code up before the decoder could have used it, although the models with a
    remedy show that it would have been worth its cost. All four are trained for the same number of steps.

    Args:
        bench: A `Workbench`.
        depth: Number of layers of the decoder, an `MLP`; 0 keeps the experiment's own decoder.
        hidden_size: Width of its layers.
        activation: Of its layers; by "sigmoid" any data collapses, and a warm-up may be too little to prevent it.
        learning_rate: Of all four trainings: the higher, the sooner the code is given up.
        warmup_share: Share of the training steps in which the weight of the rate rises from 0 to 1.
        free_bits: Nats that each dimension has free.
        num_examples: Number of test examples, the first ones.
        num_shown: Number of images in a row.
    """
    bench.need(bench.experiment.model["name"] == "VAE", "This study trains a `VAE`, and the model is of another kind.")
    bench.need_rate()
    bench.need(0 < warmup_share <= 1, f"`study.warmup_share` must lie between 0 and 1. Received: {warmup_share!r}")
    deep = {"name": "MLP", "hidden_sizes": [hidden_size] * depth, "activation": activation} if depth else None
    shared = _shared(bench.experiment, deep, float(learning_rate))
    runs = {NOTHING: bench.train("no_remedy", shared | _objective())}
    steps = max(1, round(warmup_share * _num_steps(runs[NOTHING])))
    warm_up = {"name": "LinearWarmup", "steps": steps}
    runs[WARM_UP] = bench.train("warm_up", shared | _objective(beta=warm_up))
    runs[FREE_BITS] = bench.train("free_bits", shared | _objective(free_bits=float(free_bits)))
    tolerance, speed = _constraint(runs)
    runs[GECO] = bench.train("geco", shared | _geco(tolerance, speed))
    found = {name: _outcome(trained, num_examples) for name, trained in runs.items()}
    means = {
        NOTHING: "the whole weight of the rate from the first step on",
        WARM_UP: f"a weight that rises from 0 to 1 in the first {steps:,} steps",
        FREE_BITS: f"{free_bits:g} nats of each dimension are free",
        GECO: f"the least rate with a distortion below {number(tolerance, 3)} nats, in training; in validation it ends "
        f"at {number(over_epochs(runs[GECO], 'distortion')[1][-1], 3)}, with a rate that may not have settled",
    }
    sections = [_curves(runs, means, found[NOTHING].collapsed), _figures(found)]
    if not bench.experiment.data.is_table:
        sections.append(_reconstructions(runs, found, num_shown))
    return Findings(_headline(found), sections, _numbers(found))


def _shared(experiment, decoder, learning_rate):
    """What all four have in common; without a decoder the experiment's own."""
    changes = {"model.regularizers": [], "training.learning_rate": learning_rate, "training.patience": None}
    if decoder is None:
        return changes
    own = experiment.model["decoder"]
    return changes | {"model.decoder": {**own, "network": decoder} if own["name"] == "Conditioned" else decoder}


def _objective(**arguments):
    return {"model.objective": {"name": "ELBO", **arguments}}


def _geco(tolerance, speed):
    constraint = {"name": "DistortionBelow", "tolerance": tolerance}
    return {"model.objective": {"name": "GECO", "constraint": constraint, "speed": speed}}


def _num_steps(trained):
    experiment = trained.experiment
    return experiment.training.epochs * pipeline.steps_per_epoch(trained.splits.train, experiment.data.batch_size)


def _constraint(runs):
    """Tolerance and speed of GECO, from what the runs before reached in validation.

    The distortion that is asked for is near that of the better of the two remedies, which is so known to be possible.
    """
    ends = {name: min((row["validation"] for row in run.history), key=_negative_elbo) for name, run in runs.items()}
    good = min((ends[name] for name in (WARM_UP, FREE_BITS)), key=_negative_elbo)["distortion"]
    gap = max(ends[NOTHING]["distortion"] - good, LEAST_GAP * abs(good), 1.0)
    return round(good + SLACK * gap, 3), min(1.0, SPEED / gap)


def _negative_elbo(terms):
    return terms["negative_elbo"]


def _outcome(trained, num_examples):
    jobs.event(f"Measuring {trained.name} ...")
    found, seed = rate_and_distortion(trained, num_examples), trained.experiment.seed
    metrics = found.metrics() | code_use(trained.model, trained.batches("test", num_examples), seed).metrics()
    if trained.model.has_density:
        terms = aggregate_posterior(trained.model, trained.batches("test", num_examples), seed=seed).metrics()
        metrics |= terms
    rates = {"rate_per_dimension": {"value": found.rates.tolist(), "unit": "nats/example"}}
    return Outcome(metrics, **judged(trained.model, metrics | rates))


def _curves(runs, means, collapsed):
    panels = {
        f"{term}, nats": {name: over_epochs(trained, term) for name, trained in runs.items()}
        for term in ("rate", "distortion")
    }
    told = "; ".join(f"{name}: {meaning}" for name, meaning in means.items())
    return Section(
        "learning_curves",
        "How the code is given up, or not",
        families(panels, "epochs", logarithmic=("rate, nats",)),
        f"Line charts of rate and distortion over the epochs for {len(runs)} trainings.",
        f"The same model, trained four times ({told}). Validation examples; the rate on a logarithmic scale that ends "
        "at 0.001 nats. A collapse is a rate that falls in the first epochs and stays down, with a distortion that "
        f"levels off high. Good: a rate that comes back, or never went.{'' if collapsed else HINT}",
        curve_columns(runs, runs.values(), ("rate", "distortion")),
    )


def _figures(found):
    names = [name for name in SHOWN if all(name in outcome.metrics for outcome in found.values())]
    panels, columns = {}, {"training": list(found)}
    for name, label in zip(SHOWN, LABELS, strict=True):
        if name in names:
            metrics = [outcome.metrics[name] for outcome in found.values()]
            values, errors = [m["value"] for m in metrics], [m.get("standard_error") for m in metrics]
            panels[label] = values, None if None in errors else errors
            columns |= {name: values} | ({} if None in errors else {f"{name}_standard_error": errors})
    told = " ".join(f"{name[0].upper()}{name[1:]}: {outcome.verdict}" for name, outcome in found.items())
    return Section(
        "remedies",
        "What each remedy brings",
        over_choices([name.replace(" ", "\n") for name in found], panels, joined=False),
        f"{counted(len(panels), 'chart')} of figures of the code for {len(found)} trainings.",
        "Rate: what a code costs. Code use: what the decoder loses if it is given the code of another example. Mutual "
        "information: what codes tell of the examples, at most the logarithm of their number. Active units: dimensions "
        "that vary from example to example. Good: all of these above 0, and the lowest negative ELBO (beta = 1, no "
        f"free bits) beside them, for a code may be used and still not be worth its cost. {told}",
        columns | {"verdict": [outcome.verdict for outcome in found.values()]},
    )


def _reconstructions(runs, found, num_shown):
    examples = runs[NOTHING].examples("test", num_shown)
    images = {name: rebuilt(trained, examples) for name, trained in runs.items()}
    rows = {"original": examples["x"]} | images
    distinct = [float(np.mean(row.var(axis=0))) for row in rows.values()]
    lost = [name for name, outcome in found.items() if outcome.collapsed]
    ending = f" So it is here with {' and '.join(lost)}." if lost else " Here no row is like that."
    return Section(
        "reconstructions",
        "The same images, rebuilt",
        labelled_rows(rows),
        f"{counted(len(examples['x']), 'test image')}, and their reconstructions by {len(runs)} models.",
        "Test images and what each model makes of their codes. A collapsed model gives the same image, the mean of "
        f"all, for every code.{ending}",
        {"row": list(rows), "variance_between_images": distinct},
    )


def _headline(found):
    plain = found[NOTHING]
    elbo = {name: outcome.metrics["negative_elbo"] for name, outcome in found.items()}
    best = min(elbo, key=lambda name: elbo[name]["value"])
    values = {name: measured(metric["value"], metric["standard_error"]) for name, metric in elbo.items()}
    rates = {name: number(outcome.metrics["rate"]["value"], 2) for name, outcome in found.items()}
    kept = ", ".join(f"{rates[name]} with {name}" for name in found if name != NOTHING)
    state = "collapses" if plain.collapsed else "does not collapse here"
    compared = "" if best == NOTHING else f", against {values[NOTHING]} without a remedy"
    return (
        f"Without a remedy the posterior {state} (rate {rates[NOTHING]} nats); the rate is {kept}. The best negative "
        f"ELBO is that of {best}, {values[best]} nats{compared}."
    )


def _numbers(found):
    collapsed = sum(outcome.collapsed for outcome in found.values())
    numbers = {"collapsed": {"value": collapsed, "unit": "models", "of": len(found)}}
    for training, outcome in found.items():
        key = training.lower().replace(" ", "_").replace("-", "_")
        numbers |= {f"{name}_of_{key}": metric for name, metric in outcome.metrics.items()}
    return numbers
