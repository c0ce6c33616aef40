"""What the tests of what a search shows share: the files of a search, from a formula instead of trainings."""

import json
import math

import numpy as np
import pytest

LATENT, BETA, HIDDEN = "model.posterior.latent_size", "model.objective.beta", "model.encoder.hidden_sizes"
PRIOR, COMPONENTS = "model.prior.name", "model.prior.num_components"
NATS = "nats/example"
PARAMETERS = {
    LATENT: {"kind": "choice", "values": [2, 4, 8, 16, 32]},
    BETA: {"kind": "float", "low": 0.25, "high": 8.0, "scale": "log"},
    PRIOR: {"kind": "choice", "values": ["StandardNormal", "VampPrior"]},
    COMPONENTS: {"kind": "int", "low": 10, "high": 500, "scale": "log", "when": {PRIOR: ["VampPrior"]}},
    "training.learning_rate": {"kind": "float", "low": 1e-4, "high": 1e-2, "scale": "log"},
    "training.optimizer.name": {"kind": "choice", "values": ["Adam", "AdamW", "SGD"]},
    "data.batch_size": {"kind": "int", "low": 16, "high": 256, "scale": "linear"},
    HIDDEN: {"kind": "choice", "values": [[64], [128, 128]]},
}
NLL = {"name": "negative_log_likelihood", "direction": "min", "unit": NATS}
RATE = {"name": "rate", "direction": "min", "unit": NATS}
DISTORTION = {"name": "distortion", "direction": "min", "unit": NATS}
MIG = {"name": "mig", "direction": "max", "unit": "share"}
EXPERIMENT = {
    "model": {
        "name": "VAE",
        "encoder": {"name": "MLP", "hidden_sizes": [128, 128]},
        "posterior": {"name": "DiagonalNormal", "latent_size": 16},
        "prior": {"name": "StandardNormal"},
        "objective": {"name": "ELBO", "beta": 1.0},
    },
    "data": {"name": "digits", "batch_size": 64},
    "training": {"epochs": 30, "learning_rate": 0.001, "optimizer": {"name": "Adam"}},
    "seed": 0,
}
REASONS = ("The loss was not finite in epoch 3, step 41: distortion.", "Out of memory: lower `data.batch_size`.")


