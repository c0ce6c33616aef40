"""OptimalScale: the most likely sigma in closed form, as in sigma-VAE."""

import keras
import tensorflow as tf

from tfvae.likelihoods.scale import MINIMAL_SCALE, Scale

MOMENTUM = 0.99  # the stored number is an average over some 100 batches


@keras.saving.register_keras_serializable("tfvae")
class OptimalScale(Scale):
    """One sigma for all, the most likely one: that of the batch in training, else of recent batches; at least 1/255.

    For a normal likelihood sigma^2 is the mean of (x - mean(z))^2 over samples, examples and elements, for a Laplace
    likelihood b is the mean of |x - mean(z)|. So in training log p(x|z) of an example depends on its batch, and the
    distortion of D elements is D/2 (log(2 pi sigma^2) + 1) if they are normal. The gradient flows through sigma, and so
    is that of the reported loss under any objective; under the ELBO that part is zero, as sigma is at its optimum.

    Evaluation and serving take a stored sigma, as x must not choose its own: the root of an exponential moving
    average of the batches' means, corrected for its start as in Adam. It is 1 before any training.

    Reference:
        Rybkin et al., 2021. Simple and Effective VAE Training with Calibrated Decoders, equations 7 and 8.
        https://arxiv.org/abs/2006.13202 (the minimum, and what is stored for evaluation, are ours.)
    """

    def build(self, features_shape, event_shape):
        # The mean over replicas of equal batches is that over all of their examples.
        settings = {"shape": (), "trainable": False, "autocast": False, "aggregation": "mean"}
        self.moment = self.add_weight(name="moment", initializer="ones", **settings)
        self.total = self.add_weight(name="total", initializer="zeros", **settings)

    def call(self, features, moment=None, order=2):
        if moment is None:
            moment = self.moment.value
        else:
            self._average(moment)
        return tf.maximum(moment, MINIMAL_SCALE**order) ** (1 / order)

    def _average(self, moment):
        """Takes in the moment of a batch, with weight 1, where that of all before shrinks by MOMENTUM."""
        self.total.assign(MOMENTUM * self.total.value + 1)
        share = 1 / self.total.value  # 1 exactly for the first batch
        self.moment.assign((1 - share) * self.moment.value + share * moment)
