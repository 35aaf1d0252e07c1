"""The system's clock."""

from __future__ import annotations

import time
from datetime import datetime, timezone

try:
    import resource
except ImportError:  # Windows has no resource module
    resource = None  # type: ignore[assignment]


class SystemClock:
    """Monotonic time, waiting, time of day and CPU time of this machine."""

    def now(self) -> float:
        return time.perf_counter()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def utc_now(self) -> datetime:
        return datetime.now(timezone.utc)

    def cpu_seconds(self) -> float:
        own = time.process_time()
        if resource is None:
            return own
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return own + children.ru_utime + children.ru_stime
