"""Checks of the sizes that posteriors take."""


def check_positive_integer(name, value):
    """Refuses a size that is no positive integer.

    Raises:
        ValueError: With the name of the argument.
    """
    if type(value) is not int or value < 1:
        raise ValueError(f"`{name}` must be a positive integer. Received: {name}={value!r}")


def check_at_least_two(latent_size, why):
    """Refuses a single latent where it could take no other value.

    Raises:
        ValueError: With the reason.
    """
    if latent_size < 2:
        raise ValueError(f"`latent_size` must be at least 2: {why}. Received: latent_size={latent_size}")
