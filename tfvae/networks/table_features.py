"""TableFeatures: the columns of a table as a network can take them."""

import keras
import tensorflow as tf

from tfvae.columns import Columns
from tfvae.offers import accepted


@keras.saving.register_keras_serializable("tfvae")
class TableFeatures(keras.Layer):
    """A network on the columns of a table: x [B, D], NaN where missing -> features. Encoder.

    The network sees real columns standardised, binary ones as 0 or 1, categorical ones one-hot, all of them 0 where the
    value is missing, and for each column whether it is: [B, R + P + categories + D].

    Args:
        network: Layer that takes a vector, an `MLP` for one.
        columns: A dict for each column, see `Columns`: the `columns` of a table's source. A configuration leaves them
            out, as the data has them.

    Raises:
        ValueError: If `network` is not a Keras layer, or `columns` are malformed or not those of x.

    Reference:
        Nazabal et al., 2020. Handling incomplete heterogeneous data using VAEs. https://arxiv.org/abs/1807.03653
        (whose encoder gets zeros for missing values too, without the indicators by which ours tells a gap from a zero).
    """

    def __init__(self, network, columns=(), **kwargs):
        # float32 under mixed precision too: a number or a place in a long list does not survive less. The network's
        # own layers compute as they are told.
        super().__init__(**{**kwargs, "dtype": "float32"})
        if not isinstance(network, keras.Layer):
            raise ValueError(f"`network` must be a Keras layer. Received: network={network!r}")
        self.network, self.columns = network, Columns(columns)

    @property
    def condition_size(self):
        """Size K of the condition that the network asks for, or None."""
        return getattr(self.network, "condition_size", None)

    def build(self, input_shape):
        self.columns.check(input_shape[1:])
        if not self.network.built:
            self.network.build((None, self._num_inputs))

    def call(self, x, training=False, condition=None, seed=None):
        offered = accepted(self.network.call, training=training, condition=condition, seed=seed)
        return self.network(self._inputs(x), **offered)

    def compute_output_shape(self, input_shape):
        return self.network.compute_output_shape((input_shape[0], self._num_inputs))

    @property
    def _num_inputs(self):
        columns = self.columns
        return len(columns.real) + len(columns.binary) + sum(columns.num_categories) + len(columns)

    def _inputs(self, x):
        missing = tf.math.is_nan(x)
        places = tf.cast(tf.where(missing, -1.0, x), "int32")  # -1 has no category: zeros
        categorical = zip(self.columns.categorical, self.columns.num_categories, strict=True)
        one_hot = [tf.one_hot(places[:, place], size) for place, size in categorical]
        numbers = tf.concat([self.columns.standardized(x), self.columns.bits(x)], axis=-1)
        numbers = tf.where(tf.math.is_nan(numbers), 0.0, numbers)
        return tf.concat([numbers, *one_hot, tf.cast(missing, "float32")], axis=-1)

    def get_config(self):
        network = keras.saving.serialize_keras_object(self.network)
        return {**super().get_config(), "network": network, "columns": self.columns.as_dicts()}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "network": keras.saving.deserialize_keras_object(config["network"])})
