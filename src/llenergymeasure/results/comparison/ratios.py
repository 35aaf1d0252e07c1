"""Ratios of the metrics of two cells, with intervals from repeats, or from the uncertainty of the meter."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import fmean, geometric_mean

from llenergymeasure.domain.metrics import METRICS, Metric
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.study.effects import Ratio
from llenergymeasure.results.comparison.sides import SideCell
from llenergymeasure.results.comparison.types import Machines, MetricRatio, Origin
from llenergymeasure.stats.ratio import RatioEstimate, ratio_of_readings, ratio_of_repeats

# The part of the uncertainty that is the same in all readings of one sensor, so that it cancels in their ratio.
_GAIN = "gain"
# The metrics with the relative uncertainty of the energy.
_UNCERTAIN = frozenset({"energy_total_j", "energy_per_output_token", "energy_per_request"})

Pair = tuple[SideCell, SideCell]


def metric_ratios(pair: Pair, where: Machines, single: bool) -> Iterator[MetricRatio]:
    """The metrics that both cells have. Energy is left out unless all of it is of one kind.

    Args:
        pair: a cell of each side.
        where: whether both ran on the same machine.
        single: whether both sides are single results.
    """
    kinds = pair[0].kinds | pair[1].kinds
    source = next(iter(kinds)).source if len(kinds) == 1 else None
    for name, metric in METRICS.items():
        values = pair[0].values(name), pair[1].values(name)
        if not all(values) or (metric.joules and source is None):
            continue
        if min(map(min, values)) <= 0:  # a ratio has no meaning
            found = MetricRatio(
                metric=name, first=fmean(values[0]), second=fmean(values[1]), ratio=None, interval="none"
            )
        else:
            found = _ratio(metric, pair, values, where, single=single)
        yield found.model_copy(update={"energy": source}) if metric.joules else found


def _ratio(
    metric: Metric, pair: Pair, values: tuple[Sequence[float], Sequence[float]], where: Machines, single: bool
) -> MetricRatio:
    of_window = _by_uncertainty(metric, pair, where) if single else None
    found = of_window or ratio_of_repeats(*values)
    origin: Origin = "repeats"
    if found.low is None or metric.counted:
        origin = "none"
    elif of_window:
        origin = "without_gain" if _gain_cancels(pair, where) else "uncertainty"
    return MetricRatio(
        metric=metric.name,
        first=geometric_mean(values[0]),
        second=geometric_mean(values[1]),
        ratio=Ratio(value=found.value, low=found.low, high=found.high),
        interval=origin,
    )


def _gain_cancels(pair: Pair, where: Machines) -> bool:
    """Whether one sensor made both readings, with a gain error that is known."""
    samples = [cell.sample for cell in pair]
    return where == "same" and all(
        sample is not None and _GAIN in sample.energy.uncertainty_parts_j for sample in samples
    )


def _by_uncertainty(metric: Metric, pair: Pair, where: Machines) -> RatioEstimate | None:
    """The ratio of both readings with the interval of their uncertainties; None for metrics without an uncertainty."""
    first, second = (cell.sample for cell in pair)
    if metric.name not in _UNCERTAIN or first is None or second is None:
        return None
    cancels = _gain_cancels(pair, where)
    readings = _reading(metric, first, cancels), _reading(metric, second, cancels)
    return None if readings[0] is None or readings[1] is None else ratio_of_readings(readings[0], readings[1])


def _reading(metric: Metric, result: ExperimentResult, gain_cancels: bool) -> tuple[float, float] | None:
    """The value and its uncertainty, without the gain error of the sensor where it cancels."""
    value, energy = metric.per_pass(metric.read(result), result.n_passes), result.energy
    if value is None or energy.energy_j is None or energy.uncertainty_j is None:
        return None
    uncertainty_j = energy.uncertainty_j
    if gain_cancels:
        uncertainty_j = math.hypot(*(part for name, part in energy.uncertainty_parts_j.items() if name != _GAIN))
    return value, value * uncertainty_j / energy.energy_j
