"""The training job: an experiment and a directory in, a trained model in that directory out."""

import tensorflow as tf

from tfvae import jobs, storage
from tfvae.data import open_splits, pipeline
from tfvae.data.description import describe
from tfvae.data.labels import Conditional
from tfvae.errors import ConfigError, DataError
from tfvae.experiment import build_model, experiment_from
from tfvae.training import checkpoint
from tfvae.training.checks import check_files, check_fit, is_fitted_after
from tfvae.training.distribution import cluster_of
from tfvae.training.loop import Loop

OUTPUTS = ("model.keras", "training.json", "history.jsonl")
DEVICES = ("strategy", "memory_growth", "threads")  # of [training]: they change a number by its rounding at most


def train(experiment, directory, interruption, open_data=open_splits, cluster=None, **options):
    """Trains, or goes on training, or says that the training is finished.

    The directory then holds experiment.json, model.keras (weights, optimizer and step of the epoch that was best in
    validation by the model's monitor), training.json (that epoch and a hash of the weights), history.jsonl,
    checkpoint.npz and tensorboard/.

    Args:
        experiment: The `Experiment`.
        directory: Folder of the run, which the caller holds locked.
        interruption: A `jobs.Interruption`; SIGTERM or SIGINT writes a checkpoint and exits 143 or 130.
        open_data: A `Data` -> its `Splits`; one that remembers them spares many trainings the reading.
        cluster: The `Cluster` that shares the batches, if the caller has made it already.
        **options: `should_stop`, as `Loop` takes it.

    Returns:
        What is in training.json; None for a worker that is not the chief.

    Raises:
        ConfigError: If the directory holds another experiment, or the devices cannot share the batches.
        DataError: If the data cannot be read, or the likelihood cannot take it.
        NothingProducedError: If the loss became NaN or infinite.
    """
    if cluster is None and experiment.training.strategy == "multi_worker":
        raise ConfigError("Several machines share one `tfvae train`: other jobs are for one, with another strategy.")
    cluster = cluster or cluster_of(experiment.training)
    cluster.check(experiment.data.batch_size)
    build_model(experiment)  # first: a mistake in a part must not claim the directory
    claim(experiment, directory, cluster.is_chief)
    if _is_finished(directory):
        jobs.event(f"{directory} holds the finished training: nothing to do.", finished=True)
        return storage.read_json(directory / "training.json")
    return _train(experiment, directory, open_data(experiment.data), interruption, cluster, options)


def _is_finished(directory):
    """Whether all that a training leaves is there; what is lost is made again of the checkpoint.

    Raises:
        DataError: If something is lost and there is no checkpoint, as of a run that was read off a multi-rate one.
    """
    lost = [name for name in OUTPUTS if not (directory / name).exists()]
    if "training.json" in lost or not lost or checkpoint.exists(directory / "checkpoint.npz"):
        return not lost
    raise DataError(
        f"{directory} has lost its {lost[0]}, and has no checkpoint: choose another --output to train anew."
    )


def claim(experiment, directory, may_write=True):
    """Writes experiment.json, or refuses a directory in which the training of another experiment has begun."""
    path, ours = directory / "experiment.json", experiment.to_dict()
    if checkpoint.exists(directory / "checkpoint.npz") or (directory / "training.json").exists():
        changed = differences(storage.read_json(path), ours)
        if changed:
            raise ConfigError(
                f"{directory} holds a run of another configuration ({'; '.join(changed)}): choose another --output."
            )
    if may_write and (not path.exists() or storage.read_json(path) != ours):
        storage.write_json(path, ours)


def shaping(tree):
    """The part of an experiment that shapes the training: not how its model is judged, nor where anything lies."""
    elsewhere = {"data_dir": None, "download": None}  # data.json says whether it is the same data
    tree = {name: table for name, table in tree.items() if name != "search"}
    training = {name: value for name, value in tree["training"].items() if name not in DEVICES}
    return {**tree, "evaluation": None, "gate": None, "data": {**tree["data"], **elsewhere}, "training": training}


