"""Packs the samples of a process as bytes after its JSON, which is much faster to read than digits, and exact.

In the JSON each list of samples is replaced by its length. Bytes are in the machine's byte order, because all machines of
one run are of the same kind.
"""

from __future__ import annotations

from array import array
from typing import Any

from llenergymeasure.domain.measurements import LatencyResult, TokenCounts

# d = float of 8 bytes, q = whole number of 8 bytes.
_KINDS = {tuple[float, ...]: "d", tuple[int, ...]: "q"}
# Block, name and number format of each kind of sample.
SAMPLES = tuple(
    (block, name, _KINDS[field.annotation])
    for block, model in (("latency", LatencyResult), ("tokens", TokenCounts))
    for name, field in model.model_fields.items()
    if field.annotation in _KINDS
)


def pack_samples(document: dict[str, Any]) -> bytes:
    """Replace lists of samples by their lengths, in place; returns their bytes one after the other."""
    packed = []
    for block, name, kind in SAMPLES:
        if document[block] is not None:
            values = array(kind, document[block][name])
            document[block][name] = len(values)
            packed.append(values.tobytes())
    return b"".join(packed)


def unpack_samples(document: Any, packed: memoryview) -> None:
    """Undo `pack_samples`, in place. Values that are not lengths are left for the validation.

    Raises:
        ValueError: the lengths do not match the bytes.
    """
    place = 0
    for block, name, kind in SAMPLES:
        part = document.get(block) if isinstance(document, dict) else None
        if isinstance(part, dict) and type(part.get(name)) is int:
            values = array(kind)
            end = place + part[name] * values.itemsize
            if not place <= end <= len(packed):
                raise ValueError(f"{block}.{name} has {part[name]} samples, more than there are")
            values.frombytes(packed[place:end])
            part[name], place = values.tolist(), end
    if place != len(packed):
        raise ValueError(f"{len(packed) - place} bytes of samples are left over")
