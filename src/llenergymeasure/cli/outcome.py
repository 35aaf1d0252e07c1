"""Converts the outcome of a command to an exit code and one message: the outermost frame.

0 success . 1 failure . 2 usage or configuration . 130 interrupted
"""

from __future__ import annotations

import errno
import os
import select
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress

from llenergymeasure.cli.final import OUTCOME
from llenergymeasure.cli.interrupts import INTERRUPTS
from llenergymeasure.exceptions import ConfigError, LLEMError

FAILURE, USAGE, INTERRUPTED = 1, 2, 130
GIVEN_UP = "interrupted: what was in progress has no result; every existing result folder is complete"


def exit_code_of(command: Callable[[], int], tracebacks: bool) -> int:
    """Run a command, and print an error to stderr. Returns the exit code."""
    with INTERRUPTS.listening():
        code = _code_of(command, tracebacks)
    fault = _fault_of_stdout()
    return code if fault is None else without_output(fault, code or FAILURE)


def without_output(fault: OSError, code: int = FAILURE) -> int:
    """Print why stdout could not be written, and give it up. Returns the exit code."""
    _give_up_stdout()
    if isinstance(fault, BrokenPipeError):  # `llem ... | head` is not an error of this program
        return code
    return _say(f"error: the output could not be written: {fault.strerror}", code)


def _code_of(command: Callable[[], int], tracebacks: bool) -> int:
    try:
        return command()
    except KeyboardInterrupt:
        return _give_up()
    except Exception as error:
        if INTERRUPTS.heard:  # a library converted the interrupt to another exception
            return _give_up()
        if _is_of_stdout(error):
            return FAILURE
        if tracebacks:
            _say(traceback.format_exc().rstrip(), FAILURE)
        return _explain(error)


def _give_up() -> int:
    OUTCOME.is_final = True
    return _say(GIVEN_UP, INTERRUPTED)


def _is_of_stdout(error: Exception) -> bool:
    """Whether the output could not be written."""
    return isinstance(error, OSError) and (_fault_of_stdout() is not None or _reader_has_closed())


def _reader_has_closed() -> bool:
    """Whether the reader of stdout is gone. A long text fails at the first write only, so flushing again does not show it."""
    watch = select.poll()
    with suppress(OSError):  # stdout was replaced in this process and is no file
        watch.register(sys.stdout.fileno(), 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in watch.poll(0))


def _fault_of_stdout() -> OSError | None:
    """The error of flushing stdout; None when all output was written."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return error
    return None


def _give_up_stdout() -> None:
    """Redirect stdout to the null device, so that the interpreter does not fail again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _explain(error: Exception) -> int:
    if isinstance(error, ConfigError):
        return _say(f"error: {error}", USAGE)
    if isinstance(error, LLEMError):
        return _say(f"error: {error}", FAILURE)
    if isinstance(error, MemoryError):
        return _say("error: this machine, or a limit on this process (ulimit -a), has too little memory", FAILURE)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:  # files have errors of their own: this was a stream
        return _say(f"error: the output could not be written: {error.strerror}", FAILURE)
    return _say(
        f"internal error: {type(error).__name__}: {error}; run again with --verbose for the traceback, and report it",
        FAILURE,
    )


def _say(text: str, code: int) -> int:
    from llenergymeasure.cli.terminal import Screen  # noqa: PLC0415 - few commands end with a message

    with suppress(OSError):  # the exit code reports it too
        Screen(sys.stderr).say(text)
    return code
