"""The server that forks a process per run.

```
 import what the backend's runs need . for each request: fork . report its pid, and later its exit code . end with the owner
```

It has one thread and has never used a GPU, because neither threads nor a CUDA context survive a fork. Requests and replies
are lines of JSON on the socket of its owner: `[folder, log]`; `["ready"]`, `["started", pid]`, `["refused", reason]`,
`["ended", pid, code]`.
"""

from __future__ import annotations

import atexit
import ctypes
import faulthandler
import gc
import json
import os
import random
import select
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NoReturn

from llenergymeasure.launch.process import GRACE_S

OWNER_CHECK_S = 1.0
# When memory runs out, the system should end a run rather than the study: this adds half of the memory to its score.
MEMORY_SCORE = "500"
END_POLL_S = 0.02
# From linux/prctl.h: orphaned descendants become children of this process, so that they can be found and ended.
PR_SET_CHILD_SUBREAPER = 36
PR_SET_PDEATHSIG = 1


def main(control: socket.socket, owner: int, prepare: Callable[[], object], run: Callable[[Path], int]) -> int:
    """Serve until the owner has ended. In a fork: do what was requested, and end.

    Args:
        control: the connection to the owner.
        owner: id of the process that started this one.
        prepare: imports what every run needs.
        run: runs the request in a folder.
    """
    _when_owner_ends(owner, signal.SIGKILL)  # importing takes seconds, during which nothing else is handled
    prepare()
    _when_owner_ends(owner, 0)
    gc.collect()
    gc.freeze()  # otherwise a search for garbage in a fork would copy all memory that is shared with this process
    _adopt_orphans()
    folder = Server(control, owner).serve()
    if folder is not None:
        _end(run(folder))
    return 0


def _end(code: int) -> NoReturn:
    """End a run without finalising the interpreter, which with torch takes longer than the rest of the isolation."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


class Server:
    """Forks and watches the processes of the runs.

    Args:
        control: the connection to the owner.
        owner: id of the owner.
    """

    def __init__(self, control: socket.socket, owner: int) -> None:
        self._control, self._owner = control, owner
        self._received = b""
        self._running: dict[int, Path] = {}

    def serve(self) -> Path | None:
        """The folder of a request, in the process that was forked for it; None in the server, when its owner has ended."""
        with _bell_at_end_of_child() as bell:
            self._say("ready")
            while os.getppid() == self._owner:
                ready, _, _ = select.select([self._control, bell], [], [], OWNER_CHECK_S)
                if bell in ready:
                    bell.recv(4096)
                self._reap()
                requests = self._requests() if self._control in ready else []
                if requests is None:
                    break
                for folder, log in requests:
                    if self._fork(Path(folder), Path(log)):
                        return Path(folder)
            self._control.setblocking(False)
            for folder, _ in self._requests() or []:  # sent before the owner was killed
                shutil.rmtree(folder, ignore_errors=True)
            self._end_all()
        return None

    def _requests(self) -> list[tuple[str, str]] | None:
        """The complete requests that have arrived; None when the owner has ended."""
        try:
            new = self._control.recv(65536)
        except OSError:
            new = b""
        *lines, self._received = (self._received + new).split(b"\n")
        return [tuple(json.loads(line)) for line in lines] if new else None

    def _fork(self, folder: Path, log: Path) -> bool:
        """Whether this is the process that was forked."""
        try:
            pid = os.fork()
        except OSError as error:
            self._say("refused", str(error))
            return False
        if pid == 0:
            self._control.close()
            _become_own_process(log)
            return True
        with suppress(OSError):  # both sides set the group, so that it exists before either continues
            os.setpgid(pid, pid)
        self._running[pid] = folder
        self._say("started", pid)
        return False

    def _reap(self) -> None:
        """Report how processes ended, and end the processes that they left behind."""
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                if self._running.pop(pid, None) is not None:
                    self._say("ended", pid, os.waitstatus_to_exitcode(status))
        for pid in _children() - set(self._running):
            _kill(pid, signal.SIGKILL)

    def _end_all(self) -> None:
        """End the remaining processes, with SIGTERM first, and remove the folders, whose owner has ended."""
        left = dict(self._running)
        for pid in left:
            _kill(-pid, signal.SIGTERM)
        self._wait_for_children(GRACE_S)
        for pid, folder in left.items():
            _kill(-pid, signal.SIGKILL)
            shutil.rmtree(folder, ignore_errors=True)
        self._wait_for_children(GRACE_S)

    def _wait_for_children(self, at_most_s: float) -> None:
        """Until there are none. What an ended process leaves behind becomes a child of this one, and is ended, too."""
        end_s = time.monotonic() + at_most_s
        while (self._running or _children()) and time.monotonic() < end_s:  # not every system lists children
            time.sleep(END_POLL_S)
            self._reap()

    def _say(self, *message: Any) -> None:
        with suppress(OSError):  # the owner has ended; the next read of the socket finds that
            self._control.sendall(json.dumps(message).encode() + b"\n")


@contextmanager
def _bell_at_end_of_child() -> Iterator[socket.socket]:
    """A socket that can be read when a child has ended. A fork that leaves the block no longer uses it."""
    bell, rung = socket.socketpair()
    with bell, rung:
        rung.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(rung.fileno(), warn_on_full_buffer=False)
        try:
            yield bell
        finally:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _become_own_process(log: Path) -> None:
    """Give this fork its own process group, output and random numbers, as a newly started process has them."""
    os.setpgid(0, 0)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for number in (1, 2):
        os.dup2(output, number)
    os.close(output)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # the buffer of a killed process would be lost
    with suppress(OSError):  # Linux only
        Path("/proc/self/oom_score_adj").write_text(MEMORY_SCORE, encoding="ascii")
    faulthandler.enable()
    random.seed()


def _when_owner_ends(owner: int, number: int) -> None:
    """Have the system send this signal to this process when its owner ends, or has already ended; 0 = none."""
    _prctl(PR_SET_PDEATHSIG, number)
    if number and os.getppid() != owner:
        os.kill(os.getpid(), number)


def _adopt_orphans() -> None:
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    with suppress(OSError, AttributeError):  # Linux only
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _children() -> set[int]:
    try:
        return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()}
    except OSError:
        return set()


def _kill(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
