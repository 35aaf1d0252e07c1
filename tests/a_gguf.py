"""GGUF files, written by hand."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

U32, F32, BOOL, STRING, ARRAY = 4, 6, 7, 8, 9
Q8_0 = 8


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def value(kind: int, content: Any) -> bytes:
    if kind == STRING:
        return text(content)
    if kind == ARRAY:
        of, items = content
        return struct.pack("<IQ", of, len(items)) + b"".join(value(of, item) for item in items)
    return struct.pack({U32: "<I", F32: "<f", BOOL: "<?"}[kind], content)


def gguf(
    values: Mapping[str, tuple[int, Any]] | None = None,
    tensors: tuple[tuple[str, tuple[int, ...], int, int], ...] = (("t", (4, 2), 0, 0),),
    data: bytes = bytes(32),
    version: int = 3,
) -> bytes:
    """A file with values, tensors (name, shape innermost first, type, offset) and their data."""
    stated = {"general.architecture": (STRING, "llama")} if values is None else values
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(stated))
    head += b"".join(text(key) + struct.pack("<I", kind) + value(kind, held) for key, (kind, held) in stated.items())
    for name, shape, kind, offset in tensors:
        head += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
    return head + bytes(-len(head) % 32) + data
