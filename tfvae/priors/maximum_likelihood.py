"""Maximum likelihood on codes, for priors that are fitted by gradient descent."""

import math

import keras
import tensorflow as tf
from tqdm import tqdm

BATCH_SIZE = 256
ROUND = 100  # steps between two looks at the held-out codes
MAX_ROUNDS = 200
PATIENCE = 10  # rounds without a better value
LEARNING_RATE = 1e-3
HELD_OUT = 10  # one code of so many
SPLIT, BATCHES = 0, 1  # streams of noise that never meet


def maximize_likelihood(log_prob, weights, codes, seed):
    """Fits `weights` by Adam on random batches of codes, and keeps the values that were best on held-out codes.

    One code of ten is held out; of fewer than ten codes none, and all serve for both.

    Args:
        log_prob: codes [B, ...] -> [B], in nats.
        weights: The Keras weights that it depends on.
        codes: Tensor [N, ...].
        seed: Integer that keys which codes are held out and the batches.
    """
    training, held_out = _split(codes, _key(seed, SPLIT))
    update = _make_update(log_prob, weights, training, _key(seed, BATCHES))
    evaluate = _make_mean(log_prob, held_out)
    best, best_round, best_values = -math.inf, 0, [weight.numpy() for weight in weights]
    for number in tqdm(range(MAX_ROUNDS), "fitting the prior", unit="round", leave=False, delay=2, disable=None):
        update(tf.constant(number * ROUND))
        value = evaluate()
        if value > best:  # never true of NaN
            best, best_round, best_values = value, number, [weight.numpy() for weight in weights]
        if number - best_round >= PATIENCE:
            break
    for weight, value in zip(weights, best_values, strict=True):
        weight.assign(value)


def _key(seed, stream):
    return tf.constant([seed & 0x7FFFFFFF, stream], "int32")


def _split(codes, seed):
    codes = tf.random.experimental.stateless_shuffle(codes, seed)
    count = len(codes) // HELD_OUT
    return (codes[count:], codes[:count]) if count else (codes, codes)


def _make_update(log_prob, weights, codes, seed):
    """A function that takes `ROUND` steps from the step of the given number on."""
    optimizer = keras.optimizers.Adam(LEARNING_RATE, global_clipnorm=10.0)
    optimizer.build(weights)

    @tf.function
    def update(first):
        for step in tf.range(first, first + ROUND):
            rows = tf.random.stateless_uniform([BATCH_SIZE], tf.random.fold_in(seed, step), 0, len(codes), "int32")
            with tf.GradientTape() as tape:
                tape.watch([weight.value for weight in weights])
                loss = -tf.reduce_mean(log_prob(tf.gather(codes, rows)))
            optimizer.apply(tape.gradient(loss, weights), weights)

    return update


def _make_mean(log_prob, codes):
    """A function that returns the mean of `log_prob`, batch by batch: the logits of many codes fill the memory."""

    @tf.function(input_signature=[tf.TensorSpec([None, *codes.shape[1:]], codes.dtype)])
    def total(batch):
        return tf.reduce_sum(log_prob(batch))

    batches = tf.split(codes, [min(BATCH_SIZE, len(codes) - i) for i in range(0, len(codes), BATCH_SIZE)])
    return lambda: sum(float(total(batch)) for batch in batches) / len(codes)