@pytest.fixture
def make_search(tmp_path):
    """Writes the files of a search, and returns its folder.

    Arguments: number of trials; paths of parameters; objectives; numbers of trials that fail, and that are stopped;
    whether the default configuration comes first; a function that changes the rows; changes of search.json.
    """

    def make(
        trials=20, paths=(LATENT, BETA), objectives=(NLL,), failed=(), stopped=(), default=True, edit=None, **changes
    ):
        directory, rng, rows = tmp_path / "search", np.random.default_rng(0), []
        directory.mkdir()
        for number in range(trials):
            values = default_values(paths) if default and number == 0 else drawn_values(paths, rng)
            row = completed(number, values, objectives, rng)
            row |= {"stopped": "median", "epochs": 10} if number in stopped else {}
            rows.append(as_failed(row, REASONS[number % 2]) if number in failed else row)
        if edit:
            edit(rows)
        write_histories(directory, rows)
        search = {
            "objectives": list(objectives),
            "parameters": [{"path": path, "when": None, **PARAMETERS[path]} for path in paths],
            "oracle": "bayesian", "trials": trials, "executions": 1, "experiment": EXPERIMENT,
            "seconds": 11.0 * trials, "workers": 1, "best": best_of(rows, objectives), "front": [],
        } | changes  # fmt: skip
        (directory / "search.json").write_text(json.dumps(search))
        (directory / "trials.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return directory

    return make


def drawn_values(paths, rng):
    """Values of all parameters whose condition is met."""
    found = {path: drawn(PARAMETERS[path], rng) for path in paths}
    conditions = {path: PARAMETERS[path].get("when") or {} for path in paths}
    return {
        path: v for path, v in found.items() if all(found[key] in any_of for key, any_of in conditions[path].items())
    }


def drawn(entry, rng):
    if entry["kind"] == "choice":
        return entry["values"][rng.integers(len(entry["values"]))]
    if entry["scale"] == "log":
        value = math.exp(rng.uniform(math.log(entry["low"]), math.log(entry["high"])))
    else:
        value = rng.uniform(entry["low"], entry["high"])
    return round(value) if entry["kind"] == "int" else value


def default_values(paths):
    found = {}
    for path in paths:
        value = EXPERIMENT
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None:
            found[path] = value
    return found


def completed(number, values, objectives, rng):
    measured, name = measured_of(values, rng), f"{number:04d}"
    scores = {objective["name"]: measured.pop(objective["name"]) for objective in objectives}
    execution = {"seed": 0, "directory": f"runs/{name}", "epochs": 30, "seconds": 11.0, "scores": scores}
    return {
        "trial": name, "status": "completed", "values": values, "scores": scores, "measured": measured,
        "executions": [execution], "seconds": 11.0, "epochs": 30, "stopped": None, "message": None, "origin": None,
    }  # fmt: skip


def as_failed(row, message):
    empty = {"scores": {}, "measured": {}, "executions": []}
    return row | empty | {"status": "failed", "epochs": 3, "seconds": 2.0, "message": message}


def measured_of(values, rng):
    """Scores with an optimum at 8 latent dimensions, beta = 1 and a learning rate of 0.001; nothing else matters."""
    latent, beta = values.get(LATENT, 16), values.get(BETA, 1.0)
    noise, speed = 0.1 * rng.normal(size=4), math.log10(values.get("training.learning_rate", 1e-3) / 1e-3)
    nll = 19 + 0.5 * (math.log2(latent) - 3) ** 2 + 0.9 * math.log(beta) ** 2 + 0.3 * speed**2 + noise[0]
    elbo, rate = nll + 0.9 + 0.1 * noise[1], (1 + 1.5 * math.log2(latent)) / beta**0.4 + noise[2]
    mig = 0.1 + 0.3 / (1 + math.exp(-math.log(beta))) + 0.1 * noise[3]
    found = {
        "negative_log_likelihood": (nll, 0.2, NATS),
        "negative_elbo": (elbo, 0.21, NATS),
        "rate": (rate, 0.08, NATS),
        "distortion": (elbo - rate, 0.2, NATS),
        "mig": (mig, 0.01, "share"),
    }
    return {name: {"value": v, "standard_error": e, "unit": u} for name, (v, e, u) in found.items()}


def write_histories(directory, rows):
    for row in rows:
        for execution in row["executions"]:
            folder = directory / execution["directory"]
            folder.mkdir(parents=True, exist_ok=True)
            end = row["measured"].get("negative_elbo", {"value": 21.0})["value"]
            lines = [epoch(i + 1, end + 20 * math.exp(-0.2 * i)) for i in range(row["epochs"])]
            (folder / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def epoch(number, value):
    terms = {"negative_elbo": value, "distortion": 0.6 * value, "rate": 0.4 * value, "loss": value}
    return {"epoch": number, "step": 20 * number, "seconds": 0.3, "train": terms, "validation": terms}


def best_of(rows, objectives):
    if len(objectives) > 1:
        return None
    (objective,) = objectives
    sign = 1 if objective["direction"] == "min" else -1
    rows = [row for row in rows if row["status"] == "completed" and keeps(row, objective)]
    return min(rows, key=lambda row: sign * row["scores"][objective["name"]]["value"])["trial"] if rows else None


def keeps(row, objective):
    """What was not measured keeps no bound."""
    found, ending = row["measured"] | row["scores"], "_at_most"
    bounds = {name.removesuffix(ending): bound for name, bound in objective.items() if name.endswith(ending)}
    return all(name in found and found[name]["value"] <= bound for name, bound in bounds.items())
