"""Counts failed requests by kind."""

from __future__ import annotations

from collections.abc import Sequence

from llenergymeasure.domain.traffic.result import FailureCount
from llenergymeasure.records import FailedRequest


def failures_by_kind(failures: Sequence[FailedRequest]) -> tuple[FailureCount, ...]:
    """The number of failures of each kind with the message of the first, most frequent first."""
    found: dict[str, list[FailedRequest]] = {}
    for failure in failures:
        found.setdefault(failure.kind, []).append(failure)
    counted = (FailureCount(kind=kind, count=len(each), example=each[0].message) for kind, each in found.items())
    return tuple(sorted(counted, key=lambda one: (-one.count, one.kind)))
