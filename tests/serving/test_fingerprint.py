"""The same model has the same fingerprint, another one has another."""

import keras
import pytest

from tfvae.errors import GateError
from tfvae.serving import export
from tfvae.serving.fingerprint import fingerprint


def test_a_reloaded_model_exports_to_the_same_fingerprint(binary_vae, binary_export, reload, tmp_path):
    keras.layers.Dense(1)  # shifts the names that Keras gives to the layers of the reloaded model
    export(reload(binary_vae), tmp_path / "again", binarize="dynamic")
    assert fingerprint(tmp_path / "again") == fingerprint(binary_export)


def test_other_preprocessing_is_another_model(binary_vae, binary_export, tmp_path):
    export(binary_vae, tmp_path / "grey", binarize="none")
    assert fingerprint(tmp_path / "grey") != fingerprint(binary_export)


def test_one_changed_weight_is_another_model(binary_vae, binary_export, reload, tmp_path):
    model = reload(binary_vae)
    weight = model.trainable_weights[0]
    weight.assign(weight.numpy() * (1 + 1e-6))
    export(model, tmp_path / "changed", binarize="dynamic")
    assert fingerprint(tmp_path / "changed") != fingerprint(binary_export)


def test_another_activation_is_another_model(export_function, tmp_path):
    import tensorflow as tf

    relu = fingerprint(export_function(lambda x: {"y": tf.nn.relu(x)}).rename(tmp_path / "relu"))
    assert relu != fingerprint(export_function(lambda x: {"y": tf.nn.elu(x)}))


def test_what_cannot_be_read_is_refused(copy):
    (copy / "saved_model.pb").write_bytes(b"\xff\xff\xff")
    with pytest.raises(GateError, match="cannot be read"):
        fingerprint(copy)
