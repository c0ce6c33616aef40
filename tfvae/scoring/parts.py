"""Parts: a job's examples cut into files, alike for every shard, and into batches, alike for every resumption."""

from typing import NamedTuple


class Cut(NamedTuple):
    """Examples 0 to `num_examples` - 1 in parts, and each part in batches; a part's last batch is as small as it comes.

    Batches never reach from a part into the next, so that the file of a part does not depend on what came before it.

    Attributes:
        num_examples: Number of examples of the whole job.
        part_size: Number of examples of a part; the last may have fewer.
        batch_size: Number of examples of a batch.
    """

    num_examples: int
    part_size: int
    batch_size: int

    @property
    def num_parts(self):
        return -(-self.num_examples // self.part_size)

    @property
    def batch_sizes(self):
        """Numbers of examples of the batches of a whole part."""
        return [len(span) for span in _pieces(0, self.part_size, self.batch_size)]

    def part(self, number):
        """The indices of a part, a `range`."""
        return range(number * self.part_size, min((number + 1) * self.part_size, self.num_examples))

    def span(self, parts):
        """The indices of consecutive parts, a `range` of their numbers."""
        return range(self.part(parts[0])[0], self.part(parts[-1])[-1] + 1)

    def batches(self, parts):
        """The indices of each batch of consecutive parts, in order."""
        for number in parts:
            part = self.part(number)
            yield from _pieces(part.start, part.stop, self.batch_size)

    def shard(self, index, count):
        """The numbers of the parts of a shard: neighbours, since data is read from the front."""
        return range(self.num_parts * index // count, self.num_parts * (index + 1) // count)

    def part_name(self, number, suffix):
        """The name of a part's file."""
        return f"part-{number:05d}-of-{self.num_parts:05d}.{suffix}"


def runs(numbers):
    """Ascending numbers as ranges without gaps."""
    first = last = None
    for number in numbers:
        if last is not None and number != last + 1:
            yield range(first, last + 1)
            first = None
        first, last = number if first is None else first, number
    if last is not None:
        yield range(first, last + 1)


def _pieces(start, stop, size):
    for first in range(start, stop, size):
        yield range(first, min(first + size, stop))
