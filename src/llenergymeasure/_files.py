"""Writes files and folders atomically, and never overwrites a folder."""

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
_LAUNCH = re.compile(r"^llem-launch-(?P<machine>[0-9a-f]{8})-(?P<pid>\d+)-\w+$")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_BAD_PLACE = (PermissionError, FileNotFoundError, NotADirectoryError, IsADirectoryError, FileExistsError)
# The temporary names of files. One that exists belongs to a process that runs or was killed.
TEMPORARY = ".*.*.tmp"
# File systems allow 255 bytes; a temporary name is up to 37 bytes longer.
_LONGEST_NAME_BYTES = 200


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write a file as `replace_file` does, with the errors of this package.

    Raises:
        ConfigError: the path cannot be written to.
        LLEMError: the disk is full, or the system failed otherwise. An existing file is unchanged.
    """
    # A lone surrogate has no UTF-8 form; escaped with a backslash it is the same text in JSON.
    content = data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data
    with explained(path):
        replace_file(path, content)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file under a temporary name in the same folder, sync it, and rename it; a device or a pipe is written into.

    Raises:
        OSError, ValueError: the path cannot be written to. An existing file is unchanged.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    target = path.resolve() if path.is_symlink() else path
    temporary = target.with_name(f".{target.name[:40]}.{uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        with suppress(OSError, ValueError):
            temporary.unlink()


def ensure_directory(path: Path) -> None:
    """Create a folder and its missing parents.

    Raises:
        ConfigError: the path cannot be written to.
    """
    with explained(path):
        path.mkdir(parents=True, exist_ok=True)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Convert errors of the system while `path` is written.

    Raises:
        ConfigError: the path cannot be written to.
        LLEMError: the disk is full, or the system failed otherwise.
    """
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
    """A folder that is being written.

    Attributes:
        path: temporary path, for writing its files.
        final: path of the complete folder.
    """

    path: Path
    final: Path


@contextmanager
def complete_directory(base: Path, name: str) -> Iterator[Folder]:
    """A folder that appears under `base` only when the block ends without an error.

    Args:
        base: parent folder; created when missing.
        name: name of the folder, made safe as one path component. If it exists, `name_1`, `name_2`, ... is used.

    Raises:
        ConfigError: the path cannot be written to.
        LLEMError: the disk is full, or the system failed otherwise.
    """
    final = next(_numbered(base, name))
    partial = partial_name(base, final.name)
    with explained(base):
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
    """A hidden temporary name unique to this process; `remove_stale` removes it after the process was killed."""
    return base / f".{name}.partial-{machine_mark()}-{os.getpid()}-{uuid4().hex[:8]}"


def _renamed(partial: Path, final: Path) -> bool:
    """Whether the folder was renamed. Renaming onto a non-empty folder fails, so no lock is needed."""
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
    """Remove temporary folders of ended processes of this machine, but not those of other machines on a shared disk."""
    if os.name != "posix":  # on Windows signal 0 is Ctrl+C, so a process cannot be checked without effect
        return
    with suppress(OSError):
        for entry in base.iterdir():
            if belongs_to_ended_process(entry.name):
                shutil.rmtree(entry, ignore_errors=True)


def belongs_to_ended_process(name: str) -> bool:
    """Whether a temporary name was made by a process of this machine that has ended."""
    match = _PARTIAL.match(name) or _LAUNCH.match(name)
    return bool(match and match["machine"] == machine_mark() and not process_is_alive(int(match["pid"])))


def launch_prefix() -> str:
    """Begin of the name of a temporary folder for a child of this process; `remove_stale` removes it like the above."""
    return f"llem-launch-{machine_mark()}-{os.getpid()}-"


def machine_mark() -> str:
    """An identifier of this host, boot and container, within which a process id is valid."""
    marks = [platform.node()]
    with suppress(OSError):
        marks.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"))
        marks.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256("\n".join(marks).encode("utf-8", "replace")).hexdigest()[:8]


def process_is_alive(pid: int) -> bool:
    """Whether a process of this machine runs; true where this may not be checked, false for a zombie process."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Whether a process has ended but was not reaped by its parent, as in many containers."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] == b"Z"
    except (OSError, IndexError):
        return False
