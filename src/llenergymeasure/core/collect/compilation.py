"""Sums the compilations inside the window."""

from __future__ import annotations

import math
from collections.abc import Sequence

from llenergymeasure.domain.measurements import CompilationResult
from llenergymeasure.records import BatchRecord


def compilation_of(batches: Sequence[BatchRecord]) -> CompilationResult | None:
    """Compilations of all batches; None when the engine does not report them, or has no batches."""
    counts = [batch.compilations for batch in batches]
    known = [count for count in counts if count is not None]
    if not counts or len(known) < len(counts):
        return None
    return CompilationResult(count=sum(known), seconds=math.fsum(batch.compiling_s for batch in batches))
