"""TLS from an SSLConfig: the same key, certificate and demands on clients for both transports.

TensorFlow Serving leaves REST in plain text under --ssl_config_file; here REST becomes HTTPS, for whoever asks for TLS
would hardly want every model to be readable next door.
"""

import os
import ssl
import tempfile

import grpc

from tfvae.errors import ConfigError


def grpc_credentials(config):
    """Server credentials of gRPC for an SSLConfig."""
    return grpc.ssl_server_credentials(
        [(config.server_key.encode(), config.server_cert.encode())],
        root_certificates=config.custom_ca.encode() or None,
        require_client_auth=config.client_verify,
    )


def http_context(config):
    """The `ssl.SSLContext` of the REST server for an SSLConfig.

    Raises:
        ConfigError: If key and certificate are not PEM, or do not belong together.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        _load_key(context, config.server_key + "\n" + config.server_cert)
        if config.custom_ca:
            context.load_verify_locations(cadata=config.custom_ca)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(f"--ssl_config_file holds no usable key and certificates: {error}.") from None
    if config.client_verify:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _load_key(context, pem):
    """Python loads a key from a file alone: one that only we can read, and that is gone afterwards."""
    descriptor, path = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(pem)
        context.load_cert_chain(path)
    finally:
        os.unlink(path)
