"""Whether the process that owns the folder of a request still runs.

```
 same machine    its process id
 container       a lock on a file of the folder, which the owner holds: a process id of outside means nothing there, and the kernel
                 releases the lock when the owner ends in any way
```
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from llenergymeasure._files import explained, process_is_alive

OWNER_FILE = "owner"
# How a child finds out that its owner has ended: by the id of the process, or by the lock.
Owner = int | Literal["lock"]


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Hold the lock on a folder inside the block.

    Raises:
        ConfigError, LLEMError: the file of the lock cannot be written.
    """
    with explained(folder / OWNER_FILE):
        file = (folder / OWNER_FILE).open("wb")
    with file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def owner_runs(folder: Path, owner: Owner) -> bool:
    """Whether the owner of a folder runs."""
    return process_is_alive(owner) if isinstance(owner, int) else is_locked(folder)


def is_locked(folder: Path) -> bool:
    """Whether another process holds the lock on a folder; false where the folder has no such file."""
    try:
        with (folder / OWNER_FILE).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
