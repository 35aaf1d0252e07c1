"""Where `llem` begins: an interrupt is heard from the first line on, and changes nothing once the outcome is settled."""

from __future__ import annotations

import os
import signal
import sys

INTERRUPTED = 130


def main() -> None:
    """Entry point of `llem`: imports the command line, which takes its time, and runs it."""
    try:
        open_standard_streams()
        from llenergymeasure.cli import app  # noqa: PLC0415 - takes long; an interrupt is heard meanwhile

        app.main()
    except KeyboardInterrupt:
        settle()
        print("interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    finally:
        settle()


def open_standard_streams() -> None:
    """Give what `>&-` closed somewhere to go.

    The next file to be opened would get its number, and with it what libraries write to their stderr; and Python's
    `print` to a stderr that is not there goes to stdout.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as we run
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def settle() -> None:
    """Leave the interpreter's own end alone: half a second in which Ctrl-C would only print a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # CPython remembers an interrupt inside of an `exec` of text, such as dataclasses do, even when it was caught, and
    # would end by SIGINT instead of our exit code. Another `exec` makes it forget.
    exec("")  # noqa: S102
