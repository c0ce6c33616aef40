"""Load test of `tfvae serve`: throughput, latency and memory, beside the bare session call.

One folder of versions as TensorFlow Serving watches it is served on loopback by two processes, with batching and
without. One client process sends prepared bytes over many connections, in turns to the one and the other, so that what
else runs on the machine slows both down. Server and client share the machine: where others use it too, the processor
time that the server took for a request says more than the requests per second.

    python benchmarks/serving.py saved_models/mnist --signatures encode reconstruct score
    python benchmarks/serving.py saved_models/mnist --memory-requests 100000 --seconds 0
"""

import argparse
import functools
import json
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from raw_clients import GrpcConnection, RestConnection, drive

# A batch of all 32 clients, and time to become one: 1 ms is that of three requests over HTTP, and batches of three cost
# almost as much as none.
BATCHING = """
max_batch_size { value: 64 }
enable_large_batch_splitting { value: true }
max_execution_batch_size { value: 32 }
batch_timeout_micros { value: 10000 }
max_enqueued_batches { value: 1000 }
num_batch_threads { value: 2 }
"""
CONNECTIONS = {"REST": RestConnection, "gRPC": GrpcConnection}
WARM_UP_SECONDS = 1
MEMORY_SECONDS = 1800  # at most, for the requests after which memory is measured
COLUMNS = ["signature", "call", "rows", "requests/s", "rows/s", "p50 ms", "p99 ms", "server CPU ms/request", "on / off"]


def main():
    """Measures and prints a table."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    args = _arguments()
    payloads = _apart(_payloads, args.base, args.signatures, args.rows)
    with Server(args.base, False) as off, Server(args.base, True) as on:
        if args.seconds:
            text = f"{args.base.name}, {os.cpu_count()} cores, {args.clients} clients, {args.rounds} x {args.seconds} s"
            print(f"{text}\n\n| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|")
            for signature in args.signatures:
                _signature(args, signature, payloads, {"off": off, "on": on})
        if args.memory_requests:
            _memory(args, on, payloads["REST", args.signatures[0], min(args.rows)])


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("base", type=Path, help="folder of versions of a model of images")
    parser.add_argument("--signatures", nargs="+", default=["encode"], help="signatures with the input `images`")
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 64], help="images in a request (1 64)")
    parser.add_argument("--clients", type=int, default=32, help="concurrent clients (32)")
    parser.add_argument("--seconds", type=float, default=5, help="time of each measurement, 0 for none (5)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each, of which the median counts (3)")
    parser.add_argument("--transports", nargs="+", default=["REST", "gRPC"], help="REST, gRPC or both")
    parser.add_argument("--memory-requests", type=int, default=0, help="requests after which memory is measured (0)")
    return parser.parse_args()


def _signature(args, signature, payloads, servers):
    """Prints the lines of one signature."""
    for rows, measured in _apart(_session, args.base, signature, {*args.rows, args.clients}, args.seconds).items():
        _print(signature, "session, one caller", rows, _figures(*measured))
    for transport in args.transports:
        for rows in args.rows:
            measured = {name: [] for name in servers}
            for _ in range(args.rounds):
                for name, server in servers.items():
                    load = _load(transport, server, payloads[transport, signature, rows], args.clients, args.seconds)
                    measured[name].append(_figures(*load))
            medians = {name: list(map(statistics.median, zip(*each, strict=True))) for name, each in measured.items()}
            _print(signature, f"{transport}, batching off", rows, medians["off"])
            _print(signature, f"{transport}, batching on", rows, medians["on"], medians["on"][0] / medians["off"][0])


def _figures(latencies, seconds, processor_seconds):
    """(requests/s, p50 in ms, p99 in ms, processor ms a request)"""
    latencies = sorted(latencies)
    p50, p99 = (1e3 * latencies[int(share * (len(latencies) - 1))] for share in (0.5, 0.99))
    return len(latencies) / seconds, p50, p99, 1e3 * processor_seconds


def _print(signature, call, rows, figures, ratio=None):
    rate, p50, p99, processor = figures
    ratio = "" if ratio is None else f"{ratio:.2f}"
    cells = signature, call, rows, f"{rate:.0f}", f"{rate * rows:.0f}", f"{p50:.2f}", f"{p99:.2f}", f"{processor:.3f}"
    print(f"| {' | '.join(map(str, cells))} | {ratio} |", flush=True)


def _apart(function, *arguments):
    """Calls a function in a fresh process: TensorFlow is to leave neither memory nor threads in this one."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def _model(base):
    from tfvae.serving.standalone.served_model import ServedModel

    return ServedModel(max((path for path in base.iterdir() if path.name.isdigit()), key=lambda path: int(path.name)))


