"""Bits-back coding: a lossless code for images whose length per image is the model's negative ELBO.

The entropy coder is constriction's stack; everything here is about which distributions to give it.
"""

from typing import NamedTuple

import constriction
import numpy as np
import tensorflow as tf

from tfvae.divergences import kl_per_dimension
from tfvae.evaluation.importance_sampling import no_progress

STEPS_PER_UNIT = 64  # of the grid on which z is coded: far below any posterior's standard deviation
LARGEST_CODE = 32 * STEPS_PER_UNIT  # the grid ends here
REACH = 6  # standard deviations of q(z|x) that are coded
WORD = 32  # bits
GREY_LEVELS = 256

stream = constriction.stream


class Compressed(NamedTuple):
    """Images as bits.

    Attributes:
        words: The code, uint32 [W].
        num_initial_bits: Number of random bits that the first images borrowed; `decompress` finds them again, and so
            they could carry other data.
        bits: What each image added, [N].
    """

    words: np.ndarray
    num_initial_bits: int
    bits: np.ndarray


def compress(model, x, seed=0, condition=None, progress=no_progress):
    """Codes images so that every one of their grey levels comes back.

    Args:
        model: A model with one group of latents, independent and normal in posterior and prior, and a likelihood of
            discrete pixels that are independent given z.
        x: Images as the model sees them, [N, H, W, C]: multiples of 1/255, or of 1 for a likelihood of binary pixels.
        seed: Integer that keys the bits that the first images borrow.
        condition: What a conditional model depends on, [N, K]; `decompress` has to be told the same.
        progress: Makes a progress bar from a total and a unit.

    Returns:
        A `Compressed`. Encoder and decoder must compute the same numbers to the last bit: the same machine and number
        of threads. The bits of one image draw the z of the next, which is as good as random only where there are many
        of them: with one or two latents the length is not quite the negative ELBO.

    Raises:
        ValueError: If the model has other latents or pixels than that, or x has values that are no grey level.

    Reference:
        Townsend et al., 2019. Practical Lossless Compression with Latent Variables using Bits Back Coding.
        https://arxiv.org/abs/1901.04866
    """
    chain = _Chain(model)
    levels = _levels_of(x, chain.num_levels)
    coder = stream.stack.AnsCoder(_initial_words(chain.num_bits_drawn(levels[0], _row(condition, 0)), seed))
    num_initial_bits, sizes = coder.num_valid_bits(), [coder.num_valid_bits()]
    with progress(len(x), "image") as bar:
        for number, image in enumerate(levels):
            chain.push(coder, image, _row(condition, number))
            sizes.append(coder.num_valid_bits())
            bar.update(1)
    return Compressed(coder.get_compressed(), num_initial_bits, np.diff(sizes))


def decompress(model, compressed, condition=None, progress=no_progress):
    """The images of a `Compressed`, float32 [N, H, W, C]: the arguments are those of `compress`.

    Raises:
        ValueError: If the model is of other latents or pixels than `compress` takes, or cannot have made this code.
    """
    chain, number = _Chain(model), len(compressed.bits)
    coder, images = stream.stack.AnsCoder(compressed.words), []
    with progress(number, "image") as bar:
        for i in reversed(range(number)):  # a stack: the last image comes first
            images.append(_popped(chain, coder, _row(condition, i)))
            bar.update(1)
    shape = (number, *model.event_shape)
    return (np.array(images[::-1]) / (chain.num_levels - 1)).astype("float32").reshape(shape)


def _popped(chain, coder, condition):
    try:
        return chain.pop(coder, condition)
    except KeyError as error:  # of constriction: a z that the posterior cannot have drawn
        raise ValueError("`compressed` is no code of this model and condition, on this machine.") from error


