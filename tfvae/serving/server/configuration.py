"""Reads the text-format files that the real server reads: models, batching parameters, monitoring, TLS."""

from pathlib import Path

from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from tfvae.errors import ConfigError
from tfvae.serving.server.batching_parameters import BatchingParameters
from tfvae.serving.server.text_messages import MESSAGES

PLATFORM = "tensorflow"


def read_model_config(path):
    """The ModelServerConfig of a --model_config_file.

    Raises:
        ConfigError: If it cannot be read.
    """
    return _parse(path, ModelServerConfig(), "a ModelServerConfig")


def single_model(name, base_path):
    """The ModelServerConfig of --model_name and --model_base_path: the latest version of one model."""
    configuration = ModelServerConfig()
    configuration.model_config_list.config.add(name=name, base_path=str(base_path), model_platform=PLATFORM)
    return configuration


def read_batching_parameters(path):
    """The `BatchingParameters` of a --batching_parameters_file.

    Raises:
        ConfigError: If it cannot be read. Whether its values fit together is checked when a model is loaded.
    """
    message = _parse(path, MESSAGES["BatchingParameters"](), "BatchingParameters")
    return BatchingParameters(**{field.name: _plain(field, value) for field, value in message.ListFields()})


def read_monitoring_config(path):
    """The MonitoringConfig of a --monitoring_config_file: `prometheus_config.enable` and `.path`.

    Raises:
        ConfigError: If it cannot be read.
    """
    return _parse(path, MESSAGES["MonitoringConfig"](), "a MonitoringConfig")


def read_ssl_config(path):
    """The SSLConfig of a --ssl_config_file: PEM texts `server_key`, `server_cert`, `custom_ca`, flag `client_verify`.

    Raises:
        ConfigError: If it cannot be read, or key or certificate is missing.
    """
    message = _parse(path, MESSAGES["SSLConfig"](), "an SSLConfig")
    if not (message.server_key and message.server_cert):
        raise ConfigError(f"{path} must set both `server_key` and `server_cert`, the PEM texts themselves.")
    return message


def _parse(path, message, kind):
    try:
        return text_format.Parse(Path(path).read_text(encoding="utf-8"), message)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(f"{path} cannot be read: {reason}.") from error
    except text_format.ParseError as error:
        raise ConfigError(f"{path} is not {kind} in protobuf's text format: {error}.") from error


def _plain(field, value):
    if field.message_type is not None:
        return value.value
    return tuple(value) if field.is_repeated else value
