"""The process of a server: start, announce the ports, drain on the first signal, end at once on the second."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket

import grpc
import uvloop
from aiohttp import web

from tfvae.errors import ConfigError
from tfvae.jobs import event
from tfvae.serving.server import tls
from tfvae.serving.server.admission import Admission
from tfvae.serving.server.core import Core
from tfvae.serving.server.grpc_services import add_services
from tfvae.serving.server.handlers import Handlers
from tfvae.serving.server.metrics import Metrics
from tfvae.serving.server.rest import Rest

COLLECTOR_THRESHOLD = 50_000  # objects
BACKLOG = 1024  # connections that the system holds until they are accepted
LAST_BYTES_SECONDS = 0.2  # for a request that a client was sending on an open connection when the signal came


def run(settings):
    """Serves until SIGTERM or SIGINT has come and what was accepted is answered.

    Args:
        settings: `settings.Settings`.

    Raises:
        ConfigError: If a port is taken, or a file of TLS is of no use.
    """
    logging.getLogger("aiohttp").setLevel(logging.CRITICAL)  # garbage of clients is theirs
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))


async def _serve(settings):
    stop = _stop_event()
    server = Server(settings)
    try:
        await server.bind()
        if await _finished_before(server.start(), stop):
            server.announce()
            await stop.wait()
            event("Draining: no new connections, the accepted requests are answered.")
        await server.drain()
    finally:
        await server.close()


def _stop_event():
    """An event that the first signal sets; the second one ends the process."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def handle(signum):
        if stop.is_set():
            os._exit(128 + signum)
        stop.set()

    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, handle, signum)
    return stop


async def _finished_before(coroutine, stop):
    """Whether a coroutine ended before the event came, which cancels it."""
    job, waiter = asyncio.ensure_future(coroutine), asyncio.ensure_future(stop.wait())
    await asyncio.wait((job, waiter), return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()
    if job.done():
        job.result()
        return True
    job.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await job
    return False


class Server:
    """Both transports over one core.

    Args:
        settings: `settings.Settings`.
    """

    def __init__(self, settings):
        self.settings = settings
        metrics = Metrics()
        self.core = Core(settings.models, settings.options)
        self.core.observer = metrics
        self.admission = Admission(settings.limits.max_waiting_requests)
        handlers = Handlers(self.core, metrics)
        self.rest = Rest(handlers, self.admission, settings.limits, settings.monitoring_path, settings.cors)
        self.grpc = grpc.aio.server(options=_grpc_options(settings.limits))
        health = settings.has_health
        self.health = add_services(self.grpc, handlers, self.admission, settings.limits, settings.as_content, health)
        self.runner = self.site = self.socket = None

    async def bind(self):
        """Takes both ports, before the models load: a port in use is told at once."""
        settings = self.settings
        ssl = settings.ssl and tls.http_context(settings.ssl)
        self.socket = _listening_socket(settings.host, settings.rest_port)
        self.rest_port = self.socket.getsockname()[1]
        self.grpc_port = self._bind_grpc(f"{_bracketed(settings.host)}:{settings.grpc_port}")
        timeout = settings.limits.client_timeout_seconds
        # aiohttp drops by the same timer connections that send no request at all, or half of one.
        server = web.Server(self.rest, handler_cancellation=True, access_log=None, keepalive_timeout=timeout)
        self.runner = web.ServerRunner(server, shutdown_timeout=settings.drain_seconds)
        await self.runner.setup()
        self.site = web.SockSite(self.runner, self.socket, ssl_context=ssl, backlog=BACKLOG)

    async def start(self):
        """Loads the models and answers from then on."""
        await self.core.start()
        _spare_collector()
        await self.grpc.start()
        await self.site.start()

    def announce(self):
        """Says where the server listens."""
        scheme, host = "https" if self.settings.ssl else "http", _bracketed(self.settings.host)
        grpc_address, rest_url = f"{host}:{self.grpc_port}", f"{scheme}://{host}:{self.rest_port}"
        ports = {"grpc_port": self.grpc_port, "rest_port": self.rest_port}
        event(f"Serving: gRPC at {grpc_address}, REST at {rest_url}.", **ports, grpc=grpc_address, rest=rest_url)

    async def drain(self):
        """Accepts no connection any more, and waits for what was accepted."""
        self.rest.is_draining = True
        if self.health:
            await self.health.enter_graceful_shutdown()
        if self.site in self.runner.sites:
            await self.site.stop()
        stopping = asyncio.ensure_future(self.grpc.stop(self.settings.drain_seconds))
        await asyncio.sleep(LAST_BYTES_SECONDS)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.admission.idle(), self.settings.drain_seconds)
        await stopping

    async def close(self):
        """Ends everything that `bind` and `start` began."""
        if self.runner:
            await self.runner.cleanup()
        if self.socket:
            self.socket.close()
        await self.grpc.stop(None)
        self.core.interrupt()
        await self.core.stop()

    def _bind_grpc(self, address):
        try:
            if self.settings.ssl:
                port = self.grpc.add_secure_port(address, tls.grpc_credentials(self.settings.ssl))
            else:
                port = self.grpc.add_insecure_port(address)
        except RuntimeError:
            port = 0
        if not port:
            raise ConfigError(f"gRPC cannot listen on {address}: is another process there? Choose another --port.")
        return port


def _spare_collector():
    """Keeps the collector of cycles from walking through TensorFlow's million objects again and again.

    A request with an image makes a thousand lists, which is enough to start it: parsing took 0.66 ms instead of 0.04.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECTOR_THRESHOLD)


def _listening_socket(host, port):
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(f"REST cannot listen on {host}:{port} ({reason}): choose another --rest_api_port.") from None
    return listening


def _bracketed(host):
    return f"[{host}]" if ":" in host else host


def _grpc_options(limits):
    return [
        ("grpc.so_reuseport", 0),  # else a second server could take a share of our port
        ("grpc.max_receive_message_length", limits.max_request_bytes),
        ("grpc.max_send_message_length", -1),
    ]
