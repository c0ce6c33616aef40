"""The tuning job: an experiment with a [search] table in, the best configuration and every trial out."""

import functools
from pathlib import Path

from tfvae import jobs, storage
from tfvae.errors import ConfigError, NothingProducedError
from tfvae.search.objectives import OTHER
from tfvae.training.train import differences
from tfvae.tuning.checks import check
from tfvae.tuning.choice import completed, nearest_of, score_of
from tfvae.tuning.earlier import records_of_earlier
from tfvae.tuning.execution import Executions
from tfvae.tuning.hparams import write_hparams
from tfvae.tuning.oracle import make_oracle
from tfvae.tuning.page import write_page
from tfvae.tuning.presence import PATIENCE
from tfvae.tuning.progress import Progress, figure_of, scores_of
from tfvae.tuning.records import Records, default_of, publish
from tfvae.tuning.trial import Trials
from tfvae.tuning.tuner import Tuner, is_worker


def search_here(experiment, directory, interruption, earlier=(), patience=PATIENCE):
    """Searches, or goes on searching, or says that the search is finished.

    Under KerasTuner's variables (KERASTUNER_TUNER_ID, KERASTUNER_ORACLE_IP, KERASTUNER_ORACLE_PORT) this process is the
    chief, which alone writes the files of the search and runs no trial, or a worker, which only runs trials.

    The directory then holds trials.jsonl, search.json, best.toml (or front/, a configuration for each trial of a Pareto
    front), report.html, tensorboard/ (HParams), runs/ with each training, and trials/ and oracle/, from which a search
    that was stopped goes on.

    Args:
        experiment: An `Experiment` with a `Search`.
        directory: Folder of the search, which no one needs to hold locked.
        interruption: A `jobs.Interruption`; what it stops goes on by the same command.
        earlier: Folders of earlier searches, whose trials of the same trainings are taken over.
        patience: Seconds that a chief waits for a worker without a sign of life, and a worker for its chief.

    Returns:
        What is in search.json; None for a worker.

    Raises:
        ConfigError: If there is no search, it cannot end well, or the directory holds another one.
        DataError: If the data cannot be read.
        LockedError: If another process searches in the directory, or has the name of this worker.
        NothingProducedError: If no trial finished, or none keeps the bound.
    """
    directory = Path(directory)
    if experiment.search is None:
        raise ConfigError("The configuration has no [search] table, which says what to tune.")
    executions = Executions(experiment.search, directory, interruption, earlier)
    trials = Trials(experiment, executions)
    if is_worker():
        make_tuner(experiment, directory, trials, patience).search()
        return None
    check(experiment, executions.open_data)
    with jobs.locked(directory):
        given = functools.partial(records_of_earlier, earlier, trials, directory)
        return search(experiment, directory, trials, given, patience, show)


def search(experiment, directory, evaluate, given=list, patience=PATIENCE, on_written=lambda directory: None):
    """Searches in a directory that the caller holds locked.

    Args:
        experiment: An `Experiment` with a `Search`.
        directory: Folder of the search.
        evaluate: What a `Tuner` evaluates values by.
        given: () -> records of trials of earlier searches, for a search that begins.
        patience: Seconds that a chief waits for a worker without a sign of life.
        on_written: Called with the directory once all trials have ended, well or not.

    Returns:
        What is in search.json.

    Raises:
        ConfigError: If the directory holds another search.
        NothingProducedError: If no trial finished, or none keeps the bound.
    """
    claim(experiment, directory)
    with Progress(experiment, directory) as progress:
        tuner = make_tuner(experiment, directory, evaluate, patience, progress)
        restore(tuner, given)
        progress.begin(tuner.oracle)
        tuner.search()
    written = publish(directory, experiment, tuner.oracle.seconds, tuner.oracle.num_workers)
    on_written(directory)
    return concluded(written, Records(directory).all(), experiment.search.objectives)


def show(directory):
    """Writes what people look at: TensorBoard's table of trials, and the page."""
    write_hparams(directory)
    page = write_page(directory)
    jobs.event(f"Look at {page}.", path=str(page))


def make_tuner(experiment, directory, evaluate, patience=PATIENCE, on_end=lambda oracle: None):
    """The `Tuner` of an experiment's search, without a past."""
    path = directory / "oracle" / "oracle.json"
    oracle = make_oracle(experiment.search, path, experiment.seed, experiment.training.epochs, on_end)
    return Tuner(oracle, evaluate, directory, patience)


def claim(experiment, directory):
    """Refuses a directory in which another search has begun; only its budget may change.

    Raises:
        ConfigError: If there is one.
    """
    path = directory / "search.json"
    if not path.exists():
        return
    theirs, ours = storage.read_json(path), experiment.search.definition
    changed = [f"search.{key}" for key in ours if ours[key] != theirs["definition"].get(key)]
    changed = changed or differences(theirs["experiment"], default_of(experiment))
    if changed:
        raise ConfigError(
            f"{directory} holds another search ({changed[0]} differs): choose another --output, and begin with what is "
            f"known there by --from-search {directory}."
        )


def restore(tuner, given):
    """Takes an oracle to where its search was: by its own file or, if that is lost, by the records of the trials."""
    if tuner.oracle.path.exists():
        try:
            tuner.oracle.reload()
            tuner.take_back()
            return
        except (ValueError, KeyError, TypeError) as error:
            jobs.log.warning(f"{tuner.oracle.path} is damaged ({error}): going on from the records of the trials.")
            tuner.oracle = tuner.oracle.anew()
    known = tuner.records.all() or given()
    if tuner.oracle.can_take_over:
        tuner.records.replace([_added(record, tuner.oracle) for record in known])
    tuner.oracle.save()


def _added(record, oracle):
    score = score_of(record, oracle.search.objectives) if record["status"] == "completed" else None
    return {**record, "trial": oracle.add(record["values"], score, record["origin"] is not None)}


def concluded(written, records, objectives):
    """Says what a search found, and returns what is in its search.json.

    Raises:
        NothingProducedError: If it is nothing.
    """
    if not completed(records):
        last = f" The last one: {records[-1]['message']}" if records else ""
        raise NothingProducedError(f"None of {len(records)} trials finished.{last}")
    if written["best"] is None and not written["front"]:
        nearest = nearest_of(records, objectives)
        other = OTHER[objectives[0].name]
        raise NothingProducedError(
            f"No trial keeps the {other} at most {objectives[0].bound:g}: the nearest, trial {nearest['trial']}, has "
            f"{figure_of(nearest['measured'][other])}. Raise the bound, or search on with more --trials."
        )
    for record in records:
        if record["trial"] in (written["best"], *written["front"]):
            place = "Best" if written["best"] else "On the front"
            jobs.event(f"{place}: trial {record['trial']}, {scores_of(record)}.", trial=record["trial"])
    return written
