"""The flags: TensorFlow Serving's names, defaults and spellings, and what they amount to."""

import argparse
import os
import subprocess
import sys

import pytest

from tfvae.errors import ConfigError
from tfvae.serving.server import flags
from tfvae.serving.server.settings import read_settings


def parse(*arguments):
    parser = argparse.ArgumentParser()
    flags.add_arguments(parser)
    return parser.parse_args(arguments)


def settings_of(*arguments):
    return checked("--model_base_path=models", *arguments)


def checked(*arguments):
    args = parse(*arguments)
    flags.check(args)
    return read_settings(args)


DEFAULTS = {
    "port": 8500,
    "rest_api_port": 8501,
    "host": "127.0.0.1",
    "model_name": "default",
    "model_base_path": None,
    "model_config_file": None,
    "model_config_file_poll_wait_seconds": 0,
    "file_system_poll_wait_seconds": 1,
    "max_num_load_retries": 5,
    "load_retry_interval_micros": 60_000_000,
    "enable_model_warmup": True,
    "num_request_iterations_for_warmup": 1,
    "allow_version_labels_for_unavailable_models": False,
    "enable_batching": False,
    "batching_parameters_file": None,
    "enable_per_model_batching_parameters": False,
    "monitoring_config_file": None,
    "ssl_config_file": None,
    "rest_api_timeout_in_ms": 30_000,
    "rest_api_enable_cors_support": False,
    "enable_serialization_as_tensor_content": False,
}


def test_defaults():
    found = vars(parse())
    assert {name: found[name] for name in DEFAULTS} == DEFAULTS


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        (["--enable_batching"], True),
        (["--enable_batching=true"], True),
        (["--enable_batching=True"], True),
        (["--enable_batching=1"], True),
        (["--enable_batching=false"], False),
        (["--enable_batching=0"], False),
        ([], False),
    ],
)
def test_spellings_of_a_boolean(arguments, value):
    assert parse(*arguments).enable_batching is value


def test_a_boolean_is_nothing_else(capsys):
    with pytest.raises(SystemExit) as error:
        parse("--enable_model_warmup=maybe")
    assert error.value.code == 2
    assert "must be true or false, not 'maybe'" in capsys.readouterr().err


def test_a_relative_base_path_is_made_absolute():
    (model,) = settings_of("--model_name=m").models.model_config_list.config
    assert (model.name, model.base_path) == ("m", os.path.abspath("models"))


def test_a_base_path_of_another_file_system_stays():
    (model,) = settings_of("--model_base_path=gs://bucket/m").models.model_config_list.config
    assert model.base_path == "gs://bucket/m"


def test_batching_is_off_unless_enabled():
    assert settings_of().options.batching_parameters is None
    assert settings_of("--enable_batching").options.batching_parameters.max_batch_size == 1000


def test_parameters_come_from_their_files(tmp_path):
    file = tmp_path / "parameters"
    file.write_text("max_batch_size { value: 7 }")
    found = settings_of("--enable_batching", f"--batching_parameters_file={file}").options.batching_parameters
    assert found.max_batch_size == 7


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("prometheus_config { enable: true }", "/monitoring/prometheus/metrics"),
        ('prometheus_config { enable: true path: "/metrics" }', "/metrics"),
        ('prometheus_config { path: "/metrics" }', None),
        ("", None),
    ],
)
def test_the_path_of_the_metrics(tmp_path, text, path):
    file = tmp_path / "monitoring"
    file.write_text(text)
    assert settings_of(f"--monitoring_config_file={file}").monitoring_path == path


def test_options_and_limits_get_their_flags():
    settings = settings_of("--max_num_load_retries=3", "--max_request_bytes=10", "--enable_model_warmup=false")
    assert settings.options.max_num_load_retries == 3
    assert settings.options.enable_model_warmup is False
    assert settings.limits.max_request_bytes == 10


@pytest.mark.parametrize("flag", flags.UNSUPPORTED)
@pytest.mark.parametrize("value", ["", "=1"])
def test_a_flag_of_tensorflow_serving_that_is_not_supported_is_named(flag, value):
    with pytest.raises(ConfigError, match=f"^--{flag} is a flag of TensorFlow Serving that is not supported here.$"):
        settings_of(f"--{flag}{value}")


WRONG = [
    (["--batching_parameters_file=x"], "--batching_parameters_file has an effect only with --enable_batching."),
    (
        ["--enable_per_model_batching_parameters"],
        "--enable_per_model_batching_parameters has an effect only with --enable_batching.",
    ),
    (["--port=65536"], "--port must be from 0 to 65535, not 65536."),
    (["--rest_api_port=-1"], "--rest_api_port must be from 0 to 65535, not -1."),
    (["--port=8501"], "--rest_api_port cannot be same as --port."),
    (["--max_request_bytes=0"], "--max_request_bytes must be at least 1, not 0."),
    (["--drain_seconds=0"], "--drain_seconds must be at least 1, not 0."),
]


@pytest.mark.parametrize(("arguments", "text"), WRONG)
def test_wrong_values_are_one_sentence(arguments, text):
    with pytest.raises(ConfigError) as error:
        settings_of(*arguments)
    assert str(error.value) == text


def test_a_model_is_needed():
    with pytest.raises(ConfigError, match="Name a model by --model_base_path=DIR"):
        checked()


def test_the_flags_need_no_tensorflow():
    code = (
        "import sys, argparse; from tfvae.serving.server import flags; flags.add_arguments(argparse.ArgumentParser());"
        "sys.exit(bool({'tensorflow', 'grpc', 'aiohttp'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("arguments", [["--use_alts_credentials", "--model_base_path=m"], []])
def test_a_wrong_command_line_exits_2_with_one_sentence(arguments):
    command = [sys.executable, "-m", "tfvae.serving.server", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert len([line for line in done.stderr.splitlines() if line.startswith("tfvae: error:")]) == 1
    assert "Traceback" not in done.stderr
