"""A TOML file becomes objects, and every mistake in it one sentence that names the key and what is allowed."""

import copy
import json
import re

import keras
import numpy as np
import pytest

from benchmarks.mlp_vae import mlp_vae
from tfvae import schedules
from tfvae.errors import ConfigError
from tfvae.experiment import Evaluation, build_model, experiment_from, load_experiment, load_model
from tfvae.optimizers import Adam
from tfvae.settings import Limits, Threshold

MLP = {"name": "MLP", "hidden_sizes": [8]}
TREE = {
    "seed": 3,
    "data": {"name": "digits", "batch_size": 32},
    "training": {"epochs": 2},
    "model": mlp_vae([8], latent_size=2),
}
REMOVED = "removed"


def changed(path, value):
    """The tree with one value, at a dotted path, replaced or removed."""
    tree = copy.deepcopy(TREE)
    *parents, key = path.split(".")
    table = tree
    for parent in parents:
        table = table.setdefault(parent, {})
    table[key] = value
    if value is REMOVED:
        del table[key]
    return tree


def built(path="seed", value=3):
    model = build_model(experiment_from(changed(path, value)))
    model.build((None, 8, 8, 1))
    return model


@pytest.fixture
def config(tmp_path):
    """Writes a configuration file and returns its path."""

    def write(text, name="my.toml"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


@pytest.fixture
def base(config):
    return config(json.dumps(TREE), "my.json")


def weights(model):
    return np.concatenate([w.ravel() for w in model.get_weights()])


# What is built.


def test_defaults_are_filled_in():
    experiment = experiment_from(TREE)
    assert experiment.evaluation == Evaluation(num_samples=5000, num_examples=None)
    assert (experiment.training.learning_rate, experiment.training.patience) == (1e-3, None)


def test_seed_is_zero_by_default():
    assert experiment_from(changed("seed", REMOVED)).seed == 0


def test_the_same_seed_gives_the_same_weights_whatever_was_drawn_before():
    first = weights(built())
    keras.utils.set_random_seed(99)
    np.testing.assert_array_equal(weights(built()), first)


def test_another_seed_gives_other_weights_and_noise():
    first, other = built(), built("seed", 4)
    assert (first.seed, other.seed) == (3, 4)
    assert not np.array_equal(weights(first), weights(other))


def test_a_part_inside_a_part_is_built():
    beta = built("model.objective.beta", {"name": "LinearWarmup", "steps": 7, "final": 4.0}).objective.beta
    assert type(beta) is schedules.LinearWarmup and (beta.steps, beta.final) == (7, 4.0)


def test_a_scale_stands_inside_the_normal_likelihood():
    likelihood = built("model.likelihood", {"name": "Normal", "scale": {"name": "LearnedScale"}}).likelihood
    assert type(likelihood.scale).__name__ == "LearnedScale"


def test_the_optimizer_is_our_adam_at_the_learning_rate():
    optimizer = built("training.learning_rate", 0.25).optimizer
    assert type(optimizer) is Adam and float(optimizer.learning_rate) == 0.25


def test_an_optimizer_of_keras_takes_its_arguments():
    optimizer = built("training.optimizer", {"name": "SGD", "momentum": 0.5, "clipnorm": 1.0}).optimizer
    assert type(optimizer) is keras.optimizers.SGD and (optimizer.momentum, optimizer.clipnorm) == (0.5, 1.0)


def test_a_learning_rate_may_be_a_schedule_of_keras():
    schedule = {"name": "PiecewiseConstantDecay", "boundaries": [5], "values": [0.5, 0.125]}
    optimizer = built("training.learning_rate", schedule).optimizer
    assert float(optimizer.learning_rate) == 0.5
    optimizer.iterations.assign(6)
    assert float(optimizer.learning_rate) == 0.125


def test_dict_of_an_experiment_gives_it_back_through_json():
    experiment = experiment_from(changed("model.objective.beta", {"name": "LinearWarmup", "steps": 7}))
    assert experiment_from(json.loads(json.dumps(experiment.to_dict()))) == experiment


def test_toml_and_json_give_the_same(config, base):
    toml = config('training.epochs = 1\ndata.name = "digits"\n[model]\nname = "VAE"\n')
    tree = {"training": {"epochs": 1}, "data": {"name": "digits"}, "model": {"name": "VAE"}}
    assert load_experiment(toml) == load_experiment(config(json.dumps(tree), "same.json")) != load_experiment(base)


# Overrides.


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("training.epochs=50", 50),
        ("training.epochs = 5_000", 5000),
        ("training.learning_rate=1e-4", 1e-4),
        ("training.learning_rate=1", 1.0),
        ("data.binarize=dynamic", "dynamic"),
        ('data.name="my digits.npz"', "my digits.npz"),
        ("data.name=/data/a=b.npz", "/data/a=b.npz"),
        ("data.download=true", True),
        ("model.encoder.hidden_sizes=[3, 4]", [3, 4]),
        ("model.objective.beta={name='LinearWarmup', steps=9}", {"name": "LinearWarmup", "steps": 9}),
        ("model.objective.beta.name=LinearWarmup", {"name": "LinearWarmup"}),
        ("evaluation.num_samples=7", 7),
        ("seed=8", 8),
    ],
)
def test_override_sets_the_value_at_its_path(override, value, base):
    tree = load_experiment(base, [override]).to_dict()
    for key in override.partition("=")[0].strip().removesuffix(".beta.name").split("."):
        tree = tree[key]
    tree = tree["beta"] if "beta.name" in override else tree
    assert tree == value and type(tree) is type(value)


