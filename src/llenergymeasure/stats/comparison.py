"""The verdict on a metric: did it get worse by more than its limit, beyond what noise explains?

A threshold on means alone raises false alarms when repeats differ; a test over the repeats of one process takes the
luck of a session for a change. So the change is held against both variances, see `variance`. Pure functions.
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
    """What a comparison with a baseline found. Ratios are current over baseline, geometric means.

    Attributes:
        verdict: `regression` fails; `inconclusive` means that the noise hides the answer.
        alpha: what p has to be below.
        limit_ratio: the ratio at the limit: 1.05 for 5 %, 1 / 1.05 where less is worse.
        n_repeats: of the current run.
        n_baseline_sessions: sessions used: those with at least 3 repeats.
        ratio: None without a single value on either side.
        ratio_low, ratio_high: one-sided 95 % bounds each; None with too few repeats.
        p_value: chance of a change this far towards worse if nothing had changed; None with too few repeats.
        minimum_detectable_ratio: a true ratio that would be a regression 4 times in 5 (below 1 where less is worse);
            None with too few repeats.
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
    """Judge one metric against its baseline.

    Args:
        baseline: values by session, in the metric's unit; sessions of fewer than 3 repeats are left out.
        current: values of the run that is judged. After a second measurement: the values of both together.
        limit: worse by more than this fraction (of the better of the two) is too much.
        alpha: highest chance of a false alarm that a regression may have.
        noise_floor: how far sessions differ at least, as a fraction; 0 for metrics that are counted.
        higher_is_worse: False mirrors everything: throughput.

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
