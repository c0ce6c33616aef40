"""The likelihood of a table: a product of textbook densities over what was observed, and nothing for what was not."""

import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf

from tfvae.errors import DataError
from tfvae.likelihoods import FixedScale, OptimalScale, PixelScale
from tfvae.likelihoods.table import ColumnScale, Table
from tfvae.networks import MLP

NAN = float("nan")
COLUMNS = [  # the types mixed, so that an order of the types differs from that of the columns
    {"name": "kind", "type": "categorical", "categories": ["a", "b", "c"]},
    {"name": "height", "type": "real", "mean": 170.0, "stddev": 10.0},
    {"name": "member", "type": "binary"},
    {"name": "price", "type": "real", "mean": -2e6, "stddev": 5e5},
    {"name": "size", "type": "categorical", "categories": ["S", "L"]},
]
X = np.array([[2, 165, 1, -1.5e6, 0], [0, 191, 0, -2.9e6, 1], [1, 170, 1, -2e6, 1]], "float32")
GAPS = np.array([[0, 1, 0, 0, 1], [1, 0, 1, 1, 0], [1, 1, 1, 1, 1]], bool)
SCALES = [None, 0.3, PixelScale]
likelihoods = pytest.mark.parametrize("scale", SCALES, ids=["ColumnScale", "number", "PixelScale"])
one_type = pytest.mark.parametrize("places", [[1], [2], [0], [1, 3], [4, 0], [2, 0]], ids=str)


def make(scale=None, columns=COLUMNS):
    return Table(columns, scale() if callable(scale) else scale)


def built(likelihood):
    likelihood.build((None, 5), (len(likelihood.columns),))
    return likelihood


def normals(*shape):
    return tf.random.stateless_normal(shape, (0, 1))


def with_gaps(x=X):
    return np.where(GAPS, np.float32(NAN), x)


def terms_by_scipy(likelihood, features, x):
    """log p of each column, [S, B, D], from the likelihood's parameters and scipy's densities."""
    raw = likelihood.parameters(features).numpy().astype("float64")
    sigma = likelihood.scale(features).numpy().astype("float64") * np.ones(2)
    pick = lambda logits, k: scipy.special.log_softmax(logits, -1)[:, np.arange(len(x)), k]  # noqa: E731
    places = np.int64(np.nan_to_num(x))
    columns = [
        pick(raw[..., 3:6], places[:, 0]),
        scipy.stats.norm.logpdf((x[:, 1] - 170) / 10, raw[..., 0], sigma[..., 0]),
        scipy.stats.bernoulli.logpmf(places[:, 2], scipy.special.expit(raw[..., 2])),
        scipy.stats.norm.logpdf((x[:, 3] + 2e6) / 5e5, raw[..., 1], sigma[..., 1]),
        pick(raw[..., 6:8], places[:, 4]),
    ]
    return np.stack(columns, axis=-1)


# The density.


@likelihoods
def test_log_prob_is_the_sum_of_the_columns_densities(scale):
    likelihood, features = built(make(scale)), normals(2, 3, 5)
    expected = terms_by_scipy(likelihood, features, X).sum(-1)
    np.testing.assert_allclose(likelihood(features).log_prob(X), expected, rtol=2e-5)  # float32 rounding


@likelihoods
def test_log_prob_of_gaps_is_the_sum_over_the_observed_columns(scale):
    likelihood, features = built(make(scale)), normals(2, 3, 5)
    expected = np.where(GAPS, 0, terms_by_scipy(likelihood, features, X)).sum(-1)
    np.testing.assert_allclose(likelihood(features).log_prob(with_gaps()), expected, rtol=2e-5)  # float32 rounding


def test_row_without_any_value_has_probability_one():
    assert np.all(built(make())(normals(4, 3, 5)).log_prob(with_gaps())[:, 2] == 0)


def test_leaving_a_value_out_is_summing_and_integrating_over_it():
    p = built(make())(normals(1, 1, 5))
    x = np.array([[NAN, 165, NAN, -1.5e6, 0]], "float32")
    every = [[[k, 165, b, -1.5e6, 0]] for k in range(3) for b in range(2)]
    total = sum(np.exp(p.log_prob(np.float32(row)).numpy()) for row in every)
    np.testing.assert_allclose(np.exp(p.log_prob(x)), total, rtol=1e-5)  # float32 rounding
    grid = np.arange(-20, 20, 0.005)
    rows = np.repeat(x[None], len(grid), 0)
    rows[..., 1] = 170 + 10 * grid[:, None]
    integral = np.exp(p.log_prob(rows[:, 0])[0].numpy().astype("float64")).sum() * 0.005
    missing = np.array([[NAN, NAN, NAN, -1.5e6, 0]], "float32")
    np.testing.assert_allclose(np.exp(p.log_prob(missing))[0, 0], integral, rtol=1e-4)  # of the grid, in float32


