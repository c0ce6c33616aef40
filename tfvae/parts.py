"""Parts from tables: a table with a `name` is a part, its other keys are the arguments of its constructor.

The constructor is the schema: there is no class or registry that would have to agree with it.
"""

import difflib
import importlib
import inspect

from tfvae.errors import ConfigError

ROLES = {  # where the parts of a model come from
    "encoder": ["tfvae.networks"],
    "decoder": ["tfvae.networks"],
    "posterior": ["tfvae.posteriors"],
    "prior": ["tfvae.priors"],
    "likelihood": ["tfvae.likelihoods"],
    "objective": ["tfvae.objectives"],
}
MODELS = ["tfvae.models"]
OPTIMIZERS = ["tfvae.optimizers", "keras.optimizers"]
ARGUMENTS = ["tfvae.schedules", "keras.optimizers.schedules", "tfvae.likelihoods"]  # what may stand inside a part
CONTRACTS = (
    "Posterior",
    "Prior",
    "Likelihood",
    "Objective",
    "LatentVariableModel",
    "LearningRateSchedule",
    "Optimizer",
)


def build_model(table, seed):
    """The untrained model of a `[model]` table, its noise keyed by `seed`.

    Raises:
        ConfigError: If a part or an argument is unknown or missing, or has a value that its constructor refuses.
    """
    if "seed" in table:
        raise ConfigError("[model] has no `seed`: the seed stands at the top of the file, for all that is drawn.")
    return build_part(MODELS, {**table, "seed": seed}, "model", ROLES)


def build_optimizer(table, learning_rate):
    """The optimizer of a table, with a learning rate that is a number or the table of a schedule of Keras.

    Raises:
        ConfigError: As `build_model` does.
    """
    if "learning_rate" in table:
        raise ConfigError("[training.optimizer] has no `learning_rate`: it stands beside it, in [training].")
    return build_part(OPTIMIZERS, {**table, "learning_rate": learning_rate}, "training.optimizer")


def build_part(packages, table, path, roles=None):
    """The part that a table names.

    Args:
        packages: Names of the packages to look in, the first first.
        table: {"name": ..., argument: value, ...}; a value may be the table of another part.
        path: Dotted path of the table, for messages.
        roles: {argument: packages} for arguments that must be parts.
    """
    if not isinstance(table, dict) or not isinstance(table.get("name"), str):
        raise ConfigError(f"`{path}` must be a table with a `name`. Received: {table!r}")
    cls = _find(packages, table["name"], path)
    arguments = {key: value for key, value in table.items() if key != "name"}
    check_keys(f"[{path}] ({cls.__name__})", arguments, *_parameters(cls))
    built = {key: _argument(value, f"{path}.{key}", (roles or {}).get(key)) for key, value in arguments.items()}
    try:
        return cls(**built)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"[{path}] ({cls.__name__}): {error}") from error


def import_all():
    """Imports every package of parts, so that Keras knows the classes that a .keras file names."""
    for package in [*MODELS, *OPTIMIZERS, *ARGUMENTS, *(p for packages in ROLES.values() for p in packages)]:
        importlib.import_module(package)


def check_keys(where, table, allowed, required):
    """Refuses a table with a key that is not allowed, or without one that is required, in one sentence."""
    unknown = [key for key in table if key not in allowed]
    if unknown:
        raise ConfigError(
            f"{where} has no `{unknown[0]}`.{_hint(unknown[0], allowed)} It may have: {', '.join(allowed)}."
        )
    missing = [key for key in required if key not in table]
    if missing:
        raise ConfigError(f"{where} lacks `{missing[0]}`.")


def _find(packages, name, path):
    parts = {name: cls for package in reversed(packages) for name, cls in _parts_of(package).items()}
    if name in parts:
        return parts[name]
    raise ConfigError(f"`{path}` has no part `{name}`.{_hint(name, parts)} It may be: {', '.join(sorted(parts))}.")


def _parts_of(package):
    """{name: class} of what a package offers: its public classes that are not contracts."""
    module = importlib.import_module(package)
    members = {name: getattr(module, name) for name in getattr(module, "__all__", dir(module))}
    return {name: cls for name, cls in members.items() if inspect.isclass(cls) and name not in CONTRACTS}


def _parameters(cls):
    """Names of all arguments of a constructor, and of those without default."""
    plain = [p for p in inspect.signature(cls).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    return [p.name for p in plain if p.name != "name"], [p.name for p in plain if p.default is p.empty]


def _argument(value, path, packages):
    if packages:
        return build_part(packages, value, path)
    if isinstance(value, dict) and "name" in value:
        return build_part(ARGUMENTS, value, path)
    return value


def _hint(word, known):
    spelled = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), spelled, n=1)
    return f" Did you mean `{spelled[close[0]]}`?" if close else ""
