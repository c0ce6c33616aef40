"""Text-format messages of TensorFlow Serving whose Python modules no package carries, made from their fields' names.

Only the text format is read, so the numbers of the fields do not matter.
"""

from tfvae.serving.standalone.messages import message_classes

# tensorflow_serving/servables/tensorflow/session_bundle_config.proto, tensorflow_serving/config/*.proto
_FIELDS = {
    "Int64Value": {"value": "int64"},
    "BoolValue": {"value": "bool"},
    "StringValue": {"value": "string"},
    "BatchingParameters": {
        "max_batch_size": "Int64Value",
        "batch_timeout_micros": "Int64Value",
        "max_enqueued_batches": "Int64Value",
        "num_batch_threads": "Int64Value",
        "thread_pool_name": "StringValue",
        "allowed_batch_sizes": "int64[]",
        "pad_variable_length_inputs": "bool",
        "enable_large_batch_splitting": "BoolValue",
        "max_execution_batch_size": "Int64Value",
    },
    "PrometheusConfig": {"enable": "bool", "path": "string"},
    "MonitoringConfig": {"prometheus_config": "PrometheusConfig"},
    "SSLConfig": {"server_key": "string", "server_cert": "string", "custom_ca": "string", "client_verify": "bool"},
}


# {name: class}.
MESSAGES = message_classes(
    "tfvae.text",
    {
        message: [(name, number, kind) for number, (name, kind) in enumerate(fields.items(), start=1)]
        for message, fields in _FIELDS.items()
    },
)
