"""Read-off: the ordinary run of one beta, out of the run of a model that was trained for a whole range of them."""

from pathlib import Path

import tensorflow as tf

from tfvae import jobs, storage
from tfvae.data import pipeline
from tfvae.errors import ConfigError
from tfvae.experiment import changed, load_model, value_of
from tfvae.run_directory import load_run, open_data
from tfvae.training.logs import write_history
from tfvae.training.train import claim


def read_off(directory, beta, output, overrides=()):
    """Writes the run of the VAE at one beta, with all that a job after training needs, as if it had been trained.

    It holds experiment.json (an ordinary VAE with that beta), data.json, history.jsonl (one row: what the model costs
    training and validation examples), model.keras and, last, training.json, whose "read_off" says where it is from.

    Args:
        directory: Folder of the finished run of a `MultiRateVAE`.
        beta: Weight of the rate, within the range that the run was trained for.
        output: Folder of the new run, which the caller holds locked.
        overrides: Texts such as "gate.negative_elbo.at_most=30" for [evaluation] and [gate], which else are those of
            the multi-rate run: what is demanded at beta = 1 is not what another beta gives.

    Returns:
        What is in training.json.

    Raises:
        ConfigError: If the run is none of a `MultiRateVAE`, or was not trained for this beta; if `output` holds another
            model; or if an override shapes the training.
        DataError: If the data is another one than that of the training.
    """
    directory, output = Path(directory), Path(output)
    experiment, model = _open(directory, beta)
    plain = changed(experiment, _ordinary(experiment.model["objective"], beta) | _judging(overrides))
    source = storage.read_json(directory / "training.json")
    origin = {"run": str(directory), "beta": beta, "weights_sha256": source["weights_sha256"]}
    if _is_done(plain, output, origin):
        jobs.event(f"{output} holds the model at beta = {beta:g} already: nothing to do.", finished=True)
        return storage.read_json(output / "training.json")
    splits, _ = open_data(directory, experiment)
    vae = model.at(beta)
    terms = {name: _terms(vae, getattr(splits, name), plain.data.batch_size) for name in ("train", "validation")}
    result = _training(source, terms["validation"], vae, origin)
    _write(output, plain, storage.read_json(directory / "data.json"), _row(result, terms), vae, result)
    said = ", ".join(f"{name} {value:.3f}" for name, value in result["validation"].items())
    jobs.event(f"Read off beta = {beta:g} to {output}, in validation {said}.", **result)
    return result


def _open(directory, beta):
    """The experiment of a finished multi-rate run, and its model."""
    experiment = load_run(directory)
    if experiment.model["name"] != "MultiRateVAE":
        raise ConfigError(f"{directory} holds a {experiment.model['name']}, and only a MultiRateVAE has many betas.")
    if not (directory / "training.json").is_file():
        raise ConfigError(f"{directory} holds no finished training. Run `tfvae train` first.")
    model = load_model(directory)
    lowest, highest = model.objective.lowest, model.objective.highest
    if not lowest <= beta <= highest:
        raise ConfigError(f"{directory} was trained for beta from {lowest:g} to {highest:g}, and not for {beta:g}.")
    return experiment, model


def _ordinary(objective, beta):
    """What makes the experiment of a multi-rate model that of an ordinary one."""
    shared = {"num_samples": objective["num_samples"]} if "num_samples" in objective else {}
    return {"model.name": "VAE", "model.objective": {"name": "ELBO", "beta": float(beta), **shared}}


def _judging(overrides):
    """The changes that overrides make to how a model is judged; they cannot make it another one."""
    pairs = [text.partition("=") for text in overrides]
    for path, separator, _ in pairs:
        if not separator or path.split(".")[0] not in ("evaluation", "gate"):
            raise ConfigError(f"Of a trained model [evaluation] and [gate] can be set. Received: {path!r}")
    return {path: value_of(value.strip()) for path, _, value in pairs}


def _is_done(experiment, output, origin):
    """Whether `output` holds this very model; refuses a folder that holds something else."""
    output.mkdir(parents=True, exist_ok=True)
    claim(experiment, output)
    finished = output / "training.json"
    if not finished.exists():
        return False
    there = storage.read_json(finished).get("read_off", {})
    if there.get("weights_sha256") != origin["weights_sha256"]:
        raise ConfigError(f"{output} holds the model of another training: choose another --output.")
    return True


def _terms(model, source, batch_size):
    """Means of the objective's terms over all examples of a source."""
    for mean in model.metrics:
        mean.reset_state()
    step = tf.function(model.test_step, reduce_retracing=True)
    for batch in pipeline.ordered_batches(source, batch_size):
        step(batch)
    return {name: float(value) for name, value in model.get_metrics_result().items()}


def _training(source, validation, vae, origin):
    return {
        **{name: source[name] for name in ("best_epoch", "epochs", "step", "seconds")},
        "monitor": None,  # the epoch was chosen for all betas together
        "validation": validation,
        "weights_sha256": storage.sha256_of_arrays(variable.numpy() for variable in vae.weights),
        "read_off": origin,
    }


def _row(result, terms):
    """The only row of a history: at one beta nothing is known of the epochs before."""
    return {"epoch": result["best_epoch"], "step": result["step"], "seconds": result["seconds"], **terms}


def _write(output, experiment, data, row, vae, result):
    storage.write_json(output / "experiment.json", experiment.to_dict())
    storage.write_json(output / "data.json", data)
    write_history(output / "history.jsonl", [row])
    with storage.atomic_path(output / "model.keras") as temporary:
        vae.save(temporary)
    storage.write_json(output / "training.json", result)
