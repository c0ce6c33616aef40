"""ServingError: what a client is told, by the codes that gRPC and TensorFlow Serving share."""


class ServingError(Exception):
    """An answer that is an error.

    Args:
        code: Name of a canonical code, such as "INVALID_ARGUMENT"; `grpc.StatusCode[code]` is the one of gRPC.
        message: What went wrong, for the client: nothing of the file system stands in it.
    """

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code
        self.message = message
