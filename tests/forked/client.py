"""Asks the server to run a program, and behaves like that program for its parent."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys

LENGTH_BYTES = 4
# Python runs the handler of a signal that arrives just before a system call only after the call.
LOOK_S = 0.2


def main(address: str, *arguments: str) -> int:
    """Exit code of the program."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: server.send(bytes([number])))
        task = {"arguments": arguments, "folder": os.getcwd(), "environ": dict(os.environ)}  # noqa: PTH109 - start-up time
        text = json.dumps(task).encode()
        socket.send_fds(server, [len(text).to_bytes(LENGTH_BYTES, "big")], [0, 1, 2])
        server.sendall(text)
        while not select.select([server], [], [], LOOK_S)[0]:
            pass
        ending = server.recv(16)
    return end_as(int(ending)) if ending else 1


def end_as(code: int) -> int:
    """End by the signal that ended the program, if a signal ended it."""
    if code < 0:
        if -code != signal.SIGKILL:  # whose handling cannot be set
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
