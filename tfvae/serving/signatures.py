"""Signatures: what a served model can be asked, each a function of tensors whose first axis is the batch.

Every answer depends on its own row alone, noise included: TF Serving merges the rows of many clients into one batch.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tfvae.data import preprocessing
from tfvae.inference import Inference, Latent
from tfvae.objectives.objective import distortion, rate

PIXELS, POSTERIOR, PRIOR = 0, 1, 2  # streams of noise that never meet
DECODABLE_CHANNELS = (1, 3, 4)  # grey, RGB, RGBA


class Signature(NamedTuple):
    """A function that clients call by name.

    Attributes:
        function: Tensors -> {output: float32 [B, ...]}.
        inputs: A spec, [None, ...] and named, for each argument.
    """

    function: Callable
    inputs: tuple[tf.TensorSpec, ...]


def signatures(model, binarize="none"):
    """The signatures of a built model of images, by name.

    Args:
        model: A `VAE` with event_shape [H, W, C].
        binarize: How the pixels of its training data were binarised, one of `BINARIZE_MODES`.

    Returns:
        {name: `Signature`}, "serving_default" first. Without grey, RGB or RGBA images there are none from bytes.
    """
    pixels = Pixels(model.event_shape, binarize)
    x, decoded = pixels.from_images, pixels.from_bytes
    images = tf.TensorSpec([None, *model.event_shape], "float32", "images")
    image_bytes = tf.TensorSpec([None], "string", "image_bytes")
    z = tf.TensorSpec([None, model.posterior.latent_size], "float32", "z")
    seed = tf.TensorSpec([None], "int64", "seed")

    found = {
        "serving_default": Signature(lambda images: reconstruct(model, x(images)), (images,)),
        "reconstruct": Signature(lambda images: reconstruct(model, x(images)), (images,)),
        "encode": Signature(lambda images: encode(model, x(images)), (images,)),
        "encode_sample": Signature(lambda images, seed: encode_sample(model, x(images, seed), seed), (images, seed)),
        "decode": Signature(lambda z: decode(model, z), (z,)),
        "sample": Signature(lambda seed: sample(model, seed), (seed,)),
        "score": Signature(lambda images, seed: score(model, x(images, seed), seed), (images, seed)),
    }
    if model.event_shape[-1] in DECODABLE_CHANNELS:
        found |= {
            "encode_bytes": Signature(lambda b: encode(model, decoded(b)), (image_bytes,)),
            "score_bytes": Signature(lambda b, seed: score(model, decoded(b, seed), seed), (image_bytes, seed)),
        }
    return {name: Signature(_answering_nothing(_as_float32(f), inputs), inputs) for name, (f, inputs) in found.items()}


def reconstruct(model, x):
    """The mean of p(x|z) at the mean of q(z|x)."""
    return {"reconstructions": model.reconstruct(x)}


def encode(model, x):
    """Mean and standard deviation of q(z|x), [B, L] each."""
    posterior, shape = model.encode(x), [None, model.posterior.latent_size]  # TFP forgets the length of an axis of 1
    return {"z_mean": tf.ensure_shape(posterior.mean(), shape), "z_stddev": tf.ensure_shape(posterior.stddev(), shape)}


def encode_sample(model, x, seed):
    """z ~ q(z|x), [B, L]."""
    return {"z": _posterior_sample(model, x, seed)[0]}


def decode(model, z):
    """The mean of p(x|z)."""
    return {"images": model.decode(z).mean()}


def sample(model, seed):
    """z ~ p(z), [B, L], and the mean of p(x|z)."""
    z = model.prior_sample(preprocessing.row_seeds(seed, PRIOR))
    return {"images": model.decode(z).mean(), "z": z}


def score(model, x, seed):
    """Distortion and rate of each row at one z ~ q(z|x), and their sum, in nats: [B] each."""
    z = _posterior_sample(model, x, seed)
    latent = Latent(model.encode(x), model.prior(encode=model.encode), z)
    inference = Inference(x, (latent,), model.decode(z))
    d = distortion(inference)[0]
    r = tf.reshape(rate(inference), tf.shape(d))  # [B], or [1, B] where it is an estimate
    return {"negative_elbo": d + r, "distortion": d, "rate": r}


class Pixels:
    """What training did to the pixels, from the client's images or files to x [B, H, W, C].

    Args:
        image_shape: [H, W, C].
        binarize: One of `BINARIZE_MODES`. Unless "none", pixels are drawn by the row's seed, 0 if the caller has none.
    """

    def __init__(self, image_shape, binarize):
        self.image_shape, self.binarize = tuple(image_shape), binarize

    def from_images(self, images, seed=None):
        """Grey values, float32 [B, H, W, C]; INVALID_ARGUMENT if one is not a number from 0 to 1."""
        # Not written as "none is outside": a NaN fails every comparison.
        are_grey_values = tf.reduce_all((images >= 0) & (images <= 1))
        tf.debugging.Assert(are_grey_values, ["`images` must be finite numbers from 0 to 1."])
        return self._drawn(images, seed)

    def from_bytes(self, image_bytes, seed=None):
        """PNG or JPEG files, string [B]; INVALID_ARGUMENT if one is corrupt or of another size."""
        spec = tf.TensorSpec(self.image_shape, "uint8")
        # Lists of strings cannot be copied to a GPU (tensorflow/serving#1626).
        with tf.device("/cpu:0"):
            images = tf.map_fn(
                lambda b: preprocessing.decode_image(b, self.image_shape), image_bytes, fn_output_signature=spec
            )
        return self._drawn(preprocessing.scale(images), seed)

    def _drawn(self, x, seed):
        if self.binarize == "none":
            return x
        seed = tf.zeros(tf.shape(x)[:1], "int64") if seed is None else seed
        return preprocessing.binarize_rows(x, preprocessing.row_seeds(seed, PIXELS))


def _posterior_sample(model, x, seed):
    return model.encode_sample(x, preprocessing.row_seeds(seed, POSTERIOR))


def _as_float32(function):
    """Casts what `function` returns: REST cannot carry the float16 of a model of mixed precision."""
    return lambda *inputs: {name: tf.cast(value, "float32") for name, value in function(*inputs).items()}


def _answering_nothing(function, inputs):
    """Answers an empty batch without asking the layers: fused convolutions and TFP's samplers fail on it."""
    outputs = tf.function(function, autograph=False).get_concrete_function(*inputs).structured_outputs

    def nothing():
        return {name: tf.zeros([0, *spec.shape[1:]], spec.dtype) for name, spec in outputs.items()}

    def something_or_nothing(*tensors):
        return tf.cond(tf.shape(tensors[0])[0] > 0, lambda: function(*tensors), nothing)

    return something_or_nothing
