"""Which parts cannot go together, each said in one sentence."""


def check_parts(posterior, prior, objective, regularizers=()):
    """Refuses parts that the mathematics does not allow together.

    Raises:
        ValueError: If the objective or a regularizer needs what posterior and prior do not have, or they live apart.
    """
    is_there = prior is not None and prior.in_training
    if is_there and prior.support not in (None, posterior.support):
        raise ValueError(
            f"The posterior {_name(posterior)} puts z on {_words(posterior.support)}, and the prior {_name(prior)} on "
            f"{_words(prior.support)}: they must agree."
        )
    if is_there and prior.support is None and not posterior.has_density:
        raise ValueError(f"{_name(prior)} is a mixture of posteriors, and {_name(posterior)} has no density to mix.")
    for part in (objective, *regularizers):
        needs_rate = getattr(part, "needs_rate", False)
        needs_density = needs_rate or getattr(part, "needs_density", False)
        if needs_density and not posterior.has_density:
            raise ValueError(f"{_name(part)} needs a posterior with a density, and {_name(posterior)} has none.")
        if getattr(part, "needs_stddev", False) and not posterior.has_stddev:
            raise ValueError(
                f"{_name(part)} needs mean and standard deviation of q(z|x), and {_name(posterior)} has none in closed "
                "form."
            )
        if (needs_rate or getattr(part, "needs_prior", False)) and not is_there:
            why = "there is none" if prior is None else f"{_name(prior)} is there only after training"
            raise ValueError(f"{_name(part)} needs a prior, and {why}.")
    if objective.needs_density and is_there and not prior.has_density:
        raise ValueError(
            f"{_name(objective)} weights samples by the density of the prior, and {_name(prior)} has none."
        )


def check_encoder(encoder, prior):
    """Refuses a prior that encodes examples, which has no condition for them, with an encoder that needs one.

    Raises:
        ValueError: If they are such parts.
    """
    if prior is not None and prior.num_examples and getattr(encoder, "condition_size", None):
        raise ValueError(f"{_name(prior)} encodes examples without a condition, and the encoder needs one.")


def check_conditions(*parts):
    """Refuses parts that depend on different conditions.

    Raises:
        ValueError: If their conditions differ in size.
    """
    sizes = [getattr(part, "condition_size", None) for part in parts]
    if len({size for size in sizes if size}) > 1:
        raise ValueError(
            "Encoder, decoder and prior must depend on a condition of one size, or on none. "
            f"Received: condition_size={sizes}"
        )


def _name(part):
    return f"`{type(part).__name__}`"


def _words(support):
    return support if isinstance(support, str) else f"the product of {' and '.join(support)}"
