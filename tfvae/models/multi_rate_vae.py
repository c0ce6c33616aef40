"""MultiRateVAE: a VAE that is one for every weight of the rate in a range, trained once."""

import keras
import tensorflow as tf

from tfvae.models.responses import (
    SigmoidResponse,
    SquareRootResponse,
    heads_of_likelihood,
    heads_of_posterior,
    linear_layers,
    response_to_beta,
)
from tfvae.models.vae import VAE

BETAS = -1  # what the noise of a batch is for, beside the samples of z, CORRUPTION and PENALTIES upwards


@keras.saving.register_keras_serializable("tfvae")
class MultiRateVAE(VAE):
    """A VAE whose weights are functions of beta: every linear layer of encoder and decoder, heads included, answers.

    Networks, posterior and likelihood are the ordinary ones and know nothing of it: while they are called, each
    kernel and bias stands for its value at the beta in question, see `Response`. So it takes any network, and `at`
    gives back the ordinary VAE at one beta. Weights of other layers, and the prior, are the same for all betas.

    All methods but `at` and the training are those of the VAE at beta = 1.

    The paper scales pre-activations, example by example; we scale weights, which is the same for a group of examples
    with one beta, and `MultiRate` deals a batch out to a few groups.

    A subclass of `VAE` because it is one in all but where its weights come from.

    Args:
        encoder, posterior, decoder, likelihood, prior, regularizers, seed: As of `VAE`.
        objective: `MultiRate`.

    Raises:
        ValueError: If the parts do not fit together, or the prior is fitted after training, to codes of one beta.

    Reference:
        Bae et al., 2022. Multi-Rate VAE: Train Once, Get the Full Rate-Distortion Curve.
        https://arxiv.org/abs/2212.03905
    """

    takes_beta = True

    def build(self, input_shape):
        if self.prior is not None and self.prior.fitted_after:
            raise ValueError(f"`{type(self.prior).__name__}` is fitted to codes of one beta, and this model has many.")
        super().build(input_shape)
        self.encoding = [response_to_beta(SigmoidResponse, layer) for layer in self._encoding_layers()]
        self.decoding = [response_to_beta(SquareRootResponse, layer) for layer in self._decoding_layers()]

    def decode(self, z, training=False, x=None, **context):
        with self._answering(self._decoding_pairs()):
            return super().decode(z, training, x, **context)

    def terms(self, batch, seed, training):
        if training:
            return self._terms_of_groups(batch, seed)
        losses = [self._terms_at(beta, batch, seed, False)["loss"] for beta in self.objective.grid]
        return {**super().terms(batch, seed, False), "loss": tf.reduce_mean(tf.stack(losses))}

    def at(self, beta):
        """The ordinary `VAE` at one beta, with the answers folded into its weights; it is not compiled.

        Raises:
            ValueError: If the beta lies outside of the range of the training.
        """
        objective = keras.saving.serialize_keras_object(self.objective.at(beta))
        model = VAE.from_config({**self.get_config(), "name": "vae", "objective": objective})
        model.build((None, *self.event_shape))
        answers = self._answers((*self._encoding_pairs(), *self._decoding_pairs()), tf.constant(beta, "float32"))
        folded = {id(variable): value for variable, value in answers}
        for ours, theirs in zip(_variables_of(self), _variables_of(model), strict=True):
            theirs.assign(folded.get(id(ours), ours))
        return model

    def _parameters(self, x, training, context):
        with self._answering(self._encoding_pairs()):
            return super()._parameters(x, training, context)

    def _terms_of_groups(self, batch, seed):
        """Means over groups of examples, each at a beta of its own."""
        betas = tf.unstack(self.objective.draw(tf.random.fold_in(seed, BETAS)))
        num_groups, num_examples = len(betas), tf.shape(batch["x"])[0]
        groups = []
        for group, beta in enumerate(betas):
            first = group % num_examples  # a last batch may hold fewer examples than there are groups
            rows = {name: tf.convert_to_tensor(value)[first::num_groups] for name, value in batch.items()}
            groups.append(self._terms_at(beta, rows, tf.random.fold_in(seed, BETAS - 1 - group), True))
        # Not `tf.add_n`, which begins with whichever input is not needed elsewhere any more: another one each time.
        return {name: tf.reduce_mean(tf.stack([terms[name] for terms in groups])) for name in groups[0]}

    def _terms_at(self, beta, batch, seed, training):
        with keras.StatelessScope([(self.objective.beta, tf.cast(beta, "float32"))]):
            return super().terms(batch, seed, training)

    def _answering(self, pairs):
        """The scope in which layers have their weights at the beta of the moment: 1, or what `_terms_at` says."""
        return keras.StatelessScope(self._answers(pairs, self.objective.beta.value))

    def _answers(self, pairs, beta):
        return [answer for response, layer in pairs for answer in response.folded(layer, tf.math.log(beta))]

    def _encoding_layers(self):
        return [*linear_layers(self.encoder), *heads_of_posterior(self.posterior)]

    def _decoding_layers(self):
        return [*linear_layers(self.decoder), *heads_of_likelihood(self.likelihood)]

    def _encoding_pairs(self):
        return list(zip(self.encoding, self._encoding_layers(), strict=True))

    def _decoding_pairs(self):
        return list(zip(self.decoding, self._decoding_layers(), strict=True))


def _variables_of(model):
    """The variables of a model's parts but the objective, and its step."""
    parts = [model.encoder, model.posterior, model.prior, model.decoder, model.likelihood, *model.regularizers]
    return [*(variable for part in parts if part is not None for variable in part.variables), model.step]
