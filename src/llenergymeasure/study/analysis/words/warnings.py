"""What limits the answer of a study, as warnings with their numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.study.design import Protocol, StudyDesign
from llenergymeasure.domain.study.effects import MetricAnalysis, Ratio
from llenergymeasure.domain.study.names import listed
from llenergymeasure.domain.warnings import MeasurementWarning, warning
from llenergymeasure.study.analysis.words.amounts import USUAL_CYCLES

# Ids that a sentence names; of more, the number is given.
_MOST_NAMED = 5


def study_warnings(
    design: StudyDesign,
    protocol: Protocol,
    analysis: MetricAnalysis,
    limited: Sequence[MetricAnalysis],
    unequal: Sequence[str],
    drift: Ratio | None,
) -> tuple[MeasurementWarning, ...]:
    """The warnings of a study.

    Args:
        design: the cells.
        protocol: how the runs were made.
        analysis: that of the headline.
        limited: those of the metrics that have a limit.
        unequal: ids of cells with unequal work.
        drift: the last control run of a cycle over the first.
    """
    several = len(design.cells) > 1
    return (
        *(_order(protocol) if several else ()),
        *_cycles(analysis),
        *_cells(design, analysis),
        *_work(unequal),
        *_methods(analysis),
        *_outliers(analysis),
        *(each for one in (analysis, *limited) for each in _spread(one)),
        *_left_out(analysis),
        *_drift(drift),
        *_readings(analysis),
    )


def _order(protocol: Protocol) -> Iterator[MeasurementWarning]:
    if protocol.n_cycles < 2:
        return
    if protocol.order == "sequential":
        yield warning(
            "order_not_shuffled",
            "all cycles of a cell ran together, so a drift of the machine looks like an effect, and the p-values are not valid",
            "use cycle_order: shuffled",
        )
    elif protocol.order == "interleaved":
        yield warning(
            "order_not_shuffled",
            "every cycle had the same order, so a drift within the cycles looks like an effect of the cells that run late",
            "use cycle_order: shuffled",
        )


def _cycles(analysis: MetricAnalysis) -> Iterator[MeasurementWarning]:
    if "one_cycle" in analysis.notes:
        yield warning(
            "single_cycle",
            "no two runs of a cell can be compared, so the spread is not known",
            f"run at least {USUAL_CYCLES} cycles",
            n_cycles=analysis.n_blocks,
        )


def _cells(design: StudyDesign, analysis: MetricAnalysis) -> Iterator[MeasurementWarning]:
    there = {cell.cell for cell in analysis.cells}
    absent = [cell.id for cell in design.cells if cell.id not in there]
    if absent:
        yield warning(
            "cells_missing",
            f"{_cells_named(absent)} {_is(absent)} not in the analysis: no comparable run",
            "check the failures, and run again with --resume",
            n_cells=len(absent),
        )
    if "no_reference" in analysis.notes:
        yield warning("reference_missing", "the reference has no comparable run", "name another reference")


def _work(unequal: Sequence[str]) -> Iterator[MeasurementWarning]:
    if unequal:
        yield warning(
            "unequal_work",
            f"the output tokens per request of {_cells_named(unequal)} differ from those of the reference by more than 1 %: "
            "energy per token still compares, energy per request and per run does not",
            "set min_output_tokens equal to max_output_tokens",
            n_cells=len(unequal),
        )


def _methods(analysis: MetricAnalysis) -> Iterator[MeasurementWarning]:
    if "methods_disagree" in analysis.notes:
        runs = f"; {_named('outlier', analysis.outliers)}" if analysis.outliers else ""
        yield warning(
            "methods_disagree",
            f"the tests on logs and on ranks disagree{runs}",
            "check these runs" if runs else "run more cycles",
            n_runs=len(analysis.outliers),
        )


def _outliers(analysis: MetricAnalysis) -> Iterator[MeasurementWarning]:
    if analysis.outliers and "methods_disagree" not in analysis.notes:
        yield warning(
            "outlying_runs",
            f"{_named('run', analysis.outliers)} {_verb('differ', analysis.outliers)} strongly from the other runs of their cells",
            "check what else ran at that time",
            n_runs=len(analysis.outliers),
        )


def _spread(analysis: MetricAnalysis) -> Iterator[MeasurementWarning]:
    wide = analysis.unequal_spread
    if wide:
        largest = max(wide.values())
        yield warning(
            "unequal_spread",
            f"the runs of {_cells_named(list(wide))} vary more than those of the other cells in {METRICS[analysis.metric].title} "
            f"(standard deviation up to {largest:.1f} times as large), but one spread is estimated for all cells: the intervals of "
            "the others are too wide",
            "measure such a cell in a study of its own",
            n_cells=len(wide),
            ratio=largest,
        )


def _left_out(analysis: MetricAnalysis) -> Iterator[MeasurementWarning]:
    if analysis.left_out:
        reasons = listed(sorted(set(analysis.left_out.values())))
        title = METRICS[analysis.metric].title
        yield warning(
            "runs_left_out",
            f"{_named('run', list(analysis.left_out))} {_is(analysis.left_out)} not in the analysis of {title}: {reasons}",
            "use one energy meter for the whole study, and add cycles with --resume",
            n_runs=len(analysis.left_out),
        )


def _drift(drift: Ratio | None) -> Iterator[MeasurementWarning]:
    if drift is not None and drift.low is not None and drift.high is not None and not drift.low <= 1 <= drift.high:
        yield warning(
            "control_drift",
            f"the reference changes by a factor of {drift.value:.3f} within a cycle",
            "use longer gaps, or a lower cooldown_celsius",
            ratio=drift.value,
            low=drift.low,
            high=drift.high,
        )


def _readings(analysis: MetricAnalysis) -> Iterator[MeasurementWarning]:
    if "uncertain_readings" in analysis.notes:
        yield warning(
            "uncertain_readings",
            "the uncertainty of the energy readings is larger than the spread between runs, and the intervals do not include it",
            "an error of the sensor's gain cancels in ratios on the same GPU; use longer windows to reduce the other errors",
            residual_cv=analysis.residual_cv,
        )


def _cells_named(ids: Sequence[str]) -> str:
    return _named("cell", ids)


def _verb(verb: str, ids: Sequence[str]) -> str:
    return f"{verb}s" if len(ids) == 1 else verb


def _is(ids: Collection[str]) -> str:
    return "is" if len(ids) == 1 else "are"


def _named(noun: str, ids: Sequence[str]) -> str:
    """`cell 03`, `cells 03 and 05`, or `12 cells`."""
    if len(ids) > _MOST_NAMED:
        return f"{len(ids)} {noun}s"
    return f"{noun}{'s' if len(ids) > 1 else ''} {listed(list(ids))}"