def test_override_leaves_the_rest_alone(base):
    before, after = (load_experiment(base, overrides).to_dict() for overrides in ([], ["training.epochs=50"]))
    assert before.pop("training") | {"epochs": 50} == after.pop("training")
    assert before == after


def test_the_last_override_wins(base):
    assert load_experiment(base, ["seed=1", "seed=2"]).seed == 2


# Mistakes.

ALLOWED_TOP = "model, data, training, evaluation, gate, search, seed"
MISTAKES = [
    ("modle", {}, "The configuration has no `modle`. Did you mean `model`? It may have: " + ALLOWED_TOP),
    ("training", REMOVED, "The configuration lacks `training`."),
    ("training.epochs", REMOVED, "[training] lacks `epochs`."),
    ("data.name", REMOVED, "[data] lacks `name`."),
    ("training.epoch", 3, "[training] has no `epoch`. Did you mean `epochs`? It may have: epochs, learning_rate,"),
    ("data.zzz", 3, "[data] has no `zzz`. It may have: name, batch_size, binarize,"),
    ("training", 5, "[training] must be a table. Received: 5"),
    ("model", "VAE", "`model` must be a table. Received: 'VAE'"),
    ("training.epochs", "3", "`training.epochs` must be an integer. Received: '3'"),
    ("training.epochs", 3.0, "`training.epochs` must be an integer. Received: 3.0"),
    ("training.epochs", True, "`training.epochs` must be an integer. Received: True"),
    ("training.learning_rate", "fast", "`training.learning_rate` must be a number or a table. Received: 'fast'"),
    ("data.download", 1, "`data.download` must be true or false. Received: 1"),
    ("data.factors", [1], "`data.factors` must be a table. Received: [1]"),
    ("seed", 1.5, "`seed` must be an integer. Received: 1.5"),
    ("seed", -1, "`seed` must lie between 0 and 2**31 - 1. Received: seed=-1"),
    ("seed", 2**31, "`seed` must lie between 0 and 2**31 - 1. Received: seed=2147483648"),
    ("training.epochs", 0, "[training]: `epochs` must be at least 1. Received: epochs=0"),
    ("training.patience", 0, "[training]: `patience` must be at least 1. Received: patience=0"),
    (
        "training.checkpoint_steps",
        -5,
        "[training]: `checkpoint_steps` must be at least 1. Received: checkpoint_steps=-5",
    ),
    ("training.learning_rate", 0, "[training]: `learning_rate` must be positive. Received: learning_rate=0.0"),
    ("training.learning_rate", float("nan"), "[training]: `learning_rate` must be positive."),
    ("evaluation.num_samples", 0, "[evaluation]: `num_samples` must be at least 1. Received: num_samples=0"),
    ("evaluation.num_examples", 0, "[evaluation]: `num_examples` must be at least 1. Received: num_examples=0"),
    ("data.binarize", "maybe", "[data]: `binarize` must be one of ['none', 'static', 'dynamic']. Received: binarize="),
    ("data.batch_size", 0, "[data]: `batch_size` must be at least 1. Received: batch_size=0"),
    ("data.num_examples", 0, "[data]: `num_examples` must be at least 1. Received: num_examples=0"),
    ("data.test_fraction", 1, "[data]: `test_fraction` must lie between 0 and 1. Received: test_fraction=1.0"),
    ("data.validation_fraction", 0, "[data]: `validation_fraction` must lie between 0 and 1."),
    ("data.split_seed", -1, "[data]: `split_seed` must lie between 0 and 2**32 - 1. Received: split_seed=-1"),
    ("data.factors", {"shape": [1]}, "[data]: `factors` chooses among drawn `shapes`. Received: name='digits'"),
    ("model.seed", 3, "[model] has no `seed`: the seed stands at the top of the file"),
    ("model.name", REMOVED, "`model` must be a table with a `name`."),
    ("model.name", "GAN", "`model` has no part `GAN`. It may be: FactorVAE, LadderVAE,"),
    ("model.prior", REMOVED, "[model] (VAE): `ELBO` needs a prior, and there is none."),
    ("model.likelihood", REMOVED, "[model] (VAE) lacks `likelihood`."),
    (
        "model.priors",
        {},
        "[model] (VAE) has no `priors`. Did you mean `prior`? It may have: encoder, posterior, decoder,",
    ),
    ("model.encoder", 5, "`model.encoder` must be a table with a `name`. Received: 5"),
    ("model.encoder.name", "Mlp", "`model.encoder` has no part `Mlp`. Did you mean `MLP`? It may be: Conditioned,"),
    ("model.posterior", MLP, "`model.posterior` has no part `MLP`. It may be: Deterministic, DiagonalNormal,"),
    ("model.prior.name", "Prior", "`model.prior` has no part `Prior`. Did you mean `VampPrior`? It may be:"),
    ("model.posterior.latent_size", REMOVED, "[model.posterior] (DiagonalNormal) lacks `latent_size`."),
    ("model.posterior.latent", 3, "has no `latent`. Did you mean `latent_size`? It may have: latent_size."),
    ("model.posterior.latent_size", 0, "[model.posterior] (DiagonalNormal): `latent_size` must be a positive integer."),
    ("model.encoder.hidden_sizes", [], "[model.encoder] (MLP): `hidden_sizes` must be a non-empty list of positive"),
    ("model.objective.beta", -1, "[model.objective] (ELBO): `beta` must be a number from 0 up, or a schedule."),
    ("model.objective.beta", {"name": "Warmup"}, "`model.objective.beta` has no part `Warmup`. Did you mean `Linear"),
    ("training.optimizer", {"name": "Adm"}, "`training.optimizer` has no part `Adm`. Did you mean `Adam`?"),
    ("training.optimizer", {"name": "SGD", "beta_1": 1}, "[training.optimizer] (SGD) has no `beta_1`. It may have: "),
    ("training.optimizer", {"name": "Adam", "learning_rate": 1.0}, "[training.optimizer] has no `learning_rate`: "),
    ("training.optimizer", {}, "`training.optimizer` must be a table with a `name`."),
    ("training.learning_rate", {"name": "CosineDecay"}, "[training.optimizer.learning_rate] (CosineDecay) lacks `ini"),
]


