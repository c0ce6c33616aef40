"""Offers: what a model has at hand goes to the parts that ask for it, and a part asks by naming an argument.

So a plain Keras layer serves as a network, and only a part that needs the condition, the step or a seed mentions it.
"""

import inspect


def accepted(function, **offered):
    """What of `offered` is there (not None) and named among the parameters of `function`, as a dict."""
    names = inspect.signature(function).parameters
    return {name: value for name, value in offered.items() if name in names and value is not None}
