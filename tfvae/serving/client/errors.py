"""ClientError: a request that got no good answer."""

from tfvae.errors import TfvaeError


class ClientError(TfvaeError):
    """A server that refuses a request, fails at it, or does not answer.

    Args:
        message: One sentence for people.
        code: Name of the canonical code of gRPC, such as "NOT_FOUND"; for REST that of the HTTP status.
        details: What the server said, empty where it said nothing.
    """

    def __init__(self, message, code, details=""):
        super().__init__(message)
        self.code = code
        self.details = details


def no_connection(url, reason):
    """The error of a server that is not there."""
    hint = "start it, `tfvae serve --help` says how, or correct host and port"
    return ClientError(f"No connection to {url} ({reason}): {hint}.", "UNAVAILABLE")


def no_answer(url, seconds):
    """The error of a server that takes too long."""
    return ClientError(f"{url} did not answer in {seconds:g} s: allow a longer timeout.", "DEADLINE_EXCEEDED")


def refusal(url, code, details):
    """The error that a server answers; below its first line TensorFlow names nodes of the graph."""
    first_line = details.partition("\n")[0]
    return ClientError(f"{url} answers {code}: {first_line}", code, details)
