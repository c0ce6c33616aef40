"""Codebook: the embeddings of a VQ-VAE and their moving averages."""

import keras
import tensorflow as tf

from tfvae import replicas


class Codebook(keras.Layer):
    """K embeddings of size D, each the moving average of the vectors that it is nearest to; no gradient reaches them.

    An embedding e_k is m_k / N_k, the moving averages of the sum and of the number of its vectors in a batch. One whose
    N_k falls below a fraction of the average is dead: it starts again at a vector of the batch, drawn at random, and
    with the average N. All of it is float32 under mixed precision too.

    Args:
        codebook_size: Number K of embeddings.
        code_size: Size D of an embedding.
        decay: What is kept of a moving average in one step, from 0 to below 1.
        restart_threshold: Fraction of the average N_k, between 0 and 1, below which an embedding is dead.

    Raises:
        ValueError: If an argument is out of its range.

    Reference:
        Van den Oord et al., 2017. Neural Discrete Representation Learning, appendix A.1, eq. 6 to 8.
        https://arxiv.org/abs/1711.00937. Restarts: Dhariwal et al., 2020. Jukebox, section 3.1.
        https://arxiv.org/abs/2005.00341 (whose threshold is a number of vectors where ours is a fraction).
    """

    def __init__(self, codebook_size, code_size, decay=0.99, restart_threshold=0.03, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.codebook_size = positive_integer("codebook_size", codebook_size)
        self.code_size = positive_integer("code_size", code_size)
        if not 0 <= decay < 1:
            raise ValueError(f"`decay` must be at least 0 and below 1. Received: decay={decay!r}")
        if not 0 < restart_threshold < 1:  # at 0 the moving averages of an unused embedding would end as 0 / 0
            raise ValueError(
                f"`restart_threshold` must be between 0 and 1. Received: restart_threshold={restart_threshold!r}"
            )
        self.decay, self.restart_threshold = decay, restart_threshold

    def build(self, input_shape=None):
        # Close to 0, so that at first the direction of a vector chooses its embedding, not the embedding's length.
        initializer = keras.initializers.RandomUniform(-1 / self.codebook_size, 1 / self.codebook_size)
        shape = (self.codebook_size, self.code_size)
        settings = {"trainable": False, "aggregation": "only_first_replica"}  # all replicas assign the same
        self.sums = self.add_weight(name="sums", shape=shape, initializer=initializer, **settings)
        self.counts = self.add_weight(name="counts", shape=shape[:1], initializer="ones", **settings)

    @property
    def embeddings(self):
        """e_1 .. e_K, [K, D]."""
        return self.sums / self.counts[:, tf.newaxis]

    def nearest(self, vectors):
        """Index of the embedding nearest to each vector: [..., D] -> int32 [...].

        Of several at the same distance it is the first on a CPU; on a GPU TensorFlow leaves it open.
        """
        # float64: a GPU would multiply float32 with 10 bits of mantissa (TF32), and take another than the nearest.
        vectors, embeddings = tf.cast(vectors, "float64"), tf.cast(self.embeddings, "float64")
        products = tf.tensordot(vectors, embeddings, [[-1], [1]])
        distances = tf.reduce_sum(embeddings**2, axis=-1) - 2 * products  # squared, without |vector|^2
        return tf.argmin(distances, axis=-1, output_type="int32")

    def embed(self, indices):
        """int32 [...] -> [..., D]."""
        return tf.gather(self.embeddings, indices)

    def perplexity(self, indices):
        """exp of the entropy of how often each embedding is used: K if all are used alike, 1 if only one is used."""
        usage = tf.reduce_mean(self._assignments(replicas.gathered(tf.reshape(indices, [-1]))), axis=0)
        return tf.cast(tf.exp(-tf.reduce_sum(tf.math.xlogy(usage, usage))), "float32")

    def update(self, vectors, indices, seed):
        """Moves the averages by one step.

        Args:
            vectors: [..., D].
            indices: The nearest embedding of each, int32 [...].
            seed: Stateless seed, int32 [2], of the vectors at which dead embeddings start again.
        """
        vectors = replicas.gathered(tf.reshape(vectors, [-1, self.code_size]))
        assignments = self._assignments(replicas.gathered(tf.reshape(indices, [-1])))
        # A product, not a segment sum, which adds in another order each time on a GPU.
        sums = tf.matmul(assignments, tf.cast(vectors, "float64"), transpose_a=True)
        counts = self._moved(self.counts, tf.reduce_sum(assignments, axis=0))
        sums = self._moved(self.sums, sums)
        average = tf.reduce_mean(counts)
        is_dead = counts < self.restart_threshold * average
        rows = tf.random.stateless_uniform([self.codebook_size], seed, 0, tf.shape(vectors)[0], "int32")
        self.counts.assign(tf.where(is_dead, average, counts))
        self.sums.assign(tf.where(is_dead[:, tf.newaxis], average * tf.gather(vectors, rows), sums))

    def _moved(self, average, value):
        return self.decay * average + (1 - self.decay) * tf.cast(value, "float32")

    def _assignments(self, indices):
        """Which vector has which embedding, one-hot: int32 [...] -> float64 [N, K]."""
        return tf.one_hot(tf.reshape(indices, [-1]), self.codebook_size, dtype="float64")


@tf.custom_gradient
def straight_through(vectors, embeddings):
    """The embeddings, with a gradient that passes them by and reaches the vectors unchanged: [..., D] each."""
    return tf.identity(embeddings), lambda gradient: (gradient, None)


def positive_integer(name, value):
    """The value, or a ValueError that names the argument."""
    if type(value) is not int or value < 1:
        raise ValueError(f"`{name}` must be a positive integer. Received: {name}={value!r}")
    return value
