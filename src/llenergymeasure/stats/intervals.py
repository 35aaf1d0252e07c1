"""Bounds and p values of an estimate by Student's t distribution."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StandardError:
    """How far an estimate may be off.

    Attributes:
        value: the standard error, in the unit of the estimate.
        df: degrees of freedom behind it, whole or not; infinite makes the distribution normal.
    """

    value: float
    df: float

    def margin(self, level: float) -> float:
        """From the estimate to the one-sided bound that holds with probability `level`."""
        from scipy.special import stdtrit  # noqa: PLC0415 - 0.3 s that only a verdict needs

        return float(stdtrit(self.df, level)) * self.value

    def p_value(self, difference: float) -> float:
        """Chance of a difference this large or larger if there were none."""
        from scipy.special import stdtr  # noqa: PLC0415 - 0.3 s that only a verdict needs

        if self.value == 0:
            return 0.0 if difference > 0 else 1.0
        return float(stdtr(self.df, -difference / self.value))
