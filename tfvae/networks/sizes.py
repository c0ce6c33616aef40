"""Checks of the sizes that network constructors take."""


def positive_integer(name, value):
    """`value`, a positive integer.

    Raises:
        ValueError: If it is none.
    """
    if not _is_positive_integer(value):
        raise ValueError(f"`{name}` must be a positive integer. Received: {name}={value!r}")
    return value


def positive_integers(name, values):
    """`values` as a tuple of positive integers.

    Raises:
        ValueError: If `values` is not a non-empty list of positive integers.
    """
    is_list = isinstance(values, (list, tuple)) and len(values) > 0
    if not is_list or not all(_is_positive_integer(value) for value in values):
        raise ValueError(f"`{name}` must be a non-empty list of positive integers. Received: {name}={values!r}")
    return tuple(values)


def _is_positive_integer(value):
    return type(value) is int and value > 0
