"""The flags of `tfvae serve`: TensorFlow Serving's names and defaults, and a few of our own.

Ours: --host, --max_request_bytes, --max_waiting_requests, --client_timeout_seconds, --drain_seconds. Differently from
TensorFlow Serving, REST is on by default and port 0 lets the system choose one.
"""

import argparse

from tfvae import jobs
from tfvae.errors import ConfigError

UNSUPPORTED = [
    "grpc_socket_path",
    "rest_api_num_threads",
    "num_unload_threads",
    "flush_filesystem_caches",
    "tensorflow_session_parallelism",
    "tensorflow_session_config_file",
    "tensorflow_intra_op_parallelism",
    "tensorflow_inter_op_parallelism",
    "use_alts_credentials",
    "platform_config_file",
    "per_process_gpu_memory_fraction",
    "saved_model_tags",
    "grpc_channel_arguments",
    "grpc_max_threads",
    "remove_unused_fields_from_bundle_metagraph",
    "prefer_tflite_model",
    "num_tflite_pools",
    "num_tflite_interpreters_per_pool",
    "enable_signature_method_name_check",
    "xla_cpu_compilation_enabled",
    "xla_gpu_compilation_enabled",
    "enable_profiler",
    "thread_pool_factory_config_file",
    "mixed_precision",
    "skip_initialize_tpu",
    "force_allow_any_version_labels_for_unavailable_models",
]

POSITIVE = [
    "num_load_threads",
    "rest_api_timeout_in_ms",
    "max_request_bytes",
    "max_waiting_requests",
    "client_timeout_seconds",
    "drain_seconds",
]


def add_arguments(parser):
    """Adds the flags to an argument parser; needs neither TensorFlow nor a server."""
    _add_models(parser.add_argument_group("models"))
    _add_batching(parser.add_argument_group("batching"))
    _add_transports(parser.add_argument_group("transports"))
    for name in UNSUPPORTED:  # one sentence of ours says so, instead of argparse's usage
        parser.add_argument(
            f"--{name}", dest="unsupported", action="append", nargs="?", const=name, type=lambda _, name=name: name,
            help=argparse.SUPPRESS,
        )  # fmt: skip


def _add_models(group):
    group.add_argument("--model_name", metavar="NAME", default="default", help="name of the model (default)")
    group.add_argument("--model_base_path", metavar="DIR", help="its folder, which holds the numbered versions")
    group.add_argument("--model_config_file", metavar="FILE", help="a ModelServerConfig instead of the two flags above")
    _add_number(group, "model_config_file_poll_wait_seconds", 0, "seconds between readings of that file, 0 for once")
    _add_number(group, "file_system_poll_wait_seconds", 1, "seconds between looks for versions, 0 for once")
    _add_number(group, "max_num_load_retries", 5, "further attempts at a version that fails to load")
    _add_number(group, "load_retry_interval_micros", 60_000_000, "microseconds between them")
    _add_number(group, "num_load_threads", 2, "versions that are loaded at a time")
    _add_boolean(group, "enable_model_warmup", True, "replay a version's warm-up requests before it serves")
    _add_number(group, "num_request_iterations_for_warmup", 1, "how often each of them is replayed")
    text = "let a new label point to a version that is not there yet"
    _add_boolean(group, "allow_version_labels_for_unavailable_models", False, text)


def _add_batching(group):
    _add_boolean(group, "enable_batching", False, "run requests that come at the same time together")
    group.add_argument("--batching_parameters_file", metavar="FILE", help="BatchingParameters instead of the defaults")
    text = "read batching_params.pbtxt of each version; versions without it are not batched"
    _add_boolean(group, "enable_per_model_batching_parameters", False, text)


def _add_transports(group):
    text = "address to listen on (127.0.0.1: this machine alone)"
    group.add_argument("--host", metavar="ADDRESS", default="127.0.0.1", help=text)
    _add_number(group, "port", 8500, "port of gRPC, 0 for any free one")
    _add_number(group, "rest_api_port", 8501, "port of REST, 0 for any free one")
    _add_number(group, "rest_api_timeout_in_ms", 30_000, "time that a REST request may run")
    _add_boolean(group, "rest_api_enable_cors_support", False, "let web pages of any origin read the answers of REST")
    _add_boolean(group, "enable_grpc_healthcheck_service", True, "offer gRPC's health service")
    text = "answer gRPC's Predict with packed tensors, which is faster than typed values"
    _add_boolean(group, "enable_serialization_as_tensor_content", False, text)
    group.add_argument("--ssl_config_file", metavar="FILE", help="an SSLConfig: TLS for gRPC and for REST")
    group.add_argument("--monitoring_config_file", metavar="FILE", help="a MonitoringConfig: metrics on the REST port")
    _add_number(group, "max_request_bytes", 64 << 20, "size of a request, uncompressed")
    _add_number(group, "max_waiting_requests", 1000, "requests at work or waiting, over both transports")
    _add_number(group, "client_timeout_seconds", 30, "time to send a request, and to take its answer")
    _add_number(group, "drain_seconds", 30, "time that a stopping server gives to the requests it has accepted")


def _add_number(group, name, default, text):
    group.add_argument(f"--{name}", metavar="N", type=int, default=default, help=f"{text} ({default})")


def _add_boolean(group, name, default, text):
    options = {"nargs": "?", "const": True, "type": _boolean, "metavar": "true|false", "default": default}
    group.add_argument(f"--{name}", help=f"{text} ({str(default).lower()})", **options)


def _boolean(text):
    values = {"true": True, "1": True, "false": False, "0": False}
    if text.lower() not in values:
        raise argparse.ArgumentTypeError(f"must be true or false, not {text!r}")
    return values[text.lower()]


def check(args):
    """Refuses parsed flags that cannot be meant, before anything heavy is loaded.

    Raises:
        ConfigError: In one sentence, for the first thing that is wrong.
    """
    if args.unsupported:
        raise ConfigError(f"--{args.unsupported[0]} is a flag of TensorFlow Serving that is not supported here.")
    if not args.model_base_path and not args.model_config_file:
        raise ConfigError("Name a model by --model_base_path=DIR, or several by --model_config_file=FILE.")
    if args.batching_parameters_file and not args.enable_batching:
        raise ConfigError("--batching_parameters_file has an effect only with --enable_batching.")
    if args.enable_per_model_batching_parameters and not args.enable_batching:
        raise ConfigError("--enable_per_model_batching_parameters has an effect only with --enable_batching.")
    for name in ("port", "rest_api_port"):
        if not 0 <= getattr(args, name) < 1 << 16:
            raise ConfigError(f"--{name} must be from 0 to 65535, not {getattr(args, name)}.")
    if args.port == args.rest_api_port != 0:
        raise ConfigError("--rest_api_port cannot be same as --port.")
    for name in POSITIVE:
        if getattr(args, name) < 1:
            raise ConfigError(f"--{name} must be at least 1, not {getattr(args, name)}.")


def main(arguments=None):
    """Runs the server by its flags, until it is told to stop, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="tfvae serve", description=__doc__.partition("\n")[0], allow_abbrev=False)
    add_arguments(parser)
    parser.add_argument("--log-json", action="store_true", help="log one JSON object a line to stderr")
    args = parser.parse_args(arguments)
    return jobs.run(lambda: serve(args), args.log_json)


def serve(args):
    """Serves by parsed flags until SIGTERM or SIGINT.

    Raises:
        ConfigError: If a flag or a file that it names is wrong, or a port is taken.
    """
    check(args)
    from tfvae.serving.server.process import run
    from tfvae.serving.server.settings import read_settings

    run(read_settings(args))
