"""Admission: how many requests are at work, a limit on that, and the moment when none is left."""

import asyncio

from tfvae.serving.server.errors import ServingError


class Admission:
    """Counts the requests between `with admission:` and its end, over all transports.

    Args:
        limit: Requests at work or waiting; one more is refused.
    """

    def __init__(self, limit):
        self.limit = limit
        self.count = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def __enter__(self):
        if self.count >= self.limit:
            raise ServingError("UNAVAILABLE", "Too many requests are waiting: try again later.")
        self.count += 1
        self._idle.clear()

    def __exit__(self, *error):
        self.count -= 1
        if not self.count:
            self._idle.set()

    async def idle(self):
        """Waits until no request is at work."""
        await self._idle.wait()
