"""Every configuration that ships: it trains, survives a .keras file, and is exported with what its model can do."""

import functools
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.data import open_splits, pipeline
from tfvae.experiment import build_model, load_experiment
from tfvae.serving import export
from tfvae.serving.standalone.prediction_log import read_calls
from tfvae.serving.standalone.served_model import ServedModel
from tfvae.training.checks import check_fit
from tfvae.training.train import fit_prior, start

CONFIGS = sorted((Path(__file__).parents[1] / "pipelines" / "configs").glob("*.toml"))

AT_ONCE = ("digits", "iwae", "conditional_vae", "factor_vae", "beta_vae_shapes")  # others: slow
NOT_SERVED = ("objective", "regularizers")  # parts of training alone: no signature has anything of them


@functools.cache
def first_of_their_kind():
    """A configuration for each model that is served otherwise than those before it."""
    kinds = {}
    for path in CONFIGS:
        experiment = load_experiment(path)
        served = {part: value for part, value in experiment.model.items() if part not in NOT_SERVED}
        kinds.setdefault(repr((served, experiment.data)), path)
    return kinds.values()


configs = pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch):
    monkeypatch.chdir(CONFIGS[0].parents[2])


@pytest.fixture
def overrides(tmp_path):
    """Puts data at hand, or less of it, in place of what takes long or is not here."""
    images = np.random.default_rng(0).integers(0, 256, (300, 28, 28), dtype=np.uint8)
    np.savez(tmp_path / "grey.npz", x=images)
    return {
        "mnist_vae": [f"data.name='{tmp_path / 'grey.npz'}'"],
        "beta_vae_shapes": ["data.num_examples=500"],
    }


def trained(experiment, splits, num_steps=2):
    """The model after some steps, and its terms in each."""
    model = build_model(experiment, splits.train)
    check_fit(model, splits, experiment.data)
    start(model, splits.train)
    data = experiment.data
    batches = iter(pipeline.training_batches(splits.train, data.batch_size, 0, data.binarize == "dynamic"))
    update = tf.function(lambda: model.update(next(batches)))
    return model, [update() for _ in range(num_steps)]


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=[] if path.stem in AT_ONCE else pytest.mark.slow) for path in CONFIGS],
    ids=lambda path: path.stem,
)
def test_trains_two_steps_saves_loads_and_is_exported(path, overrides, tmp_path):
    experiment = load_experiment(path, overrides.get(path.stem, []))
    splits = open_splits(experiment.data)
    model, terms = trained(experiment, splits)
    assert set(terms[0]) == {"loss", *model.reports} and all(
        np.isfinite(value) for row in terms for value in row.values()
    )
    fit_prior(model, splits.train, experiment.data)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    batch = pipeline.batch_of(splits.test, tf.range(3, dtype="int64"))
    np.testing.assert_array_equal(
        loaded.given(batch).reconstruct(batch["x"]), model.given(batch).reconstruct(batch["x"])
    )
    if path in first_of_their_kind():  # an export takes as long as all else
        export(loaded, tmp_path / "export", binarize=experiment.data.binarize)
        assert_serves(tmp_path / "export", model)


def assert_serves(directory, model):
    """The export has the signatures that its model can have, and answers as the model did."""
    server = ServedModel(directory)
    probes = {call.signature: call for call in read_calls(directory / "assets.extra" / "tfvae_probes")}
    assert set(server.signatures) == set(probes)
    assert ("sample" in probes, "encode_sample" in probes) == (model.can_sample, model.is_stochastic)
    for call in probes.values():
        for name, value in server.call(call.signature, call.inputs).items():
            if value.dtype.kind == "f":
                np.testing.assert_allclose(value, call.outputs[name], rtol=1e-4, atol=1e-4)  # float32, another graph


@configs
def test_says_what_it_is_where_from_what_it_gives_and_how_to_run_it(path):
    header = path.read_text().split("\nseed")[0]
    assert all(line.startswith("# ") for line in header.splitlines())
    assert "http" in header and f"tfvae run pipelines/configs/{path.name}" in header
    assert "nats" in header and ("seconds" in header or "minutes" in header)
