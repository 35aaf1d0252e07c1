"""Files that appear whole or not at all, and folders that are never shared or overwritten."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

from llenergymeasure.exceptions import ConfigError, LLEMError

_PARTIAL = re.compile(r"^\..+\.partial-(?P<pid>\d+)-[0-9a-f]+$")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_TAKEN = frozenset({errno.EEXIST, errno.ENOTEMPTY})


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write a file under a temporary name beside its place, sync it, and rename it.

    Raises:
        ConfigError: the place cannot be written to.
        LLEMError: the disk is full, or another failure of the system. The old file, if any, is untouched.
    """
    content = data.encode("utf-8") if isinstance(data, str) else data
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".tmp")
    except OSError as error:
        _give_up(path, error)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except OSError as error:
        _give_up(path, error)
    finally:
        Path(name).unlink(missing_ok=True)


def _umask() -> int:
    """The process's mask for new files; reading it means setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _give_up(path: Path, error: OSError) -> NoReturn:
    if error.errno in _FULL:
        raise LLEMError(
            f"{path} could not be written: the disk is full; free some space or choose another --output"
        ) from error
    if (
        isinstance(error, (PermissionError, FileNotFoundError, NotADirectoryError, FileExistsError))
        or error.errno == errno.EROFS
    ):
        raise ConfigError(f"{path} cannot be written ({error.strerror}); choose another --output") from error
    raise LLEMError(f"{path} could not be written: {error}; choose another --output") from error


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
        name: one path component. When it is taken, `name_1`, `name_2`, ... is used.

    Raises:
        ConfigError: the place cannot be written to.
        LLEMError: the disk is full, or another failure of the system.
    """
    partial = base / f".{name}.partial-{os.getpid()}-{uuid4().hex[:8]}"
    try:
        base.mkdir(parents=True, exist_ok=True)
        remove_stale(base)
        partial.mkdir()
    except OSError as error:
        _give_up(base, error)
    folder = Folder(partial, base / name)
    try:
        yield folder
        folder.final = _rename_to_free(partial, base, name)
    except OSError as error:
        _give_up(base / name, error)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _rename_to_free(partial: Path, base: Path, name: str) -> Path:
    """Renaming onto a folder that holds something fails, so the first free name is taken without a lock."""
    number = 0
    while True:
        final = base / (name if number == 0 else f"{name}_{number}")
        number += 1
        if final.exists():
            continue
        try:
            partial.rename(final)
        except OSError as error:
            if error.errno in _TAKEN or isinstance(error, (FileExistsError, NotADirectoryError)):
                continue
            raise
        return final


def remove_stale(base: Path) -> None:
    """Remove what killed processes of this machine left behind."""
    for entry in base.iterdir():
        match = _PARTIAL.match(entry.name)
        if match and not _is_alive(int(match["pid"])):
            shutil.rmtree(entry, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        try:
            os.kill(pid, 0)
        except PermissionError:
            return True
        except OverflowError:
            return False
        return True
    return False
