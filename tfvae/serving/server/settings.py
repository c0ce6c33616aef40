"""Settings: what the flags and the files that they name amount to, checked."""

import os
from dataclasses import dataclass

from tfvae.serving.server import configuration
from tfvae.serving.server.batching_parameters import BatchingParameters
from tfvae.serving.server.core_options import CoreOptions
from tfvae.serving.server.limits import Limits

MONITORING_PATH = "/monitoring/prometheus/metrics"


@dataclass(frozen=True)
class Settings:
    """What a server is to do.

    Attributes:
        models: ModelServerConfig.
        options: `core.CoreOptions`.
        limits: `limits.Limits`.
        host: Address to listen on.
        grpc_port: 0 for any.
        rest_port: 0 for any.
        ssl: SSLConfig, or None for plain text.
        monitoring_path: Where Prometheus reads, or None.
        cors: Whether pages of any origin may read REST's answers.
        has_health: Whether gRPC offers the health service.
        as_content: Whether gRPC answers with packed tensors.
        drain_seconds: For what was accepted, when the server stops.
    """

    models: object
    options: CoreOptions
    limits: Limits
    host: str
    grpc_port: int
    rest_port: int
    ssl: object
    monitoring_path: str | None
    cors: bool
    has_health: bool
    as_content: bool
    drain_seconds: float


def read_settings(args):
    """The settings of parsed flags that `flags.check` has let pass.

    Raises:
        ConfigError: In one sentence, for the first file that is wrong.
    """
    return Settings(
        models=_models(args),
        options=_options(args),
        limits=_limits(args),
        host=args.host,
        grpc_port=args.port,
        rest_port=args.rest_api_port,
        ssl=args.ssl_config_file and configuration.read_ssl_config(args.ssl_config_file),
        monitoring_path=_monitoring_path(args.monitoring_config_file),
        cors=args.rest_api_enable_cors_support,
        has_health=args.enable_grpc_healthcheck_service,
        as_content=args.enable_serialization_as_tensor_content,
        drain_seconds=args.drain_seconds,
    )


def _models(args):
    if args.model_config_file:
        return configuration.read_model_config(args.model_config_file)
    base_path = args.model_base_path
    return configuration.single_model(args.model_name, base_path if "://" in base_path else os.path.abspath(base_path))


def _options(args):
    names = [name for name in CoreOptions.__dataclass_fields__ if hasattr(args, name)]
    return CoreOptions(**{name: getattr(args, name) for name in names}, batching_parameters=_batching(args))


def _limits(args):
    return Limits(**{name: getattr(args, name) for name in Limits.__dataclass_fields__})


def _batching(args):
    if not args.enable_batching:
        return None
    if not args.batching_parameters_file:
        return BatchingParameters()
    return configuration.read_batching_parameters(args.batching_parameters_file)


def _monitoring_path(file):
    if not file:
        return None
    config = configuration.read_monitoring_config(file).prometheus_config
    return (config.path or MONITORING_PATH) if config.enable else None
