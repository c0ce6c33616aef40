"""The same model has the same fingerprint, another one has another."""

import keras
import pytest

from tfvae.errors import GateError
from tfvae.likelihoods import Bernoulli, Table
from tfvae.models import VAE
from tfvae.networks import MLP, Conditioned, TableFeatures
from tfvae.objectives import ELBO
from tfvae.posteriors import DiagonalNormal
from tfvae.priors import StandardNormal
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


def table_vae(categories):
    columns = [{"name": "kind", "type": "categorical", "categories": categories}, {"name": "vip", "type": "binary"}]
    parts = {"encoder": TableFeatures(MLP([4]), columns), "decoder": MLP([4]), "likelihood": Table(columns)}
    model = VAE(posterior=DiagonalNormal(2), prior=StandardNormal(), objective=ELBO(), **parts)
    model.build((None, 2))
    return model


def test_another_name_of_a_category_is_another_model(tmp_path):
    model, other = table_vae(["ant", "bee"]), table_vae(["ant", "bees"])
    other.set_weights(model.get_weights())  # as training gives them, which knows of the first and the second alone
    export(model, tmp_path / "model")
    export(other, tmp_path / "other")
    assert fingerprint(tmp_path / "model") != fingerprint(tmp_path / "other")


def conditional_vae():
    networks = {name: Conditioned(MLP([4]), 2) for name in ("encoder", "decoder")}
    model = VAE(
        posterior=DiagonalNormal(2), prior=StandardNormal(), likelihood=Bernoulli(), objective=ELBO(), **networks
    )
    model.build((None, 8, 8, 1))
    return model


@pytest.mark.slow
@pytest.mark.parametrize("is_conditional", [True, False])
def test_another_name_of_a_class_is_another_model_where_it_knows_classes(is_conditional, binary_vae, tmp_path):
    model = conditional_vae() if is_conditional else binary_vae
    for name in ("bee", "bees"):
        export(model, tmp_path / name, manifest={"data": {"class_names": ["ant", name]}})
    assert (fingerprint(tmp_path / "bee") != fingerprint(tmp_path / "bees")) == is_conditional
