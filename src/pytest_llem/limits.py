"""Limits on metrics: `METRIC:LIMIT` on the command line, `{metric: limit}` in a marker or a suite.

A limit is relative to the baseline (`2.5%`, `150%`) or absolute in the metric's own unit (`0.5`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from llenergymeasure._numerals import decimal_number
from llenergymeasure.domain.metrics import GATED, Metric

# What can be limited in a window around any code, by the names of its attributes.
WINDOW_METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("energy_j", "energy", "J", "sum", joules=True),
        GATED["energy_per_output_token"],
        Metric("duration_s", "window", "s", "span"),
    )
}
# Every metric that a baseline may have.
JUDGED: Mapping[str, Metric] = {**GATED, **WINDOW_METRICS}
_FORMS = "such as 2.5%, 150% or an absolute 0.5"


class LimitError(ValueError):
    """A limit is invalid. The message names the wrong part and what is allowed."""


@dataclass(frozen=True)
class Limit:
    """The largest change or value of a metric that still passes.

    Attributes:
        metric: a name from `JUDGED`.
        value: a fraction of the baseline when relative (0.05 is 5 %), else in the metric's unit.
        relative: whether the limit is relative to a baseline.
    """

    metric: str
    value: float
    relative: bool = True

    def __post_init__(self) -> None:
        known_metric(self.metric, JUDGED)
        if not (math.isfinite(self.value) and self.value >= 0 and (self.relative or self.value > 0)):
            raise LimitError(f"{self.metric}: a limit must be a finite number above zero, not {self.value!r}")

    @property
    def known(self) -> Metric:
        """The metric, with its unit and better direction."""
        return JUDGED[self.metric]

    @property
    def text(self) -> str:
        """The limit without its metric: `5%`, or `0.5 J/token`."""
        return self._number if self.relative else f"{self._number} {self.known.unit}"

    @property
    def _number(self) -> str:
        return f"{100 * self.value:.6g}%" if self.relative else f"{self.value:.6g}"

    def __str__(self) -> str:
        return f"{self.metric}:{self._number}"


def known_metric(name: object, among: Mapping[str, Metric] = GATED) -> Metric:
    """The metric of this name.

    Raises:
        LimitError: there is no such metric; the message names the closest one and all valid ones.
    """
    if isinstance(name, str) and name in among:
        return among[name]
    near = get_close_matches(name, list(among), n=1) if isinstance(name, str) else []
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise LimitError(f"unknown metric {name!r}{hint} (known: {', '.join(among)})")


def parse_limit(text: str, among: Mapping[str, Metric] = GATED) -> Limit:
    """A limit written as `METRIC:LIMIT`.

    Raises:
        LimitError: no colon, an unknown metric, or not a limit.
    """
    metric, colon, limit = text.partition(":")
    if not colon:
        raise LimitError(f"{text!r} is not METRIC:LIMIT, such as energy_per_output_token:5%")
    return make_limit(metric.strip(), limit, among)


def make_limit(metric: str, limit: object, among: Mapping[str, Metric] = GATED) -> Limit:
    """A limit from its two parts.

    Args:
        metric: a name from `among`.
        limit: text with or without `%`, or a number in the metric's unit.

    Raises:
        LimitError: an unknown metric, or not a limit.
    """
    unit = known_metric(metric, among).unit
    if isinstance(limit, (int, float)) and not isinstance(limit, bool):
        return Limit(metric, float(limit), relative=False)
    text = limit.strip() if isinstance(limit, str) else ""
    number = decimal_number(text.removesuffix("%"))
    if number is None:
        raise LimitError(f"{metric}: {limit!r} is not a limit; write one {_FORMS} (in {unit})")
    return (
        Limit(metric, number / 100, relative=True)
        if text.endswith("%")
        else Limit(metric, float(number), relative=False)
    )


def parse_limits(given: Iterable[str] | Mapping[str, object], among: Mapping[str, Metric] = GATED) -> tuple[Limit, ...]:
    """Limits from `METRIC:LIMIT` texts or from a mapping, in the given order.

    A metric may have one relative and one absolute limit; of two limits of the same kind the later one applies.

    Raises:
        LimitError: one of them is invalid.
    """
    if isinstance(given, str):
        given = [given]
    parts = (
        [make_limit(metric, limit, among) for metric, limit in given.items()]
        if isinstance(given, Mapping)
        else [parse_limit(text, among) for text in given]
    )
    return tuple({(limit.metric, limit.relative): limit for limit in parts}.values())