def _inputs(signature, rows):
    """{name: array} of images with three decimals, as 8-bit ones have: the size of a text is what parsing it costs."""
    import numpy as np

    inputs = {}
    for name, info in sorted(signature.inputs.items()):
        shape = [rows, *(dimension.size for dimension in info.tensor_shape.dim[1:])]
        images = np.random.default_rng(0).random(shape).round(3).astype("float32")
        inputs[name] = images if name == "images" else np.arange(rows)  # the seeds
    return inputs


def _payloads(base, signatures, sizes):
    """{(transport, signature, rows): bytes of a request}"""
    import tensorflow as tf
    from tensorflow_serving.apis.predict_pb2 import PredictRequest

    model, payloads = _model(base), {}
    for key in signatures:
        for rows in sizes:
            inputs = _inputs(model.signatures[key], rows)
            request = PredictRequest(model_spec={"name": "model", "signature_name": key})
            for name, array in inputs.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
            payloads["REST", key, rows] = _body(key, inputs)
            payloads["gRPC", key, rows] = request.SerializeToString()
    return payloads


def _body(signature, inputs):
    """The JSON of a request, in rows."""
    lists = [array.tolist() if array.dtype.kind == "i" else _decimals(array) for array in inputs.values()]
    rows = [dict(zip(inputs, row, strict=True)) for row in zip(*lists, strict=True)]
    body = {"signature_name": signature, "instances": rows if len(lists) > 1 else lists[0]}
    return json.dumps(body, separators=(",", ":")).encode()


def _decimals(array):
    return array.astype(float).round(3).tolist()  # 0.1, where the float32 itself would be 0.10000000149


def _session(base, signature, sizes, seconds):
    """{rows: ([seconds of each call], duration, processor time for each)} of the bare session."""
    model, measured = _model(base), {}
    for rows in sorted(sizes):
        call = functools.partial(model.call, signature, _inputs(model.signatures[signature], rows))
        _repeat(call, WARM_UP_SECONDS)
        before = time.process_time()
        latencies = _repeat(call, seconds)
        measured[rows] = latencies, seconds, (time.process_time() - before) / len(latencies)
    return measured


def _repeat(call, seconds):
    """[seconds of each call], one after the other."""
    latencies, end = [], time.time() + seconds
    while (before := time.time()) < end:
        call()
        latencies.append(time.time() - before)
    return latencies


class Server:
    """`tfvae serve` as a process, inside a `with`."""

    def __init__(self, base, batching):
        self.folder = tempfile.TemporaryDirectory()
        command = [sys.executable, "-m", "tfvae.serving.server", "--model_name=model"]
        command += [f"--model_base_path={base.resolve()}", "--port=0", "--rest_api_port=0", "--log-json"]
        if batching:
            parameters = Path(self.folder.name) / "batching_parameters.txt"
            parameters.write_text(BATCHING)
            command += ["--enable_batching", f"--batching_parameters_file={parameters}"]
        self.command = command

    def __enter__(self):
        log = Path(self.folder.name) / "log"
        self.process = subprocess.Popen(self.command, stderr=log.open("w"))
        deadline = time.time() + 120
        while time.time() < deadline and self.process.poll() is None:
            for line in log.read_text().splitlines():
                if '"rest_port"' in line:
                    entry = json.loads(line)
                    self.addresses = {"REST": entry["rest_port"], "gRPC": entry["grpc_port"]}
                    return self
            time.sleep(0.2)
        raise RuntimeError(log.read_text())

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.folder.cleanup()

    def processor_seconds(self):
        """Time of the processors that it has taken."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_megabytes(self):
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) / 1024


def _load(transport, server, payload, clients, seconds):
    """([seconds of each request], duration, processor time of the server for each) of concurrent clients."""
    _drive(transport, server, payload, clients, WARM_UP_SECONDS)
    before = server.processor_seconds()
    latencies = _drive(transport, server, payload, clients, seconds)
    return latencies, seconds, (server.processor_seconds() - before) / len(latencies)


def _drive(transport, server, payload, clients, seconds, count=None):
    connections = [CONNECTIONS[transport](server.addresses[transport], payload) for _ in range(clients)]
    return drive(connections, seconds, count)


def _memory(args, server, payload):
    """Prints the resident memory of a server before, during and after many requests."""
    sizes, done = [f"{server.resident_megabytes():.0f} after the start"], 0
    for count in (args.memory_requests // 10, args.memory_requests // 2, args.memory_requests):
        done += len(_drive("REST", server, payload, args.clients, MEMORY_SECONDS, count - done))
        sizes.append(f"{server.resident_megabytes():.0f} after {done} requests")
    print(f"\nmemory of the server that batches, MiB: {', '.join(sizes)}")


if __name__ == "__main__":
    main()
