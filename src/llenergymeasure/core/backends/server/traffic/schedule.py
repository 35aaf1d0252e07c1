"""When requests are due under a rate: the first at once, the others at equal or at random intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import Protocol


class Schedule(Protocol):
    """The times of requests, from number 0 without end."""

    @property
    def rate(self) -> float:
        """Requests per second, on average."""

    def offset_s(self, number: int) -> float:
        """When a request is due, in s after the first one."""


@dataclass(frozen=True)
class ConstantSchedule:
    """Requests at equal intervals."""

    rate: float

    def offset_s(self, number: int) -> float:
        return number / self.rate


class PoissonSchedule:
    """Requests of a Poisson process: the intervals are exponentially distributed with mean 1/rate, and independent.

    The same seed gives the same times on every machine and in every release of Python: they are made of
    `Random.random`, which Python promises not to change.
    """

    def __init__(self, rate: float, seed: int) -> None:
        self.rate = rate
        self._random = Random(seed)  # noqa: S311 - a schedule is no secret
        self._offsets_s = [0.0]

    def offset_s(self, number: int) -> float:
        while len(self._offsets_s) <= number:
            gap_s = -math.log(1.0 - self._random.random()) / self.rate
            self._offsets_s.append(self._offsets_s[-1] + gap_s)
        return self._offsets_s[number]
