"""Imports a library, then forks a program for each client that asks, until its stdin is closed by all processes."""

from __future__ import annotations

import gc
import json
import os
import resource
import runpy
import select
import signal
import socket
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

MEGABYTE_KIB = 1000
LENGTH_BYTES = 4


def main(address: str, module: str, prelude: str) -> None:
    """Serve; in a fork, run its program."""
    starter = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is not for the starter
    import_module(module)
    import_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE_KIB
    exec(prelude, {})
    gc.collect()
    gc.freeze()  # else each fork would copy every page that its search for garbage touches
    sys.executable = str(Path(address).with_name("python"))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    with starter:
        print(json.dumps({"import_mb": import_mb}), file=starter)
    task = serve(listener)
    if task is not None:
        run(task["arguments"])


def serve(listener: socket.socket) -> dict[str, Any] | None:
    """The task of a fork; None for the server itself, at its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        reap()
        if sys.stdin in ready:
            return None
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            return attend(connection)
        connection.close()


def reap() -> None:
    """Reap the attendants that have ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def attend(connection: socket.socket) -> dict[str, Any]:
    """Fork the program, and tell the client how it ended."""
    task, files = receive(connection)
    program = os.fork()
    if program == 0:
        connection.close()
        prepare(task, files)
        return task
    for file in files:
        os.close(file)
    Thread(target=pass_on_signals, args=(connection, program), daemon=True).start()
    _, status = os.waitpid(program, 0)
    connection.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """What to run, and the client's files 0 to 2."""
    head, files, _, _ = socket.recv_fds(connection, LENGTH_BYTES, 3)
    text = b""
    while not head or len(text) < int.from_bytes(head, "big"):
        part = connection.recv(65536)
        if not part:  # the client was killed
            os._exit(1)
        text += part
    return json.loads(text), files


def pass_on_signals(connection: socket.socket, program: int) -> None:
    """A program does not outlive its client."""
    with suppress(ProcessLookupError):
        while number := connection.recv(1):
            os.kill(program, number[0])
        os.kill(program, signal.SIGKILL)


def prepare(task: dict[str, Any], files: list[int]) -> None:
    """Folder, variables and files of the client; interrupts as in a process of its own."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(task["folder"])
    os.environ.clear()
    os.environ.update(task["environ"])
    named = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[1:1] = [path for path in named if path not in sys.path]


def run(arguments: list[str]) -> None:
    """As `python` does with these arguments; `-u`, which torch's launcher adds, changes nothing here."""
    how, *others = arguments[1:] if arguments[0] == "-u" else arguments
    if how == "-m":
        name, *sys.argv[1:] = others
        sys.path[0] = os.getcwd()  # noqa: PTH109
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    elif how == "-c":
        code, *rest = others
        sys.argv, sys.path[0] = ["-c", *rest], ""
        run_code(code)
    else:
        sys.argv, sys.path[0] = [how, *others], os.path.dirname(how)  # noqa: PTH120
        runpy.run_path(how, run_name="__main__")


def run_code(code: str) -> None:
    module = ModuleType("__main__")
    sys.modules["__main__"] = module
    exec(compile(code, "<string>", "exec"), vars(module))


if __name__ == "__main__":
    main(*sys.argv[1:])
