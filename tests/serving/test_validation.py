"""The gate as a job runs it: in a process of its own."""

import shutil
import sys

import pytest

from tfvae.errors import ConfigError, GateError
from tfvae.likelihoods import Normal, PixelScale
from tfvae.networks import ConvDecoder, ConvEncoder
from tfvae.posteriors import DiagonalNormal
from tfvae.serving import export, validate


def test_a_good_export_passes_in_a_fresh_process(binary_export):
    facts = validate(binary_export)
    assert facts["num_warmup_requests"] == 9
    assert facts["largest_difference"] < 1e-4  # the same seeds give the same samples after a restart


def test_every_problem_of_a_bad_export_has_its_line(copy):
    shutil.rmtree(copy / "assets.extra")
    with pytest.raises(GateError) as error:
        validate(copy)
    first, *lines = str(error.value).splitlines()
    assert "must not be served" in first
    assert len(lines) == 3 and "tf_serving_warmup_requests" in lines[-1]
    assert error.value.exit_code == 5


@pytest.fixture
def fake_check(tmp_path, monkeypatch):
    """Puts another program in the place of the check."""

    module = sys.modules["tfvae.serving.validation"]

    def replace(program):
        (tmp_path / "check.py").write_text(program)
        monkeypatch.setattr(module, "CHECK", tmp_path / "check.py")

    return replace


def test_a_crash_of_the_check_is_a_refusal_with_its_last_words(binary_export, fake_check):
    fake_check("import sys; sys.exit('out of memory')")
    with pytest.raises(GateError, match="code 1:\nout of memory"):
        validate(binary_export)


def test_a_check_without_end_is_a_refusal(binary_export, fake_check):
    fake_check("import time; time.sleep(60)")
    with pytest.raises(GateError, match="did not end within 1 seconds"):
        validate(binary_export, timeout_seconds=1)


def test_the_check_imports_neither_keras_nor_tfvae(binary_export, fake_check):
    module = sys.modules["tfvae.serving.validation"]
    fake_check(
        f"import sys, runpy; sys.argv[0] = {str(module.CHECK)!r}\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "loaded = [n for n in sys.modules if sys.modules[n] and n.split('.')[0] in ('keras', 'tf_keras', 'tfvae')]\n"
        "sys.exit(f'loaded: {loaded}' if loaded else 0)\n"
    )
    assert validate(binary_export)["signatures"]


def test_a_missing_directory_is_a_wrong_argument(tmp_path):
    with pytest.raises(ConfigError, match="No export"):
        validate(tmp_path / "nothing")


def test_a_directory_without_a_saved_model_is_refused(tmp_path):
    with pytest.raises(GateError, match="holds no SavedModel"):
        validate(tmp_path)


@pytest.mark.slow
def test_a_convolutional_model_of_colour_images_passes_whatever_their_size(tmp_path, make_vae):
    networks = {"encoder": ConvEncoder((4, 4), hidden_size=8), "decoder": ConvDecoder((4, 4), hidden_size=8)}
    model = make_vae((9, 7, 3), **networks, likelihood=Normal(PixelScale()))
    export(model, tmp_path / "export")
    assert "score_bytes" in validate(tmp_path / "export")["signatures"]


def test_a_model_of_one_latent_and_one_pixel_passes(tmp_path, make_vae):
    model = make_vae((1, 1, 1), posterior=DiagonalNormal(1))
    export(model, tmp_path / "export", binarize="static")
    assert "sample" in validate(tmp_path / "export")["signatures"]
