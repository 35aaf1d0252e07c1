"""A clock on which time passes only when a caller sleeps, and a log of calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


@dataclass
class Log:
    """The calls, in order."""

    lines: list[str] = field(default_factory=list)

    def __call__(self, line: str) -> None:
        self.lines.append(line)


class FakeClock:
    """A clock that advances only when a caller sleeps."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.cpu = 0.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def utc_now(self) -> datetime:
        return START + timedelta(seconds=self.seconds - 100.0)

    def cpu_seconds(self) -> float:
        return self.cpu
