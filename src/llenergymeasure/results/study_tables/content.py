"""The tables of a study for people: its cells, its factors with their importance, and the levels of each factor."""

from __future__ import annotations

from collections.abc import Iterator

from llenergymeasure._format import number
from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.study.design import StudyDesign
from llenergymeasure.domain.study.effects import CellEffect, FactorEffect, MetricAnalysis, Ratio, StudyEffects
from llenergymeasure.domain.study.names import factor_name, level_text
from llenergymeasure.domain.study.result import StudyData
from llenergymeasure.results.study_tables.table import Table

ABSENT = "-"
TIMES = "\N{MULTIPLICATION SIGN}"
# Below it, the digits of a p-value carry no meaning.
SMALLEST_P = 0.001
# What the tables show beside the headline.
SHOWN = ("energy_per_output_token", "tokens_per_second", "ttft_p95_ms", "itl_p95_ms", "peak_memory_mb")
# Where the headline is not energy, the CPU time says something of the effort.
SHOWN_WITHOUT_ENERGY = (*SHOWN, "cpu_seconds")


def tables(study: StudyData) -> tuple[Table, ...]:
    """The tables of cells, factors and levels; empty without an analysis."""
    if study.effects is None:
        return ()
    return tuple(
        table
        for table in (cells_table(study, study.effects), *_factor_tables(study.design, study.effects))
        if table.rows
    )


def cells_table(study: StudyData, effects: StudyEffects) -> Table:
    """One row per cell with a completed run: its number of runs, means of the metrics, and its ratio to the reference."""
    headline, *others = shown_metrics(effects)
    titles = [title_of(effects, each.metric) for each in (headline, *others)]
    head = ("cell", "settings", "runs", titles[0], "ratio to the reference", *titles[1:])
    analysed = {each.cell: each for each in headline.cells}
    rows = tuple(
        (cell.id, cell.label, *_cell_row(analysed[cell.id], headline), *(_mean_of(cell.id, other) for other in others))
        for cell in study.design.cells
        if cell.id in analysed
    )
    caption = f"Cells of the study: geometric means of the runs, and ratios of {name_of(headline.metric)} with 95 % intervals."
    return Table("cells", caption, head, rows, texts=2)


def _cell_row(cell: CellEffect, analysis: MetricAnalysis) -> tuple[str, ...]:
    return str(cell.n_runs), value_text(cell.mean, analysis.metric), _against(cell, analysis)


def _against(cell: CellEffect, analysis: MetricAnalysis) -> str:
    if cell.cell == analysis.reference:
        return "reference"
    return ABSENT if cell.ratio is None else ratio_text(cell.ratio)


def _mean_of(cell: str, analysis: MetricAnalysis) -> str:
    found = next((each for each in analysis.cells if each.cell == cell), None)
    return ABSENT if found is None else value_text(found.mean, analysis.metric)


def _factor_tables(design: StudyDesign, effects: StudyEffects) -> Iterator[Table]:
    headline = effects.metrics[0]
    yield Table(
        "factors",
        f"Importance of each factor for {name_of(headline.metric)}, for these levels and this work: the largest over the "
        "smallest mean of its levels, and its share of the explained variance, with 95 % intervals.",
        ("factor", "most", "least", "span ratio", "share", "p (Holm)", "p (ranks)"),
        tuple(_factor_row(design, factor) for factor in headline.factors),
        texts=3,
    )
    yield Table(
        "levels",
        f"Levels of each factor: geometric mean of {name_of(headline.metric)} over the other factors, and the ratio to the "
        "reference level with its 95 % interval.",
        ("factor", "level", title_of(effects, headline.metric), "ratio to the reference"),
        tuple(row for factor in headline.factors for row in _level_rows(design, factor, headline)),
        texts=2,
    )


def _factor_row(design: StudyDesign, factor: FactorEffect) -> tuple[str, ...]:
    return (
        factor_title(design, factor.factor, factor.within),
        level_text(factor.highest),
        level_text(factor.lowest),
        ratio_text(factor.span),
        share_text(factor),
        "grouped" if factor.grouped else p_text(factor.p_holm),
        p_text(factor.p_ranks),
    )


def _level_rows(design: StudyDesign, factor: FactorEffect, analysis: MetricAnalysis) -> Iterator[tuple[str, ...]]:
    reference = level_of(design, analysis.reference, factor.factor)
    for each in factor.levels:
        name = factor_title(design, factor.factor, factor.within)
        ratio = "reference" if each.level == reference else ratio_text(each.ratio)
        yield name, level_text(each.level), value_text(each.mean, analysis.metric), ratio


def level_of(design: StudyDesign, cell_id: str, factor: str) -> object:
    """The level of a factor in a cell; None where it does not apply."""
    at = design.cell(cell_id).levels.get(factor)
    return None if at is None else next(each for each in design.factors if each.name == factor).levels[at]


def factor_title(design: StudyDesign, name: str, within: str | None = None) -> str:
    """The name of a factor, with the backend inside which it is estimated."""
    known = next((factor for factor in design.factors if factor.name == name), None)
    title = name if known is None else factor_name(known)
    return title if within is None else f"{title} (in {within})"


def title_of(effects: StudyEffects, metric: str) -> str:
    """The title of a metric with its unit; energy that is an estimate is called one."""
    if metric not in METRICS:
        return metric
    estimate = ", an estimate" if effects.energy == "estimated" and is_energy(metric) else ""
    return f"{name_of(metric)} in {METRICS[metric].unit}{estimate}"


def is_energy(metric: str) -> bool:
    """Whether a metric is in joules."""
    return metric in METRICS and METRICS[metric].joules


def name_of(metric: str) -> str:
    """The title of a metric."""
    return METRICS[metric].title if metric in METRICS else metric


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


def shown_metrics(effects: StudyEffects) -> tuple[MetricAnalysis, ...]:
    """The metrics of the tables: the headline, then the usual ones that were measured."""
    headline, *others = effects.metrics
    by_name = {each.metric: each for each in others}
    usual = SHOWN if is_energy(headline.metric) else SHOWN_WITHOUT_ENERGY
    return headline, *(by_name[name] for name in usual if name in by_name)


def spans_table(study: StudyData, effects: StudyEffects) -> Table:
    """Per metric: the span ratio of each factor, with the interval."""
    metrics = shown_metrics(effects)
    factors = metrics[0].factors
    rows = tuple((name_of(each.metric), *(_span(each, factor.factor) for factor in factors)) for each in metrics)
    head = ("metric", *(factor_title(study.design, each.factor, each.within) for each in factors))
    return Table("spans", "Span ratios of each factor, with 95 % intervals.", head, rows)


def _span(analysis: MetricAnalysis, factor: str) -> str:
    found = analysis.factor(factor)
    return ABSENT if found is None else ratio_text(found.span)
