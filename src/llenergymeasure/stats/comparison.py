"""The verdict on a metric: did it get worse by more than its limit, beyond what noise explains?

A threshold on means alone raises false alarms when repeats scatter; a test over the repeats of one process takes the
luck of a session for a change. So the change is held against both spreads, see `noise`. Pure functions.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from llenergymeasure.stats.evidence import Evidence, Verdict
from llenergymeasure.stats.variance import estimate, mean
from pytest_llem.limits import Limit
from pytest_llem.verdict.advice import advice_on

MIN_REPEATS = 3


class JudgeError(ValueError):
    """Values that cannot be compared: not measured, not finite, or not above zero."""


@dataclass(frozen=True)
class Comparison:
    """What a comparison with a baseline found. Ratios are current over baseline, geometric means.

    Attributes:
        verdict: `regression` fails; `inconclusive` means that the noise hides the answer.
        ratio: None without a single value on either side.
        ratio_low, ratio_high: one-sided 95 % bounds each; None with too few repeats.
        p_value: chance of a change this far towards worse if nothing had changed; None with too few repeats.
        threshold: the limit as a fraction.
        minimum_detectable_ratio: a true ratio that would be a regression 4 times in 5 (below 1 where less is worse);
            None with too few repeats.
        within_cv: coefficient of variation of repeats in a session, pooled; None with too few repeats.
        n_baseline_sessions: sessions used: those with at least 3 repeats.
        advice: what would help, a sentence or two; empty when nothing is needed.
    """

    verdict: Verdict
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    p_value: float | None
    threshold: float
    minimum_detectable_ratio: float | None
    within_cv: float | None
    n_baseline_sessions: int
    advice: str


def compare(
    baseline: Sequence[Sequence[float]],
    current: Sequence[float],
    *,
    limit: Limit,
    alpha: float = 0.01,
    noise_floor: float = 0.02,
    higher_is_worse: bool = True,
) -> Comparison:
    """Judge one metric against its baseline.

    Args:
        baseline: values by session, in the metric's unit; sessions of fewer than 3 repeats are left out.
        current: values of the run that is judged. After a second measurement: the values of both together.
        limit: relative; worse by more than this fraction (of the better of the two) is too much.
        alpha: highest chance of a false alarm that a regression may have.
        noise_floor: how far sessions differ at least, as a fraction; 0 for metrics that are counted.
        higher_is_worse: False mirrors everything: throughput.

    Raises:
        JudgeError: a value is missing, not finite or not above zero, or the limit is absolute.
    """
    if not limit.relative:
        raise JudgeError(f"{limit} is absolute: it needs no baseline, see check_budget")
    sessions = [_logs(session, limit, "baseline") for session in baseline]
    now = _logs(current, limit, "current")
    used = [session for session in sessions if len(session) >= MIN_REPEATS]
    if len(now) < MIN_REPEATS or not used:
        return _too_few(sessions, now, limit, len(used))
    evidence = Evidence(
        change=mean(now) - mean([mean(session) for session in used]),
        noise=estimate(used, now, 0.0 if limit.known.counted else math.log1p(noise_floor)),
        sizes=tuple(len(session) for session in used),
        repeats=len(now),
        threshold=math.log1p(limit.value),
        alpha=alpha,
        higher_is_worse=higher_is_worse,
    )
    return _comparison(evidence, limit)


def _comparison(evidence: Evidence, limit: Limit) -> Comparison:
    return Comparison(
        verdict=evidence.verdict,
        ratio=math.exp(evidence.change),
        ratio_low=math.exp(evidence.change - evidence.reach),
        ratio_high=math.exp(evidence.change + evidence.reach),
        p_value=evidence.chance_of(evidence.worse),
        threshold=limit.value,
        minimum_detectable_ratio=math.exp(evidence.turned(evidence.detectable)),
        within_cv=math.sqrt(math.expm1(evidence.noise.within)),
        n_baseline_sessions=len(evidence.sizes),
        advice=advice_on(evidence),
    )


def _logs(values: Sequence[float | None], limit: Limit, side: str) -> list[float]:
    return [math.log(_positive(value, limit, f"{side} repeat {number}")) for number, value in enumerate(values, 1)]


def _positive(value: float | None, limit: Limit, which: str) -> float:
    if value is None or not 0 < value <= sys.float_info.max:
        raise JudgeError(f"{limit.metric}: {which} is {value}; only finite values above zero can be compared")
    return value


def _too_few(sessions: Sequence[Sequence[float]], now: Sequence[float], limit: Limit, used: int) -> Comparison:
    known = [mean(session) for session in sessions if session]
    ratio = math.exp(mean(now) - mean(known)) if known and now else None
    which = f"the current run has {len(now)}" if len(now) < MIN_REPEATS else "no baseline session has as many"
    advice = f"a verdict needs {MIN_REPEATS} repeats or more, {which}; raise --llem-repeats"
    return Comparison("inconclusive", ratio, None, None, None, limit.value, None, None, used, advice)
