"""The errors a user can meet, each with the exit code of a batch job that ends by it."""


class TfvaeError(Exception):
    """An error that one sentence explains; the command line shows that sentence and no stack trace."""

    exit_code = 1


class LockedError(TfvaeError):
    """Another process works in the same directory: try again when it has ended."""


class ConfigError(TfvaeError, ValueError):
    """A wrong argument, key or value in a configuration."""

    exit_code = 2


class NothingProducedError(TfvaeError):
    """The job ran and has no usable result, a training whose loss became NaN for one."""

    exit_code = 3


class DataError(TfvaeError, ValueError):
    """Data that is missing, unreadable or not what the model can take."""

    exit_code = 4


class GateError(TfvaeError):
    """A model that must not be served."""

    exit_code = 5
