"""Objectives of a search: what a trial is judged by, always on validation examples, and what must not be."""

from dataclasses import dataclass

from tfvae.errors import ConfigError

NATS = "nats/example"
FACTOR_SCORES = (  # by the names that the evaluation gives them
    "mig",
    "mig_binned",
    "factor_vae_score",
    "beta_vae_score",
    "disentanglement",
    "completeness",
    "informativeness",
    "sap",
    "modularity",
    "explicitness",
    "irs",
)
OBJECTIVES = {  # name: (direction, unit)
    "negative_log_likelihood": ("min", NATS),
    "negative_elbo": ("min", NATS),
    "rate": ("min", NATS),
    "distortion": ("min", NATS),
    "loss": ("min", NATS),
    "udr": ("max", "share"),
    **{name: ("max", "share") for name in FACTOR_SCORES},
}
SIGNS = {"min": 1.0, "max": -1.0}  # by a direction: what a value is multiplied by so that less is better
OTHER = {"rate": "distortion", "distortion": "rate"}  # what each of the two is bought with
LOSS_TABLES = ("model.objective", "model.regularizers")
LOSS_WEIGHTS = ("model.weight", "model.label_weight", "model.commitment")  # of models that are no plain VAE


@dataclass(frozen=True)
class Objective:
    """One objective.

    Attributes:
        name: Of `OBJECTIVES`.
        bound: What the other of rate and distortion may be at most, in nats; None sets no bound.
    """

    name: str
    bound: float | None = None

    @property
    def direction(self):
        return OBJECTIVES[self.name][0]

    @property
    def unit(self):
        return OBJECTIVES[self.name][1]

    @property
    def sign(self):
        """What a value is multiplied by so that less is better."""
        return SIGNS[self.direction]

    def to_dict(self):
        """Plain values."""
        bound = {} if self.bound is None else {f"{OTHER[self.name]}_at_most": self.bound}
        return {"name": self.name, "direction": self.direction, "unit": self.unit, **bound}


def objectives_of(given):
    """The `Objective`s of a name, a table, or a list of these.

    Raises:
        ConfigError: If one is unknown, given twice, or can be had for nothing.
    """
    entries = given if isinstance(given, list) else [given]
    found = [_objective(entry) for entry in entries]
    names = [objective.name for objective in found]
    if not found or len(set(names)) < len(names):
        raise ConfigError(f"`objective` must be one or several different ones. Received: {given!r}")
    for objective in found:
        if len(found) == 1 and objective.name in OTHER and objective.bound is None:
            other = OTHER[objective.name]
            raise ConfigError(
                f"`objective`: the lowest {objective.name} is had by giving up the {other}: take "
                f'{{ name = "{objective.name}", {other}_at_most = ... }}, or both as a list.'
            )
    return tuple(found)


def check_not_gamed(objectives, paths):
    """Refuses the loss as the objective of a search over its own weights, which would make the loss small by those.

    Raises:
        ConfigError: If it is asked for.
    """
    weights = [path for path in paths if is_weight_of_loss(path)]
    if weights and any(objective.name == "loss" for objective in objectives):
        raise ConfigError(
            f"`loss` cannot be the objective of a search over `{weights[0]}`, which weights the loss itself and would "
            "make it small for nothing: take negative_log_likelihood."
        )


def is_weight_of_loss(path):
    """Whether a path is a weight of the loss, stands in a table of such weights, or is a table that holds one."""
    inside = any(path == table or path.startswith(f"{table}.") for table in LOSS_TABLES + LOSS_WEIGHTS)
    return inside or any(name.startswith(f"{path}.") for name in LOSS_TABLES + LOSS_WEIGHTS)


def _objective(entry):
    table = entry if isinstance(entry, dict) else {"name": entry}
    name = table.get("name")
    if not isinstance(name, str) or name not in OBJECTIVES:
        raise ConfigError(f"`objective` has no {name!r}. It may be: {', '.join(OBJECTIVES)}.")
    allowed = {f"{OTHER[name]}_at_most"} if name in OTHER else set()
    strange = sorted(set(table) - {"name"} - allowed)
    if strange:
        raise ConfigError(f"`objective` {name} takes {' and '.join(allowed) or 'no bound'}. Received: {strange[0]}")
    bounds = [table[key] for key in allowed if key in table]
    if any(type(bound) not in (int, float) for bound in bounds):
        raise ConfigError(f"`objective` {name}: a bound is a number of nats. Received: {bounds[0]!r}")
    return Objective(name, float(bounds[0]) if bounds else None)
