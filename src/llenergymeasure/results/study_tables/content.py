"""The tables of a study for people: its cells, its factors with their importance, and the levels of each factor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from llenergymeasure.domain.study.design import StudyDesign
from llenergymeasure.domain.study.effects import (
    CellEffect,
    FactorEffect,
    Interaction,
    MetricAnalysis,
    Ratio,
    StudyEffects,
)
from llenergymeasure.domain.study.names import level_text
from llenergymeasure.domain.study.result import StudyData
from llenergymeasure.results.study_tables.curves import curve_tables
from llenergymeasure.results.study_tables.table import Table
from llenergymeasure.results.study_tables.texts import (
    ABSENT,
    factor_title,
    is_energy,
    named,
    of_some_runs,
    p_text,
    ratio_text,
    share_text,
    title_of,
    value_text,
)

# What the tables show beside the headline.
SHOWN = ("energy_per_output_token", "tokens_per_second", "ttft_p95_ms", "itl_p95_ms", "peak_memory_mb")
# Where the headline is not energy, the CPU time says something of the effort.
SHOWN_WITHOUT_ENERGY = (*SHOWN, "cpu_seconds")


def tables(study: StudyData) -> tuple[Table, ...]:
    """The tables that have rows, such as those of cells, factors and levels; empty without an analysis."""
    effects = study.effects
    if effects is None:
        return ()
    found = (
        *curve_tables(effects),
        cells_table(study, effects),
        *_factor_tables(study.design, effects),
        spans_table(study, effects),
        conditional_table(study, effects),
        at_best_table(study, effects),
    )
    return tuple(table for table in found if table.rows)


def cells_table(study: StudyData, effects: StudyEffects) -> Table:
    """One row per cell with a completed run: its number of completed runs, means of the metrics, and its ratio to the reference."""
    headline, *others = shown_metrics(effects)
    titles = [title_of(effects, each.metric) for each in (headline, *others)]
    head = ("cell", "settings", "runs", titles[0], "ratio to the reference", *titles[1:])
    cells = [{each.cell: each for each in analysis.cells} for analysis in (headline, *others)]
    completed = Counter(run.cell for run in study.completed)
    rows = tuple(
        (
            cell.id,
            cell.label,
            str(completed[cell.id]),
            _mean_of(headline, cells[0][cell.id], completed[cell.id]),
            _against(cells[0][cell.id], headline),
            *(_mean_of(each, by_id.get(cell.id), completed[cell.id]) for each, by_id in zip(others, cells[1:])),
        )
        for cell in study.design.cells
        if cell.id in cells[0]
    )
    known = _known(cell.ratio for cell in headline.cells if cell.cell != headline.reference)
    left = len(study.cells) - len(rows)
    absent = f" Not listed: {left} without a run in the analysis." if left else ""
    caption = f"Cells of the study: geometric means of the runs, and ratios of {named(headline)}{known}.{absent}"
    return Table("cells", caption, head, rows, texts=2)


def terminal_tables(study: StudyData, effects: StudyEffects) -> Iterator[Table]:
    """The cells, with a column per factor in place of their labels, and the factors without the p-value of ranks."""
    cells, factors = cells_table(study, effects), next(_factor_tables(study.design, effects))
    names = [factor.name for factor in study.design.factors]
    if names:
        head = ("cell", *(factor_title(study.design, name) for name in names), *cells.head[2:])
        rows = ((row[0], *_levels(study.design, row[0], names), *row[2:]) for row in cells.rows)
        cells = replace(cells, head=head, rows=tuple(rows), texts=1 + len(names))
    yield cells
    yield from curve_tables(effects, ("ttft_p99_ms", "goodput"))
    if factors.rows:
        yield replace(factors, head=factors.head[:-1], rows=tuple(row[:-1] for row in factors.rows))


def _levels(design: StudyDesign, cell_id: str, factors: Iterable[str]) -> Iterator[str]:
    """The levels of a cell as text; a factor that does not apply to it has none."""
    for name in factors:
        applies = name in design.cell(cell_id).levels
        yield level_text(level_of(design, cell_id, name)) if applies else ABSENT


def _known(ratios: Iterable[Ratio | None]) -> str:
    """The end of a caption: whether there are intervals. A ratio of 1 to itself has none."""
    known = any(each is not None and each.low is not None and each.low != each.high for each in ratios)
    return ", with 95 % intervals" if known else ""


def _against(cell: CellEffect, analysis: MetricAnalysis) -> str:
    if cell.cell == analysis.reference:
        return "reference"
    return ABSENT if cell.ratio is None else ratio_text(cell.ratio)


def _mean_of(analysis: MetricAnalysis, cell: CellEffect | None, completed: int) -> str:
    """The mean of a metric, with the number of its runs where not all completed ones have it."""
    if cell is None:
        return ABSENT
    return f"{value_text(cell.mean, analysis.metric)}{of_some_runs(cell.n_runs, completed)}"


def _factor_tables(design: StudyDesign, effects: StudyEffects) -> Iterator[Table]:
    headline = effects.metrics[0]
    over = " over the other factors" if len(headline.factors) > 1 else ""
    nested = (
        " Of a backend with factors of its own: its reference cell." if any(f.at_best for f in headline.factors) else ""
    )
    shares = ", and its share of the explained variance" if any(f.share is not None for f in headline.factors) else ""
    yield Table(
        "factors",
        f"Importance of each factor for {named(headline)}, for these levels and this work: the largest over the "
        f"smallest mean of its levels{shares}{_known(each.span for each in headline.factors)}.{nested}",
        ("factor", "most", "least", "span ratio", "share", "p (Holm)", "p (ranks)"),
        tuple(_factor_row(design, factor) for factor in headline.factors),
        texts=3,
    )
    yield Table(
        "levels",
        f"Levels of each factor: geometric mean of {named(headline)}{over}, and the ratio to the "
        f"reference level{_known(level.ratio for each in headline.factors for level in each.levels)}.{nested}",
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
    name = factor_title(design, factor.factor, factor.within)
    for each in factor.levels:
        ratio = "reference" if each.level == reference or _is_one(each.ratio) else ratio_text(each.ratio)
        yield name, level_text(each.level), value_text(each.mean, analysis.metric), ratio
    for level in factor.missing:
        yield name, level_text(level), ABSENT, "cells are missing"


def _is_one(ratio: Ratio) -> bool:
    """Whether it is the ratio of a level to itself, as of the first level where the reference has no level."""
    return ratio.value == 1 and ratio.low == ratio.high


def level_of(design: StudyDesign, cell_id: str, factor: str) -> object:
    """The level of a factor in a cell; None where it does not apply."""
    at = design.cell(cell_id).levels.get(factor)
    return None if at is None else next(each for each in design.factors if each.name == factor).levels[at]


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
    if not factors:
        return Table("spans", "", ("metric",), ())
    rows = tuple((named(each), *(_span(each, factor) for factor in factors)) for each in metrics)
    head = ("metric", *(factor_title(study.design, each.factor, each.within) for each in factors))
    known = _known(factor.span for each in metrics for factor in each.factors)
    return Table("spans", f"Span ratios of each factor{known}.", head, rows)


def _span(analysis: MetricAnalysis, factor: FactorEffect) -> str:
    found = analysis.factor(factor.factor, factor.within)
    return ABSENT if found is None else ratio_text(found.span)


def conditional_table(study: StudyData, effects: StudyEffects) -> Table:
    """Per interaction of the headline: the ratio of the first factor at each level of the second."""
    analysis = effects.metrics[0]
    rows = tuple(row for found in analysis.interactions for row in _conditional_rows(study.design, analysis, found))
    head = ("interaction", "ratio", "at", "value", "share", "p")
    known = _known(each.ratio for found in analysis.interactions for each in found.conditional)
    caption = f"How the effect of one factor on {named(analysis)} depends on another{known}."
    return Table("interactions", caption, head, rows, texts=3)


def _conditional_rows(design: StudyDesign, analysis: MetricAnalysis, found: Interaction) -> Iterator[tuple[str, ...]]:
    first, second = (factor_title(design, name, found.within) for name in found.factors)
    effect = analysis.factor(found.factors[0], found.within)
    if effect is None:
        return
    compared = f"{level_text(effect.highest)} over {level_text(effect.lowest)}"
    shared = (ABSENT if found.share is None else f"{100 * found.share:.1f} %", p_text(found.p_value))
    for at, each in enumerate(found.conditional):
        name = f"{first} by {second}" if at == 0 else ""
        yield name, compared, level_text(each.level), ratio_text(each.ratio), *(shared if at == 0 else ("", ""))


def at_best_table(study: StudyData, effects: StudyEffects) -> Table:
    """Backends with settings of their own, each at its best cell."""
    analysis = effects.metrics[0]
    rows = tuple(
        (factor_title(study.design, factor.factor), level_text(each.level), value_text(each.mean, analysis.metric),
         "reference" if _is_one(each.ratio) else ratio_text(each.ratio))
        for factor in analysis.factors
        for each in factor.at_best
    )  # fmt: skip
    head = ("factor", "level", title_of(effects, analysis.metric), "ratio")
    known = _known(each.ratio for factor in analysis.factors for each in factor.at_best)
    caption = f"Each backend at its best cell, and the ratio to that of the reference{known}."
    return Table("at_best", caption, head, rows, texts=2)
