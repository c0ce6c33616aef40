"""Trains configurations on one device and on two virtual ones with two threads each, and prints what came of it: JSON.

python two_devices.py CONFIG ... : a process of its own, for TensorFlow takes its devices once.
"""

import json
import sys

import numpy as np
import tensorflow as tf

STEPS = 3


def main(paths):
    halves = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], halves)
    from tfvae.experiment import changed, load_experiment
    from tfvae.training.distribution import cluster_of

    for path in paths:
        experiment = changed(load_experiment(path), {"data.batch_size": 32, "training.learning_rate": 1e-3})
        found = {}
        for strategy, threads in (("one", None), ("mirrored", 2)):  # of each device, where a model's batch can be cut
            shared = changed(experiment, {"training.strategy": strategy, "training.threads": threads})
            found[strategy] = trained(shared, cluster_of(shared.training))
        print(json.dumps({"config": path, **found}), flush=True)


def trained(experiment, cluster):
    """The terms of a few steps, those of a test of 40 examples after them, and the weights in the end."""
    from tfvae.data import open_splits, pipeline
    from tfvae.experiment import build_model
    from tfvae.training.loop import Loop
    from tfvae.training.train import start

    splits = open_splits(experiment.data)
    with cluster.strategy.scope():
        model = build_model(experiment, splits.train)
    start(model, splits.train)
    loop = Loop(model, splits, experiment, None, None, cluster)
    feed = loop.feed()
    steps = [plain(loop.advance(feed, 1)) for _ in range(STEPS)]
    for mean in model.metrics:
        mean.reset_state()
    loop._test()
    weights = [np.asarray(weight.numpy(), "float64") for weight in model.trainable_weights]
    assert pipeline.steps_per_epoch(splits.train, experiment.data.batch_size) > STEPS
    norms = [float(np.linalg.norm(weight)) for weight in weights]
    return {"steps": steps, "test": plain(model.get_metrics_result()), "weights": norms}


def plain(terms):
    return {name: float(value) for name, value in terms.items()}


if __name__ == "__main__":
    main(sys.argv[1:])
