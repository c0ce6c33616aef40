"""PixelCNN: p(x|z) of binary images whose pixels depend on the pixels before them."""

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.likelihoods.likelihood import Likelihood, Parameters

tfd = tfp.distributions


@keras.saving.register_keras_serializable("tfvae")
class PixelCNN(Likelihood):
    """p(x|z) = prod_i Bernoulli(x_i; f_i(x_1, ..., x_(i-1), z)), pixel by pixel in the order of reading.

    f is a stack of masked convolutions over x, to whose first layer a linear map of the features of z is added at every
    pixel. All channels of a pixel are independent given the pixels before. A stack of masked convolutions does not see
    every pixel before: those above and far to the right lie in its blind spot (van den Oord et al., 2016b).

    One evaluation gives `log_prob`. `mean` and `sample` go through the H * W pixels one after another, with an
    evaluation for each. `mean` is no expectation, which has no closed form: it is the probability of each pixel where
    those before have their likeliest values.

    Args:
        filters: Number of filters of each convolution.
        num_layers: Number of residual layers after the first.
        kernel_size: Height and width of the convolutions in pixels, odd and at least 3.

    Raises:
        ValueError: If a size is not a positive integer, `kernel_size` is even or 1, or x is no image.

    Reference:
        Van den Oord et al., 2016. Pixel Recurrent Neural Networks, section 3.4. https://arxiv.org/abs/1601.06759
        (which has three layers of channels in a pixel); 2016b: https://arxiv.org/abs/1606.05328
        With latent variables: Gulrajani et al., 2017. PixelVAE. https://arxiv.org/abs/1611.05013
    """

    discrete = True
    binary = True

    def __init__(self, filters, num_layers=3, kernel_size=5, **kwargs):
        super().__init__(**kwargs)
        for name, value in (("filters", filters), ("num_layers", num_layers), ("kernel_size", kernel_size)):
            if type(value) is not int or value < 1:
                raise ValueError(f"`{name}` must be a positive integer. Received: {name}={value!r}")
        if kernel_size % 2 == 0 or kernel_size == 1:  # at 1 no pixel would see another
            raise ValueError(f"`kernel_size` must be odd and at least 3. Received: kernel_size={kernel_size}")
        self.filters, self.num_layers, self.kernel_size = filters, num_layers, kernel_size
        self.of_features = Parameters()
        self.first = MaskedConvolution(filters, kernel_size, sees_itself=False)
        self.hidden = [MaskedConvolution(filters, kernel_size, sees_itself=True) for _ in range(num_layers)]

    def build(self, features_shape, event_shape):
        if len(event_shape) != 3:
            raise ValueError(f"`PixelCNN` needs images [H, W, C]. Received: event_shape={tuple(event_shape)}")
        *size, channels = event_shape
        self.of_features.build(features_shape, (*size, self.filters))
        self.first.build((None, *event_shape))
        for layer in self.hidden:
            layer.build((None, *size, self.filters))
        self.to_logits = keras.layers.Dense(channels, dtype="float32")
        self.to_logits.build((None, self.filters))

    def call(self, features):
        return Autoregressive(self.logits, self.of_features(features), self.to_logits.units)

    def logits(self, x, given):
        """Logits of all pixels from the pixels before: x [N, H, W, C] and given [N, H, W, filters] -> [N, H, W, C]."""
        units = self.first(x) + given
        for layer in self.hidden:
            units = units + layer(tf.nn.relu(units))
        return self.to_logits(tf.nn.relu(units))


@keras.saving.register_keras_serializable("tfvae")
class MaskedConvolution(keras.Layer):
    """A convolution that sees the pixels before each pixel, and the pixel itself if told to: [N, H, W, F] -> same size.

    Args:
        filters: Number of filters.
        kernel_size: Height and width in pixels, odd.
        sees_itself: Whether it sees the pixel at its own place: mask B of the paper, and A if not.
    """

    def __init__(self, filters, kernel_size, sees_itself, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.filters, self.kernel_size, self.sees_itself = filters, kernel_size, sees_itself

    def build(self, input_shape):
        shape = (self.kernel_size, self.kernel_size, input_shape[-1], self.filters)
        centre = self.kernel_size**2 // 2
        before = np.arange(self.kernel_size**2) < centre + self.sees_itself
        self.mask = before.reshape(self.kernel_size, self.kernel_size, 1, 1).astype("float32")
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="glorot_uniform")
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    def call(self, x):
        return tf.nn.conv2d(x, self.kernel * self.mask, 1, "SAME") + self.bias


class Autoregressive(tfd.Distribution):
    """Binary images, each pixel a Bernoulli variable given those before it.

    Args:
        logits: x [N, H, W, C], given [N, H, W, F] -> logits [N, H, W, C], those of a pixel from the pixels before.
        given: What the logits depend on beside x, [..., H, W, F]; its leading axes are the batch.
        num_channels: Number C of channels.
    """

    def __init__(self, logits, given, num_channels):
        parameters = dict(locals())
        self.logits, self.given, self.num_channels = logits, given, num_channels
        super().__init__(
            dtype=given.dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters=parameters,
        )

    def _log_prob(self, x):
        shape = tf.broadcast_dynamic_shape(tf.shape(x)[:-3], self._batch_shape_tensor())
        x, given = (tf.broadcast_to(t, tf.concat([shape, tf.shape(t)[-3:]], 0)) for t in (x, self.given))
        log_prob = tfd.Bernoulli(logits=self.logits(_rows(x), _rows(given)), dtype=x.dtype).log_prob(_rows(x))
        return tf.reshape(tf.reduce_sum(log_prob, axis=[1, 2, 3]), shape)

    def _mean(self):
        given = _rows(self.given)
        likeliest = self._generate(given, tf.fill([tf.shape(given)[0], *self.event_shape], 0.5))
        mean = tf.sigmoid(self.logits(likeliest, given))
        return tf.reshape(mean, tf.concat([self._batch_shape_tensor(), self.event_shape], 0))

    def _sample_n(self, n, seed=None):
        given = tf.tile(_rows(self.given), [n, 1, 1, 1])
        uniform = tf.random.stateless_uniform([tf.shape(given)[0], *self.event_shape], tfp.random.sanitize_seed(seed))
        shape = tf.concat([[n], self._batch_shape_tensor(), self.event_shape], 0)
        return tf.reshape(self._generate(given, uniform), shape)

    def _generate(self, given, thresholds):
        """Pixel by pixel 1 where its probability is above the threshold: [N, H, W, F], [N, H, W, C] -> [N, H, W, C]."""
        height, width, _ = self.event_shape

        def one_more(number, x):
            is_here = tf.reshape(tf.range(height * width) == number, [height, width, 1])
            chosen = tf.cast(tf.sigmoid(self.logits(x, given)) > thresholds, x.dtype)
            return number + 1, tf.where(is_here, chosen, x)

        start = tf.constant(0), tf.zeros_like(thresholds)
        return tf.while_loop(lambda *_: True, one_more, start, maximum_iterations=height * width)[1]

    def _batch_shape(self):
        return self.given.shape[:-3]

    def _batch_shape_tensor(self):
        return tf.shape(self.given)[:-3]

    def _event_shape(self):
        return tf.TensorShape([*self.given.shape[-3:-1], self.num_channels])

    def _event_shape_tensor(self):
        return tf.constant(self._event_shape().as_list())

    def _default_event_space_bijector(self):
        return None


def _rows(x):
    """[..., H, W, C] -> [N, H, W, C]."""
    return tf.reshape(x, tf.concat([[-1], tf.shape(x)[-3:]], 0))
