"""Given: a model for one context."""

import functools

CONTEXTUAL = (
    "infer",
    "inference",
    "encode",
    "variational_parameters",
    "code",
    "decode",
    "decode_sample",
    "reconstruct",
    "sample",
    "encode_sample",
    "prior_sample",
)


class Given:
    """A model with the context of a batch filled in: p(x|condition) has the methods that p(x) has.

    Args:
        model: A `LatentVariableModel`.
        context: {name: tensor [B, ...]}.
    """

    def __init__(self, model, context):
        self.model, self.context = model, context

    def __getattr__(self, name):
        attribute = getattr(self.model, name)
        return functools.partial(attribute, **self.context) if name in CONTEXTUAL else attribute
