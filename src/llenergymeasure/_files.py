"""Files that appear whole or not at all, and folders that are never shared or overwritten."""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

from llenergymeasure.exceptions import ConfigError, LLEMError
from llenergymeasure.security import sanitise_name

_PARTIAL = re.compile(r"^\..+\.partial-(?P<machine>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]+$")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_BAD_PLACE = (PermissionError, FileNotFoundError, NotADirectoryError, IsADirectoryError, FileExistsError)
# File systems allow 255; a name in the making carries up to 37 more.
_LONGEST_NAME_BYTES = 200


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write a file under a temporary name beside its place, sync it, and rename it.

    Raises:
        ConfigError: the place cannot be written to.
        LLEMError: the disk is full, or another failure of the system. The old file, if any, is untouched.
    """
    # A lone surrogate has no UTF-8; escaped with a backslash it stays the same text in JSON.
    content = data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data
    with _explained(path):
        temporary = path.with_name(f".{path.name[:40]}.{uuid4().hex}.tmp")
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            with suppress(OSError, ValueError):
                temporary.unlink()


def ensure_directory(path: Path) -> None:
    """Make a folder and those above it, where they are missing.

    Raises:
        ConfigError: the place cannot be written to.
    """
    with _explained(path):
        path.mkdir(parents=True, exist_ok=True)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _give_up(path, error)
    except ValueError as error:  # a zero byte, a lone surrogate, no name at all
        raise ConfigError(f"{str(path)!r} cannot be written ({error})", "choose another --output") from error


def _give_up(path: Path, error: OSError) -> NoReturn:
    if _PARTIAL.match(path.parent.name):
        path = path.parent.parent
    if error.errno in _FULL:
        raise LLEMError(
            f"{path} could not be written: the disk is full; free some space or choose another --output"
        ) from error
    if isinstance(error, _BAD_PLACE) or error.errno == errno.EROFS:
        raise ConfigError(f"{path} cannot be written ({error.strerror})", "choose another --output") from error
    raise LLEMError(f"{path} could not be written: {error}; choose another --output") from error


def _numbered(base: Path, name: str) -> Iterator[Path]:
    safe = sanitise_name(name, _LONGEST_NAME_BYTES)
    yield base / safe
    yield from (base / f"{safe}_{number}" for number in count(1))


@dataclass
class Folder:
    """A folder in the making.

    Attributes:
        path: where to write its files.
        final: where it stands once it is complete.
    """

    path: Path
    final: Path


@contextmanager
def complete_directory(base: Path, name: str) -> Iterator[Folder]:
    """A folder that appears under `base` when the block ends without an error, and never before.

    Args:
        base: where; made when it is missing.
        name: made safe as one path component. When it is taken, `name_1`, `name_2`, ... is used.

    Raises:
        ConfigError: the place cannot be written to.
        LLEMError: the disk is full, or another failure of the system.
    """
    final = next(_numbered(base, name))
    partial = partial_name(base, final.name)
    with _explained(base):
        base.mkdir(parents=True, exist_ok=True)
        remove_stale(base)
        partial.mkdir()
    folder = Folder(partial, final)
    try:
        yield folder
        folder.final = next(path for path in _numbered(base, name) if _renamed(partial, path))
    except OSError as error:
        _give_up(final, error)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def partial_name(base: Path, name: str) -> Path:
    """A hidden name that belongs to this process alone; what it leaves there when it is killed, `remove_stale` removes."""
    return base / f".{name}.partial-{machine_mark()}-{os.getpid()}-{uuid4().hex[:8]}"


def _renamed(partial: Path, final: Path) -> bool:
    """Whether the folder got this name. Renaming onto what holds something fails, so no lock is needed."""
    if os.path.lexists(final):
        return False
    try:
        partial.rename(final)
    except OSError:
        if os.path.lexists(final):
            return False
        raise
    return True


def remove_stale(base: Path) -> None:
    """Remove what killed processes of this machine left behind; what another machine makes on a shared disk stays."""
    if os.name != "posix":  # there is no harmless way to ask for a process: on Windows signal 0 is Ctrl+C
        return
    with suppress(OSError):
        for entry in base.iterdir():
            match = _PARTIAL.match(entry.name)
            if match and match["machine"] == machine_mark() and not process_is_alive(int(match["pid"])):
                shutil.rmtree(entry, ignore_errors=True)


def machine_mark() -> str:
    """A mark of this host, this boot and this container: only inside them does a process number mean anything."""
    marks = [platform.node()]
    with suppress(OSError):
        marks.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"))
        marks.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256("\n".join(marks).encode("utf-8", "replace")).hexdigest()[:8]


def process_is_alive(pid: int) -> bool:
    """Whether a process of this machine runs; true where it may not be asked for. One that nobody has fetched is dead."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Whether a process has ended and waits for its parent, which in many containers never comes."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] == b"Z"
    except (OSError, IndexError):
        return False
