"""Limits of the shell on this process. Below these, torch and its libraries hang or abort without an exception."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module

from llenergymeasure.exceptions import Finding

MEGABYTE = 10**6
# Tested with torch 2.13 on a CPU and a model of 15 MB: 750 MB of address space hang in a thread pool that cannot start,
# 300 MB of data abort in the tokeniser; 2048 MB and 614 MB work.
NEEDED = {"AS": (2_000 * MEGABYTE, "address space", "-v"), "DATA": (600 * MEGABYTE, "data", "-d")}


def limit_findings(limit_of: Callable[[str], int | None] | None = None) -> Iterator[Finding]:
    """Limits under which no model can be measured, however small.

    Args:
        limit_of: returns a limit in bytes by its name, None without a limit; by default that of this process.
    """
    for name, (needed, what, option) in NEEDED.items():
        limit = (limit_of or _own)(name)
        if limit is not None and limit < needed:
            yield Finding(
                f"this process may use {limit / MEGABYTE:.0f} MB of {what}, and torch alone needs {needed // MEGABYTE} MB",
                f"ulimit {option} unlimited (or ask the batch system for more memory)",
            )


def _own(name: str) -> int | None:
    try:
        resource = import_module("resource")
    except ImportError:  # Windows has no such limits
        return None
    limit: int = resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0]
    return None if limit == resource.RLIM_INFINITY else limit
