"""Names and numbers of a study as text: factors, metrics, ratios with intervals, shares, p-values."""

from __future__ import annotations

from llenergymeasure._format import number
from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.study.design import StudyDesign
from llenergymeasure.domain.study.effects import FactorEffect, MetricAnalysis, Ratio, StudyEffects
from llenergymeasure.domain.study.names import factor_name

ABSENT = "-"
TIMES = "\N{MULTIPLICATION SIGN}"
NO_INTERVALS = "There are no intervals, because the runs do not show the spread."
# Below it, the digits of a p-value carry no meaning.
SMALLEST_P = 0.001


def factor_title(design: StudyDesign, name: str, within: str | None = None) -> str:
    """The name of a factor, with the backend inside which it is estimated."""
    known = next((factor for factor in design.factors if factor.name == name), None)
    title = name if known is None else factor_name(known)
    return title if within is None else f"{title} (in {within})"


def of_some_runs(n_runs: int | None, of: int) -> str:
    """After a mean: in how many of the completed runs of the cell it was measured; empty for all of them."""
    return f" ({n_runs} of {of} runs)" if n_runs is not None and n_runs < of else ""


def title_of(effects: StudyEffects, metric: str) -> str:
    """The title of a metric with its unit; energy that is an estimate is called one."""
    if metric not in METRICS:
        return metric
    estimate = ", an estimate" if effects.energy == "estimated" and is_energy(metric) else ""
    return f"{name_of(metric)} in {unit_of(effects, metric)}{estimate}"


def unit_of(effects: StudyEffects, metric: str) -> str:
    """The unit of a metric; totals of windows with several passes over the prompts are per pass."""
    analysis = effects.metric(metric)
    per_pass = " per pass" if analysis is not None and "per_pass" in analysis.notes else ""
    return f"{METRICS[metric].unit}{per_pass}"


def is_energy(metric: str) -> bool:
    """Whether a metric is in joules."""
    return metric in METRICS and METRICS[metric].joules


def capital(text: str) -> str:
    """The text as the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def name_of(metric: str) -> str:
    """The title of a metric."""
    return METRICS[metric].title if metric in METRICS else metric


def named(analysis: MetricAnalysis) -> str:
    """The title of an analysed metric; energy that is an estimate is called one."""
    name = name_of(analysis.metric)
    return f"{name} (an estimate)" if "estimated" in analysis.notes else name


def limit_text(metric: str, value: float) -> str:
    """A limit in words."""
    most = "at most" if METRICS[metric].better == "lower" else "at least"
    return f"{METRICS[metric].title} {most} {number(value, METRICS[metric].unit, 4)}"


def value_text(value: float, metric: str) -> str:
    """A value of a metric, without its unit."""
    return f"{value:.0f}" if metric in METRICS and METRICS[metric].counted else three_figures(value)


def ratio_text(ratio: Ratio) -> str:
    """A ratio with its interval if it has one."""
    return f"{plain(ratio.value)} ({interval})" if (interval := interval_text(ratio)) else plain(ratio.value)


def interval_text(ratio: Ratio) -> str:
    """The interval of a ratio; empty without one."""
    return "" if ratio.low is None or ratio.high is None else f"{plain(ratio.low)} to {plain(ratio.high)}"


def plain(value: float) -> str:
    """A ratio with 3 significant figures, and with 3 decimals near 1."""
    return f"{value:.3f}" if 0.9 <= value < 1.1 else three_figures(value)


def three_figures(value: float) -> str:
    """A number with 3 significant figures, also where the last is 0."""
    text = f"{value:#.3g}"
    return number(value, "") if "e" in text else text.removesuffix(".")


def share_text(factor: FactorEffect) -> str:
    """The share of the explained variance in %, with its interval if it has one."""
    if factor.share is None:
        return ABSENT
    text = f"{100 * factor.share:.1f} %"
    if factor.share_low is None or factor.share_high is None:
        return text
    return f"{text} ({100 * factor.share_low:.1f} to {100 * factor.share_high:.1f})"


def p_text(p_value: float | None) -> str:
    """A p-value with two figures."""
    if p_value is None:
        return ABSENT
    return f"< {SMALLEST_P}" if p_value < SMALLEST_P else f"{p_value:.2g}"
