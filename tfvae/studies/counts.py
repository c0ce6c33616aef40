"""Counts: the options of studies that are whole numbers."""


def need_counts(bench, least=1, **options):
    """Refuses options, {name: value}, that are not integers from `least` up, or lists of them that are not empty.

    Raises:
        ConfigError: If one is not.
    """
    for name, value in options.items():
        values = value if isinstance(value, list | tuple) else [value]
        is_right = bool(values) and all(type(number) is int and number >= least for number in values)
        bench.need(is_right, f"`study.{name}` must be an integer from {least} up. Received: study.{name}={value!r}")
