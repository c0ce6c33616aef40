"""The batches that a training takes, each asked for during the step before it."""

from tfvae.data import pipeline


class Feed:
    """The endless batches of a training, and the one that was asked for and not taken yet.

    A step takes the batch at hand and asks for the next at once, so that no step waits until one is handed over, nor,
    on an accelerator, for the processor that makes them.

    Args:
        source: Where the examples come from.
        data: The `Data` of the experiment.
        seed: Integer that keys order and draws.
        first_step: Number of steps that were taken before.
        cluster: The `Cluster` whose devices share every batch.

    Attributes:
        iterator: Gives batches as `pipeline.training_batches` makes them, of each device its part.
        batch: The one that comes before them.
    """

    def __init__(self, source, data, seed, first_step, cluster):
        def of_process(context):
            is_dynamic, parts = data.binarize == "dynamic", cluster.parts(context)
            return pipeline.training_batches(source, data.batch_size, seed, is_dynamic, first_step, parts)

        self.iterator = iter(cluster.strategy.distribute_datasets_from_function(of_process))
        self.batch = next(self.iterator)
