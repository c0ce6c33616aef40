"""What happens to pixels before a model sees them: used by the input pipeline and by the served graph alike.

Seeds are TensorFlow's stateless seeds, int32 pairs: the same seed gives the same draw on any machine.
"""

import tensorflow as tf

PHILOX, PHILOX_WORDS = 1, 4  # TensorFlow's number of the algorithm, and how many words each of its steps gives


def scale(images):
    """Grey levels 0 to 255, integers [...] -> float32 [...] in [0, 1]; the float32 of a table stays what it is."""
    return images if images.dtype.is_floating else tf.cast(images, "float32") / 255.0


def binarize(x, seed):
    """Draws each pixel as a Bernoulli variable whose probability is its grey value; 0 and 1 stay what they are.

    Args:
        x: Grey values in [0, 1], [...].
        seed: One stateless seed for all of `x`, int32 [2].

    Returns:
        0.0 or 1.0, float32 [...].
    """
    return tf.cast(tf.random.stateless_uniform(tf.shape(x), seed) < x, "float32")


def binarize_again(x, seed, part=0):
    """`binarize` for a batch that is drawn at every step, by 16 random bits for each pixel instead of 32.

    Random bits are most of what the input pipeline computes. The probability of a 1 is the grey value rounded to a
    multiple of 2^-16, where the grey value itself is one to 1/255.

    Args:
        x: Grey values in [0, 1], [B, ...].
        seed: One stateless seed for all of a batch, int32 [2].
        part: Which of the equal parts of the batch `x` is; the bits of the others are not drawn.

    Returns:
        0.0 or 1.0, float32 [B, ...].
    """
    size = tf.size(x)
    first = part * size  # two pixels share a word
    words = _words(seed, first // 2, (first % 2 + size + 1) // 2)
    bits = tf.reshape(tf.bitcast(words, "uint16"), [-1])[first % 2 : first % 2 + size]
    return tf.cast(is_one(tf.reshape(bits, tf.shape(x)), x), "float32")


def _words(seed, first, number):
    """Words `first` to `first + number` of the endless random ones of a stateless seed, uint32 [number]."""
    key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=seed)
    group, skipped = first // PHILOX_WORDS, first % PHILOX_WORDS
    counter += tf.cast([group, 0], "uint64")
    shape = [skipped + number]
    words = tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=shape, key=key, counter=counter, alg=PHILOX, dtype="uint32"
    )
    return words[skipped:]


def is_one(bits, x):
    """Whether a uniform number of 16 bits, uint16 [...], makes a 1 of a grey value, [...]."""
    return tf.cast(bits, "float32") + 0.5 < x * 2.0**16


def binarize_rows(x, seeds):
    """`binarize` with a seed for each row, int32 [B, 2]: a row's draw does not depend on the rest of the batch."""
    spec = tf.TensorSpec(x.shape[1:], "float32")
    return tf.map_fn(lambda row: binarize(*row), (x, seeds), fn_output_signature=spec)


def row_seeds(seeds, stream):
    """Stateless seeds, int32 [B, 2], from the integers, int64 [B], that a caller gives; streams differ."""
    pairs = tf.bitcast(seeds, "int32")
    return tf.stack([pairs[:, 0], pairs[:, 1] ^ tf.constant(stream << 24, "int32")], axis=1)


def decode_image(image_bytes, image_shape):
    """Decodes one PNG or JPEG, a scalar string, into uint8 [H, W, C].

    Raises:
        tf.errors.InvalidArgumentError: If the bytes are not an image, or not one of H x W pixels.
    """
    image = tf.io.decode_image(image_bytes, channels=image_shape[-1], expand_animations=False)
    return tf.ensure_shape(image, image_shape)
