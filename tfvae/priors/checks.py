"""Checks of what several priors receive."""


def check_count(name, value, minimum=1):
    """`value`, if it is an integer and large enough.

    Raises:
        ValueError: If it is not.
    """
    if type(value) is not int or value < minimum:
        rule = "a positive integer" if minimum == 1 else f"an integer of at least {minimum}"
        raise ValueError(f"`{name}` must be {rule}. Received: {name}={value!r}")
    return value


def check_counts(name, values):
    """`values` as a tuple, if it is a list of positive integers; it may be empty.

    Raises:
        ValueError: If it is not.
    """
    if not isinstance(values, (list, tuple)) or not all(type(value) is int and value > 0 for value in values):
        raise ValueError(f"`{name}` must be a list of positive integers. Received: {name}={values!r}")
    return tuple(values)


def check_one_group(prior, latent_shape):
    """Refuses the latent shapes of a product of posteriors.

    Raises:
        ValueError: If `latent_shape` is a tuple of shapes.
    """
    if isinstance(latent_shape[0], (tuple, list)):
        raise ValueError(
            f"`{type(prior).__name__}` is a prior of one group of latents: take `Product` with a prior for each factor "
            f"of the posterior. Received: latent_shape={latent_shape}"
        )


def check_enough_examples(name, wanted, x):
    """Refuses to start from fewer examples than wanted.

    Raises:
        ValueError: If `x` holds fewer than `wanted` examples.
    """
    if len(x) < wanted:
        raise ValueError(
            f"`{name}` must be at most the number of training examples. Received: {name}={wanted}, of {len(x)} examples"
        )
