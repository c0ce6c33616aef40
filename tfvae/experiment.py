"""Experiment: a TOML file, the typed tree it stands for, and the objects that this builds."""

import contextlib
import copy
import dataclasses
import json
import tomllib
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path

from tfvae import parts
from tfvae.data.options import Data
from tfvae.errors import ConfigError
from tfvae.search import Search
from tfvae.settings import Evaluation, Gate, Training

TYPE_NAMES = {
    int: "an integer",
    float: "a number",
    str: "a string",
    dict: "a table",
    list: "a list",
    bool: "true or false",
}


@dataclass(frozen=True)
class Experiment:
    """A whole experiment.

    Attributes:
        model: The `[model]` table: {"name": "VAE", part: {"name": ..., argument: ...}, ...}.
        data: A `Data`.
        training: A `Training`.
        evaluation: An `Evaluation`.
        gate: A `Gate`.
        search: A `Search` over values of this experiment, or None; it shapes no training.
        seed: Integer from which all randomness of the run is derived.
    """

    model: dict
    data: Data
    training: Training
    evaluation: Evaluation = field(default_factory=Evaluation)
    gate: Gate = field(default_factory=Gate)
    search: Search | None = None
    seed: int = 0

    def __post_init__(self):
        if not 0 <= self.seed < 2**31:
            raise ConfigError(f"`seed` must lie between 0 and 2**31 - 1. Received: seed={self.seed}")

    def to_dict(self):
        """The resolved experiment, defaults included, as plain values; without a search there is no "search"."""
        return {name: value for name, value in dataclasses.asdict(self).items() if (name, value) != ("search", None)}


def load_experiment(path, overrides=()):
    """Reads a TOML or JSON file and applies overrides such as "training.epochs=50".

    Raises:
        ConfigError: If the file is missing or malformed, or a key or value is not one that is allowed.
    """
    tree = _read(Path(path))
    for override in overrides:
        _override(tree, override)
    return experiment_from(tree)


def experiment_from(tree):
    """The `Experiment` of a nested dict."""
    return _record(Experiment, tree, "")


def changed(experiment, changes):
    """An experiment with values replaced by their dotted paths, such as {"model.objective.beta": 4.0}; None removes.

    A number stands for a place in a list: "model.regularizers.0.weight".
    """
    tree = copy.deepcopy(experiment.to_dict())
    for path, value in changes.items():
        _set(tree, path, value)
    return experiment_from(tree)


def build_model(experiment, source=None):
    """An untrained model, compiled, the draw of its weights keyed by the experiment's seed alone.

    Args:
        experiment: An `Experiment`.
        source: The training examples, from which the parts get the sizes and columns that nobody should have to state
            twice, and the weights their shapes; None only tries whether the parts fit together.

    Raises:
        ConfigError: If a part or an argument is unknown or missing, or has a value that its constructor refuses.
    """
    import keras

    from tfvae import devices

    keras.utils.set_random_seed(experiment.seed)
    training = experiment.training
    threads = devices.prepare(training)
    with _precision(training.precision):
        model = parts.build_model(experiment.model, experiment.seed, _offered(experiment.data, source))
        optimizer = parts.build_optimizer(training.optimizer, training.learning_rate)
        model.compile(optimizer=optimizer, jit_compile=training.jit_compile, threads=threads)
        if source is not None:
            # At once: Keras draws the seeds of its initializers from a generator that TFDS, for one, draws from too.
            _build(model, source.image_shape)
    return model


@contextlib.contextmanager
def _precision(policy):
    """Inside, networks calculate by this policy of Keras; parts that make distributions are float32 all the same."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _offered(data, source):
    """What the data says of the arguments of parts; without data, values to try them with."""
    if source is None:
        return {"dataset_size": 2} | ({"condition_size": 1} if data.conditional else {})
    sizes = {"condition_size": len(source.class_names)} if data.conditional else {}
    return {"dataset_size": source.num_examples, "columns": source.columns, **sizes}


def _build(model, image_shape):
    try:
        model.build((None, *image_shape))
    except ValueError as error:
        raise ConfigError(f"[model] does not fit data of shape {list(image_shape)}: {error}") from error
    model.optimizer.build(model.trainable_variables)


def load_model(directory):
    """The trained model of a run's directory, or of a .keras file.

    Raises:
        ConfigError: If there is none.
    """
    import keras

    path = Path(directory)
    path = path if path.suffix == ".keras" else path / "model.keras"
    if not path.is_file():
        raise ConfigError(f"{path.parent} holds no trained model: no file {path.name}. Run `tfvae train` first.")
    parts.import_all()
    return keras.models.load_model(path)


def _read(path):
    try:
        text = path.read_text(encoding="utf-8")
        tree = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except FileNotFoundError:
        raise ConfigError(f"No configuration file {path}.") from None
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    if not isinstance(tree, dict):
        raise ConfigError(f"{path} must hold tables of keys and values, not a list or a single value.")
    return tree


def _override(tree, text):
    path, separator, value = text.partition("=")
    if not separator or not path:
        raise ConfigError(f"An override has the form section.key=value. Received: {text!r}")
    _set(tree, path.strip(), value_of(value.strip()))


def _set(tree, path, value):
    *parents, key = path.split(".")
    for parent in parents:
        tree = tree[_place(tree, parent, path)] if isinstance(tree, list) else tree.setdefault(parent, {})
        if not isinstance(tree, (dict, list)):
            raise ConfigError(f"`{path}` cannot be set: `{parent}` is a value, not a table.")
    key = _place(tree, key, path) if isinstance(tree, list) else key
    tree[key] = value
    if value is None:
        del tree[key]


def _place(items, key, path):
    if not key.isdecimal() or int(key) >= len(items):
        raise ConfigError(f"`{path}` cannot be set: there is a list of {len(items)}, which has no place {key!r}.")
    return int(key)


def value_of(text):
    """A value as TOML has it; what is no value is a word without quotes, as a shell passes it."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _record(cls, table, path):
    """A dataclass from a table, every key and type checked against its fields."""
    fields, hints = {f.name: f for f in dataclasses.fields(cls)}, typing.get_type_hints(cls)
    where = f"[{path}]" if path else "The configuration"
    if not isinstance(table, dict):
        raise ConfigError(f"{where} must be a table. Received: {table!r}")
    parts.check_keys(where, table, fields, [n for n, f in fields.items() if _is_required(f)])
    values = {name: _typed(hints[name], value, f"{path}.{name}".lstrip(".")) for name, value in table.items()}
    try:
        return cls(**values)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}" if path else str(error)) from error


def _is_required(f):
    return f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING


def _typed(hint, value, path):
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    record = next(filter(dataclasses.is_dataclass, kinds), None)
    if record and not (value is None and types.NoneType in kinds):
        return _record(record, value, path)
    if float in kinds and type(value) is int:
        return float(value)
    if type(value) not in kinds:
        allowed = " or ".join(TYPE_NAMES[kind] for kind in kinds if kind in TYPE_NAMES)
        raise ConfigError(f"`{path}` must be {allowed}. Received: {value!r}")
    return value
