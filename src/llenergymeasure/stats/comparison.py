"""Compares a metric with its baseline: whether it got significantly worse by more than its limit.

A threshold on means alone raises false alarms when repeats differ, and a test over the repeats of one process takes
differences between sessions for a change. So the change is compared with both variances, see `variance`.
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
from llenergymeasure.stats.variance import variance_components

MIN_REPEATS = 3

WhyOpen = Literal["few-repeats", "few-baseline-repeats", "limit-within-bounds", "not-significant"]


@dataclass(frozen=True)
class Comparison:
    """The outcome of a comparison with a baseline. Ratios are current over baseline, of geometric means.

    Attributes:
        verdict: `regression` fails; `inconclusive` means that noise is too large for a verdict.
        alpha: significance level, above p for a significant change.
        limit_ratio: the ratio at the limit: 1.05 for 5 %, 1 / 1.05 where less is worse.
        n_repeats: number of repeats of the current run.
        n_baseline_sessions: number of sessions used: those with at least 3 repeats.
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
    current: Sequence[float],
    *,
    limit: float,
    alpha: float = 0.01,
    noise_floor: float = 0.02,
    higher_is_worse: bool = True,
) -> Comparison:
    """Compare one metric with its baseline.

    Args:
        baseline: values by session, in the metric's unit; sessions of fewer than 3 repeats are left out.
        current: values of the current run; after a second measurement those of both together.
        limit: largest accepted worsening, as a fraction of the better of the two.
        alpha: highest probability of a false alarm for a regression.
        noise_floor: assumed least difference between sessions, as a fraction; 0 for counted metrics.
        higher_is_worse: False for metrics such as throughput.

    Raises:
        UnusableValue: a value is missing, not finite or not above zero.
    """
    sessions = [logarithms(session, "baseline") for session in baseline]
    now = logarithms(current, "current")
    used = [session for session in sessions if len(session) >= MIN_REPEATS]
    limit_log = math.log1p(limit)
    if len(now) < MIN_REPEATS or not used:
        limit_ratio = math.exp(limit_log if higher_is_worse else -limit_log)
        return _too_few_repeats(sessions, now, len(used), alpha, limit_ratio)
    change = Change(
        log_ratio=fmean(now) - fmean(map(fmean, used)),
        variance=variance_components(used, now, math.log1p(noise_floor)),
        session_sizes=tuple(map(len, used)),
        repeats=len(now),
        limit=limit_log,
        alpha=alpha,
        higher_is_worse=higher_is_worse,
    )
    return _comparison(change)


def _comparison(change: Change) -> Comparison:
    verdict = change.verdict
    return Comparison(
        verdict=verdict,
        alpha=change.alpha,
        limit_ratio=change.ratio_of(change.limit),
        n_repeats=change.repeats,
        n_baseline_sessions=len(change.session_sizes),
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
    sessions: Sequence[Sequence[float]], now: Sequence[float], n_used: int, alpha: float, limit_ratio: float
) -> Comparison:
    known = [fmean(session) for session in sessions if session]
    return Comparison(
        verdict="inconclusive",
        alpha=alpha,
        limit_ratio=limit_ratio,
        n_repeats=len(now),
        n_baseline_sessions=n_used,
        ratio=math.exp(fmean(now) - fmean(known)) if known and now else None,
        why_open="few-repeats" if len(now) < MIN_REPEATS else "few-baseline-repeats",
    )
