"""Limits: what a server bears of its clients."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a server bears of its clients.

    Attributes:
        max_request_bytes: Size of a request, uncompressed.
        max_waiting_requests: Requests at work or waiting at the same time, over both transports.
        client_timeout_seconds: Time that a client may take to send a request, and to take its answer.
        rest_api_timeout_in_ms: Time that a REST request may run.
    """

    max_request_bytes: int = 64 << 20
    max_waiting_requests: int = 1000
    client_timeout_seconds: float = 30
    rest_api_timeout_in_ms: int = 30_000
