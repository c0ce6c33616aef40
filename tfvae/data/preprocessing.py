"""What happens to pixels before a model sees them: used by the input pipeline and by the served graph alike.

Seeds are TensorFlow's stateless seeds, int32 pairs: the same seed gives the same draw on any machine.
"""

import tensorflow as tf

PHILOX, PHILOX_WORDS = 1, 4  # TensorFlow's number of the algorithm, and how many words each of its steps gives
BYTES = 4  # of a word


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


def binarize_again(levels, seed, part=0):
    """`binarize` for a batch that is drawn at every step, by 8 random bits for each pixel instead of 32.

    Random bits are most of what the input pipeline computes. Each pixel is 1 with exactly its probability, level / 255:
    level / 256 by numbers of its own, and the rest by one number for all of the batch, from which two pixels of a batch
    have a covariance of at most 4e-6.

    Args:
        levels: Grey levels 0 to 255, uint8 [B, ...].
        seed: One stateless seed for all of a batch, int32 [2].
        part: Which of the equal parts of the batch this is; the bits of the others are not drawn.

    Returns:
        0.0 or 1.0, float32 [B, ...].
    """
    size = tf.size(levels)
    first = part * size
    skipped = first % BYTES
    words = _words(seed, first // BYTES, (skipped + size + BYTES - 1) // BYTES)
    numbers = tf.reshape(tf.bitcast(words, "uint8"), [-1])[skipped : skipped + size]
    of_batch = tf.random.stateless_uniform([], tf.random.fold_in(seed, 1), 1, 256, "int32")
    ones = is_one(tf.reshape(numbers, tf.shape(levels)), levels, tf.cast(of_batch, "uint8"))
    return tf.cast(ones, "float32")


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


def is_one(number, level, of_batch):
    """Whether uniform numbers, one of 0 to 255 for each pixel and one of 1 to 255 for all, make a 1 of a grey level."""
    return (number < level) | ((number == level) & (level >= of_batch))


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
