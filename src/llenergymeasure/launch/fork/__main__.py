"""The program of a fork server: `python -m llenergymeasure.launch.fork BACKEND SOCKET OWNER`."""

from __future__ import annotations

import socket
import sys
from functools import partial

from llenergymeasure.core.backends.registry import preload
from llenergymeasure.launch import child
from llenergymeasure.launch.fork.server import main

if __name__ == "__main__":
    _, backend, descriptor, owner = sys.argv
    sys.exit(main(socket.socket(fileno=int(descriptor)), int(owner), partial(preload, backend), child.main))
