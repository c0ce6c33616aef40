"""Early stopping by the median: no further epoch for a training that is worse than half of the others were."""

import statistics

from tfvae.training.logs import read_history

TERM = "negative_elbo"  # in validation, at beta = 1


class MedianRule:
    """Whether to stop a training: at its best it is worse than the median of the others on average, so far.

    The others are the trainings of the search that had ended when this one began, as far as they went. An average is
    worse than a best, so that half of a search of equals is not stopped.

    Args:
        histories: The history.jsonl of the others, paths.
        after: Number of epochs before which nothing is stopped.

    Reference:
        Golovin et al., 2017. Google Vizier: A Service for Black-Box Optimization, section 3.1.2.
        https://doi.org/10.1145/3097983.3098043
    """

    def __init__(self, histories, after):
        self.others, self.after = [_curve(read_history(path)) for path in histories], after

    def __call__(self, history):
        epochs = len(history)
        if epochs < self.after:
            return False
        averages = [statistics.fmean(curve[:epochs]) for curve in self.others if len(curve) >= epochs]
        return bool(averages) and min(_curve(history)) > statistics.median(averages)


def _curve(history):
    return [row["validation"][TERM] for row in history]
