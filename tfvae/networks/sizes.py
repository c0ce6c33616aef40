"""Checks of the sizes that network constructors take."""


def positive_integers(name, values):
    """`values` as a tuple of positive integers.

    Raises:
        ValueError: If `values` is not a non-empty list of positive integers.
    """
    is_list = isinstance(values, (list, tuple)) and len(values) > 0
    if not is_list or not all(type(value) is int and value > 0 for value in values):
        raise ValueError(f"`{name}` must be a non-empty list of positive integers. Received: {name}={values!r}")
    return tuple(values)