def test_gradient_of_a_gap_is_zero_and_of_the_rest_what_it_is_without_gaps():
    likelihood, features, x = built(make()), normals(1, 1, 5), X[:1].copy()

    def gradients(x):
        with tf.GradientTape() as tape:
            loss = likelihood(features).log_prob(x)
        return [tf.convert_to_tensor(g).numpy() for g in tape.gradient(loss, likelihood.trainable_weights)]

    full, (kernel, bias, scale) = gradients(x), gradients(np.float32([[NAN, 165, 1, NAN, 0]]))
    gone, kept = [1, 3, 4, 5], [0, 2, 6, 7]  # parameters: two means, a logit, three logits and two
    assert np.all(kernel[:, gone] == 0) and np.all(bias[gone] == 0) and scale[1] == 0
    for ours, theirs in [(kernel[:, kept], full[0][:, kept]), (bias[kept], full[1][kept]), (scale[0], full[2][0])]:
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("mean", [0.0, 1e30])
def test_gradient_of_a_gap_is_finite_wherever_the_column_lies(mean):
    likelihood = built(Table([{"name": "far", "type": "real", "mean": mean, "stddev": 1e-3}]))
    with tf.GradientTape() as tape:
        log_prob = likelihood(normals(1, 1, 5)).log_prob([[NAN]])
    assert float(log_prob[0, 0]) == 0
    assert all(np.all(np.asarray(g) == 0) for g in tape.gradient(log_prob, likelihood.trainable_weights))


def test_density_does_not_depend_on_the_units_of_a_column():
    features, x = normals(1, 1, 5), np.float32([[165.0]])
    centimetres = built(Table([{"name": "height", "type": "real", "mean": 170.0, "stddev": 10.0}]))
    metres = built(Table([{"name": "height", "type": "real", "mean": 1.7, "stddev": 0.1}]))
    metres.set_weights(centimetres.get_weights())
    np.testing.assert_allclose(metres(features).log_prob(x / 100), centimetres(features).log_prob(x), rtol=1e-5)


def test_scale_starts_at_softplus_of_zero_and_never_falls_below_a_hundredth():
    likelihood = built(make())
    np.testing.assert_allclose(likelihood.scale(None), np.log(2) + 0.01, rtol=1e-6)  # float32 rounding
    likelihood.scale.set_weights([np.full(2, -1e4)])
    np.testing.assert_allclose(likelihood.scale(None), 0.01, rtol=1e-6)  # float32 rounding


# Mean and samples.


def test_mean_is_in_units_of_the_column_a_probability_or_the_most_probable_category():
    likelihood = built(make())
    bias = np.array([0.5, -1.0, 2.0, 0, 1, 3, 5, 4])
    likelihood.set_weights([np.zeros((5, 8)), bias, np.zeros(2)])
    expected = [2, 175, scipy.special.expit(2.0), -2.5e6, 0]
    np.testing.assert_allclose(likelihood(normals(1, 1, 5)).mean()[0, 0], expected, rtol=1e-6)  # float32 rounding


def test_samples_have_the_frequencies_of_the_parameters():
    likelihood = built(make(0.5))
    likelihood.set_weights([np.zeros((5, 8)), np.array([0.5, -1.0, 2.0, 0, 1, 2, 1, 0])])
    n = 20_000
    sample = likelihood(normals(1, 5)).sample(n, seed=(0, 1)).numpy()[:, 0]
    kinds, p = scipy.special.softmax([0, 1, 2]), scipy.special.expit(2.0)
    error = 4 * 0.5 / np.sqrt(n)  # four standard errors, of a frequency and of a mean with sigma 0.5
    np.testing.assert_allclose(np.bincount(np.int64(sample[:, 0])) / n, kinds, atol=error)
    means = [(sample[:, 1].mean() - 170) / 10, sample[:, 2].mean(), (sample[:, 3].mean() + 2e6) / 5e5]
    np.testing.assert_allclose(means, [0.5, p, -1], atol=error)
    assert (sample[:, 1].std() / 10) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(2 * n))  # four standard errors
    assert all(set(np.unique(sample[:, place])) == {0.0, 1.0} for place in (2, 4))
    assert abs(np.corrcoef(sample.T)[np.triu_indices(5, 1)]).max() < 5 / np.sqrt(n)  # columns are independent given z


def test_sample_is_that_of_its_seed():
    p = built(make())(normals(2, 3, 5))
    first, again, other = (p.sample(seed=seed).numpy() for seed in ((0, 1), (0, 1), (0, 2)))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


# Conformance.


@likelihoods
def test_shapes_for_any_number_of_samples_and_examples(scale):
    likelihood = built(make(scale))

    @tf.function(input_signature=[tf.TensorSpec([None, None, 5]), tf.TensorSpec([None, 5])])
    def evaluate(features, x):
        p = likelihood(features)
        return p.log_prob(x), p.mean(), p.sample(seed=(0, 1))

    for s, b in [(1, 1), (4, 3), (2, 0)]:
        shapes = tuple(tuple(value.shape) for value in evaluate(normals(s, b, 5), X[:b]))
        assert shapes == ((s, b), (s, b, 5), (s, b, 5))


