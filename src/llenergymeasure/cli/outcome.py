"""From what happened to an exit code and one clear message: the outermost frame.

0 success . 1 failure . 2 usage or configuration . 130 interrupted
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType

from llenergymeasure.exceptions import ConfigError, LLEMError

FAILURE, USAGE, INTERRUPTED = 1, 2, 130


def exit_code_of(command: Callable[[], int], tracebacks: bool) -> int:
    """Run a command; say on stderr what went wrong."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return command()
    except KeyboardInterrupt:
        return _say("interrupted: the measurement was given up, nothing of it was written", INTERRUPTED)
    except BrokenPipeError:
        return _reader_went_away()
    except Exception as error:
        if tracebacks:
            traceback.print_exc()
        return _explain(error)


def _explain(error: Exception) -> int:
    if isinstance(error, ConfigError):
        return _say(f"error: {error}", USAGE)
    if isinstance(error, LLEMError):
        return _say(f"error: {error}", FAILURE)
    return _say(
        f"internal error: {type(error).__name__}: {error}; run again with --verbose for the traceback, and report it",
        FAILURE,
    )


def _say(text: str, code: int) -> int:
    print(text, file=sys.stderr)
    return code


def _interrupt(signum: int, frame: FrameType | None) -> None:
    """SIGTERM ends a run as Ctrl-C does: the model is released and helpers are stopped."""
    raise KeyboardInterrupt


def _reader_went_away() -> int:
    """`llem ... | head`: not our failure; keep the interpreter from complaining at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FAILURE
