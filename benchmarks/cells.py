"""The windows of one tool on one kind of sensors, with their errors against the truth."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks import simulated  # noqa: F401 - finds the tests' modules
from scoring import percentile

SECONDS = (0.1, 0.3, 1.0, 3.0, 10.0)


@dataclass(frozen=True)
class Cell:
    """The windows of one tool, one kind of sensors and one length: relative errors, and stated uncertainties without gain."""

    tool: str
    sensors: str
    seconds: float
    waves: list[str]
    errors: list[float]
    stated: list[float]

    @property
    def name(self) -> str:
        return f"{'ours' if self.tool == 'llenergymeasure' else self.tool}, {self.sensors}, {self.seconds:g} s"

    @property
    def bias(self) -> float:
        """Mean error in percent."""
        return 100 * sum(self.errors) / len(self.errors)

    def size(self, share: float) -> float:
        """The percentile of the absolute errors, in percent."""
        return 100 * percentile([abs(error) for error in self.errors], share)

    @property
    def covered(self) -> float:
        """Percentage of the windows whose stated uncertainty covers the truth."""
        return 100 * sum(abs(e) <= u for e, u in zip(self.errors, self.stated)) / len(self.errors)

    @property
    def width(self) -> float:
        """Median stated uncertainty over the 95th percentile of the errors."""
        return 100 * percentile(self.stated, 0.5) / self.size(0.95)
