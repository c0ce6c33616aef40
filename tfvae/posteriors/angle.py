"""The angle between a von Mises-Fisher vector and its mean direction: its normalizer, its sampler and their gradients.

In L dimensions and with concentration k its density on [0, pi] is p(t) = exp(h(t)) / Z, up to a constant in L, with
h(t) = (L - 2) log sin t - k (1 - cos t). In t it is smooth at both ends, so that Gauss and Legendre's quadrature gives
integrals of it to the precision of float32, for any L and k and without Bessel functions.
"""

import math

import numpy as np
import tensorflow as tf

PI = 3.141592  # just below pi: in float32 the sine of pi is negative
REACH = 9.0  # in standard deviations: what is outside adds less than 1e-8
_nodes, _weights = np.polynomial.legendre.leggauss(64)
NODES, WEIGHTS = ((_nodes + 1) / 2).astype("float32"), (_weights / 2).astype("float32")  # on [0, 1]


def log_normalizer(concentration, size):
    """log of the mean of exp(-k (1 - cos t)) over the uniform distribution on the sphere: [...] -> [...]."""
    low, high = _range(_mode(concentration, size), concentration, size)
    t = low + (high - low) * NODES
    log_integral = tf.reduce_logsumexp(_log_density(t, concentration[..., tf.newaxis], size) + np.log(WEIGHTS), axis=-1)
    log_uniform = math.log(math.pi) / 2 + math.lgamma((size - 1) / 2) - math.lgamma(size / 2)
    return log_integral + tf.math.log(high - low)[..., 0] - log_uniform


def mean_versine(concentration, size):
    """E[1 - cos t]: [...] -> [...]. 1 less it is the mean resultant length, I_(L/2)(k) / I_(L/2-1)(k)."""
    low, high = _range(_mode(concentration, size), concentration, size)
    t = low + (high - low) * NODES
    weights = tf.nn.softmax(_log_density(t, concentration[..., tf.newaxis], size) + np.log(WEIGHTS), axis=-1)
    return tf.reduce_sum(weights * versine(t), axis=-1)


def versine(t):
    """1 - cos t, without cancellation."""
    return 2 * tf.sin(t / 2) ** 2


def sample(shape, concentration, size, seed):
    """Draws angles, and directions around the mean direction.

    A uniform direction is moved towards the mean direction and accepted or rejected; some two of three are accepted in
    the worst case.

    Args:
        shape: Shape [..., B] of the draws.
        concentration: [B].
        size: Number L of dimensions.
        seed: Stateless seed, int32 [2].

    Returns:
        Angles [..., B], with a gradient by the concentration, and unit vectors [..., B, L - 1].

    Reference:
        Wood, 1994. Simulation of the von Mises Fisher distribution. https://doi.org/10.1080/03610919408813161
    """
    k, vector_shape = tf.stop_gradient(concentration), tf.concat([shape, [size]], 0)

    def draw(attempt, vectors, missing):
        vector_seed, uniform_seed = tf.unstack(tf.random.split(tf.random.fold_in(seed, attempt)))
        vectors = tf.where(missing[..., tf.newaxis], tf.random.stateless_normal(vector_shape, vector_seed), vectors)
        log_uniform = tf.math.log(tf.random.stateless_uniform(shape, uniform_seed))
        # `<` is false for NaN: a broken encoder must end in a NaN loss, not here.
        return attempt + 1, vectors, missing & (_log_acceptance(_proposal(vectors, k, size), k, size) < log_uniform)

    start = tf.constant(0), tf.zeros(vector_shape), tf.ones(shape, "bool")
    vectors = tf.while_loop(lambda attempt, vectors, missing: tf.reduce_any(missing), draw, start)[1]
    angle = tf.stop_gradient(tf.clip_by_value(_proposal(vectors, k, size), 1e-12, PI))
    slope = tf.stop_gradient(_slope(angle, k, size))
    return angle + slope * (concentration - k), tf.stop_gradient(tf.math.l2_normalize(vectors[..., 1:], axis=-1))


def _proposal(vectors, k, size):
    """The angle of a uniform direction after a Moebius transformation of the sphere that fits concentration k."""
    angle = tf.atan2(tf.norm(vectors[..., 1:], axis=-1), vectors[..., 0])
    return 2 * tf.atan2(tf.sqrt(_shrinkage(k, size)) * tf.sin(angle / 2), tf.cos(angle / 2))


def _log_acceptance(angle, k, size):
    b = _shrinkage(k, size)
    pole, versine_of_pole = (1 - b) / (1 + b), 2 * b / (1 + b)
    ratio = (versine_of_pole + pole * versine(angle)) / (versine_of_pole * (1 + pole))
    return k * (versine_of_pole - versine(angle)) + (size - 1) * tf.math.log(ratio)


def _shrinkage(k, size):
    return (size - 1) / (2 * k + tf.sqrt(4 * k**2 + (size - 1) ** 2))


def _slope(angle, k, size):
    """d angle / d k at a fixed value of the distribution function F: -(dF / dk) / p, an integral to either end.

    Reference:
        Figurnov, Mohamed and Mnih, 2018. Implicit Reparameterization Gradients, eq. 5. https://arxiv.org/abs/1805.08498
    """
    mean = mean_versine(k, size)
    low, high = _range(angle, k, size)
    end = tf.where(versine(angle) < mean, low[..., 0], high[..., 0])  # towards it, the integrand keeps its sign
    t = angle[..., tf.newaxis] + (end - angle)[..., tf.newaxis] * NODES
    k = k[..., tf.newaxis]
    ratio = tf.exp(_log_density(t, k, size) - _log_density(angle[..., tf.newaxis], k, size))
    return (end - angle) * tf.reduce_sum(WEIGHTS * (mean[..., tf.newaxis] - versine(t)) * ratio, axis=-1)


def _log_density(t, k, size):
    return (size - 2) * tf.math.log(tf.sin(t)) - k * versine(t)


def _mode(k, size):
    a = size - 2
    return tf.atan2(tf.sqrt(2 * a * (a + tf.sqrt(a**2 + 4 * k**2))), 2 * k)


def _range(center, k, size):
    """Ends of the part of [0, pi] that counts, [..., 1], constant in k: the integrals do not depend on it."""
    reach = REACH / tf.sqrt(k + size - 2)
    low, high = tf.maximum(center - reach, 0.0), tf.minimum(center + reach, PI)
    return tf.stop_gradient(low)[..., tf.newaxis], tf.stop_gradient(high)[..., tf.newaxis]
