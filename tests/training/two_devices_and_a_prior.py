"""Trains a configuration by the whole job on two virtual devices: a process of its own, for they are taken once.

python two_devices_and_a_prior.py CONFIG DIRECTORY
"""

import sys
from pathlib import Path

import tensorflow as tf


def main(config, directory):
    halves = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], halves)
    from tfvae import jobs
    from tfvae.experiment import load_experiment
    from tfvae.training.train import train

    directory = Path(directory)
    directory.mkdir()
    train(load_experiment(config, ["training.strategy=mirrored"]), directory, jobs.Interruption())


if __name__ == "__main__":
    main(*sys.argv[1:])
