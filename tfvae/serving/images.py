"""Images: how clients send and receive x where it is an image."""

import numpy as np
import tensorflow as tf

from tfvae.data import preprocessing

PIXELS = 0  # stream of the noise that binarises
DECODABLE_CHANNELS = (1, 3, 4)  # grey, RGB, RGBA


class Images:
    """What training did to the pixels, from the client's images or files to x [B, H, W, C].

    Args:
        image_shape: [H, W, C].
        binarize: One of `BINARIZE_MODES`. Unless "none", pixels are drawn by the row's seed, 0 if the caller has none.
    """

    def __init__(self, image_shape, binarize):
        self.image_shape, self.binarize = tuple(image_shape), binarize
        self.specs = (tf.TensorSpec([None, *self.image_shape], "float32", "images"),)

    @property
    def file_specs(self):
        """The spec of images as files; none where no file has so many channels."""
        can_decode = self.image_shape[-1] in DECODABLE_CHANNELS
        return (tf.TensorSpec([None], "string", "image_bytes"),) if can_decode else ()

    def x(self, inputs):
        """x of {"images": grey values} or {"image_bytes": PNG or JPEG files}, and perhaps {"seed"}.

        INVALID_ARGUMENT if a grey value is not a number from 0 to 1, or a file is corrupt or of another size.
        """
        x = self._from_bytes(inputs["image_bytes"]) if "image_bytes" in inputs else self._checked(inputs["images"])
        if self.binarize == "none":
            return x
        seed = inputs.get("seed", tf.zeros(tf.shape(x)[:1], "int64"))
        return preprocessing.binarize_rows(x, preprocessing.row_seeds(seed, PIXELS))

    def inputs(self, x):
        """What a client sends for x, the inverse of `x`."""
        return {"images": x}

    def reconstructions(self, x, mean):
        """What a client gets for x and the mean of p(x|z) at its code."""
        return {"reconstructions": self._shaped(mean)}

    def outputs(self, mean):
        """What a client gets for the mean of p(x|z)."""
        return {"images": self._shaped(mean)}

    def samples(self, model, z, seeds):
        """What a client gets for z ~ p(z): images without the noise of p(x|z)."""
        return self.outputs(model.decode(z).mean())

    def examples(self, num_rows):
        """Rows of every input by name, the same arrays for the same shape."""
        grey_levels = np.random.default_rng(0).integers(0, 256, (num_rows, *self.image_shape), "uint8")
        inputs = {"images": (grey_levels / 255).astype("float32")}
        if not self.file_specs:
            return inputs
        return inputs | {"image_bytes": np.array([tf.io.encode_png(image).numpy() for image in grey_levels], object)}

    def facts(self):
        """What the manifest says of it."""
        return {"image_shape": list(self.image_shape), "binarize": self.binarize}

    def _shaped(self, mean):
        """A mean that is found in a loop may have forgotten its shape."""
        return tf.ensure_shape(mean, [None, *self.image_shape])

    def _checked(self, images):
        # Not written as "none is outside": a NaN fails every comparison.
        are_grey_values = tf.reduce_all((images >= 0) & (images <= 1))
        tf.debugging.Assert(are_grey_values, ["`images` must be finite numbers from 0 to 1."])
        return images

    def _from_bytes(self, image_bytes):
        spec = tf.TensorSpec(self.image_shape, "uint8")
        # Lists of strings cannot be copied to a GPU (tensorflow/serving#1626).
        with tf.device("/cpu:0"):
            images = tf.map_fn(
                lambda b: preprocessing.decode_image(b, self.image_shape), image_bytes, fn_output_signature=spec
            )
        return preprocessing.scale(images)