@one_type
def test_any_columns_alone_are_a_table(places):
    likelihood = built(make(columns=[COLUMNS[place] for place in places]))
    p, x = likelihood(normals(2, 3, 5)), X[:, places]
    assert (p.log_prob(x).shape, p.mean().shape) == ((2, 3), (2, 3, len(places)))
    assert p.sample(4, seed=(0, 1)).shape == (4, 2, 3, len(places))
    np.testing.assert_array_equal(p.log_prob(np.full_like(x, NAN)), np.zeros([2, 3]))


@likelihoods
def test_every_weight_has_a_gradient_with_gaps_in_x(scale, weights_without_gradient):
    likelihood, features = built(make(scale)), normals(2, 3, 5)
    x = np.concatenate([with_gaps()[:2], X[2:]])
    assert weights_without_gradient(likelihood, lambda: -tf.reduce_mean(likelihood(features).log_prob(x))) == []


@likelihoods
def test_eager_equals_graph(scale):
    likelihood, features = built(make(scale)), normals(2, 3, 5)
    evaluate = lambda h: likelihood(h).log_prob(with_gaps())  # noqa: E731
    np.testing.assert_allclose(tf.function(evaluate)(features), evaluate(features), rtol=1e-5)  # float32 rounding


@likelihoods
def test_survives_a_keras_file(scale, make_vae, reload):
    # The encoder is another part's affair: an MLP takes X, which has no gaps.
    model, z = make_vae((5,), likelihood=make(scale), decoder=MLP([5])), normals(2, 3, 2)
    loaded = reload(model)
    np.testing.assert_array_equal(loaded.decode(z).log_prob(with_gaps()), model.decode(z).log_prob(with_gaps()))
    np.testing.assert_array_equal(loaded.decode(z).mean(), model.decode(z).mean())
    assert list(loaded.likelihood.columns) == COLUMNS and type(loaded.likelihood.scale) is type(model.likelihood.scale)


@likelihoods
def test_value_of_an_example_does_not_depend_on_its_batch(scale):
    likelihood, features = built(make(scale)), normals(2, 3, 5)
    alone = likelihood(features[1:, 1:2]).log_prob(with_gaps()[1:2])[0, 0]
    np.testing.assert_allclose(likelihood(features).log_prob(with_gaps())[1, 1], alone, rtol=1e-5)  # float32


# Faults.


def test_number_stands_for_a_fixed_scale():
    assert isinstance(make(0.3).scale, FixedScale) and isinstance(make().scale, ColumnScale)
    with pytest.raises(ValueError, match="`scale` must be a positive number or a Scale"):
        make(0.0)


def test_scale_that_is_one_for_all_columns_and_found_from_x_is_refused():
    with pytest.raises(ValueError, match="`scale` must not be one for all columns that is found from x"):
        make(OptimalScale)


@pytest.mark.parametrize("event_shape", [(4,), (5, 1), (28, 28, 1)], ids=str)
def test_columns_must_be_those_of_x(event_shape):
    with pytest.raises(ValueError, match=r"`columns` must describe every column of x.*Received: 5 columns for event_s"):
        make().build((None, 5), event_shape)


def test_columns_must_be_given():
    with pytest.raises(ValueError, match=r"`columns` must describe every column of x.*Received: 0 columns"):
        Table().build((None, 5), (0,))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"name": "x", "type": "text"}, "must have a name and a type of"),
        ({"type": "real", "mean": 0.0, "stddev": 1.0}, "must have a name and a type of"),
        ({"name": "x", "type": "categorical"}, "must have `categories`"),
        ({"name": "x", "type": "categorical", "categories": []}, "must have `categories`"),
        ({"name": "x", "type": "real"}, "a finite `mean` and a positive `stddev`"),
        ({"name": "x", "type": "real", "mean": 0.0, "stddev": 0.0}, "a finite `mean` and a positive `stddev`"),
        ({"name": "x", "type": "real", "mean": NAN, "stddev": 1.0}, "a finite `mean` and a positive `stddev`"),
    ],
)
def test_malformed_columns_are_refused(column, message):
    with pytest.raises(ValueError, match=message):
        Table([column])


def test_values_of_a_table_pass_the_check():
    assert make().check(tf.constant(with_gaps())) is None


@pytest.mark.parametrize(
    ("place", "value"), [(0, 3), (0, -1), (0, 0.5), (1, np.inf), (2, 2), (2, 0.5), (4, 2)], ids=str
)
def test_values_that_a_column_cannot_have_are_refused(place, value):
    x = X.copy()
    x[1, place] = value
    with pytest.raises(DataError, match=f"Column `{COLUMNS[place]['name']}` has values that no"):
        make().check(tf.constant(x))
