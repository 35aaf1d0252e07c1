"""Ends what is left of a local Ray cluster when its owner has ended. Argument: the folder of the cluster; stdin: a pipe.

After its owner was killed, two processes of Ray would wait for their cluster for another minute. They are found by the files that
they have open in the folder, which belongs to this cluster alone.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

# A process that is being ended may still start another one.
LOOKS, LOOK_S = 10, 0.2


def main(folder: Path) -> int:
    """Wait until the pipe is closed, end the processes that use the folder, and remove it. The owner itself goes on."""
    owner = os.getppid()
    sys.stdin.buffer.read()
    for _ in range(LOOKS):
        left = [pid for pid in users_of(folder) if pid != owner]
        for pid in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not left:
            break
        time.sleep(LOOK_S)
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def users_of(folder: Path, processes: Path = Path("/proc")) -> Iterator[int]:
    """The ids of the processes that have a file of a folder open."""
    inside = f"{folder}{os.sep}"
    for process in processes.glob("[0-9]*"):
        if any(file.startswith(inside) for file in _files(process / "fd")):
            yield int(process.name)


def _files(folder: Path) -> Iterator[str]:
    """The files that a process has open."""
    with suppress(OSError):  # it has ended, or belongs to another user
        for file in folder.iterdir():
            with suppress(OSError):  # it was closed meanwhile
                yield str(file.readlink())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
