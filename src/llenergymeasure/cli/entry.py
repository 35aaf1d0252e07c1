"""The entry point of `llem`. It handles an interrupt from the first line on, and ignores it once the outcome is final."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from types import FrameType

from llenergymeasure.cli.final import OUTCOME, without_interrupts

INTERRUPTED = 130
ENDING = (signal.SIGINT, signal.SIGTERM)


def main() -> None:
    """Entry point of `llem`: imports the command line, which takes a while, and runs it."""
    gc.disable()  # until an experiment begins: imported objects stay alive, and searching them takes a twentieth of the start
    try:
        try:
            _listen()
            open_standard_streams()
            run()
        finally:
            # The first instruction, before which Python runs no handler: while Ctrl-C is held down, a call would be interrupted.
            OUTCOME.is_final = True
            _end()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)


def _listen() -> None:
    OUTCOME.is_final = False
    # Where an interrupt has left a block that replaces handlers, Python may end the block as late as when it drops the exception,
    # and a handler is back. Python's end would replace it by the system's, by which the next Ctrl-C ends the process with its
    # signal instead of with the exit code. What is registered first is called last.
    atexit.register(ignore_signals)
    # An interrupt in a destructor, such as one of the import system, is not reported.
    sys.unraisablehook = without_interrupts(sys.unraisablehook)
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # a shell starts commands with `&` so
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    if not OUTCOME.is_final:
        raise KeyboardInterrupt


def _end() -> None:
    if not gc.isenabled():  # no experiment began
        gc.freeze()  # it is no garbage, and Python would search it when it ends: a sixteenth of a short command
    gc.enable()
    ignore_signals()


def run() -> None:
    """Run the command; an error of its output, such as a full disk, is one line on stderr and exit code 1."""
    from llenergymeasure.cli.outcome import without_output  # noqa: PLC0415 - an interrupt is handled meanwhile

    try:
        _command()
        sys.stdout.flush()
    except OSError as error:
        sys.exit(without_output(error))


def _command() -> None:
    if sys.argv[1:] == ["--version"]:  # typer takes half of the time of this command
        from llenergymeasure.cli.commands.version import lines  # noqa: PLC0415 - only for this option

        print("\n".join(lines()))
        return
    from llenergymeasure.cli import app  # noqa: PLC0415 - takes long

    try:
        app.main()
    except SystemExit as ending:
        # typer converts an interrupt of its own code, and prints nothing
        if ending.code == INTERRUPTED and not OUTCOME.is_final:
            raise KeyboardInterrupt from None
        raise


def open_standard_streams() -> None:
    """Open standard streams that were closed by `>&-`, to the null device.

    Otherwise the next opened file would get the stream's number, and libraries would write their stderr into it. And
    Python's `print` to a closed stderr goes to stdout.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as we run
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def ignore_signals() -> None:
    """Ignore SIGINT and SIGTERM while the interpreter ends, where Ctrl-C would only print a traceback.

    They are blocked first: Python prints a traceback about a signal that it has received and not yet handled when its handler is
    replaced.
    """
    _block_signals()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
    # CPython remembers an interrupt during an `exec` of text, which dataclasses use, even when it was caught, and would
    # end by SIGINT instead of with the exit code. Another `exec` resets this.
    exec("")  # noqa: S102


def _block_signals() -> None:
    """Receive no more signals; handlers of earlier ones have run when this returns."""
    while True:
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        except KeyboardInterrupt:  # of an earlier one; the outcome is final
            continue
        return
