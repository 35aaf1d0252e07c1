"""A thread of a child process that tells every second that the process is there, and ends it when it should end.

It obeys SIGTERM and SIGINT even while the main thread is inside a library or waits for other processes, and ends the
process when the one that wants its answer is gone.
"""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from llenergymeasure._files import process_is_alive
from llenergymeasure.launch.heartbeats import alive_file

BEAT_S = 1.0
ENDED_BY = frozenset({signal.SIGTERM, signal.SIGINT})
TERMINATED = 128 + signal.SIGTERM


def start_lifeline(folder: Path, rank: int, owner: int | None, give_up: Callable[[], object]) -> None:
    """Begin; call it before any other thread is started, as threads inherit which signals are blocked.

    Args:
        folder: of the request.
        rank: of this process.
        owner: the process whose end ends this one; None = nobody's.
        give_up: says that the process was ended; called when a signal came.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDED_BY)
    threading.Thread(target=_beat, args=(folder, rank, owner, give_up), name="llem-lifeline", daemon=True).start()


def _beat(folder: Path, rank: int, owner: int | None, give_up: Callable[[], object]) -> None:
    while owner is None or process_is_alive(owner):
        with suppress(OSError):
            alive_file(folder, rank).write_text(str(os.getpid()), encoding="ascii")
        if signal.sigtimedwait(ENDED_BY, BEAT_S) is not None:
            give_up()
            os._exit(TERMINATED)
    _end_alone(folder)


def _end_alone(folder: Path) -> NoReturn:
    """Nobody is left to hear the answer: take away the folder, and end with all that this process started."""
    with suppress(OSError):  # another process was quicker
        nameless = folder.rename(folder.with_name(f"{folder.name}.gone"))  # from now on nobody writes into it
        shutil.rmtree(nameless, ignore_errors=True)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(TERMINATED)
