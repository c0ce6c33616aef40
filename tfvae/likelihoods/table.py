"""Table: p(x|z) of the columns of a table, each of its own type, any of them missing."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.columns import Columns
from tfvae.errors import DataError
from tfvae.likelihoods.likelihood import Likelihood, Parameters
from tfvae.likelihoods.scale import FixedScale, Scale
from tfvae.offers import accepted

tfd = tfp.distributions

MINIMAL_SCALE = 1e-2  # of a standard deviation: a column that z tells exactly must not be worth infinitely much


@keras.saving.register_keras_serializable("tfvae")
class Table(Likelihood):
    """p(x|z) = prod_d p(x_d|z) over the columns: normal if real, Bernoulli if binary, categorical if categorical.

    A missing value, NaN in x, is left out of the product, which is to integrate it out: log p(x|z) is that of what was
    observed, and so an ELBO is a bound on log p(x_observed), which is what to maximise if values are missing at random.
    Real columns count as densities of the standardised column: the nats of a table do not depend on its units.

    Args:
        columns: A dict for each column, see `Columns`: the `columns` of a table's source. A configuration leaves them
            out, as the data has them.
        scale: Where sigma comes from, in units of a column's standard deviation: a positive number or a `Scale` but
            `OptimalScale`, which would be one for all columns; None learns one for each column.

    Raises:
        ValueError: If `columns` are malformed or not those of x, or `scale` is neither of these.

    Reference:
        Mattei and Frellsen, 2019. MIWAE: deep generative modelling and imputation of incomplete data sets.
        https://arxiv.org/abs/1812.02633
        Nazabal et al., 2020. Handling incomplete heterogeneous data using VAEs. https://arxiv.org/abs/1807.03653
        (which standardises by the statistics of each batch, where we take those of the training examples).
    """

    has_one_unit = False

    def __init__(self, columns=(), scale=None, **kwargs):
        super().__init__(**kwargs)
        self.columns = Columns(columns)
        self.parameters = Parameters()
        self.scale = ColumnScale() if scale is None else scale if isinstance(scale, Scale) else FixedScale(scale)
        if accepted(self.scale.call, moment=True):
            raise ValueError(f"`scale` must not be one for all columns that is found from x. Received: scale={scale!r}")

    def build(self, features_shape, event_shape):
        self.columns.check(event_shape)
        num_real, num_binary = len(self.columns.real), len(self.columns.binary)
        self.sizes = [num_real, num_binary, *self.columns.num_categories]
        self.parameters.build(features_shape, (sum(self.sizes),))
        if num_real and not self.scale.built:
            self.scale.build(features_shape, (num_real,))

    def call(self, features):
        mean, logits, *categorical = tf.split(self.parameters(features), self.sizes, axis=-1)
        scale = self.scale(features) if self.columns.real else tf.ones([0])
        return ProductOfColumns(
            self.columns,
            tfd.Normal(mean, scale),
            tfd.Bernoulli(logits=logits, dtype="float32"),
            [tfd.Categorical(logits=c) for c in categorical],
        )

    def check(self, x):
        """Refuses values that a column cannot have.

        Raises:
            DataError: If a real value is infinite, a binary one neither 0 nor 1, or a categorical one no place in its
                list of categories.
        """
        for place, column in enumerate(self.columns):
            values = tf.boolean_mask(x[:, place], ~tf.math.is_nan(x[:, place]))
            if not bool(tf.reduce_all(_possible(column, values))):
                raise DataError(f"Column `{column['name']}` has values that no {column['type']} column can have.")

    def get_config(self):
        scale = keras.saving.serialize_keras_object(self.scale)
        return {**super().get_config(), "columns": self.columns.as_dicts(), "scale": scale}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "scale": keras.saving.deserialize_keras_object(config["scale"])})


@keras.saving.register_keras_serializable("tfvae")
class ColumnScale(Scale):
    """One sigma for each real column of a table, learned, at least 0.01 of the column's standard deviation."""

    def build(self, features_shape, event_shape):
        self.raw = self.add_weight(name="raw_scale", shape=event_shape, initializer="zeros", autocast=False)

    def call(self, features):
        return tf.math.softplus(self.raw) + MINIMAL_SCALE


class ProductOfColumns(tfd.Distribution):
    """Independent columns, of which those that are NaN in x are left out of its probability.

    `mean` is that of a real column in its own units, the probability of 1 for a binary one, and for a categorical one
    the place of the most probable category, as a mean of places means nothing.

    Args:
        columns: `Columns`.
        real: Normals of the standardised real columns, batch_shape [..., R].
        binary: Bernoullis, batch_shape [..., P].
        categorical: One categorical for each column, batch_shape [...] each.
    """

    def __init__(self, columns, real, binary, categorical):
        parameters = dict(locals())
        self.columns, self.real, self.binary, self.categorical = columns, real, binary, list(categorical)
        super().__init__(
            dtype=tf.float32,
            reparameterization_type=tfp.distributions.NOT_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters=parameters,
        )

    def _log_prob(self, x):
        terms = [
            tf.reduce_sum(_observed(self.real.log_prob, self.columns.standardized(x)), axis=-1),
            tf.reduce_sum(_observed(self.binary.log_prob, self.columns.bits(x)), axis=-1),
        ]
        for place, distribution in zip(self.columns.categorical, self.categorical, strict=True):
            terms.append(_observed(distribution.log_prob, x[..., place], "int32"))
        return tf.reduce_sum(tf.stack(terms), axis=0)

    def _mean(self):
        modes = [tf.cast(distribution.mode(), "float32") for distribution in self.categorical]
        return self._joined(self.real.mean(), self.binary.mean(), modes)

    def _sample_n(self, n, seed=None):
        seeds = tfp.random.split_seed(seed, 2 + len(self.categorical))
        pairs = zip(self.categorical, tf.unstack(seeds[2:]) if self.categorical else [], strict=True)
        drawn = [tf.cast(distribution.sample(n, seed=s), "float32") for distribution, s in pairs]
        return self._joined(self.real.sample(n, seed=seeds[0]), self.binary.sample(n, seed=seeds[1]), drawn)

    def _joined(self, standardized, binary, categorical):
        places = tf.stack(categorical, axis=-1) if categorical else binary[..., :0]
        return self.columns.joined(self.columns.restored(standardized), binary, places)

    def _batch_shape(self):
        return self.binary.batch_shape[:-1]

    def _batch_shape_tensor(self):
        return self.binary.batch_shape_tensor()[:-1]

    def _event_shape(self):
        return tf.TensorShape([len(self.columns)])

    def _event_shape_tensor(self):
        return tf.constant([len(self.columns)])


def _observed(log_prob, values, dtype="float32"):
    """`log_prob` where there is a value, else 0, with gradient 0."""
    missing = tf.math.is_nan(values)
    # Filled before, and not only masked after: the gradient of a NaN is NaN, even where it is multiplied by 0.
    filled = tf.cast(tf.where(missing, 0.0, values), dtype)
    return tf.where(missing, 0.0, log_prob(filled))


def _possible(column, values):
    """Which of the values of a column it can have."""
    if column["type"] == "real":
        return tf.math.is_finite(values)
    highest = 1 if column["type"] == "binary" else len(column["categories"]) - 1
    return (values >= 0) & (values <= highest) & (values == tf.round(values))