class _Chain:
    """What is pushed onto the stack for an image, and popped again in the opposite order."""

    def __init__(self, model):
        self.model, self.num_levels = model, 2 if model.likelihood.binary else GREY_LEVELS
        _check(model)
        self.prior = stream.model.QuantizedGaussian(-LARGEST_CODE, LARGEST_CODE)
        self.pixels = stream.model.Categorical(perfect=False)
        self.moments, self.probabilities = tf.function(self._moments), tf.function(self._probabilities)

    def push(self, coder, levels, condition):
        prior, posterior = self._normals(levels, condition)
        z = _draw(coder, *posterior)  # takes bits off the stack: what lies there decides on z
        coder.encode_reverse(levels, self.pixels, self._pixels_at(z, condition))
        coder.encode_reverse(z, self.prior, *prior)

    def pop(self, coder, condition):
        prior, _ = self._normals(np.zeros(self._num_pixels(), "int32"), condition)
        z = coder.decode(self.prior, *prior)
        levels = coder.decode(self.pixels, self._pixels_at(z, condition))
        _, posterior = self._normals(levels, condition)
        _put_back(coder, z, *posterior)
        return levels

    def num_bits_drawn(self, levels, condition):
        """What drawing z for an image takes off the stack, about: the entropy of q(z|x) on the grid."""
        _, (_, stddev) = self._normals(levels, condition)
        return np.sum(np.maximum(np.log2(np.sqrt(2 * np.pi * np.e) * stddev), 1))

    def _normals(self, levels, condition):
        """Means and standard deviations of p(z) and of q(z|x), in steps of the grid: ((mean, stddev), ...)."""
        x = tf.constant(levels.reshape(1, *self.model.event_shape) / (self.num_levels - 1), "float32")
        moments = [m.numpy().astype("float64") * STEPS_PER_UNIT for m in self.moments(x, condition)]
        return moments[:2], moments[2:]

    def _moments(self, x, condition):
        model = _given(self.model, condition)
        q, p, size = model.encode(x), self.model.p_z(**_context(condition)), [self.model.latent_size]
        return [tf.broadcast_to(tf.reshape(m, [-1]), size) for m in (p.mean(), p.stddev(), q.mean(), q.stddev())]

    def _pixels_at(self, z, condition):
        z = tf.constant(z[np.newaxis] / STEPS_PER_UNIT, "float32")
        return self.probabilities(z, condition).numpy().astype("float64")

    def _probabilities(self, z, condition):
        """p(level|z) of each pixel and level: [D, K]."""
        levels = tf.range(self.num_levels, dtype="float32") / (self.num_levels - 1)
        levels = tf.reshape(levels, [-1, 1] + [1] * len(self.model.event_shape))
        log_p = _given(self.model, condition).decode(z).distribution.log_prob(levels)
        return tf.transpose(tf.exp(tf.reshape(log_p, [self.num_levels, -1])))

    def _num_pixels(self):
        return int(np.prod(self.model.event_shape))


def _draw(coder, mean, stddev):
    """z ~ q(z|x) by the bits of the stack, steps of the grid, int32 [L]."""
    centre, windows = _windows(mean, stddev)
    z = np.zeros(len(mean), "int32")
    for rows, model in windows:
        z[rows] = centre[rows] + coder.decode(model, mean[rows] - centre[rows], stddev[rows])
    return z


def _put_back(coder, z, mean, stddev):
    """The opposite of `_draw`."""
    centre, windows = _windows(mean, stddev)
    for rows, model in reversed(windows):
        coder.encode_reverse(z[rows] - centre[rows], model, mean[rows] - centre[rows], stddev[rows])


def _windows(mean, stddev):
    """The grid's steps at the means, int32 [L], and latents of about the same width with a model of their window.

    Every step that a model of constriction knows of has a probability of at least 2**-24. On the whole grid that would
    now and then draw a z that no image has; in a window of a few standard deviations it does no harm.
    """
    widths = 2 ** np.ceil(np.log2(np.clip(REACH * stddev, 1, LARGEST_CODE))).astype("int32")
    centre = np.clip(np.rint(mean), widths - LARGEST_CODE, LARGEST_CODE - widths).astype("int32")
    models = {w: stream.model.QuantizedGaussian(-int(w), int(w)) for w in np.unique(widths)}
    return centre, [(widths == w, model) for w, model in models.items()]


def _check(model):
    """Refuses what cannot be coded so: the reasons are those that `compress` states."""
    if not model.likelihood.discrete or not model.likelihood.has_one_unit:
        raise ValueError("Bits-back coding needs a likelihood of discrete pixels, such as `Bernoulli`.")
    x = tf.zeros([1, *model.event_shape])
    condition = None if model.condition_size is None else tf.zeros([1, model.condition_size])
    latents = _given(model, condition).infer(x, seed=tf.zeros([2], "int32")).latents
    if len(latents) != 1 or not model.has_rate or kl_per_dimension(*latents[0][:2]) is None:
        raise ValueError("Bits-back coding needs one group of latents, independent and normal in posterior and prior.")
    # By its attribute: TFP's Independent of what is no composite tensor is not an instance of tfd.Independent.
    if getattr(_given(model, condition).decode(latents[0].sample[0]), "reinterpreted_batch_ndims", None) is None:
        raise ValueError("Bits-back coding needs pixels that are independent given z.")


def _given(model, condition):
    return model.given(_context(condition))


def _context(condition):
    return {} if condition is None else {"condition": condition}


def _row(condition, number):
    return None if condition is None else tf.constant(condition[number : number + 1], "float32")


def _levels_of(x, num_levels):
    """Grey levels of images as integers, int32 [N, D]."""
    levels = np.asarray(x, "float64").reshape(len(x), -1) * (num_levels - 1)
    if np.any(np.abs(levels - np.rint(levels)) > 1e-3) or levels.min() < 0 or levels.max() > num_levels - 1:
        raise ValueError(f"`x` must hold {num_levels} grey levels from 0 to 1.")
    return np.rint(levels).astype("int32")


def _initial_words(num_bits, seed):
    """Random words for the first image to borrow from, with some to spare."""
    number = int(np.ceil(1.5 * num_bits / WORD)) + 2
    return np.random.RandomState(seed).randint(1, 2**WORD, number, dtype="uint32")
