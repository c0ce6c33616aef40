"""Distribution: the devices that share the batches of a training, on one machine or on several."""

import contextlib
import functools
import signal

import tensorflow as tf

from tfvae import devices, jobs, storage
from tfvae.errors import ConfigError
from tfvae.training.addresses import set_tf_config


class Cluster:
    """The devices of a training and, where there are several machines, the processes on them.

    Args:
        strategy: A `tf.distribute.Strategy`.

    Attributes:
        is_chief: Whether this process is the one that writes.
        is_alone: Whether there is no other process.
    """

    def __init__(self, strategy):
        self.strategy, resolver = strategy, strategy.cluster_resolver
        self.is_alone = resolver is None or len(resolver.cluster_spec().as_dict().get("worker", ())) < 2
        self.is_chief = self.is_alone or resolver.task_id == 0
        self._sum = tf.function(self._sum_in_graph)

    @property
    def num_replicas(self):
        """Number of devices, those of the other machines included."""
        return self.strategy.num_replicas_in_sync

    def check(self, batch_size):
        """Refuses a batch that the devices cannot share.

        Raises:
            ConfigError: If its size is no multiple of their number.
        """
        if batch_size % self.num_replicas:
            raise ConfigError(
                f"{self.num_replicas} devices cannot share a batch of {batch_size}: `data.batch_size` is the size for "
                "all of them together, and must be a multiple of their number."
            )

    @contextlib.contextmanager
    def holding(self, directory):
        """Holds a folder for all processes: the chief locks it, and the others write nothing."""
        with jobs.locked(directory) if self.is_chief else contextlib.nullcontext():
            yield

    def any(self, *flags):
        """Whether any process says so, for each flag; all of them have to ask, and all get the same answer."""
        return list(flags) if self.is_alone else [total > 0 for total in self._totals(flags)]

    def check_agreed(self, value, sentence):
        """Refuses to go on where processes have different values, of which JSON is compared.

        Raises:
            ConfigError: With `sentence`, if they have.
        """
        if self.is_alone:
            return
        digest = storage.sha256_of_json(value)
        numbers = [int(digest[i : i + 4], 16) for i in range(0, 16, 4)]  # small enough for float32
        size = len(self.strategy.cluster_resolver.cluster_spec().as_dict()["worker"])
        means = [total / size for total in self._totals(numbers)]
        if any(abs(mean - number) > 0.5 / size for mean, number in zip(means, numbers, strict=True)):
            raise ConfigError(sentence)  # of processes that differ at least one is not their mean, and ends all

    def parts(self, context):
        """Which parts of a batch a process's `tf.distribute.InputContext` stands for: (first, number, of how many)."""
        number = self.num_replicas // context.num_input_pipelines
        return context.input_pipeline_id * number, number, self.num_replicas

    def _totals(self, numbers):
        return self._sum(tf.constant([float(number) for number in numbers])).numpy().tolist()

    def _sum_in_graph(self, numbers):
        local = self.num_replicas // len(self.strategy.cluster_resolver.cluster_spec().as_dict()["worker"])

        def total():
            return tf.distribute.get_replica_context().all_reduce("SUM", numbers / local)

        return self.strategy.experimental_local_results(self.strategy.run(total))[0]


def cluster_of(training):
    """The `Cluster` that a `Training` asks for; for several machines to be called before TensorFlow does anything.

    Raises:
        ConfigError: If several machines are asked for, and nothing says which.
    """
    devices.prepare(training)
    if training.strategy == "multi_worker":
        set_tf_config()
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))  # TensorFlow has put its own in this place
        return Cluster(strategy)
    if training.strategy == "mirrored":
        return Cluster(_mirrored())
    return Cluster(tf.distribute.get_strategy())


@functools.cache
def _mirrored():
    """One for all trainings of a process: two would number their exchanges alike, and take each other's."""
    return tf.distribute.MirroredStrategy([device.name for device in devices.of_machine()])
