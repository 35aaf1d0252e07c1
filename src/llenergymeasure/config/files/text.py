"""Reads a small text file. Its size is checked before its content is read."""

from __future__ import annotations

import stat
from pathlib import Path
from shlex import quote

from llenergymeasure.exceptions import ConfigError

MAX_BYTES = 1024 * 1024


def read_text(path: Path) -> str:
    """The text of a file of at most 1 MiB of UTF-8; a byte order mark is dropped.

    Raises:
        ConfigError: missing, a directory, unreadable, larger, or not UTF-8 (with the line).
    """
    data = _bytes_of(path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError("not UTF-8", "save the file as UTF-8 text", source=str(path), line=line) from error


def _bytes_of(path: Path) -> bytes:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise _directory(path)
        if status.st_size > MAX_BYTES:
            raise _too_large(path)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)  # a pipe or a device reports no size
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist", f"check the path (looked in {Path.cwd()})") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the path
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{str(path)!r} cannot be read: {reason}", "check the path and its permissions") from error
    if len(data) > MAX_BYTES:
        raise _too_large(path)
    return data


def _directory(path: Path) -> ConfigError:
    if (path / "result.json").is_file():
        fix = f"repeat its result with: llem run --from-result {quote(str(path))}"
        return ConfigError(f"{path} is a directory with a stored result", fix)
    return ConfigError(f"{path} is a directory", "name the YAML file in it")


def _too_large(path: Path) -> ConfigError:
    return ConfigError(f"{path} is larger than 1 MiB", "check the path: a configuration has only a few lines")
