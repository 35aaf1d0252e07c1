"""Ports for servers of tests, which listen there only seconds after the port was picked."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack, suppress

# Below these the system takes the ports of outgoing connections, and of whoever asks for any port: by default from 32768 on.
# Ray takes those up to 19999 for its workers, and those from 23000 to 24000 for its clients.
PORTS = range(24_001, 32_768)
# Tests in other processes must pick others, also where they begin with the same seed.
CHANCE = random.SystemRandom()


def free_ports(count: int) -> list[int]:
    """Ports on which nothing listens, and which the system gives to no other program before they are used."""
    found: list[int] = []
    with ExitStack() as held:
        for port in CHANCE.sample(PORTS, len(PORTS)):
            if len(found) == count:
                break
            with suppress(OSError):
                tried = held.enter_context(socket.socket())
                tried.bind(("", port))
                found.append(port)
    assert len(found) == count, f"only {len(found)} ports are free"
    return found


def free_port() -> int:
    (port,) = free_ports(1)
    return port
