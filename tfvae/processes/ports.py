"""Ports of this machine that are free."""

import contextlib
import socket


def free_ports(number):
    """Different ports of the loopback interface on which nobody listens now."""
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in held]
