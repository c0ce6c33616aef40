"""What an export consists of, and when there is none."""

import json

import numpy as np
import pytest

from tfvae.errors import ConfigError
from tfvae.serving import export
from tfvae.serving.standalone.prediction_log import read_calls


def test_the_manifest_says_what_was_given_and_what_was_exported(binary_export):
    manifest = json.loads((binary_export / "assets.extra" / "tfvae_manifest.json").read_text())
    assert manifest["metrics"] == {"loss": 1.5}
    assert manifest["binarize"] == "dynamic" and manifest["image_shape"] == [8, 8, 1] and manifest["latent_size"] == 3
    assert manifest["signatures"]["sample"]["inputs"] == {"seed": {"dtype": "int64", "shape": [None]}}
    assert set(manifest["versions"]) >= {"python", "tensorflow", "keras", "tensorflow-probability", "tfvae"}


def test_the_warm_up_file_calls_each_signature_once_with_one_row(binary_export, binary_server):
    calls = read_calls(binary_export / "assets.extra" / "tf_serving_warmup_requests")
    assert sorted(call.signature for call in calls) == sorted(binary_server.signatures)
    assert {len(value) for call in calls for value in call.inputs.values()} == {1}


def test_the_probes_are_the_answers_of_the_model(grey_export, grey_vae):
    calls = {call.signature: call for call in read_calls(grey_export / "assets.extra" / "tfvae_probes")}
    call = calls["encode"]
    np.testing.assert_allclose(call.outputs["z_mean"], grey_vae.encode(call.inputs["images"]).mean(), atol=1e-6)


def test_weights_are_saved_once(binary_export, binary_vae):
    size = (binary_export / "variables" / "variables.data-00000-of-00001").stat().st_size
    weights = sum(weight.numpy().nbytes for weight in binary_vae.trainable_weights)
    assert weights < size < 2 * weights


def test_an_existing_directory_is_never_replaced(binary_vae, tmp_path):
    with pytest.raises(ConfigError, match="never replaced"):
        export(binary_vae, tmp_path)


def test_an_export_that_fails_leaves_nothing(binary_vae, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("tfvae.serving.staging.flush_tree", fail)
    with pytest.raises(OSError, match="no space"):
        export(binary_vae, tmp_path / "export")
    assert not list(tmp_path.iterdir())


def test_an_unknown_way_to_binarise_is_refused(binary_vae, tmp_path):
    with pytest.raises(ConfigError, match="`binarize` must be one of"):
        export(binary_vae, tmp_path / "export", binarize="sometimes")


def test_a_model_of_vectors_is_refused(make_vae, tmp_path):
    with pytest.raises(ConfigError, match="VAE of images"):
        export(make_vae((6,)), tmp_path / "export")
