"""BatchingParameters: how requests are put together into batches, by the real server's names and defaults."""

import itertools
import os
from dataclasses import dataclass, field

from tfvae.serving.server.errors import ServingError


@dataclass(frozen=True)
class BatchingParameters:
    """How requests are put together.

    Attributes:
        max_batch_size: Most rows of a batch, and of a request.
        batch_timeout_micros: Microseconds that a batch waits to become full, from its first request on.
        max_enqueued_batches: Most batches that wait in a queue, the open one among them.
        num_batch_threads: Batches that run at a time, over all queues.
        thread_pool_name: A label for metrics.
        allowed_batch_sizes: Batches are padded up to one of these, if there are any.
        pad_variable_length_inputs: Whether inputs of different inner shapes are padded to the largest.
        enable_large_batch_splitting: Whether a request may be divided over several batches.
        max_execution_batch_size: Most rows of a batch where requests may be divided; None for `max_batch_size`.
    """

    max_batch_size: int = 1000
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    num_batch_threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    thread_pool_name: str = ""
    allowed_batch_sizes: tuple = ()
    pad_variable_length_inputs: bool = False
    enable_large_batch_splitting: bool = False
    max_execution_batch_size: int | None = None

    @property
    def execution_limit(self):
        """Most rows that are run together."""
        if self.enable_large_batch_splitting:
            return self.max_execution_batch_size or self.max_batch_size
        return self.max_batch_size

    def padded(self, size):
        """The number of rows that a batch of `size` rows is padded to: the lowest allowed one that is not less."""
        return next((allowed for allowed in self.allowed_batch_sizes if allowed >= size), size)

    def check(self):
        """Refuses values that do not fit together; a model that they are for does not load.

        Raises:
            ServingError: INVALID_ARGUMENT.
        """
        for name in ("max_batch_size", "max_enqueued_batches", "num_batch_threads"):
            if getattr(self, name) < 1:
                raise _invalid(f"{name} must be positive; was {getattr(self, name)}")
        if self.batch_timeout_micros < 0:
            raise _invalid(f"batch_timeout_micros must be non-negative; was {self.batch_timeout_micros}")
        if self.max_execution_batch_size is not None:
            self._check_execution_size()
        if self.allowed_batch_sizes:
            self._check_allowed_sizes()

    def _check_execution_size(self):
        if not 1 <= self.max_execution_batch_size <= self.max_batch_size:
            raise _invalid(
                "max_execution_batch_size should be less than or equal to max_batch_size; was"
                f" {self.max_execution_batch_size}, max_batch_size is {self.max_batch_size}"
            )

    def _check_allowed_sizes(self):
        sizes = self.allowed_batch_sizes
        if sizes[0] < 1 or any(later <= earlier for earlier, later in itertools.pairwise(sizes)):
            raise _invalid("allowed_batch_sizes entries must be monotonically increasing")
        if sizes[-1] != self.max_batch_size:
            raise _invalid(
                "Last entry in allowed_batch_sizes must match max_batch_size; last entry was"
                f" {sizes[-1]}; expected {self.max_batch_size}"
            )


def _invalid(message):
    return ServingError("INVALID_ARGUMENT", message)