@pytest.mark.parametrize(("path", "value", "message"), MISTAKES, ids=[f"{p}={v!r}"[:50] for p, v, _ in MISTAKES])
def test_a_mistake_gets_one_sentence_that_names_the_key(path, value, message):
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        build_model(experiment_from(changed(path, value)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epochs", "An override has the form section.key=value. Received: 'training.epochs'"),
        ("=3", "An override has the form section.key=value. Received: '=3'"),
        ("seed.more=3", "`seed.more` cannot be set: `seed` is a value, not a table."),
        ("training.epochs.more=3", "`training.epochs.more` cannot be set: `epochs` is a value, not a table."),
        ("trainin.epochs=3", "The configuration has no `trainin`. Did you mean `training`?"),
        ("training.epochs=many", "`training.epochs` must be an integer. Received: 'many'"),
    ],
)
def test_a_bad_override_gets_one_sentence(override, message, base):
    with pytest.raises(ConfigError, match=re.escape(message)):
        load_experiment(base, [override])


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=re.escape(f"No configuration file {tmp_path / 'no.toml'}.")):
        load_experiment(tmp_path / "no.toml")


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("bad.toml", "seed = 0\nepochs 3", "at line 2, column 8"),
        ("bad.json", '{"seed": 0,}', "line 1 column"),
        ("binary.toml", "seed = 0\n\x00", "at line 2, column 1"),
    ],
)
def test_a_syntax_error_is_told_with_file_and_place(config, name, text, reason):
    path = config(text, name)
    with pytest.raises(ConfigError, match=re.escape(f"{path} cannot be read: ") + f".*{reason}"):
        load_experiment(path)


