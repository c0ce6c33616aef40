"""The `[search]` table itself."""

import functools
from dataclasses import asdict, dataclass

from tfvae.errors import ConfigError
from tfvae.search.objectives import check_not_gamed, objectives_of
from tfvae.search.parameters import parameters_of

ORACLES = ("random", "bayesian", "hyperband", "grid")
ADDING = ("bayesian", "hyperband")  # they rank trials by one number
OVER_EPOCHS = ("negative_log_likelihood", "negative_elbo")  # what the validation negative ELBO of an epoch stands for
SEARCHED = ("model", "training")  # tables whose paths may be searched
SAME_EXAMPLES = ("data.batch_size", "data.num_labels")  # of [data]: the validation examples stay the same


@dataclass(frozen=True)
class Search:
    """The `[search]` table of a configuration.

    Attributes:
        parameters: {dotted path: table}, such as {"model.objective.beta" = {float = [0.25, 8.0], scale = "log"}}: see
            `Parameter`.
        oracle: "random", "bayesian" (a Gaussian process), "hyperband" (many short trainings, the best go on) or "grid".
        objective: A name, a table {name = "rate", distortion_at_most = 80.0}, or a list of these for a Pareto front.
        trials: Largest number of trials; None for no limit, with `hours`, or with a grid or Hyperband, which end.
        hours: Wall-clock after which no trial begins.
        executions: Number of trainings of a trial, by different seeds; the median of their scores counts.
        stop_by_median_after: Number of epochs after which a training is stopped that at its best is worse than the
            median of the others on average; None stops none.
        num_samples: Number of importance samples for each validation example.
        num_examples: Number of validation examples, the first ones, for that bound; None takes all.
    """

    parameters: dict
    oracle: str = "random"
    objective: str | dict | list = "negative_log_likelihood"
    trials: int | None = None
    hours: float | None = None
    executions: int = 1
    stop_by_median_after: int | None = None
    num_samples: int = 100
    num_examples: int | None = None

    def __post_init__(self):
        for name in ("trials", "executions", "stop_by_median_after", "num_samples", "num_examples"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"`{name}` must be at least 1. Received: {name}={value!r}")
        if self.hours is not None and not 0 < self.hours < float("inf"):
            raise ConfigError(f"`hours` must be above 0. Received: hours={self.hours!r}")
        if self.oracle not in ORACLES:
            raise ConfigError(f"`oracle` must be one of {list(ORACLES)}. Received: oracle={self.oracle!r}")
        self._check_budget()
        self._check_paths()
        self._check_objectives()

    @functools.cached_property
    def space(self):
        """The `Parameter`s, each after those that it depends on."""
        return parameters_of(self.parameters)

    @functools.cached_property
    def objectives(self):
        """The `Objective`s; more than one ask for a Pareto front."""
        return objectives_of(self.objective)

    @property
    def definition(self):
        """What makes it the same search, whatever its budget: plain values."""
        return {name: value for name, value in asdict(self).items() if name not in ("trials", "hours")}

    def _check_budget(self):
        if self.trials is None and self.hours is None and self.oracle not in ("grid", "hyperband"):
            raise ConfigError(f"`trials` or `hours` must say when a search by {self.oracle} ends.")
        endless = [p for p in self.space if not p.is_finite]
        if self.oracle == "grid" and endless:
            raise ConfigError(f"`{endless[0].path}` has no end of values for a grid: give it a `step`, or a choice.")

    def _check_paths(self):
        for path in (parameter.path for parameter in self.space):
            if path == "seed":
                raise ConfigError("`seed` cannot be searched: the luckiest is no better. Take `executions`.")
            if path.split(".")[0] not in SEARCHED and path not in SAME_EXAMPLES:
                raise ConfigError(
                    f"`{path}` cannot be searched: only paths of {' and '.join(SEARCHED)}, and "
                    f"{' and '.join(SAME_EXAMPLES)}, leave the examples that trials are compared on as they are."
                )
            if self.oracle == "hyperband" and path == "training.epochs":
                raise ConfigError("`training.epochs` cannot be searched by hyperband, which chooses it itself.")

    def _check_objectives(self):
        names = [objective.name for objective in self.objectives]
        check_not_gamed(self.objectives, [parameter.path for parameter in self.space])
        if len(names) > 1 and self.oracle in ADDING:
            raise ConfigError(f"Several objectives need the oracle random or grid: {self.oracle} would add them up.")
        if "udr" in names and self.executions < 2:
            raise ConfigError("`udr` is the agreement of several trainings: set `executions` to 2 or more.")
        if self.stop_by_median_after is not None and (len(names) > 1 or names[0] not in OVER_EPOCHS):
            raise ConfigError(
                f"`stop_by_median_after` goes by the validation negative ELBO at beta = 1, which says nothing of "
                f"{', '.join(names)}: it needs the objective {' or '.join(OVER_EPOCHS)}."
            )
