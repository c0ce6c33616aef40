"""The bodies of HTTP requests and answers: read within a limit of size and of time, and sent within one of time."""

import asyncio

from aiohttp import web

HEADERS = {"Server": "tfvae"}
SOCKET_BYTES = 1 << 16  # what the system takes at once whether or not the client reads


class HttpError(Exception):
    """An answer that HTTP has a status for and TensorFlow Serving has not.

    Args:
        status: The HTTP status.
        message: For the client.
    """

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status
        self.message = message


async def read_body(request, limits):
    """The body of a request, unpacked if it came gzipped.

    Raises:
        HttpError: 413, 408 or 400. The connection is of no use then.
    """
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    if (request.content_length or 0) > limits.max_request_bytes:
        raise _too_large(limits)
    try:
        if request.content.is_eof():  # all of it came with the headers, as most do: nothing to wait for
            return _within(limits, request.content.read_nowait())
        async with asyncio.timeout(limits.client_timeout_seconds):
            return await _read(request.content, limits)
    except TimeoutError:
        raise HttpError(408, "The request took too long to arrive.") from None
    except (web.RequestPayloadError, ValueError):  # not what its Content-Encoding or its framing says
        raise HttpError(400, "The request body cannot be read.") from None


async def send(request, response, limits):
    """Sends a response, and drops a client that does not take it in time."""
    if len(response.body) > SOCKET_BYTES:
        try:
            async with asyncio.timeout(limits.client_timeout_seconds):
                await response.prepare(request)
                await response.write_eof()
        except TimeoutError:
            request.transport.abort()
    return response


async def _read(content, limits):
    chunks, size = [], 0
    async for chunk in content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > limits.max_request_bytes:
            raise _too_large(limits)
    return b"".join(chunks)


def _within(limits, body):
    if len(body) > limits.max_request_bytes:
        raise _too_large(limits)
    return body


def _too_large(limits):
    return HttpError(413, f"The request is larger than {limits.max_request_bytes} bytes.")
