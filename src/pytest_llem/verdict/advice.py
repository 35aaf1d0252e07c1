"""Advice for the reader of a verdict, in one or two sentences with numbers."""

from __future__ import annotations

from llenergymeasure.stats.comparison import MIN_REPEATS, Comparison
from llenergymeasure.stats.design import Design
from llenergymeasure.stats.values import UnusableValue
from llenergymeasure.stats.variance import SESSIONS_TO_MEASURE
from pytest_llem.verdict.budget import BudgetOutcome
from pytest_llem.verdict.verdict import percent


def advice_on(found: Comparison) -> str:
    """Advice on a comparison with a baseline; empty when there is none."""
    if found.verdict == "regression" and found.assumed_spread is not None:
        return _condition(found, found.assumed_spread)
    if found.verdict == "improved":
        return "keep the gain: measure a new baseline with --llem-update-baseline=replace"
    if found.why_open == "few-repeats":
        return _more_repeats(f"the current run has {found.n_repeats}")
    if found.why_open == "few-baseline-repeats":
        return _more_repeats("no baseline session has as many")
    return f"{_what_is_open(found)}. {_what_would_help(found)}" if found.verdict == "inconclusive" else ""


def advice_on_budget(found: BudgetOutcome) -> str:
    """Advice on an absolute limit; empty when there is none."""
    if found.n_repeats < MIN_REPEATS:
        return _more_repeats(f"the current run has {found.n_repeats}")
    return f"more repeats narrow the interval: now {found.n_repeats}" if found.verdict == "inconclusive" else ""


def why_unusable(metric: str, error: UnusableValue) -> str:
    """Why a metric cannot be compared."""
    needed = "finite values above zero" if error.above_zero else "finite values"
    return f"{metric}: {error.side} repeat {error.repeat} is {error.value}; only {needed} can be compared"


def _condition(found: Comparison, spread: float) -> str:
    """What the level rests on, until enough sessions show how much they differ."""
    count = found.n_baseline_sessions
    return (
        f"with {count} baseline session{'s' if count > 1 else ''}, llem_alpha {found.alpha:g} holds only where sessions differ "
        f"by at most {100 * spread:g}% (llem_noise_floor); {SESSIONS_TO_MEASURE} sessions show how much they differ"
    )


def _more_repeats(which: str) -> str:
    return f"a verdict needs {MIN_REPEATS} repeats or more, {which}; raise --llem-repeats"


def _what_is_open(found: Comparison) -> str:
    if found.why_open == "not-significant":
        return f"the change is {_percent(found.ratio)}, but p is {found.p_value:.2g}, not below {found.alpha:g}"
    bounds = f"between {_percent(found.ratio_low)} and {_percent(found.ratio_high)}"
    return f"the change is {bounds}, and the limit is {_percent(found.limit_ratio)}"


def _what_would_help(found: Comparison) -> str:
    text = f"A change of {_percent(found.minimum_detectable_ratio)} would be detected with probability 0.8"
    helpful = [f"{_percent(design.minimum_detectable_ratio)} with {_larger(design, found)}" for design in found.larger]
    return f"{text}; {', or '.join(helpful)}" if helpful else text


def _larger(design: Design, found: Comparison) -> str:
    if design.sessions > found.n_baseline_sessions:
        return f"{design.sessions} baseline sessions (now {found.n_baseline_sessions})"
    return f"{design.repeats} repeats (now {found.n_repeats})"


def _percent(ratio: float | None) -> str:
    assert ratio is not None, "too few repeats have been handled before"
    return percent(ratio)
