"""What a search says while it runs: a line for each trial, with the best so far and the time left."""

from tfvae import jobs
from tfvae.tuning.choice import best_of, completed, front_of
from tfvae.tuning.records import Records, publish


class Progress:
    """Told of every trial that ended; keeps the files of the search up to date and says where it stands.

    To be used as `with Progress(...) as progress`, and given to an oracle as its `on_end`.

    Args:
        experiment: The `Experiment`, with its `Search`.
        directory: Folder of the search.
    """

    def __init__(self, experiment, directory):
        self.experiment, self.directory, self.bar = experiment, directory, None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.bar:
            self.bar.close()

    def __call__(self, oracle):
        self.begin(oracle)
        records = Records(self.directory).all()
        (record,) = [record for record in records if record["trial"] == oracle.end_order[-1]]
        self.bar.update(oracle.num_ended - self.bar.n)
        left = time_left(oracle)
        message = ". ".join(filter(None, [self._of_trial(record), self._best(records), left and f"{left} left"]))
        jobs.event(f"{message}.", trial=record["trial"], status=record["status"], scores=record["scores"])

    def begin(self, oracle):
        """Writes the files of the search, and shows the bar."""
        publish(self.directory, self.experiment, oracle.seconds, oracle.num_workers)
        if self.bar is None:
            self.bar = jobs.progress_bar(oracle.planned, "trial", oracle.num_ended)

    def _of_trial(self, record):
        values = ", ".join(f"{path} = {value}" for path, value in record["values"].items())
        return f"Trial {record['trial']} ({values}): {scores_of(record) or 'failed'}"

    def _best(self, records):
        objectives = self.experiment.search.objectives
        best, front = best_of(records, objectives), front_of(records, objectives)
        if best:
            return f"Best so far: {scores_of(best)}, trial {best['trial']}"
        if front:
            return f"{len(front)} of {len(completed(records))} trials on the front"
        return "None so far keeps the bound" if completed(records) else None


def scores_of(record):
    """The scores of a record with their errors and what bounds them, as people read them."""
    return ", ".join(f"{name.replace('_', ' ')} {figure_of(score)}" for name, score in record["scores"].items())


def figure_of(figure):
    """A figure with its error and unit."""
    error = "" if figure["standard_error"] is None else f" +- {figure['standard_error']:.3f}"
    return f"{figure['value']:.3f}{error} {figure['unit']}"


def time_left(oracle):
    """How long a search still takes by the pace so far, or by its hours; None if nothing says it."""
    search, ended = oracle.search, oracle.num_ended
    by_pace = [oracle.seconds / ended * max(0, oracle.planned - ended)] if oracle.planned and ended else []
    by_clock = [max(0.0, 3600 * search.hours - oracle.seconds)] if search.hours else []
    seconds = min(by_pace + by_clock, default=None)
    if seconds is None:
        return None
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
