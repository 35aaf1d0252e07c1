"""Checks the values of a comparison: finite, and above zero where their logarithm is taken."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Literal

Side = Literal["baseline", "current"]


class UnusableValue(ValueError):
    """A value that cannot be compared.

    Attributes:
        side: whether it is in the baseline or in the current run.
        repeat: its number in its session, from 1.
        value: the value; None when it was not measured.
        above_zero: whether it must be above zero, and not only finite.
    """

    def __init__(self, side: Side, repeat: int, value: float | None, above_zero: bool) -> None:
        super().__init__(side, repeat, value, above_zero)
        self.side, self.repeat, self.value, self.above_zero = side, repeat, value, above_zero


def finite(values: Sequence[float | None], side: Side) -> list[float]:
    """The values, all finite.

    Raises:
        UnusableValue: one is missing or not finite.
    """
    for repeat, value in enumerate(values, 1):
        if value is None or not math.isfinite(value):
            raise UnusableValue(side, repeat, value, above_zero=False)
    return [value for value in values if value is not None]


def logarithms(values: Sequence[float | None], side: Side) -> list[float]:
    """The natural logarithms of the values.

    Raises:
        UnusableValue: one is missing, not finite or not above zero.
    """
    for repeat, value in enumerate(values, 1):
        if value is None or not 0 < value <= sys.float_info.max:
            raise UnusableValue(side, repeat, value, above_zero=True)
    return [math.log(value) for value in values if value is not None]
