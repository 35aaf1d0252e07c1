"""Checks from its header whether a safetensors file is complete.

```
8 bytes: N, little-endian | N bytes: JSON {tensor: {dtype, shape, data_offsets: [begin, end]}} | the tensors, no gaps
```

The format: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, BinaryIO

from llenergymeasure._json import read_json

LENGTH_BYTES = 8
MAX_HEADER_BYTES = 100_000_000  # the format's own limit
LFS_POINTER = b"version "  # a pointer of Git LFS starts with its version line
BITS = {
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8,
    "I64": 64, "I32": 32, "I16": 16, "I8": 8, "U64": 64, "U32": 32, "U16": 16, "U8": 8, "BOOL": 8,
}  # fmt: skip


class BrokenFileError(Exception):
    """The file is damaged; the message continues a sentence that begins with its name."""


def check_safetensors(path: Path) -> str | None:
    """Check length, header and offsets of a safetensors file. The tensors themselves are not read.

    Returns:
        The problem, with the name of the file; None when there is none.
    """
    try:
        tensor_bytes(path)
    except BrokenFileError as error:
        return f"weight file {path} {error}"
    except OSError as error:
        return f"weight file {path} cannot be read: {error.strerror}"
    return None


def tensor_bytes(path: Path) -> int:
    """Size in bytes of all tensors in a safetensors file.

    Raises:
        BrokenFileError: the file is incomplete or damaged.
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        header_bytes = _header_length(file, size)
        header = _header(file.read(header_bytes))
    wanted = _end_of_tensors(header)
    present = size - LENGTH_BYTES - header_bytes
    if present < wanted:
        raise BrokenFileError(f"is truncated: {present} of its {wanted} bytes of tensors are there")
    if present > wanted:
        raise BrokenFileError(f"is damaged: {present - wanted} bytes follow its last tensor")
    return wanted


def _header_length(file: BinaryIO, size: int) -> int:
    first = file.read(LENGTH_BYTES)
    if first == LFS_POINTER:
        raise BrokenFileError("is a Git LFS pointer, not the weights: run git lfs pull")
    if len(first) < LENGTH_BYTES:
        raise BrokenFileError(f"is truncated: it has {size} bytes")
    length = int.from_bytes(first, "little")
    if length > MAX_HEADER_BYTES:
        raise BrokenFileError(f"is damaged: it states a header of {length} bytes")
    if LENGTH_BYTES + length > size:
        raise BrokenFileError(f"is truncated: {size - LENGTH_BYTES} of the {length} bytes of its header are there")
    return length


def _header(content: bytes) -> dict[str, Any]:
    try:
        header = read_json(content)
    except ValueError:
        raise BrokenFileError("is damaged: its header is not valid JSON") from None
    if not isinstance(header, dict):
        raise BrokenFileError("is damaged: its header is not a mapping")
    return {name: tensor for name, tensor in header.items() if name != "__metadata__"}


def _end_of_tensors(header: dict[str, Any]) -> int:
    """The end of the last tensor; every tensor must begin at the end of the one before it."""
    end = 0
    for begin, stop, name in sorted(_place(name, tensor) for name, tensor in header.items()):
        if begin != end or stop < begin:
            raise BrokenFileError(
                f"is damaged: tensor '{name}' lies at bytes {begin} to {stop}, but must begin at byte {end}"
            )
        end = stop
    return end


def _place(name: str, tensor: Any) -> tuple[int, int, str]:
    try:
        begin, stop = (int(offset) for offset in tensor["data_offsets"])
        bits = BITS.get(tensor["dtype"])
        elements = math.prod(tensor["shape"])
    except (KeyError, TypeError, ValueError, OverflowError):
        raise BrokenFileError(f"is damaged: the entry of tensor '{name}' is incomplete") from None
    if bits is not None and elements * bits != 8 * (stop - begin):
        raise BrokenFileError(f"is damaged: tensor '{name}' of {elements} elements takes {stop - begin} bytes")
    return begin, stop, name
