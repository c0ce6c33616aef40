"""CoreOptions: how a `Core` works."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CoreOptions:
    """How a `Core` works, by the names of the real server's flags.

    Attributes:
        file_system_poll_wait_seconds: Seconds between looks for versions; 0 looks once, negative never.
        max_num_load_retries: Further attempts at a version that failed to load.
        load_retry_interval_micros: Microseconds between them.
        batching_parameters: `BatchingParameters` if batching is enabled, else None.
        enable_per_model_batching_parameters: Whether `<version>/batching_params.pbtxt` takes their place.
        enable_model_warmup: Whether warm-up files are replayed.
        num_request_iterations_for_warmup: How often each record is replayed.
        allow_version_labels_for_unavailable_models: Whether a new label may point to a version that is not there yet.
        model_config_file: Path of the file to read again, or None.
        model_config_file_poll_wait_seconds: Seconds between readings; 0 for never.
        num_run_threads: Threads that run what is not batched; None for four a processor.
        num_load_threads: Versions that are loaded at a time.
    """

    file_system_poll_wait_seconds: float = 1
    max_num_load_retries: int = 5
    load_retry_interval_micros: int = 60_000_000
    batching_parameters: object = None
    enable_per_model_batching_parameters: bool = False
    enable_model_warmup: bool = True
    num_request_iterations_for_warmup: int = 1
    allow_version_labels_for_unavailable_models: bool = False
    model_config_file: str | None = None
    model_config_file_poll_wait_seconds: float = 0
    num_run_threads: int | None = None
    num_load_threads: int = 2
