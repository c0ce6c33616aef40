"""Comparability: which metrics of several runs may be compared, what to say where not, and which run is best."""

import math
from typing import Any, NamedTuple

from tfvae.report import wording
from tfvae.report.meanings import HIGHER, NEITHER, meaning_of
from tfvae.report.tables import finite, single

SURE = 2  # standard errors of a difference
DENSITIES = ("ContinuousBernoulli", "Laplace", "Normal")  # likelihoods whose nats are of densities, not probabilities
IMPORTANCE_WEIGHTED = ("negative_log_likelihood", "bits_per_dimension", "effective_sample_size")
OF_LIKELIHOOD = (
    "annealed_negative_log_likelihood",
    "bits_per_dimension",
    "distortion",
    "negative_elbo",
    "negative_log_likelihood",
)  # in nats, or bits, of p(x|z)
PHRASES = {
    "likelihood": "in different units, nats of a density and nats of a probability",
    "extractor": "with different extractors of features",
    "num_examples": "on different numbers of examples",
    "num_samples": "with different numbers of samples",
    "num_training": "with different numbers of training examples",
}


class FinishedRun(NamedTuple):
    """What the files of a run say.

    Attributes:
        directory: Folder of the run.
        experiment: What is in experiment.json.
        metrics: What is in metrics.json.
        history: The rows of history.jsonl.
        data: What is in data.json; may be empty.
    """

    directory: Any
    experiment: dict
    metrics: dict
    history: list
    data: dict


def shared(runs):
    """Names of the metrics, single numbers, that any of {name: `FinishedRun`} has, in the order of the runs."""
    return list(dict.fromkeys(name for run in runs.values() for name in single(run.metrics["metrics"])))


def basis(run, name):
    """What a run's metric was measured on and with, {aspect: value}: where one differs, the metric has two meanings."""
    metric, metrics = run.metrics["metrics"][name], run.metrics
    found = {"data": _fingerprint(run), "num_examples": metric.get("num_examples", metrics.get("num_examples"))}
    found |= {key: metric[key] for key in ("num_samples", "num_training") if key in metric}
    if name in IMPORTANCE_WEIGHTED:
        found["num_samples"] = metrics.get("num_samples")
    if "extractor" in metric:
        found["extractor"] = f"{metric['extractor']} {str(metric.get('sha256', ''))[:8]}".strip()
    if name in OF_LIKELIHOOD:
        found["likelihood"] = kind_of_likelihood(run)
    return found


def kind_of_likelihood(run):
    """Whether a run's nats are those of a "density" or of a "probability"."""
    likelihood = run.experiment.get("model", {}).get("likelihood", {}).get("name")
    return "density" if likelihood in DENSITIES else "probability"


def best(runs, name):
    """The run that is better than each other one by more than `SURE` standard errors of the difference, or None.

    None, too, where it is not known which way is better, or the runs' metrics have not the same `basis`.
    """
    if aspects_that_differ(runs, name):
        return None
    first, is_sure = leader(runs, name)
    return first if is_sure else None


def leader(runs, name):
    """(the run whose metric is best, whether that is sure); (None, False) where it is not known which way is better."""
    measured = {run: r.metrics["metrics"][name] for run, r in runs.items() if _has(r, name)}
    better = meaning_of(name).better
    if better == NEITHER or len(measured) < 2:
        return None, False
    sign = 1 if better == HIGHER else -1
    first, *others = sorted(measured, key=lambda run: -sign * measured[run]["value"])
    return first, all(_is_surely_better(measured[first], measured[other], sign) for other in others)


def remarks(runs):
    """Sentences that say which metrics were measured on what differs."""
    found = {}
    for name in shared(runs):
        for aspect, values in aspects_that_differ(runs, name).items():
            found.setdefault((aspect, tuple(values.items())), []).append(name)
    of_metrics = [_sentence(*key, metrics) for key, metrics in found.items() if key[0] != "data"]
    data = _groups({name: _fingerprint(run) for name, run in runs.items()})
    return [_of_data(runs, data), *of_metrics] if len(data) > 1 else of_metrics


def aspects_that_differ(runs, name):
    """{aspect: {value: names of the runs}} of those in which a metric's basis differs among the runs that have it."""
    bases = {run: basis(r, name) for run, r in runs.items() if _has(r, name)}
    found = {aspect: _groups({run: of.get(aspect) for run, of in bases.items()}) for aspect in ("data", *PHRASES)}
    return {aspect: values for aspect, values in found.items() if len(values) > 1}


def _groups(values):
    """{name: value} -> {value: names}."""
    found = {}
    for name, value in values.items():
        found.setdefault(value, []).append(name)
    return {value: tuple(names) for value, names in found.items()}


def _sentence(aspect, values, metrics):
    listed = wording.listed(wording.words(name) for name in metrics)
    verb = "was" if len(metrics) == 1 else "were"
    return f"{listed[0].upper()}{listed[1:]} {verb} measured {PHRASES[aspect]}: {_parts(values)}."


def _parts(values):
    return "; ".join(f"{_said(value)} ({wording.listed(names)})" for value, names in values)


def _said(value):
    return wording.number(value) if value is not None else "not known"


def _of_data(runs, groups):
    """What to say of runs {fingerprint: their names} on different data."""
    names = {fingerprint: _data_name(runs[members[0]]) for fingerprint, members in groups.items()}
    parts = _parts(
        (f"{names[key]}, fingerprint {key[:8]}" if key else None, members) for key, members in groups.items()
    )
    return f"These runs were measured on different data; metrics can be compared only where it is the same: {parts}."


def _data_name(run):
    name = run.data.get("name") or run.experiment.get("data", {}).get("name", "not known")
    return name if run.data.get("binarize", "none") == "none" else f"{name}, binarised ({run.data['binarize']})"


def _fingerprint(run):
    """That of the data that a run was measured on; None where it is not known."""
    return run.metrics.get("data_fingerprint") or run.data.get("fingerprint")


def _has(run, name):
    return finite(run.metrics["metrics"].get(name, {}).get("value"))


def _is_surely_better(metric, other, sign):
    if not (finite(metric.get("standard_error")) and finite(other.get("standard_error"))):
        return False
    error = math.hypot(metric["standard_error"], other["standard_error"])
    return error > 0 and sign * (metric["value"] - other["value"]) > SURE * error
