"""Clients that cost next to nothing: one process, prepared bytes, many sockets, and no library between them.

A client of a usual library takes as long for a request as the server does, and takes it from the same processors.
"""

import select
import socket
import struct
import time

GRPC_PATH = b"/tensorflow.serving.PredictionService/Predict"
REST_PATH = b"/v1/models/model:predict"
RECEIVE_BYTES = 1 << 20
FRAME_BYTES = 1 << 14  # of HTTP/2's frames, if nobody asks for more
LARGEST_WINDOW = (1 << 31) - 1
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
ACK, END_STREAM, END_HEADERS = 1, 1, 4
INITIAL_WINDOW_SIZE = 4


def drive(connections, seconds, count=None):
    """Sends on all connections, on each as soon as its answer has come, until the time is over; closes them.

    Args:
        connections: `RestConnection`s or `GrpcConnection`s.
        seconds: The time.
        count: Ends earlier, after so many answers.

    Returns:
        [seconds of each request]
    """
    poll, by_file = select.epoll(), {connection.socket.fileno(): connection for connection in connections}
    sent, latencies, end = {}, [], time.perf_counter() + seconds
    for file, connection in by_file.items():
        poll.register(file, select.EPOLLIN)
        sent[file] = time.perf_counter()
        connection.send()
    while time.perf_counter() < end and len(latencies) != count:
        for file, _ in poll.poll(1):
            if by_file[file].receive() and len(latencies) != count:
                now = time.perf_counter()
                latencies.append(now - sent[file])
                sent[file] = now
                by_file[file].send()
    for connection in connections:
        connection.socket.close()
    return latencies


class RestConnection:
    """One connection of HTTP/1.1 that sends the same body again and again."""

    def __init__(self, port, body):
        self.socket = _connected(port)
        self._request = b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (REST_PATH, len(body)) + body
        self._answer = b""

    def send(self):
        self.socket.sendall(self._request)

    def receive(self):
        """Takes what has come; returns whether that completes an answer."""
        self._answer += _received(self.socket)
        head, separator, body = self._answer.partition(b"\r\n\r\n")
        if not separator or len(body) < int(head.partition(b"Content-Length: ")[2].partition(b"\r")[0]):
            return False
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(self._answer)
        self._answer = b""
        return True


class GrpcConnection:
    """One connection of HTTP/2 that makes the same unary call again and again, within the server's windows."""

    def __init__(self, port, message):
        self.socket = _connected(port)
        self._message, self._input = struct.pack(">BI", 0, len(message)) + message, b""
        self._stream, self._unsent = -1, b""
        self._window, self._stream_window, self._initial_window = 65535, 0, 65535
        self._has_answer = False
        window = struct.pack(">HI", INITIAL_WINDOW_SIZE, LARGEST_WINDOW)
        more = struct.pack(">I", LARGEST_WINDOW - 65535)
        self.socket.sendall(
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(SETTINGS, 0, 0, window) + _frame(WINDOW_UPDATE, 0, 0, more)
        )

    def send(self):
        self._stream += 2
        self._stream_window, self._unsent = self._initial_window, self._message
        self._flush(_frame(HEADERS, END_HEADERS, self._stream, _CALL))

    def receive(self):
        """Takes what has come; returns whether that completes an answer."""
        self._input += _received(self.socket)
        is_done = False
        while len(self._input) >= 9 and len(self._input) >= (end := 9 + int.from_bytes(self._input[:3], "big")):
            kind, flags, stream = struct.unpack_from(">BBI", self._input, 3)
            payload, self._input = self._input[9:end], self._input[end:]
            is_done |= self._take(kind, flags, stream, payload)
        return is_done

    def _take(self, kind, flags, stream, payload):
        if kind == SETTINGS and not flags & ACK:
            self._adopt(payload)
        elif kind == PING and not flags & ACK:
            self.socket.sendall(_frame(PING, ACK, 0, payload))
        elif kind == WINDOW_UPDATE:
            self._window += int.from_bytes(payload, "big") * (stream == 0)
            self._stream_window += int.from_bytes(payload, "big") * (stream == self._stream)
            self._flush()
        elif kind in (RESET, GOAWAY):
            raise RuntimeError(payload)
        elif kind == DATA:
            self._has_answer = True
        elif kind == HEADERS and flags & END_STREAM:
            if not self._has_answer:  # an error has no message
                raise RuntimeError(payload)
            self._has_answer = False
            return True
        return False

    def _adopt(self, settings):
        for name, value in struct.iter_unpack(">HI", settings):
            if name == INITIAL_WINDOW_SIZE:
                self._stream_window += value - self._initial_window
                self._initial_window = value
        self._flush(_frame(SETTINGS, ACK, 0, b""))

    def _flush(self, frames=b""):
        """Sends frames, and as much of the message as the windows allow."""
        while self._unsent and (size := min(len(self._unsent), self._window, self._stream_window, FRAME_BYTES)) > 0:
            part, self._unsent = self._unsent[:size], self._unsent[size:]
            self._window, self._stream_window = self._window - size, self._stream_window - size
            frames += _frame(DATA, 0 if self._unsent else END_STREAM, self._stream, part)
        if frames:
            self.socket.sendall(frames)


def _connected(port):
    connected = socket.create_connection(("127.0.0.1", port), timeout=60)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connected


def _received(connected):
    data = connected.recv(RECEIVE_BYTES)
    if not data:
        raise RuntimeError("The server closed a connection.")
    return data


def _frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + struct.pack(">BBI", kind, flags, stream) + payload


def _text(text):
    return bytes([len(text)]) + text


# HPACK without tables of our own: POST, http, and by their numbers in its static table :path, :authority, content-type.
_CALL = b"".join(
    [b"\x83\x86\x04", _text(GRPC_PATH), b"\x01", _text(b"a"), b"\x0f\x10", _text(b"application/grpc"),
     b"\x00", _text(b"te"), _text(b"trailers")]
)  # fmt: skip
