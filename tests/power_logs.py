"""Logs of a sensor with given readings, for numbers that can be checked by hand."""

from __future__ import annotations

from collections.abc import Sequence

from llenergymeasure.core.sampling.power_log import PowerLog

# Samples before and after each update lie an eighth of a period away from it, so that its moment is found exactly.
SAMPLES = 4


def shown(quantity: str, readings: Sequence[float | None], first_s: float = 0.0, period_s: float = 0.1) -> PowerLog:
    """Reading number k is shown from `first_s + k * period_s` until the next; None is a time without a sample."""
    log = PowerLog()
    for number, reading in enumerate(readings):
        for sample in range(SAMPLES):
            if reading is not None:
                log.add(first_s + (number + (sample + 0.5) / SAMPLES) * period_s, **{quantity: reading})
    return log


def steps(*parts: tuple[float, int]) -> list[float]:
    """Readings from (value, how often) one after another."""
    return [value for value, count in parts for _ in range(count)]
