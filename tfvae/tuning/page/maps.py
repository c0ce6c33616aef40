"""Maps: two parameters at once, the trials on them, and what a Gaussian process expects in between."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from tfvae.report.figures.parameter_map import Field, parameter_map
from tfvae.report.figures.value_axis import near
from tfvae.report.section import Section
from tfvae.report.wording import counted, words
from tfvae.tuning.page.columns import trial_columns
from tfvae.tuning.page.wording import better, label_of

FIRST = ("latent_size", "beta")  # last words of the two paths that go before all others
LEAST_TRIALS = 15  # for a model of what lies between them
CELLS = 48  # along a range
NUM_STARTS = 3  # of the search for the process's scales


def the_two(parameters, ranked):
    """The two `Placed` parameters of a map: latent size and beta, else the first two by rank; None if there is one."""
    if len(parameters) < 2:
        return None
    of_name = {parameter.parameter.path.split(".")[-1]: parameter for parameter in parameters}
    return [of_name[name] for name in FIRST] if all(name in of_name for name in FIRST) else ranked[:2]


def map_section(findings, objective, pair, name):
    """The `Section` of an objective over two `Placed` parameters; None if no scored trial has both."""
    trials = [trial for trial in findings.scored(objective.name) if all(parameter.has(trial) for parameter in pair)]
    if not trials:
        return None
    failed = [trial for trial in findings.failed if all(parameter.has(trial) for parameter in pair)]
    scores = np.array([trial.score(objective.name) for trial in trials])
    best = trials.index(findings.best) if findings.best in trials else None
    field = _field(pair, trials, scores) if all(parameter.parameter.is_ordered for parameter in pair) else None
    label = f"{label_of(objective)} ({better(objective)})"
    places = [parameter.places(trials) for parameter in pair]
    axes = [parameter.axis for parameter in pair]
    drawn = parameter_map(axes, *places, scores, label, best, [parameter.places(failed) for parameter in pair], field)
    return Section(
        name,
        f"The map of {pair[0].name} and {pair[1].name}",
        drawn,
        f"Map of {words(objective.name)} over {pair[0].name} and {pair[1].name} with {counted(len(trials), 'trial')}.",
        _caption(pair, field, findings, bool(failed)),
        trial_columns(trials, pair, [objective.name]),
    )


def _caption(pair, field, findings, any_failed):
    texts = ["Each point is a trial, its colour what it reached"]
    texts[0] += ", the star the best one." if findings.best else "."
    if any(parameter.choices for parameter in pair):
        texts.append("Trials of one choice lie beside one another.")
    if field is not None:
        texts.append(
            "Behind them is what a Gaussian process fitted to the trials expects, paler where it knows less; it takes "
            "the other parameters for noise, and is a guess between the points."
        )
    else:
        texts.append("There are too few trials, or no order of the choices, to say what lies between the points.")
    if any_failed:
        texts.append("Crosses are trials that failed.")
    return " ".join(texts)


def _field(pair, trials, scores):
    """A `Field`; None with too few trials, or where all are alike."""
    if len(trials) < LEAST_TRIALS or np.ptp(np.clip(scores, *near(scores))) == 0:
        return None
    edges = [_edges(parameter) for parameter in pair]
    middles = [parameter.axis.positions(e) for parameter, e in zip(pair, edges, strict=True)]
    middles = [(m[1:] + m[:-1]) / 2 for m in middles]
    low, high = [np.array([m.min() for m in middles]), np.array([m.max() for m in middles])]
    span = np.maximum(high - low, np.finfo("float32").tiny)
    known = np.stack([parameter.columns(trials) for parameter in pair], axis=1)
    grid = np.stack(np.meshgrid(*middles), axis=-1).reshape(-1, 2)
    clipped = np.clip(scores, *near(scores))  # one trial far off would flatten the rest
    centre, scale = clipped.mean(), clipped.std()
    process = _process((known - low) / span, (clipped - centre) / scale)
    mean, spread = process.predict((grid - low) / span, return_std=True)
    shape = len(middles[1]), len(middles[0])
    return Field(*edges, (centre + scale * mean).reshape(shape), _sureness(process, spread).reshape(shape))


def _process(places, scores):
    """A Gaussian process with a length for each parameter, and noise for all that they do not explain."""
    kernel = ConstantKernel(1.0, (1e-2, 1e2)) * RBF([0.5, 0.5], (0.25, 10.0)) + WhiteKernel(0.1, (1e-4, 2.0))
    process = GaussianProcessRegressor(kernel, n_restarts_optimizer=NUM_STARTS, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a scale at its bound: a parameter that does nothing
        return process.fit(places, scores)


def _sureness(process, spread):
    """1 - (standard deviation of the mean) / (that before any trial was seen)."""
    signal, noise = process.kernel_.k1.k1.constant_value, process.kernel_.k2.noise_level
    return 1 - np.sqrt(np.clip(spread**2 - noise, 0, None) / signal)


def _edges(parameter):
    """Edges of cells: one for each choice, or many over a range."""
    if parameter.choices:
        return np.arange(len(parameter.choices) + 1) - 0.5
    space = np.geomspace if parameter.axis.is_log else np.linspace
    return space(*parameter.axis.bounds, CELLS + 1)
