"""Ports of tests are free, and stay so until their server listens."""

from __future__ import annotations

import socket
from contextlib import ExitStack

from ports import free_ports


def test_different_ports_are_picked_that_can_be_listened_on():
    ports = free_ports(3)
    assert len(set(ports)) == 3
    with ExitStack() as listening:
        for port in ports:
            listening.enter_context(socket.create_server(("127.0.0.1", port)))
