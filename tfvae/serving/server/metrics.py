"""Metrics: what Prometheus reads, under the names and buckets of TensorFlow Serving."""

import contextlib
import time

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest

from tfvae.serving.server.errors import ServingError
from tfvae.serving.server.observer import Observer

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_PREFIX = ":tensorflow:serving:"
_MICROSECONDS = [10 * 1.8**power for power in range(32)]  # 10 us to 12 min; Prometheus adds the one without a limit
_ROWS = [2.0**power for power in range(15)]


class Request:
    """One request under way.

    Attributes:
        model_name: The model that it asked for, or None as long as that is not known.
    """

    def __init__(self):
        self.model_name = None


class Metrics(Observer):
    """Counts requests and times them; a core tells it, as its observer, of loads and batches.

    A name that no model here has or had makes no series: else a client could fill the memory with names.
    """

    def __init__(self):
        disable_created_metrics()
        self.registry = CollectorRegistry()
        self._names = set()
        self._children = {}
        self._requests = Counter(
            f"{_PREFIX}request_count", "Number of requests.", ["model_name", "status"], registry=self.registry
        )
        latency, runtime = ["model_name", "API", "entrypoint"], ["model_name", "API", "runtime"]
        self._latency = self._histogram("request_latency", "Time of a request (us).", latency)
        self._runtime = self._histogram("runtime_latency", "Time of a run of the session (us).", runtime)
        self._warmup = self._histogram("model_warmup_latency", "Time of a warm-up (us).", ["model_path", "status"])
        self._queueing = self._histogram("batching_session:queuing_latency", "Time in the batching queue (us).", [])
        padding = ["execution_batch_size"]
        self._padding = self._histogram("batching_session:padding_size", "Rows of padding.", padding, _ROWS)

    @contextlib.contextmanager
    def request(self, api, entrypoint):
        """Times a request, which ends well or by an exception; yields the `Request` that is to be told the model."""
        request, start, status = Request(), time.perf_counter(), "OK"
        try:
            yield request
        except ServingError as error:
            status = error.code
            raise
        except TimeoutError:
            status = "DEADLINE_EXCEEDED"
            raise
        except BaseException as error:
            status = "INTERNAL" if isinstance(error, Exception) else "CANCELLED"
            raise
        finally:
            if request.model_name in self._names:
                self._child(self._requests, request.model_name, status).inc()
                elapsed = _microseconds(time.perf_counter() - start)
                self._child(self._latency, request.model_name, api, entrypoint).observe(elapsed)

    def ran(self, model_name, api, seconds):
        """A session ran for a request of a model."""
        self._child(self._runtime, model_name, api, "TF1").observe(_microseconds(seconds))

    def loaded(self, name, version, seconds):
        self._names.add(name)

    def load_failed(self, name, version, error):
        self._names.add(name)

    def warmed_up(self, name, seconds):
        # The real server's label holds the path; the name says as much and shows nothing of the file system.
        self._child(self._warmup, name, "OK").observe(_microseconds(seconds))

    def batch(self, name, signature_key, size, padding, queueing_seconds):
        for seconds in queueing_seconds:
            self._queueing.observe(_microseconds(seconds))
        self._child(self._padding, str(size)).observe(padding)

    def page(self):
        """The text that Prometheus reads."""
        text = generate_latest(self.registry)  # which adds "_total" to the name of each counter
        return text.replace(f"{_PREFIX}request_count_total".encode(), f"{_PREFIX}request_count".encode())

    def _histogram(self, name, text, labels, buckets=_MICROSECONDS):
        return Histogram(_PREFIX + name, text, labels, registry=self.registry, buckets=buckets)

    def _child(self, family, *labels):
        """`family.labels(*labels)`, remembered: it costs as much as all else here."""
        if (family, labels) not in self._children:
            self._children[family, labels] = family.labels(*labels)
        return self._children[family, labels]


def _microseconds(seconds):
    return 1e6 * seconds