def test_a_file_that_is_no_table_is_refused(config):
    with pytest.raises(ConfigError, match=r"list\.json must hold tables of keys and values"):
        load_experiment(config("[1]", "list.json"))


def test_a_folder_is_no_configuration(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot be read: .*Is a directory"):
        load_experiment(tmp_path)


def test_a_directory_without_a_model_is_refused(tmp_path):
    message = f"{tmp_path} holds no trained model: no file model.keras. Run `tfvae train` first."
    with pytest.raises(ConfigError, match=re.escape(message)):
        load_model(tmp_path)


# The gate.


def test_a_threshold_of_the_gate_may_have_limits_for_each_class_and_survives_json():
    table = {"at_most": 26, "not_worse_than_served_by": 0.5, "each_class": {"at_most": 32.0}}
    experiment = experiment_from(changed("gate.negative_elbo", table))
    threshold = Threshold(at_most=26.0, not_worse_than_served_by=0.5, each_class=Limits(at_most=32.0))
    assert experiment.gate.thresholds() == {"negative_elbo": threshold}
    assert experiment_from(json.loads(json.dumps(experiment.to_dict()))) == experiment


def test_without_a_gate_there_are_no_thresholds():
    experiment = experiment_from(TREE)
    assert experiment.gate.thresholds() == {}
    assert experiment_from(json.loads(json.dumps(experiment.to_dict()))) == experiment


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("gate.elbo", {"at_most": 1.0}, "[gate] has no `elbo`"),
        ("gate.negative_elbo", 26.0, "[gate.negative_elbo] must be a table. Received: 26.0"),
        ("gate.negative_elbo", {"at_mots": 1.0}, "[gate.negative_elbo] has no `at_mots`. Did you mean `at_most`?"),
        ("gate.negative_elbo", {"at_most": "low"}, "`gate.negative_elbo.at_most` must be a number"),
        ("gate.negative_elbo", {"each_class": {"at_most": 1.0, "each_class": {}}}, "has no `each_class`"),
        ("gate.negative_elbo", {"not_worse_than_served_by": 1.0}, "judged by these alone"),
        ("gate.rate", {"at_least": 1.0, "not_worse_than_served_by": 1.0}, "[gate]: `rate` is neither worse"),
    ],
)
def test_a_mistake_in_the_gate_gets_one_sentence(path, value, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        experiment_from(changed(path, value))
