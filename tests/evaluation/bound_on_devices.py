"""Prints the importance-weighted bound of a few examples by a number of virtual devices, and which had a block: JSON.

python bound_on_devices.py NUMBER : a process of its own, for TensorFlow takes its devices once.
"""

import json
import sys

import keras
import numpy as np
import tensorflow as tf


def main(number):
    devices = [tf.config.LogicalDeviceConfiguration()] * number
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], devices)
    from benchmarks.mlp_vae import mlp_vae
    from tfvae import parts
    from tfvae.evaluation import importance_sampling

    keras.utils.set_random_seed(0)  # of the weights
    model = parts.build_model(mlp_vae([16], latent_size=4), 0, {})
    model.build((None, 5, 5, 1))
    x = np.random.default_rng(0).integers(0, 2, (43, 5, 5, 1)).astype("float32")
    found, on_all_devices = [], importance_sampling.on_all_devices

    def noted(function, blocks):
        return on_all_devices(lambda block: found.append(tf.zeros([]).device) or function(block), blocks)

    importance_sampling.on_all_devices = noted
    bound = importance_sampling.importance_weighted_bound(model, x, 1000)
    print(json.dumps({"bound": bound.log_likelihood.tolist(), "devices": found}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
