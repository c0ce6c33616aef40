"""ModelCentrality: which of several models is disentangled, by whether each finds the latents that others drew with."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfvae.evaluation.disentanglement.examples import varies
from tfvae.evaluation.disentanglement.udr import INFORMATIVE_RATE
from tfvae.evaluation.disentanglement.votes import GROUP_SIZE, least_variance, majority_vote
from tfvae.evaluation.importance_sampling import no_progress

NUM_VOTES = 200
POOL = 2000  # latents of the prior, of which groups are put together; all of them give the variance altogether
BLOCK = 1024  # images in memory at a time


class Coder(NamedTuple):
    """What `model_centrality` asks of a model.

    Attributes:
        encode: x [B, *event] -> codes [B, L].
        decode: z [B, K] -> x [B, *event].
        draw: (number, seed) -> z [number, K] from the prior.
    """

    encode: Callable
    decode: Callable
    draw: Callable


class ModelCentrality(NamedTuple):
    """How central each of R models is.

    Attributes:
        scores: Mean similarity with the other models, [R]: the paper's score, whose highest marks the medoid.
        standard_errors: Over the draw of the votes, [R].
        eigenvector: Eigenvector centrality, [R]; positive, sums to 1.
        similarity: Symmetric, [R, R]; 0 on the diagonal, which counts nowhere.
        accuracy: FactorVAE score of model i on the images of model j, [R, R]; 0 on the diagonal.
    """

    scores: np.ndarray
    standard_errors: np.ndarray
    eigenvector: np.ndarray
    similarity: np.ndarray
    accuracy: np.ndarray

    @property
    def best(self):
        """The model to choose."""
        return int(np.argmax(self.scores))

    def metrics(self):
        errors = self.standard_errors.tolist()
        return {
            "model_centrality": {"value": self.scores.tolist(), "standard_error": errors, "unit": "share"},
            "eigenvector_centrality": {"value": self.eigenvector.tolist(), "unit": "share"},
        }


def model_centrality(models, rates=None, num_votes=NUM_VOTES, group_size=GROUP_SIZE, seed=0, progress=no_progress):
    """Similarity of models by the FactorVAE score, with the latents that one model draws images from as the factors.

    Model j decodes groups of latents from its prior, of which one is held fixed; model i encodes them, and the
    dimension that varies least votes. A_ij is the accuracy of the majority on held-out groups, B = (A + A^T) / 2, and
    the score of a model is its mean similarity with the others. The paper chooses the highest; the eigenvector of B
    weighs models by those that they resemble in turn.

    Given `rates`, latents with less than 0.01 nats are neither held fixed nor counted as dimensions: they change no
    image, and chance would decide their votes. The paper uses all.

    Args:
        models: R models, each a `LatentVariableModel` with a prior, or a `Coder`.
        rates: Rate of each dimension of each model in nats, a list of [L_r], or None.
        num_votes: Number of training votes, and of held-out ones, for each pair.
        group_size: Number of images behind a vote.
        seed: Integer that keys all draws.
        progress: Makes a progress bar from a total and a unit.

    Returns:
        A `ModelCentrality`.

    Raises:
        ValueError: If there are fewer than two models, or one cannot sample.

    Reference:
        Lin et al., 2020. InfoGAN-CR and ModelCentrality, section 4. https://arxiv.org/abs/1906.06034
    """
    if len(models) < 2:
        raise ValueError(f"`models` must be two or more. Received: {len(models)}")
    coders = [model if isinstance(model, Coder) else coder_of(model) for model in models]
    rates = [None] * len(coders) if rates is None else rates
    informative = [None if rate is None else np.asarray(rate) >= INFORMATIVE_RATE for rate in rates]
    accuracy = np.zeros((len(coders), len(coders)))
    with progress(len(coders), "model") as bar:
        for j, artist in enumerate(coders):
            latents, fixed = _groups(artist.draw(POOL, seed), informative[j], 2 * num_votes, group_size, seed)
            for i, codes in enumerate(_seen(latents, artist, coders)):
                accuracy[i, j] = _accuracy(codes, fixed, informative[i], group_size)
            bar.update(1)
    return centrality_of(accuracy, num_votes)


def centrality_of(accuracy, num_votes):
    """The `ModelCentrality` of accuracies A_ij of model i on the images of model j, [R, R], each from so many votes."""
    others = ~np.eye(len(accuracy), dtype=bool)
    accuracy = np.where(others, accuracy, 0.0)
    similarity = (accuracy + accuracy.T) / 2
    variance = accuracy * (1 - accuracy) / num_votes
    number = len(accuracy) - 1
    errors = np.sqrt((variance.sum(axis=0) + variance.sum(axis=1)) / 4) / number
    leading = np.abs(np.linalg.eigh(similarity)[1][:, -1])
    return ModelCentrality(similarity.sum(axis=1) / number, errors, leading / leading.sum(), similarity, accuracy)


def coder_of(model):
    """The `Coder` of a `LatentVariableModel`: means of p(x|z) for latents of its prior, and its codes.

    Raises:
        ValueError: If the model cannot sample.
    """
    if not model.can_sample:
        raise ValueError("`models` must have priors that latents can be drawn from, and one of them has none.")

    import tensorflow as tf

    from tfvae.seeds import row_seeds

    prior_sample = tf.function(model.prior_sample)  # eagerly it draws row by row
    code, mean = (tf.function(f, reduce_retracing=True) for f in (model.code, lambda z: model.decode(z).mean()))

    def draw(number, seed):
        return prior_sample(row_seeds(seed, tf.range(number))).numpy()

    return Coder(lambda x: code(tf.constant(x)).numpy(), lambda z: mean(tf.constant(z)).numpy(), draw)


def _groups(pool, informative, number, size, seed):
    """A pool of latents [P, L] and, after it, groups of which one latent is held fixed; and which, [number].

    Returns:
        Latents [P + number * size, L], and the fixed latent of each group.
    """
    random = np.random.RandomState(seed)
    choices = np.arange(pool.shape[1]) if informative is None else np.flatnonzero(informative)
    if not len(choices):
        return pool, np.zeros(0, int)
    fixed = random.choice(choices, number)
    groups = pool[random.randint(0, len(pool), (number, size))]
    rows = np.arange(number)
    groups[rows, :, fixed] = groups[rows, 0, fixed][:, np.newaxis]
    return np.concatenate([pool, groups.reshape(-1, pool.shape[1])]), fixed


def _seen(latents, artist, coders):
    """The codes of each model for images that the artist decodes, [[M, L_i] for each i]; images are not kept."""
    parts = []
    for first in range(0, len(latents), BLOCK):
        x = artist.decode(latents[first : first + BLOCK])
        parts.append([np.asarray(coder.encode(x), "float64") for coder in coders])
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def _accuracy(codes, fixed, informative, size):
    """Held-out accuracy of the majority vote; 0 where the artist or the model has no informative dimension."""
    pool = codes[:POOL]
    active = varies(pool) if informative is None else varies(pool) & informative
    if not len(fixed) or not active.any():
        return 0.0
    groups = codes[POOL:].reshape(len(fixed), size, -1)
    variances = pool[:, active].var(axis=0)
    votes = np.array([[least_variance(group[:, active], variances) for group in groups], fixed])
    half = len(fixed) // 2
    found = majority_vote(votes[:, :half], votes[:, half:], int(active.sum()), fixed.max() + 1)
    return float(np.mean(found.is_correct))
