"""Reads JSON from untrusted sources: every error is a ValueError, and no input takes long."""

from __future__ import annotations

import json
import os
from binascii import crc32
from pathlib import Path
from typing import Any, BinaryIO

MAX_BYTES = 256 * 2**20
"""The largest study has 60,000 runs of 2 kB each."""

_CHECKSUM_BYTES = len(b',"crc32":"00000000"}')

MAX_DIGITS = 300
"""An integer with more digits exceeds the range of a float, and would fail at the first division."""


def read_json_file(path: Path) -> Any:
    """The value of a file of JSON.

    Raises:
        OSError: it cannot be read, or its name is no path.
        ValueError: it is too large, or not JSON in UTF-8.
    """
    return read_json(read_bytes(path))


def read_bytes(path: Path) -> bytes:
    """The content of a file of at most 256 MiB.

    Raises:
        OSError: it cannot be read, or its name is no path.
        ValueError: it is larger.
    """
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size  # 0 for a pipe or a device
        content = b"" if size > MAX_BYTES else file.read(size + 1 if size else MAX_BYTES + 1)
    if max(size, len(content)) > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES // 2**20} MiB")
    return content


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except ValueError as error:  # a NUL in the name
        raise OSError(str(error)) from error


def with_checksum(document: bytes) -> bytes:
    """A JSON object, written without blanks at its end, with a checksum as its last key."""
    return b'%s,"crc32":"%08x"}' % (document[:-1], crc32(document))


def without_checksum(document: bytes) -> bytes:
    """The JSON object to which a checksum was added.

    Raises:
        ValueError: it has changed, or has no checksum.
    """
    original = document[:-_CHECKSUM_BYTES] + b"}"
    if with_checksum(original) != document:
        raise ValueError("its checksum is missing, or does not match its content")
    return original


def read_json(text: str | bytes) -> Any:
    """The value of a JSON document.

    Raises:
        ValueError: not JSON, nested too deeply for Python, or with an integer of too many digits.
    """
    try:
        return json.loads(text, parse_int=_whole_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _whole_number(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number has {len(digits)} digits")
    return int(digits)
