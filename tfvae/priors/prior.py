"""Prior: the contract of every p(z)."""

from abc import abstractmethod

import keras


class Prior(keras.Layer):
    """A layer that returns the distribution p(z). Its `build` receives the posterior's `latent_shape`, [L].

    It may ask for the shape of an example too, by a second parameter: `build(latent_shape, event_shape)`. Weights and
    distributions are float32 under mixed precision too.

    Attributes:
        support: Where z lies, as the posterior's `support` says it; None for priors that are made of posteriors.
        has_density: Whether p(z) is a density in the posterior's space; without, no sample can be weighted.
        num_examples: Number of training examples that `start` wants to see, 0 for none.
        can_fit: Whether it has a `fit(codes, seed)`, by maximum likelihood: codes [N, L], seed an integer.
        fitted_after: Whether it is fitted to the codes after training, by `fit`.
        in_training: Whether it is there in training.
        is_ready: Whether it can be sampled from.
    """

    support = "the real space"
    has_density = True
    num_examples = 0
    can_fit = False
    fitted_after = False
    in_training = True
    is_ready = True

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    @abstractmethod
    def call(self, encode=None):
        """Returns a TFP distribution with batch_shape [] or [B] and event_shape [L].

        A prior may name more arguments, and then receives them if the model has them: `code`, the model's `code`,
        [N, *event] -> [N, L]; `condition`, what p(z|condition) depends on, float32 [B, K]; and `index`, the place of
        each example in the training data, int64 [B], only in training.

        Args:
            encode: The model's `encode`, [N, *event] -> q(z|x), for priors that are made of posteriors.
        """

    def start(self, x, index):
        """Begins from training examples; called before the first step, if `num_examples` is not 0.

        Args:
            x: [num_examples, *event].
            index: Their places in the training data, int64 [num_examples].
        """
