"""Columns of TensorBoard's HParams tab: the parameters of a search, each with a value in every trial.

Parallel coordinates leave out a trial that lacks a value of any axis. A parameter whose condition was not met therefore
gets a stand-in: a number below its range, which the name of the column tells, or the words "not used".
"""

from typing import Any, NamedTuple

from tensorboard.plugins.hparams.summary_v2 import Discrete, Domain, IntInterval, RealInterval

from tfvae.tuning.findings import is_number, text_of
from tfvae.tuning.page.parameters import short_names

NOT_USED = "not used"


class Column(NamedTuple):
    """One parameter in the table, one axis of the parallel coordinates.

    Attributes:
        path: Dotted path of the configuration.
        name: What stands above the column.
        domain: What TensorBoard filters by.
        stand_in: The value of a trial that does not use the parameter.
    """

    path: str
    name: str
    domain: Domain
    stand_in: Any

    def value(self, trial):
        """The value of a trial as TensorBoard takes it."""
        value = trial.values.get(self.path, self.stand_in)
        return text_of(value) if self.domain.dtype is str else value


def columns_of(findings):
    """The `Column`s of the parameters of `Findings`."""
    names = short_names([parameter.path for parameter in findings.parameters])  # whole paths would hide one another
    return [_column(*pair, findings.trials) for pair in zip(findings.parameters, names, strict=True)]


def _column(parameter, name, trials):
    tried = [trial.values[parameter.path] for trial in trials if parameter.path in trial.values]
    is_partial = bool(parameter.when) or len(tried) < len(trials)
    if parameter.kind == "choice" or not all(map(is_number, tried)):
        return Column(parameter.path, name, _choices([*parameter.values, *tried], is_partial), NOT_USED)
    low, high = min([parameter.low, *tried]), max([parameter.high, *tried])
    stand_in = 0 if low > 0 else low - 1
    name = f"{name} ({stand_in}: off)" if is_partial else name
    return Column(parameter.path, name, _range(parameter.kind, stand_in if is_partial else low, high), stand_in)


def _range(kind, low, high):
    return IntInterval(int(low), int(high)) if kind == "int" else RealInterval(float(low), float(high))


def _choices(values, is_partial):
    """Values of one type: numbers as they are, anything else, and what may be left out, as text."""
    if all(map(is_number, values)) and not is_partial:
        return Discrete(sorted(set(map(float, values))))
    return Discrete(sorted({text_of(value) for value in values} | ({NOT_USED} if is_partial else set())))
