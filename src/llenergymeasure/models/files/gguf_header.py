"""Reads the header of a GGUF file: the architecture and the list of tensors. The tensors themselves are not read.

```
"GGUF" | version | n tensors | n values | values: key, type, value | tensors: name, shape, type, offset | padding | data
```

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_COUNT = 10_000_000  # largest number of values or tensors: thousands of times as many as in real models
MAX_DEPTH = 8
ALIGNMENT = 32
LENGTH_BYTES = 8
STRING, ARRAY = 8, 9
SCALARS: Mapping[int, str] = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip
# By the number of a tensor's type: its name, values per block, bytes per block (ggml's `type_traits`).
TYPES: Mapping[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292), 30: ("BF16", 1, 2),
}  # fmt: skip


class BrokenGgufError(Exception):
    """The file is damaged; the message continues a sentence that begins with its name."""


@dataclass(frozen=True)
class GgufHeader:
    """The header of a file.

    Attributes:
        values: its metadata; for an array only its length, as `ArrayLength`.
        n_parameters: number of values of all tensors.
        types: the type numbers of its tensors.
    """

    values: Mapping[str, Any]
    n_parameters: int
    types: frozenset[int]

    @property
    def architecture(self) -> str:
        """Such as `llama`; empty when it is not stated."""
        stated = self.values.get("general.architecture")
        return stated if isinstance(stated, str) else ""


@dataclass(frozen=True)
class ArrayLength:
    """The number of values of an array, which replaces the array."""

    count: int


def read_gguf_header(path: Path) -> GgufHeader:
    """Read a header, and check that the file has the length that it states.

    Raises:
        BrokenGgufError: it is not a GGUF file, or it is incomplete.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        if file.read(4) != MAGIC:
            raise BrokenGgufError("is not a GGUF file: it does not begin with 'GGUF'")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return _Reader(data).header()
            except (struct.error, UnicodeDecodeError, IndexError, OverflowError):
                raise BrokenGgufError("is truncated or damaged: its header is incomplete") from None


class _Reader:
    """Reads from the front to the end of the header."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data, self._place = data, len(MAGIC)

    def header(self) -> GgufHeader:
        version = self._number("<I")
        if version not in VERSIONS:
            raise BrokenGgufError(
                f"has GGUF version {version}; versions {' and '.join(map(str, VERSIONS))} can be read"
            )
        n_tensors, n_values = self._count(), self._count()
        values = {self._text(): self._value(self._number("<I")) for _ in range(n_values)}
        tensors = [self._tensor() for _ in range(n_tensors)]
        stated = values.get("general.alignment")
        self._check_length(tensors, stated if isinstance(stated, int) and stated > 0 else ALIGNMENT)
        return GgufHeader(values, sum(size for size, _, _ in tensors), frozenset(kind for _, kind, _ in tensors))

    def _check_length(self, tensors: list[tuple[int, int, int]], alignment: int) -> None:
        begin = -(-self._place // alignment) * alignment
        ends = [begin + offset + _bytes(size, kind) for size, kind, offset in tensors]
        if max(ends, default=0) > len(self._data):
            raise BrokenGgufError(f"is truncated: {len(self._data)} of its {max(ends)} bytes are there")

    def _tensor(self) -> tuple[int, int, int]:
        """Number of values, type and offset of a tensor."""
        self._text()
        shape = [self._number("<Q") for _ in range(min(self._number("<I"), MAX_DEPTH))]
        return math.prod(shape), self._number("<I"), self._number("<Q")

    def _value(self, kind: int, depth: int = 0) -> Any:
        if kind == STRING:
            return self._text()
        if kind == ARRAY and depth < MAX_DEPTH:
            return self._skipped_array(depth + 1)
        if kind not in SCALARS:
            raise BrokenGgufError(f"is damaged: a value is of type {kind}")
        return self._number(SCALARS[kind])

    def _skipped_array(self, depth: int) -> ArrayLength:
        kind, count = self._number("<I"), self._count()
        if kind in SCALARS:
            self._place += count * struct.calcsize(SCALARS[kind])
        elif kind == STRING:
            self._skip_texts(count)
        else:
            for _ in range(count):
                self._value(kind, depth)
        return ArrayLength(count)

    def _skip_texts(self, count: int) -> None:
        """Skip texts without decoding them: a vocabulary has a hundred thousand."""
        place, data, length_at = self._place, self._data, struct.Struct("<Q").unpack_from
        for _ in range(count):
            place += LENGTH_BYTES + length_at(data, place)[0]
        self._place = place

    def _count(self) -> int:
        count = self._number("<Q")
        if count > MAX_COUNT:
            raise BrokenGgufError(f"is damaged: it states {count} values or tensors")
        return int(count)

    def _text(self) -> str:
        length = self._number("<Q")
        if length > len(self._data) - self._place:
            raise IndexError(length)
        text = self._data[self._place : self._place + length]
        self._place += length
        return text.decode("utf-8")

    def _number(self, form: str) -> Any:
        (value,) = struct.unpack_from(form, self._data, self._place)
        self._place += struct.calcsize(form)
        return value


def _bytes(size: int, kind: int) -> int:
    """Size of a tensor in bytes; 0 for an unknown type."""
    _, values, length = TYPES.get(kind, ("", 1, 0))
    return -(-size // values) * length
