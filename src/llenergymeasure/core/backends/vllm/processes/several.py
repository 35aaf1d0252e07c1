"""The messages of the processes that vLLM starts for several devices.

This process sees only that one of them failed. What they write to stderr, with the traceback of the cause, goes to a file, and
the last error in it is named in our message.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType
from typing import IO, Any
from uuid import uuid4

from llenergymeasure.core.machine.signals import HELD

# A variable that the processes of vLLM are started with, by which the guard finds them.
_MARK = "_LLEM_VLLM_OF"
_LOG = logging.getLogger("llenergymeasure").getChild("vllm")
_ERROR = re.compile(r"\b(\w*(?:Error|Exception)): (.+)")
# Of the processes in between, which say only that another one failed.
_NOT_THE_CAUSE = re.compile(r"initialization failed|See root cause|EngineDeadError|WorkerProc|RuntimeError: cancelled")
# Of a process that was killed: it wrote nothing itself.
_ENDED = re.compile(r"Worker proc \S+ died unexpectedly")


class VLLMProcessError(Exception):
    """The error of a process that vLLM started, with its class and its message."""


@contextmanager
def stderr_to(file: IO[bytes]) -> Iterator[None]:
    """Processes that are started in the block write to the file instead of stderr, for as long as they live.

    What this process writes to stderr in the block goes to the file too.
    """
    sys.stderr.flush()
    stderr = os.dup(2)
    os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(stderr, 2)
        os.close(stderr)


class _InterruptedError(BaseException):
    """A signal in a block of `interrupts_arrive`."""


@contextmanager
def interrupts_arrive() -> Iterator[None]:
    """Ctrl-C ends the block. vLLM ignores a KeyboardInterrupt while it starts its processes, and then waits for minutes.

    One that arrives while an extension initialises itself is raised later, by an import, and as a KeyboardInterrupt.
    """
    handlers: dict[int, Any] = {number: signal.getsignal(number) for number in HELD}

    def passed_on(number: int, frame: FrameType | None) -> None:
        try:
            handlers[number](number, frame)
        except KeyboardInterrupt:
            raise _InterruptedError from None

    replaced = [number for number in HELD if callable(handlers[number])] if current_thread() is main_thread() else []
    for number in replaced:
        signal.signal(number, passed_on)
    try:
        yield
    except _InterruptedError:
        raise KeyboardInterrupt from None
    finally:
        for number in replaced:
            signal.signal(number, handlers[number])


@contextmanager
def guarded() -> Iterator[Callable[[], None]]:
    """End the processes that are started in the block also when this process is killed.

    Yields:
        A function to call when all of them have been started: the guard then stops looking for them.
    """
    mark = uuid4().hex
    script = str(Path(__file__).with_name("guard.py"))
    program = [sys.executable, "-I", "-S", script, str(os.getpid()), f"{_MARK}={mark}"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, start_new_session=True) as guard:
        try:
            if guard.stdout is not None:
                guard.stdout.readline()  # it watches from now on
            os.environ[_MARK] = mark
            yield partial(_all_started, guard)
        finally:
            os.environ.pop(_MARK, None)
            guard.kill()


def _all_started(guard: subprocess.Popen[bytes]) -> None:
    """What is started from now on does not belong to vLLM."""
    os.environ.pop(_MARK, None)
    guard.send_signal(signal.SIGUSR1)


@contextmanager
def causes_in(file: IO[bytes] | None) -> Iterator[None]:
    """Name the cause where a process of vLLM fails during the block.

    Args:
        file: what these processes write to stderr; None without any.

    Raises:
        VLLMProcessError: instead of vLLM's own error, which does not name it.
    """
    start = _size(file)
    try:
        yield
    except Exception as error:
        # The processes write at the position of the file, so it is not moved.
        text = b"" if file is None else os.pread(file.fileno(), _size(file) - start, start)
        cause = cause_in(text.decode("utf-8", "replace"))
        if cause is None:
            raise
        raise VLLMProcessError(cause) from error


def _size(file: IO[bytes] | None) -> int:
    return 0 if file is None else os.fstat(file.fileno()).st_size


def cause_in(text: str) -> str | None:
    """The last error that the processes wrote, with its class, or that one of them was killed; None without either."""
    _LOG.debug("%s", text)
    found = [match for line in text.splitlines() for match in _ERROR.finditer(line) if not _NOT_THE_CAUSE.search(line)]
    if found:
        return f"{found[-1][1]}: {found[-1][2].strip()}"
    ended = _ENDED.search(text)
    return ended and ended[0]
