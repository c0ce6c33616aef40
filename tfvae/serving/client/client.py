"""Client: a served model, asked from Python over REST or gRPC."""

from pathlib import Path
from urllib.parse import urlsplit

from tfvae.errors import ConfigError
from tfvae.serving.client import rows
from tfvae.serving.client.batches import Batches
from tfvae.serving.client.interface import Address


class Client:
    """A model on TensorFlow Serving, or on the embedded server.

    Every method answers with a dict of arrays by the names of the signature's outputs, whose first axis is the rows:
    `client.sample(16)["images"]` is [16, H, W, C], and one image alone is a batch of one row. Rows get the seeds
    `seed`, `seed` + 1, ..., so that row i is the same in every call and for every `batch_size`; a model that draws
    nothing for an answer takes no seed, and is sent none.

    x is, for a model of images, an array of numbers from 0 to 1 or of uint8, [B, H, W, C], without B for one image and
    without C where C = 1; or the path of an image file, its bytes, or a list of those. For a model of a table it is
    {column: values} or a `pandas.DataFrame`; a missing value is None, NaN or "".

    The server is asked once what the model takes. A client may be used by many threads at a time, keeps its connections
    open, and is closed by `close`, or by `with`.

    Args:
        url: Where the server listens: http://HOST:8501 or https:// for REST; grpc://HOST:8500 or grpcs:// (TLS) for
            gRPC, which needs TensorFlow.
        model: Name of the model on the server.
        version: Number of the version to ask, instead of the newest.
        label: Label of the version to ask, such as "stable".
        timeout: Seconds that one request may take, together with its retries.
        batch_size: Rows of one request; a server that batches takes no more than its `max_batch_size`.
        ca_certificates: PEM file of the authorities to trust with https and grpcs, instead of the usual ones.

    Raises:
        ConfigError: If an argument is wrong, or the model has not what a method asks for.
        DataError: If an input is not what the model takes.
        ClientError: If the server refuses, fails or does not answer. A request that was not taken, whose connection
            broke, or that was one too many, is repeated a few times before.
    """

    def __init__(self, url, model, *, version=None, label=None, timeout=30.0, batch_size=64, ca_certificates=None):
        if version is not None and label is not None:
            raise ConfigError("A model is asked by `version` or by `label`, not by both.")
        if batch_size < 1 or timeout <= 0:
            raise ConfigError(f"`batch_size` and `timeout` must be positive. Received: {batch_size}, {timeout}")
        transport = _transport_class(url)(url, Address(model, version, label), timeout, _existing(ca_certificates))
        self._batches = Batches(transport, model, batch_size)

    @property
    def signatures(self):
        """{name: `Signature`}: what the model takes and answers."""
        return self._batches.signatures

    def encode(self, x, condition=None):
        """The code of x: `z_mean`, and `z_stddev` where it has one, [B, L]."""
        return self._ask("encode", x, condition=condition)

    def encode_sample(self, x, seed=0, condition=None):
        """A draw `z` ~ q(z|x), [B, L]."""
        return self._ask("encode_sample", x, seed, condition)

    def reconstruct(self, x, condition=None):
        """The mean of p(x|z) at the code of x: `reconstructions`, or the columns of a table."""
        return self._ask("reconstruct", x, condition=condition)

    def score(self, x, seed=0, condition=None):
        """How unlikely x is, in nats, [B]: `negative_elbo` = `distortion` + `rate`, or what of these the model has."""
        return self._ask("score", x, seed, condition)

    def classify(self, x, condition=None):
        """`probabilities` of the classes, [B, K]."""
        return self._ask("classify", x, condition=condition)

    def decode(self, z, condition=None):
        """The mean of p(x|z), `images` or the columns of a table, for z [B, L] or [L]."""
        z = rows.codes(z, self._batches.signature("decode").inputs["z"].shape[-1])
        return self._predict("decode", {"z": z}, len(z), 0, condition)

    def sample(self, n, seed=0, condition=None):
        """n draws from the model: `images` or the columns of a table, and their codes `z`."""
        if n < 0:
            raise ConfigError(f"`n` must not be negative. Received: n={n}")
        return self._predict("sample", {}, n, seed, condition)

    def predict(self, signature, inputs):
        """{output: array} of any signature for {input: rows}, which are sent as they are."""
        return self._batches.predict(signature, inputs)

    def close(self):
        """Closes the connections."""
        self._batches.transport.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _ask(self, name, x, seed=0, condition=None):
        """Asks about x, by the signature that takes files where x is files and there is one."""
        wanted = self._batches.signature(name).inputs
        columns = {key: tensor for key, tensor in wanted.items() if key not in ("seed", "condition")}
        if "images" not in columns:
            inputs = rows.table_inputs(x, columns)
        else:
            inputs = rows.image_inputs(x, columns["images"].shape[1:], f"{name}_bytes" in self.signatures)
        name = f"{name}_bytes" if "image_bytes" in inputs else name
        return self._predict(name, inputs, len(next(iter(inputs.values()))), seed, condition)

    def _predict(self, name, inputs, count, seed, condition):
        """Asks with a seed and a condition for each row, where the signature takes those."""
        wanted = self._batches.signature(name).inputs
        if "seed" in wanted:
            inputs = inputs | {"seed": rows.seeds(seed, count)}
        if "condition" in wanted:
            inputs = inputs | {"condition": rows.conditions(condition, wanted["condition"].shape[-1], count)}
        elif condition is not None:
            raise ConfigError("The model is not conditional: leave `condition` out.")
        return self._batches.predict(name, inputs)


def _transport_class(url):
    """The transport of a URL's scheme; that of gRPC loads TensorFlow."""
    scheme = _scheme(url)
    if scheme in ("http", "https"):
        from tfvae.serving.client.rest_transport import RestTransport

        return RestTransport
    if scheme in ("grpc", "grpcs"):
        return _grpc_transport()
    raise ConfigError(f"`url` must be http://HOST:PORT or grpc://HOST:PORT, or https or grpcs. Received: url={url!r}")


def _scheme(url):
    """Of a URL that has a host and, if any, a port that is a number; else None."""
    parts = urlsplit(url)
    try:
        return parts.scheme if parts.hostname and parts.port != 0 else None
    except ValueError:
        return None


def _grpc_transport():
    try:
        from tfvae.serving.client.grpc_transport import GrpcTransport
    except ImportError as error:
        advice = "pip install 'tfvae[serving]', or ask over REST, http://HOST:8501"
        raise ConfigError(f"gRPC needs TensorFlow and tensorflow-serving-api ({error}): {advice}.") from None
    return GrpcTransport


def _existing(ca_certificates):
    if ca_certificates is not None and not Path(ca_certificates).is_file():
        raise ConfigError(f"`ca_certificates` must be a PEM file. Received: {ca_certificates}")
    return ca_certificates
