"""Bounds and p-values of an estimate by Student's t distribution."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StandardError:
    """The standard error of an estimate.

    Attributes:
        value: the standard error, in the unit of the estimate.
        df: its degrees of freedom, also fractional; infinite for a normal distribution.
    """

    value: float
    df: float

    def margin(self, level: float) -> float:
        """Distance from the estimate to its one-sided bound with probability `level`."""
        from scipy.special import stdtrit  # noqa: PLC0415 - 0.3 s that only a verdict needs

        return float(stdtrit(self.df, level)) * self.value

    def p_value(self, difference: float) -> float:
        """Probability of a difference this large or larger without a true difference."""
        from scipy.special import stdtr  # noqa: PLC0415 - 0.3 s that only a verdict needs

        if self.value == 0:
            return 0.0 if difference > 0 else 1.0
        return float(stdtr(self.df, -difference / self.value))
