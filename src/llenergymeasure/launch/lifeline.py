"""A thread in a child process: it writes a heartbeat every second, and it ends the process when that is necessary.

It reacts to SIGTERM and SIGINT even while the main thread is inside a library or waits for other processes. It also ends
the process when its owner has ended.
"""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

from llenergymeasure._files import write_atomic
from llenergymeasure.exceptions import LLEMError
from llenergymeasure.launch.exchange.owner import Owner, owner_runs
from llenergymeasure.launch.heartbeats import alive_file

BEAT_S = 1.0
ENDED_BY = frozenset({signal.SIGTERM, signal.SIGINT})
TERMINATED = 128 + signal.SIGTERM
# In a container; its end is the end of all processes there, and no signal from inside ends it.
FIRST_PROCESS = 1


def start_lifeline(folder: Path, rank: int, owner: Owner | None, give_up: Callable[[], object]) -> Lifeline:
    """Write the first heartbeat and start the thread.

    Call this before other threads are started: threads inherit the blocked signals.

    Args:
        folder: the folder of the request.
        rank: the rank of this process.
        owner: how to find out whether the process that owns the folder runs; None = do not watch any process.
        give_up: called when a signal arrives; writes the failure into the reply.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDED_BY)
    with suppress(LLEMError):  # the folder may be gone with its owner
        write_atomic(alive_file(folder, rank), str(os.getpid()))  # the process that ends this one reads its pid here
    ending = threading.Event()
    thread = threading.Thread(
        target=_beat, args=(folder, rank, owner, give_up, ending), name="llem-lifeline", daemon=True
    )
    thread.start()
    return Lifeline(thread, ending)


class Lifeline(NamedTuple):
    """The thread, and whether it is ending this process."""

    thread: threading.Thread
    ending: threading.Event

    def wait_if_ending(self) -> None:
        """Before the main thread returns: let the thread remove the folder and end the process, if it has begun to."""
        if self.ending.is_set():
            self.thread.join()


def _beat(folder: Path, rank: int, owner: Owner | None, give_up: Callable[[], object], ending: threading.Event) -> None:
    file = alive_file(folder, rank)
    while owner is None or owner_runs(folder, owner):
        with suppress(OSError):
            os.utime(file)
        received = signal.sigtimedwait(ENDED_BY, BEAT_S)
        # If the wait is interrupted near its end, by SIGCHLD or SIGCONT, Python returns a signal that was never sent.
        if received is not None and received.si_signo in ENDED_BY:
            give_up()
            os._exit(TERMINATED)
    ending.set()
    _end_alone(folder)


def _end_alone(folder: Path) -> NoReturn:
    """The owner has ended: remove the folder, and end this process with everything that it started."""
    with suppress(OSError):  # another rank was faster
        _remove(folder)
    if os.getpgrp() == os.getpid() != FIRST_PROCESS:
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(TERMINATED)


def _remove(folder: Path) -> None:
    """Remove a folder. In a container it is a mount, which can only be emptied; its owner's next run removes the rest."""
    try:
        removed = folder.rename(folder.with_name(f"{folder.name}.gone"))  # after this no thread can write into it
    except OSError:
        for path in folder.iterdir():
            shutil.rmtree(path, ignore_errors=True)
            path.unlink(missing_ok=True)
        return
    shutil.rmtree(removed, ignore_errors=True)
