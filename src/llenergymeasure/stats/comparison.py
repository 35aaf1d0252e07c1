"""Compares a metric with its baseline: whether it got significantly worse by more than its limit.

A threshold on means alone raises false alarms when repeats differ, and a test over the repeats of one process takes
differences between sessions for a change. So the change is compared with the variances within and between sessions, see
`variance`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from llenergymeasure.stats.change import Change, Verdict
from llenergymeasure.stats.design import Design, larger_designs
from llenergymeasure.stats.values import logarithms
from llenergymeasure.stats.variance import SESSIONS_TO_MEASURE, variance_components

MIN_REPEATS = 3

WhyOpen = Literal["few-repeats", "few-baseline-repeats", "limit-within-bounds", "not-significant"]


@dataclass(frozen=True)
class Comparison:
    """The outcome of a comparison with a baseline. Ratios are current over baseline, of geometric means.

    Attributes:
        verdict: `regression` fails; `inconclusive` means that noise is too large for a verdict.
        alpha: significance level, above p for a significant change.
        limit_ratio: the ratio at the limit: 1.05 for 5 %, 1 / 1.05 where less is worse.
        n_repeats: number of repeats of a current session.
        n_baseline_sessions: number of sessions used: those with at least 3 repeats.
        suspected: whether a change beyond the limit is worth a second look: p is below 0.05, or below alpha.
        assumed_spread: the noise floor, while `alpha` holds only where sessions differ by at most as much: with fewer than 3
            baseline sessions; None with more, and without a noise floor.
        ratio: None when either side has no value.
        ratio_low, ratio_high: one-sided 95 % bounds each; None with too few repeats.
        p_value: probability of a change at least this bad without a true change; None with too few repeats.
        minimum_detectable_ratio: the true ratio that is reported as a regression with probability 0.8 (below 1 where less
            is worse); None with too few repeats.
        within_cv: coefficient of variation of repeats in a session, pooled; None with too few repeats.
        why_open: why the verdict is inconclusive: too few repeats in the current run or in every baseline session, the
            limit lies within the bounds, or p is not below alpha; None for other verdicts.
        larger: designs that would detect a smaller change; empty for other verdicts and with too few repeats.
    """

    verdict: Verdict
    alpha: float
    limit_ratio: float
    n_repeats: int
    n_baseline_sessions: int
    suspected: bool = False
    assumed_spread: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    p_value: float | None = None
    minimum_detectable_ratio: float | None = None
    within_cv: float | None = None
    why_open: WhyOpen | None = None
    larger: tuple[Design, ...] = ()


def compare(
    baseline: Sequence[Sequence[float]],
    current: Sequence[Sequence[float]],
    *,
    limit: float,
    alpha: float = 0.01,
    noise_floor: float = 0.02,
    higher_is_worse: bool = True,
    between: bool = True,
) -> Comparison:
    """Compare one metric with its baseline.

    Args:
        baseline: values by session, in the metric's unit; sessions of fewer than 3 repeats are left out.
        current: values of the current run by session: a second look is a session of its own; short ones are left out, too.
        limit: largest accepted worsening, as a fraction of the better of the two.
        alpha: highest probability of a false alarm for a regression.
        noise_floor: assumed least difference between sessions, as a fraction; 0 for counted metrics.
        higher_is_worse: False for metrics such as throughput.
        between: False leaves the differences between sessions out, the noise floor and those that are seen.

    Raises:
        UnusableValue: a value is missing, not finite or not above zero.
    """
    before = [logarithms(session, "baseline") for session in baseline]
    now = [logarithms(session, "current") for session in current]
    used, looks = _long_enough(before), _long_enough(now)
    limit_log = math.log1p(limit)
    if not (used and looks):
        limit_ratio = math.exp(limit_log if higher_is_worse else -limit_log)
        return _too_few_repeats(before, now, len(used), alpha, limit_ratio)
    floor = noise_floor if between else 0.0
    change = Change(
        log_ratio=fmean(map(fmean, looks)) - fmean(map(fmean, used)),
        variance=variance_components(used, looks, math.log1p(floor)),
        before=tuple(map(len, used)),
        now=tuple(map(len, looks)),
        limit=limit_log,
        alpha=alpha,
        higher_is_worse=higher_is_worse,
        between=between,
    )
    return _comparison(change, floor if floor and len(used) < SESSIONS_TO_MEASURE else None)


def _long_enough(sessions: Sequence[Sequence[float]]) -> list[Sequence[float]]:
    return [session for session in sessions if len(session) >= MIN_REPEATS]


def _comparison(change: Change, assumed_spread: float | None) -> Comparison:
    verdict = change.verdict
    return Comparison(
        verdict=verdict,
        alpha=change.alpha,
        limit_ratio=change.ratio_of(change.limit),
        n_repeats=change.now[0],
        n_baseline_sessions=len(change.before),
        suspected=change.suspected,
        assumed_spread=assumed_spread,
        ratio=math.exp(change.log_ratio),
        ratio_low=math.exp(change.log_ratio - change.margin),
        ratio_high=math.exp(change.log_ratio + change.margin),
        p_value=change.p_value,
        minimum_detectable_ratio=change.ratio_of(change.detectable),
        within_cv=math.sqrt(math.expm1(change.variance.within)),
        why_open=_why_open(change) if verdict == "inconclusive" else None,
        larger=larger_designs(change) if verdict == "inconclusive" else (),
    )


def _why_open(change: Change) -> WhyOpen:
    return "limit-within-bounds" if change.worsening - change.margin <= change.limit else "not-significant"


def _too_few_repeats(
    before: Sequence[Sequence[float]], now: Sequence[Sequence[float]], n_used: int, alpha: float, limit_ratio: float
) -> Comparison:
    means = [[fmean(session) for session in side if session] for side in (before, now)]
    n_repeats = max(map(len, now), default=0)
    return Comparison(
        verdict="inconclusive",
        alpha=alpha,
        limit_ratio=limit_ratio,
        n_repeats=n_repeats,
        n_baseline_sessions=n_used,
        ratio=math.exp(fmean(means[1]) - fmean(means[0])) if all(means) else None,
        why_open="few-repeats" if n_repeats < MIN_REPEATS else "few-baseline-repeats",
    )
