"""The gate's word: which exports of a model that was trained on digits are blessed, and what push makes of it."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.data import Data, open_splits, pipeline
from tfvae.errors import ConfigError, GateError
from tfvae.likelihoods import Bernoulli
from tfvae.models import VAE
from tfvae.networks import MLP
from tfvae.objectives import ELBO
from tfvae.posteriors import DiagonalNormal
from tfvae.priors import StandardNormal
from tfvae.serving import bless, export, promote, push, validate
from tfvae.serving.blessing import Examples
from tfvae.serving.files import BLESSING, sha256_of_files
from tfvae.serving.registry import labels_of, served, versions
from tfvae.settings import Gate, Limits, Threshold

AT_MOST = 30.0  # nats: what an untrained model of 64 pixels has is 64 ln 2 = 44


@pytest.fixture(scope="module")
def splits():
    return open_splits(Data("digits", binarize="dynamic"))


@pytest.fixture(scope="module")
def examples(splits):
    return Examples(pipeline.ordered_batches(splits.test, 128), splits.test.class_names)


def facts(directory):
    """What `validate`, which has tests of its own, says of an export that passes."""
    return {"tensorflow": tf.__version__, "files": sha256_of_files(directory)}


def built():
    keras.utils.set_random_seed(0)
    model = VAE(
        encoder=MLP([64]),
        posterior=DiagonalNormal(8),
        prior=StandardNormal(),
        decoder=MLP([64]),
        likelihood=Bernoulli(),
        objective=ELBO(),
    )
    model.build((None, 8, 8, 1))
    return model


@pytest.fixture(scope="module")
def weights(splits):
    """Those of a trained model, and of one that was trained a little longer."""
    model, kept = built(), []
    model.compile(keras.optimizers.Adam(3e-3))
    for epochs in (25, 10):
        model.fit(pipeline.epochs(splits.train, 64, 0, dynamic=True), epochs=epochs, verbose=0)
        kept.append(model.get_weights())
    return kept


def exported(weights, directory):
    model = built()
    model.set_weights(weights)
    export(model, directory, binarize="dynamic")
    return directory


@pytest.fixture(scope="module")
def good(weights, tmp_path_factory):
    return exported(weights[0], tmp_path_factory.mktemp("good") / "export")


@pytest.fixture(scope="module")
def better(weights, tmp_path_factory):
    return exported(weights[1], tmp_path_factory.mktemp("better") / "export")


def limits(**given):
    return {"negative_elbo": Threshold(**{"at_most": AT_MOST, **given})}


def the_served(base):
    return [(version, (path / "saved_model.pb").stat().st_mtime_ns) for version, path in versions(base)]


@pytest.fixture(scope="module")
def pushed(good, examples, tmp_path_factory):
    bless(good, facts(good), limits(), examples)
    directory = tmp_path_factory.mktemp("pushed") / "digits"
    push(good, directory)
    return directory


@pytest.fixture
def base(pushed, tmp_path):
    """A model that is served."""
    return Path(shutil.copytree(pushed, tmp_path / "digits"))


# Judged by its own scores.


def test_figures_are_those_of_the_model_that_was_trained(good, weights, splits, examples):
    blessing = bless(good, facts(good), limits(each_class=Limits(at_most=60.0)), examples)
    figure = blessing["metrics"]["negative_elbo"]
    model = built()
    model.set_weights(weights[0])
    found = [model.test_step(batch) for batch in [next(iter(pipeline.ordered_batches(splits.test, 1000)))]]
    # Another draw of z for each of 360 examples: some 2 nats each, so 0.1 nats of standard error.
    assert abs(figure["value"] - float(found[0]["negative_elbo"])) < 0.5
    assert figure["num_examples"] == splits.test.num_examples
    members = blessing["classes"]
    assert sum(figures["negative_elbo"]["num_examples"] for figures in members.values()) == figure["num_examples"]
    mean = sum(f["negative_elbo"]["value"] * f["negative_elbo"]["num_examples"] for f in members.values())
    assert mean / figure["num_examples"] == pytest.approx(figure["value"], rel=1e-12)  # float64


def test_the_first_version_is_marked_as_judged_by_the_absolute_limits_alone(good, examples, base):
    assert bless(good, facts(good), limits(not_worse_than_served_by=0.1), examples)["is_first"]
    assert not bless(good, facts(good), limits(not_worse_than_served_by=0.1), examples, served(base))["is_first"]


@pytest.mark.parametrize(
    ("thresholds", "words"),
    [
        ({"negative_elbo": Threshold(at_most=1.0)}, r"`negative_elbo` is \d+\.\d+ nats, and must be at most 1.0"),
        ({"rate": Threshold(at_least=100.0)}, r"`rate` is .* must be at least 100.0"),
        (limits(each_class=Limits(at_most=5.0)), r"`negative_elbo` of class 3 is .* at most 5.0"),
        ({}, "sets no threshold"),
        ({"perplexity": Threshold(at_most=1.0)}, "has no `perplexity` to judge it by"),
    ],
)
def test_a_limit_that_is_not_kept_takes_the_blessing_away(good, examples, thresholds, words):
    bless(good, facts(good), limits(), examples)
    with pytest.raises(GateError, match=words):
        bless(good, facts(good), thresholds, examples)
    assert not (good / BLESSING).exists()


def test_classes_that_the_data_has_not_cannot_be_judged(good, examples):
    with pytest.raises(GateError, match="the data has no classes"):
        bless(good, facts(good), limits(each_class=Limits(at_most=60.0)), examples._replace(class_names=()))


def test_a_class_that_the_model_need_not_know_does_not_count(good, examples):
    blessing = bless(good, facts(good), limits(), examples._replace(left_out=3))
    assert set(blessing["classes"]) == set("012456789")
    counted = sum(figures["negative_elbo"]["num_examples"] for figures in blessing["classes"].values())
    assert blessing["metrics"]["negative_elbo"]["num_examples"] == counted < 360


# Held against the version now served.


def test_two_exports_are_held_against_each_other_on_the_same_examples(good, better, examples, base):
    worse = bless(better, facts(better), limits(not_worse_than_served_by=5.0), examples, served(base))
    own = [bless(each, facts(each), limits(), examples)["metrics"]["negative_elbo"]["value"] for each in (better, good)]
    found = worse["metrics"]["negative_elbo"]["worse_than_served_by"]
    assert found == pytest.approx(own[0] - own[1], abs=1e-9)  # float64: the same examples, the same seeds
    assert found < 0  # it was trained longer


def test_a_model_worse_than_the_one_served_is_refused_where_the_absolute_limit_lets_it_pass(
    good, better, examples, tmp_path
):
    bless(better, facts(better), limits(), examples)
    push(better, tmp_path / "digits")
    now = served(tmp_path / "digits")
    with pytest.raises(GateError, match="higher than that of the version now served"):
        bless(good, facts(good), limits(not_worse_than_served_by=0.0), examples, now)
    with pytest.raises(GateError, match=r"of class \d is .* higher"):
        bless(good, facts(good), limits(each_class=Limits(not_worse_than_served_by=0.0)), examples, now)


def test_a_blessing_against_another_version_than_the_one_served_is_void(good, better, examples, base):
    bless(better, facts(better), limits(not_worse_than_served_by=5.0), examples)
    with pytest.raises(GateError, match="not held against what is served, and version 1"):
        push(better, base)
    bless(better, facts(better), limits(not_worse_than_served_by=5.0), examples, served(base))
    assert push(better, base) == (2, True)


# Push.


def test_what_is_not_blessed_is_not_pushed(better, base):
    (better / BLESSING).unlink(missing_ok=True)
    with pytest.raises(GateError, match="is not blessed") as error:
        push(better, base)
    assert error.value.exit_code == 5 and [version for version, _ in versions(base)] == [1]


def test_a_blessing_cannot_be_moved_to_another_export(good, better, examples, base):
    bless(good, facts(good), limits(), examples)
    shutil.copy(good / BLESSING, better / BLESSING)
    with pytest.raises(GateError, match="has the blessing of another export"):
        push(better, base)


def test_an_export_that_was_changed_under_the_check_is_not_blessed(good, examples):
    before = facts(good)
    added = good / "assets.extra" / "more"
    added.write_text("")
    with pytest.raises(GateError, match="changed while it was checked"):
        bless(good, before, limits(), examples)
    added.unlink()
    assert not (good / BLESSING).exists()


def test_the_blessing_goes_with_the_version(base):
    assert json.loads((base / "1" / BLESSING).read_text())["metrics"]["negative_elbo"]["value"] < AT_MOST


def test_a_canary_is_held_against_the_stable_version_until_it_is_promoted(good, better, examples, base):
    bless(better, facts(better), limits(not_worse_than_served_by=5.0), examples, served(base))
    assert push(better, base, label="canary") == (2, True)
    assert labels_of(base) == {"stable": 1, "canary": 2} and served(base)[0] == 1
    assert promote(base) == 2 and labels_of(base) == {"stable": 2} and served(base)[0] == 2
    with pytest.raises(ConfigError, match="no version labelled canary"):
        promote(base)


# Damage.


RNG = np.random.default_rng(0)
DAMAGE = {
    "nan": lambda weight: np.where(np.arange(weight.size).reshape(weight.shape) == 0, np.nan, weight),
    "zeroed": np.zeros_like,
    "permuted": lambda weight: RNG.permutation(weight.ravel()).reshape(weight.shape),
    "noise": lambda weight: weight + RNG.normal(0, 0.3, weight.shape),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_model_with_damaged_weights_is_never_pushed(damage, better, examples, base, tmp_path):
    before = the_served(base)
    damaged = Path(shutil.copytree(better, tmp_path / "damaged"))
    rewrite(damaged, damage)
    with pytest.raises(GateError, match=r"`negative_elbo` is .* and must be at most"):
        bless(damaged, facts(damaged), limits(), examples)
    with pytest.raises(GateError, match="not blessed"):
        push(damaged, base)
    assert the_served(base) == before


def test_a_model_that_scores_nan_is_not_even_exported(weights, splits, tmp_path):
    model = built()
    model.set_weights([DAMAGE["nan"](weight) for weight in weights[0]])
    validation = pipeline.ordered_batches(splits.validation, 128)
    with pytest.raises(GateError, match="not all numbers"):
        export(model, tmp_path / "export", binarize="dynamic", validation=validation)
    assert not list(tmp_path.iterdir())


def test_an_export_that_was_damaged_after_the_blessing_is_not_pushed(better, examples, base, tmp_path):
    bless(better, facts(better), limits(), examples)
    damaged = Path(shutil.copytree(better, tmp_path / "damaged"))
    rewrite(damaged, lambda weight: weight * 1.01)
    with pytest.raises(GateError, match="was changed"):
        push(damaged, base)
    with pytest.raises(GateError, match="differs from the training process"):
        validate(damaged)  # although so little harm that its scores are as good
    assert [version for version, _ in versions(base)] == [1]


def rewrite(directory, change):
    """Rewrites the checkpoint of a SavedModel with every float32 variable changed."""
    prefix = str(directory / "variables" / "variables")
    reader = tf.train.load_checkpoint(prefix)
    types = reader.get_variable_to_dtype_map()
    names = sorted(types)
    values = [reader.get_tensor(name) for name in names]
    values = [
        change(value).astype("float32") if types[name] == tf.float32 else value
        for name, value in zip(names, values, strict=True)
    ]
    tf.raw_ops.SaveV2(
        prefix=prefix, tensor_names=names, shape_and_slices=[""] * len(names), tensors=list(map(tf.constant, values))
    )


# Settings.


def test_relative_limits_alone_are_refused():
    with pytest.raises(ConfigError, match="the first version is judged by these alone"):
        Threshold(not_worse_than_served_by=0.5)


def test_a_rate_cannot_be_worse():
    with pytest.raises(ConfigError, match="`rate` is neither worse nor better"):
        Gate(rate=Threshold(at_least=1.0, not_worse_than_served_by=0.5))


def test_thresholds_are_those_that_are_set():
    assert Gate().thresholds() == {}
    assert Gate(rate=Threshold(at_least=1.0)).thresholds() == {"rate": Threshold(at_least=1.0)}