def differences(theirs, ours):
    """What differs between two experiments as far as training goes, a sentence for each."""
    theirs, ours = _flat(shaping(_with_defaults(theirs))), _flat(shaping(ours))
    keys = [key for key in sorted(theirs | ours) if theirs.get(key) != ours.get(key)]
    return [f"{key} is {theirs.get(key)!r} there and {ours.get(key)!r} here" for key in keys]


def _with_defaults(tree):
    """An experiment as an older version wrote it, with the defaults of what it did not know."""
    try:
        return experiment_from(tree).to_dict()
    except ConfigError:  # it knew something that this version does not
        return tree


def _train(experiment, directory, splits, interruption, cluster, options):
    cluster.check(min(experiment.data.batch_size, splits.train.num_examples))
    description = describe(experiment.data, splits)
    check_data(description, directory, cluster.is_chief)
    ours = [shaping(experiment.to_dict()), description]
    cluster.check_agreed(ours, "The workers have different data or settings: give all of them the same.")
    with cluster.strategy.scope():
        model = build_model(experiment, splits.train)
    check_fit(model, splits, experiment.data)
    check_files(model, experiment.data, cluster)
    start(model, splits.train)
    loop = Loop(model, splits, experiment, directory, interruption, cluster, **options)
    best_epoch = loop.run()
    result = _finish(model, loop, best_epoch, splits, experiment, directory) if cluster.is_chief else None
    cluster.any(False)  # until the chief has written all: if it dies before, all have to begin again
    return result


def _finish(model, loop, best_epoch, splits, experiment, directory):
    model = model if loop.cluster.num_replicas == 1 else _on_one_device(model, splits, experiment)
    fit_prior(model, splits.train, experiment.data)
    with storage.atomic_path(directory / "model.keras") as temporary:
        model.save(temporary)
    result = {
        "best_epoch": best_epoch,
        "epochs": len(loop.history),
        "step": loop.step,
        "seconds": round(sum(row["seconds"] for row in loop.history), 3),
        "monitor": model.monitor,
        "validation": loop.history[best_epoch - 1]["validation"],
        "weights_sha256": storage.sha256_of_arrays(v.numpy() for v in model.weights),
    }
    storage.write_json(directory / "training.json", result)
    jobs.event(
        f"Trained {result['epochs']} epochs in {result['seconds']:.0f} s; kept epoch {best_epoch}, in validation "
        f"{', '.join(f'{name} {value:.3f}' for name, value in result['validation'].items())}.",
        **result,
    )
    return result


def _on_one_device(trained, splits, experiment):
    """The same model as if one device had trained it; what is fitted after training knows nothing of several."""
    model = build_model(experiment, splits.train)
    start(model, splits.train)
    ours, theirs = ([*each.variables, *each.optimizer_variables] for each in (model, trained))
    checkpoint.assign(ours, checkpoint.values_of(theirs))
    return model


def check_data(description, directory, may_write=True):
    """Writes data.json, or refuses to go on with other data than the training began with."""
    path = directory / "data.json"
    if checkpoint.exists(directory / "checkpoint.npz") and path.exists() and storage.read_json(path) != description:
        raise DataError(f"The data of {directory} has changed since its training began: choose another --output.")
    if may_write:
        storage.write_json(path, description)


def start(model, source):
    """Lets the parts that begin from training examples see them: the first ones, which are a draw already.

    Raises:
        ConfigError: If they want more than there are.
    """
    number = model.num_examples
    if number > source.num_examples:
        raise ConfigError(f"The model begins from {number} examples, and there are {source.num_examples} to train on.")
    if number:
        index = tf.range(number, dtype="int64")
        model.start(pipeline.batch_of(source, index)["x"], index)


def fit_prior(model, source, data):
    """Fits what a model fits after training, such as a prior to the codes of the training examples."""
    if not is_fitted_after(model):
        return
    if data.binarize == "dynamic":
        drawn = pipeline.binarized(source)  # it keeps the labels alone
        source = Conditional(drawn) if data.conditional else drawn
    model.fit_prior(pipeline.ordered_batches(source, data.batch_size))


def _flat(tree, path=""):
    if not isinstance(tree, dict):
        return {path: tree}
    children = [_flat(child, f"{path}.{name}".strip(".")) for name, child in tree.items()]
    return {key: value for child in children for key, value in child.items()}
