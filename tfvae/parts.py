"""Parts from tables: a table with a `name` is a part, its other keys are the arguments of its constructor.

The constructor is the schema: there is no class or registry that would have to agree with it.
"""

import difflib
import importlib
import inspect

from tfvae.errors import ConfigError
from tfvae.offers import accepted

ROLES = {  # where the parts of a model come from
    "encoder": ["tfvae.networks"],
    "decoder": ["tfvae.networks"],
    "classifier": ["tfvae.networks"],
    "discriminator": ["tfvae.networks"],
    "posterior": ["tfvae.posteriors"],
    "prior": ["tfvae.priors"],
    "likelihood": ["tfvae.likelihoods"],
    "objective": ["tfvae.objectives"],
    "regularizer": ["tfvae.regularizers"],
}
LISTS = {f"{role}s": packages for role, packages in ROLES.items()}  # a plural takes a list of parts
MODELS = ["tfvae.models"]
OPTIMIZERS = ["tfvae.optimizers", "keras.optimizers"]
ARGUMENTS = ["tfvae.schedules", "keras.optimizers.schedules"]  # what may stand in any part, beside parts of its role
PLAIN = ("columns",)  # tables with a `name` that are no parts, but what a table's columns are called
CONTRACTS = (
    "Posterior",
    "Prior",
    "Likelihood",
    "Objective",
    "Regularizer",
    "LatentVariableModel",
    "LearningRateSchedule",
    "Optimizer",
)


def build_model(table, seed, offered):
    """The untrained model of a `[model]` table, its noise keyed by `seed`.

    Args:
        table: The `[model]` table.
        seed: Integer.
        offered: {argument: value} of what the data says, for every part that names it and is not told otherwise.

    Raises:
        ConfigError: If a part or an argument is unknown or missing, or has a value that its constructor refuses.
    """
    if "seed" in table:
        raise ConfigError("[model] has no `seed`: the seed stands at the top of the file, for all that is drawn.")
    return build_part(MODELS, {**table, "seed": seed}, "model", ROLES | LISTS, offered)


def build_optimizer(table, learning_rate):
    """The optimizer of a table, with a learning rate that is a number or the table of a schedule of Keras.

    Raises:
        ConfigError: As `build_model` does.
    """
    if "learning_rate" in table:
        raise ConfigError("[training.optimizer] has no `learning_rate`: it stands beside it, in [training].")
    return build_part(OPTIMIZERS, {**table, "learning_rate": learning_rate}, "training.optimizer")


def build_part(packages, table, path, roles=None, offered=None):
    """The part that a table names.

    Args:
        packages: Names of the packages to look in, the first first.
        table: {"name": ..., argument: value, ...}; a value may be the table of another part.
        path: Dotted path of the table, for messages.
        roles: {argument: packages} for arguments that must be parts, or lists of parts where it is one of `LISTS`.
        offered: As `build_model` takes it.
    """
    if not isinstance(table, dict) or not isinstance(table.get("name"), str):
        raise ConfigError(f"`{path}` must be a table with a `name`. Received: {table!r}")
    cls = _find(packages, table["name"], path)
    arguments = {key: value for key, value in table.items() if key != "name"}
    offered = offered or {}
    allowed, required = _parameters(cls)
    check_keys(f"[{path}] ({cls.__name__})", arguments, allowed, [name for name in required if name not in offered])
    # A part that stands inside another one of no role of its own, such as a scale, comes from the same packages.
    inside = [*packages, *ARGUMENTS]
    built = {key: _argument(key, value, path, roles or {}, inside, offered) for key, value in arguments.items()}
    try:
        return cls(**{**accepted(cls, **offered), **built})
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
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    plain = [p for p in inspect.signature(cls).parameters.values() if p.kind in kinds]
    return [p.name for p in plain if p.name != "name"], [p.name for p in plain if p.default is p.empty]


def _argument(name, value, path, roles, inside, offered):
    """The value of an argument: a part where it must be one or is a table with a name, a list of them, or itself."""
    path = f"{path}.{name}"
    if name in PLAIN:
        return value
    if name in roles and name in LISTS:
        items = enumerate(_list(value, path))
        return [build_part(roles[name], item, f"{path}[{i}]", offered=offered) for i, item in items]
    if name in roles:
        return build_part(roles[name], value, path, offered=offered)
    if isinstance(value, list):
        return [_nested(item, f"{path}[{i}]", inside, offered) for i, item in enumerate(value)]
    return _nested(value, path, inside, offered)


def _nested(value, path, packages, offered):
    return build_part(packages, value, path, offered=offered) if isinstance(value, dict) and "name" in value else value


def _list(value, path):
    if not isinstance(value, list):
        raise ConfigError(f"`{path}` must be a list of tables with a `name`. Received: {value!r}")
    return value


def _hint(word, known):
    spelled = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), spelled, n=1)
    return f" Did you mean `{spelled[close[0]]}`?" if close else ""
