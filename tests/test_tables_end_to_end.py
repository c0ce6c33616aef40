"""A CSV file with gaps in, a trained VAE out: its bound falls, it imputes, and it samples typed columns."""

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfvae.data import Data, load, open_splits
from tfvae.data.typed_columns import impute, to_columns
from tfvae.likelihoods.table import Table
from tfvae.models import VAE
from tfvae.networks import MLP
from tfvae.networks.table_features import TableFeatures
from tfvae.objectives import ELBO
from tfvae.posteriors import DiagonalNormal
from tfvae.priors import StandardNormal

REAL = ["height", "weight (g)", "index"]


def people(n=2000):
    """A table whose columns depend on two hidden variables: one of each type tells much of the others."""
    rng = np.random.default_rng(0)
    u = rng.normal(size=(n, 2))
    noise = rng.normal(size=(n, 4))
    kinds = np.stack([u[:, 0], u[:, 1], -u.sum(axis=1)], axis=1) * 3 + rng.gumbel(size=(n, 3))
    return pd.DataFrame(
        {
            "kind": np.array(["b", "a", "c"])[kinds.argmax(axis=1)],
            "height": 170 + 10 * u[:, 0] + noise[:, 0],
            "weight (g)": 7e4 + 9e3 * u[:, 1] + 1e3 * noise[:, 1],
            "tall": (u[:, 0] + 0.1 * noise[:, 2] > 0).astype(int),
            "index": 3 * u[:, 0] - 2 * u[:, 1] + 0.3 * noise[:, 3],
        }
    )


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """The table, and a CSV file of it in which every fifth value is missing."""
    whole = people()
    path = tmp_path_factory.mktemp("table") / "people.csv"
    whole.mask(np.random.default_rng(1).random(whole.shape) < 0.2).to_csv(path, index=False)
    return whole, str(path)


@pytest.fixture(scope="module")
def trained(table):
    """A model, and its loss on the validation split after each epoch."""
    keras.utils.set_random_seed(0)
    _, path = table
    columns = open_splits(Data(path)).train.columns
    model = VAE(
        TableFeatures(MLP([64]), columns),
        DiagonalNormal(3),
        prior=StandardNormal(),
        decoder=MLP([64]),
        likelihood=Table(columns),
        objective=ELBO(),
    )
    model.compile(keras.optimizers.Adam(3e-3))
    train, validation, _ = load(path, batch_size=100)
    history = model.fit(train, epochs=25, validation_data=validation, verbose=0)
    return model, history.history["val_loss"]


@pytest.fixture(scope="module")
def held_out(table):
    """The test split: x with its gaps, and what was there before, a data frame."""
    whole, path = table
    test = open_splits(Data(path)).test
    return test.fetch(tf.range(test.num_examples, dtype="int64"))["x"], whole.iloc[test.indices.numpy()]


def test_negative_elbo_falls_in_validation(trained):
    _, losses = trained
    # Of independent columns: 3 x 1.42 nats for the real ones, ln 2 and ln 3, four fifths of it observed: 4.85.
    assert np.all(np.isfinite(losses)) and losses[-1] < 4.2 < 4.85 < losses[0]


def test_imputed_numbers_are_nearer_than_the_column_mean(trained, held_out):
    (model, _), (x, truth) = trained, held_out
    imputed = to_columns(model.likelihood.columns, impute(x, model.reconstruct(x)))
    for name, place in zip(REAL, (1, 2, 4), strict=True):
        gaps = np.isnan(x[:, place])
        error = np.sqrt(np.mean((imputed[name].numpy() - truth[name])[gaps] ** 2))
        naive = np.sqrt(np.mean((truth[name][gaps] - np.nanmean(x[:, place])) ** 2))
        # Some 80 gaps: each error is known to 8 %, and both are of the same gaps.
        assert error < 0.8 * naive, (name, error, naive)


@pytest.mark.parametrize(("name", "place"), [("kind", 0), ("tall", 3)])
def test_imputed_categories_are_right_more_often_than_the_most_frequent_one(name, place, trained, held_out):
    (model, _), (x, truth) = trained, held_out
    imputed = to_columns(model.likelihood.columns, impute(x, model.reconstruct(x)))[name].numpy()
    answers = [value.decode() if name == "kind" else value for value in imputed]
    gaps = np.isnan(x[:, place])
    accuracy = np.mean((answers == truth[name])[gaps])
    # Some 80 gaps: the standard error of an accuracy is 0.05.
    assert accuracy > truth[name].value_counts(normalize=True).max() + 0.15


def test_what_was_observed_stays(trained, held_out):
    (model, _), (x, truth) = trained, held_out
    imputed = impute(x, model.reconstruct(x)).numpy()
    observed = ~np.isnan(x)
    np.testing.assert_array_equal(imputed[observed], x.numpy()[observed])
    np.testing.assert_allclose(imputed[:, 1][observed[:, 1]], truth["height"][observed[:, 1]], rtol=1e-6)  # float32
    assert np.all(np.isfinite(imputed))


def test_samples_are_typed_columns_in_the_range_of_the_data(trained, table):
    (model, _), (whole, _) = trained, table
    z = model.p_z().sample(4000, seed=(0, 1))
    columns = to_columns(model.likelihood.columns, model.decode(z).sample(seed=(0, 2)))
    assert [columns[name].dtype for name in whole] == [tf.string, tf.float32, tf.float32, tf.int64, tf.float32]
    assert set(columns["kind"].numpy()) == {b"a", b"b", b"c"} and set(columns["tall"].numpy()) == {0, 1}
    for name in REAL:
        sample = columns[name].numpy()
        # A model of a thousand examples is right to some tenths of a standard deviation.
        assert abs(sample.mean() - whole[name].mean()) < 0.3 * whole[name].std()
        assert 0.7 < sample.std() / whole[name].std() < 1.3
    # They depend on one another as the table's columns do, of which this correlation is 0.83.
    assert np.corrcoef(columns["height"], columns["index"])[0, 1] > 0.6


def test_means_of_samples_are_typed_columns_too(trained):
    model, _ = trained
    columns = to_columns(model.likelihood.columns, model.sample(5, (0, 1)))
    assert {name: (values.shape, values.dtype.name) for name, values in columns.items()} == {
        "kind": ((5,), "string"), "height": ((5,), "float32"), "weight (g)": ((5,), "float32"),
        "tall": ((5,), "int64"), "index": ((5,), "float32"),
    }  # fmt: skip
    assert set(columns["kind"].numpy()) <= {b"a", b"b", b"c"}


def test_survives_a_keras_file(trained, held_out, tmp_path):
    (model, _), (x, _) = trained, held_out
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.reconstruct(x), model.reconstruct(x))
    assert list(loaded.likelihood.columns) == list(loaded.encoder.columns) == list(model.likelihood.columns)
