"""RelaxedCategorical: q(z|x) for one of L categories, made differentiable."""

import math

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.posteriors.checks import check_at_least_two
from tfvae.posteriors.posterior import Posterior

tfd = tfp.distributions

MINIMAL_LOG_Z = -80.0  # float32 ends at exp(-87), and log z has to stay finite


@keras.saving.register_keras_serializable("tfvae")
class RelaxedCategorical(Posterior):
    """q(z|x) = Concrete(z; logits(x), temperature): a point of the simplex, near a corner if the temperature is low.

    With the prior `UniformCategorical` the rate is the divergence of the categorical distributions, in closed form and
    at most log L nats, as Jang et al. and JointVAE have it; it belongs to the hard categories and not to the relaxed
    ones. With a relaxed prior it is that of the densities, by Monte Carlo. The code is the probabilities.

    Args:
        latent_size: Number L of categories, at least 2.
        temperature: A positive number, or a schedule over training steps; a call without a step takes it at step 0.

    Raises:
        ValueError: If `latent_size` is less than 2, or `temperature` neither a positive number nor a schedule.

    Reference:
        Maddison, Mnih and Teh, 2017. The Concrete Distribution. https://arxiv.org/abs/1611.00712 (2/3: section 5).
        Jang, Gu and Poole, 2017. Categorical Reparameterization with Gumbel-Softmax. https://arxiv.org/abs/1611.01144
        Dupont, 2018. Learning Disentangled Joint Continuous and Discrete Representations.
        https://arxiv.org/abs/1804.00104
    """

    support = "the simplex"
    has_stddev = False

    def __init__(self, latent_size, temperature=2 / 3, **kwargs):
        super().__init__(latent_size, **kwargs)
        check_at_least_two(latent_size, "one category alone is always the same")
        _check_temperature(temperature)
        self.temperature = temperature

    @property
    def num_parameters(self):
        return self.latent_size

    def distribution(self, parameters, step=None):
        return RelaxedOneHot(self._temperature_at(0 if step is None else step), parameters)

    def code(self, distribution):
        return tf.nn.softmax(distribution.logits)

    def _temperature_at(self, step):
        value = self.temperature(step) if callable(self.temperature) else self.temperature
        return tf.cast(value, "float32")

    def get_config(self):
        temperature = keras.saving.serialize_keras_object(self.temperature)
        return {**super().get_config(), "latent_size": self.latent_size, "temperature": temperature}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "temperature": keras.saving.deserialize_keras_object(config["temperature"])})


class RelaxedOneHot(tfd.Distribution):
    """TFP's `RelaxedOneHotCategorical` whose samples and densities stay finite: log z is never below MINIMAL_LOG_Z.

    Args:
        temperature: [].
        logits: [B, L].
    """

    def __init__(self, temperature, logits, name="RelaxedOneHot"):
        parameters = dict(locals())
        self.temperature, self.logits = tf.convert_to_tensor(temperature), tf.convert_to_tensor(logits)
        super().__init__(
            dtype=self.logits.dtype,
            reparameterization_type=tfd.FULLY_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters=parameters,
            name=name,
        )

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        properties = tfp.util.ParameterProperties
        return {"temperature": properties(event_ndims=0), "logits": properties(event_ndims=1)}

    def _event_shape(self):
        return self.logits.shape[-1:]

    def _event_shape_tensor(self):
        return tf.shape(self.logits)[-1:]

    def _sample_n(self, n, seed=None):
        return tf.exp(tf.maximum(self._log_z.sample(n, seed=seed), MINIMAL_LOG_Z))

    def _log_prob(self, z):
        log_z = tf.math.log(tf.maximum(z, math.exp(MINIMAL_LOG_Z)))
        return self._log_z.log_prob(log_z) - tf.reduce_sum(log_z, axis=-1)

    @property
    def _log_z(self):
        return tfd.ExpRelaxedOneHotCategorical(self.temperature, logits=self.logits)


@tfd.RegisterKL(RelaxedOneHot, tfd.OneHotCategorical)
def _kl_of_the_categories(posterior, prior, name=None):
    q, p = tf.nn.log_softmax(posterior.logits), tf.nn.log_softmax(prior.logits_parameter())
    return tf.reduce_sum(tf.exp(q) * (q - p), axis=-1)


def _check_temperature(temperature):
    is_number = isinstance(temperature, (int, float)) and not isinstance(temperature, bool)
    is_schedule = isinstance(temperature, keras.optimizers.schedules.LearningRateSchedule)
    if not is_schedule and not (is_number and 0 < temperature < math.inf):
        raise ValueError(
            f"`temperature` must be a positive number, or a schedule. Received: temperature={temperature!r}"
        )
