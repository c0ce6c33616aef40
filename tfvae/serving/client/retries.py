"""Retries: another attempt where the server did not take the request, or took it and cannot have changed by it.

Every signature is a pure function of its inputs, so that asking twice is safe even if the first answer was lost.
"""

import itertools
import random
import time

from tfvae.serving.client.errors import ClientError

RETRIED_CODES = ("UNAVAILABLE", "RESOURCE_EXHAUSTED")  # refused, reset, draining; too many requests
NUM_ATTEMPTS = 5
FIRST_WAIT, LONGEST_WAIT = 0.1, 2.0  # seconds
SHORTEST_ATTEMPT = 0.001  # seconds: a wait may end a little late


def with_retries(attempt, timeout):
    """The answer of the first attempt that gets one.

    Waits of 0.1, 0.2, 0.4 ... seconds lie between attempts, each shortened by up to a half at random, so that clients
    that failed together do not come back together.

    Args:
        attempt: Seconds that are left -> answer.
        timeout: Seconds for all attempts and waits together.

    Raises:
        ClientError: What the last attempt raised, or the first that must not be repeated.
    """
    deadline = time.monotonic() + timeout
    for number in itertools.count(1):
        try:
            return attempt(max(deadline - time.monotonic(), SHORTEST_ATTEMPT))
        except ClientError as error:
            wait = min(FIRST_WAIT * 2 ** (number - 1), LONGEST_WAIT) * random.uniform(0.5, 1)
            is_last = number == NUM_ATTEMPTS or time.monotonic() + wait >= deadline
            if is_last or error.code not in RETRIED_CODES:
                raise
        time.sleep(wait)
