"""How much each factor matters: its span ratio with the interval, the largest above."""

from __future__ import annotations

from matplotlib.axes import Axes

from llenergymeasure.domain.study.design import StudyDesign
from llenergymeasure.domain.study.effects import FactorEffect, MetricAnalysis
from llenergymeasure.domain.study.names import level_text
from llenergymeasure.results.report.colours import LIGHT
from llenergymeasure.results.report.figures.axes import logarithmic, name_rows
from llenergymeasure.results.report.figures.canvas import Picture, label, plot, styled
from llenergymeasure.results.study_tables.texts import NO_INTERVALS, factor_title, named, ratio_text

MOST_FACTORS = 20


@styled
def spans(design: StudyDesign, analysis: MetricAnalysis) -> Picture | None:
    """One bar per factor from 1 to its span ratio, with the interval; None without factors."""
    shown = analysis.factors[:MOST_FACTORS]
    if not shown:
        return None
    names = [factor_title(design, each.factor, each.within) for each in shown]
    figure, (axes,) = plot(0.75 + 0.5 * len(shown))
    ends = [end for each in shown for end in (each.span.value, each.span.low, each.span.high) if end is not None]
    logarithmic(axes, "x", [1.0, *ends], pad=0.04)
    for index, factor in enumerate(shown):
        _bar(axes, factor, -index)
    name_rows(axes, names)
    axes.set_ylim(0.65 - len(shown), 0.62)
    axes.axvline(1, color=LIGHT["soft"], linewidth=0.8)
    spread = ", with its 95 % interval" if _has_intervals(analysis) else ""
    axes.set_xlabel(f"largest over smallest mean of {named(analysis)}{spread}")
    title = f"Span ratio of each factor for {named(analysis)}"
    text = "; ".join(f"{name}: {ratio_text(each.span)}" for name, each in zip(names, shown))
    return Picture("spans", title, text, figure, _caption(analysis))


def _has_intervals(analysis: MetricAnalysis) -> bool:
    return any(each.span.low is not None for each in analysis.factors)


def _caption(analysis: MetricAnalysis) -> str:
    cut = (
        f" The first {MOST_FACTORS} of {len(analysis.factors)} factors." if len(analysis.factors) > MOST_FACTORS else ""
    )
    return (
        "Bars: the largest over the smallest mean of the levels of each factor, for these levels and this work. "
        f"{'Thin lines: 95 % intervals.' if _has_intervals(analysis) else NO_INTERVALS}{cut}"
    )


def _bar(axes: Axes, factor: FactorEffect, at: float) -> None:
    span = factor.span
    axes.barh(at, span.value - 1, left=1, height=0.34, color=LIGHT["bar"])
    if span.low is not None and span.high is not None:
        spread = [[max(span.value - span.low, 0)], [max(span.high - span.value, 0)]]
        axes.errorbar(span.value, at, xerr=spread, color=LIGHT["ink"], capsize=3, linewidth=1.3)
    highest, lowest = (label(level_text(level), 34) for level in (factor.highest, factor.lowest))
    words = f"{ratio_text(span)}: {highest} over {lowest}"
    axes.annotate(words, (1.0, at + 0.19), (3, 2), textcoords="offset points", fontsize=7.8)
