"""A comparison in plain text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from llenergymeasure._format import number, time_unit
from llenergymeasure.domain.metrics import LEAST_FOR_P99, METRICS, MILLISECONDS, OPERATIONS
from llenergymeasure.domain.study.effects import EQUAL_WORK
from llenergymeasure.results.comparison.sides import NOT_MEASURED
from llenergymeasure.results.comparison.types import CellComparison, Comparison, Difference, MetricRatio
from llenergymeasure.results.study_tables.content import SHOWN_WITHOUT_ENERGY
from llenergymeasure.results.study_tables.table import Table
from llenergymeasure.results.study_tables.texts import ABSENT, name_of, ratio_text, three_figures, value_text

MACHINES = {
    "same": "",
    "same_model": "They ran on different GPUs of the same model; such GPUs differ by about 8 % (arXiv 2208.11035).",
    "same_cpu_model": "They ran on CPUs of the same model; it is not known whether it was the same machine.",
    "another": "They ran on different machines, so the ratios also compare the machines.",
    "unknown": "It is not known whether they ran on the same machine.",
}
MOST_LINES = 40
_NOT_MEASURED = {"estimated": "an estimate", "replayed": "simulated"}
_REQUESTS = "n_prompts"
_SIZES = (("PFLOP", 1e15), ("GFLOP", 1e9), ("MFLOP", 1e6))


def text_of(comparison: Comparison, single: bool) -> str:
    """The comparison for a terminal.

    Args:
        comparison: the comparison.
        single: whether both sides are single results.
    """
    head = f"A: {comparison.first}\nB: {comparison.second}"
    table = result_table(comparison) if single else cells_table(comparison)
    parts = [head, table.plain(), "\n".join(notes(comparison, single)), *_differences(comparison)]
    return "\n\n".join(part for part in parts if part)


def result_table(comparison: Comparison) -> Table:
    """One row per metric, without the percentiles that few requests cannot show. A server has limits of them."""
    (cell,) = comparison.cells
    counts = [min(each.first, each.second) for each in cell.metrics if each.metric == _REQUESTS]
    with_p99 = comparison.windowed and min(counts, default=0) >= LEAST_FOR_P99
    shown = [each for each in cell.metrics if with_p99 or not METRICS[each.metric].is_high_percentile]
    rows = tuple((*_named(each, comparison.windowed), *_values(each), _ratio(each)) for each in shown)
    return Table("compare", "", ("metric", "unit", "A", "B", "B over A"), rows, texts=2)


def _title(metric: str, sources: Collection[str | None]) -> str:
    """The title of a metric; energy that is not measured is called an estimate or simulated."""
    marks = (mark for source, mark in _NOT_MEASURED.items() if source in sources)
    return ", ".join([name_of(metric), *marks])


def _named(each: MetricRatio, windowed: bool) -> tuple[str, str]:
    """The title of a metric and its unit. A window of a server has requests, and not each prompt once."""
    if windowed and each.metric == _REQUESTS:
        return "answered requests", "requests"
    return _title(each.metric, {each.energy}), _unit(each)[0]


def _values(each: MetricRatio) -> tuple[str, str]:
    """Both values in the unit."""
    _, divisor = _unit(each)
    if divisor == 1:
        return value_text(each.first, each.metric), value_text(each.second, each.metric)
    return three_figures(each.first / divisor), three_figures(each.second / divisor)


def _unit(each: MetricRatio) -> tuple[str, float]:
    """A unit that fits both values, and the number by which they are divided for it."""
    unit, largest = METRICS[each.metric].unit, max(each.first, each.second)
    if unit == OPERATIONS:
        return next((unit, size) for unit, size in _SIZES if largest >= size or size == _SIZES[-1][1])
    return time_unit(largest) if unit == MILLISECONDS else (unit, 1)


def _ratio(each: MetricRatio) -> str:
    return ABSENT if each.ratio is None else ratio_text(each.ratio)


def cells_table(comparison: Comparison) -> Table:
    """One row per cell, with the ratio of the most important metrics."""
    found = {each.metric for cell in comparison.cells for each in cell.metrics}
    shown = [name for name in SHOWN_WITHOUT_ENERGY if name in found]
    rows = tuple(_cell_row(cell, shown) for cell in comparison.cells)
    titles = [_title(name, _sources(comparison, name)) for name in shown]
    return Table("compare", "", ("cell", "runs", *titles), rows)


def _sources(comparison: Comparison, metric: str) -> set[str | None]:
    return {each.energy for cell in comparison.cells for each in cell.metrics if each.metric == metric}


def _cell_row(cell: CellComparison, shown: Sequence[str]) -> tuple[str, ...]:
    by_name = {each.metric: _ratio(each) for each in cell.metrics}
    return cell.label, f"{cell.n_first}, {cell.n_second}", *(by_name.get(name, ABSENT) for name in shown)


def notes(comparison: Comparison, single: bool) -> Iterator[str]:
    """Explanations and limits of the ratios."""
    yield f"Ratios are B over A. {_intervals(comparison, single)}"
    if comparison.work:
        yield "They did different work, so the ratios also compare the work."
    if comparison.per_pass:
        yield "Totals of a window are per pass over the prompts."
    if MACHINES[comparison.machines]:
        yield MACHINES[comparison.machines]
    if comparison.windowed:
        yield (
            "A window of a server is a part of its traffic, so its totals depend on its length: compare values per token, per "
            "request or per second."
        )
    yield from _failed_requests(comparison.cells)
    yield from _energy(comparison.cells)
    yield from _unequal(comparison)


def _intervals(comparison: Comparison, single: bool) -> str:
    kinds = {each.interval for cell in comparison.cells for each in cell.metrics}
    if kinds & {"uncertainty", "without_gain"}:
        gain = " without the gain error of the sensor, which cancels" if "without_gain" in kinds else ""
        return f"The interval of the energy is the uncertainty of both readings (k = 2){gain}; other intervals need repeats."
    if "repeats" in kinds:
        return "Intervals are 95 % intervals of Welch over the runs of a cell."
    several = "several cycles" if not single else "studies of several cycles"
    return f"Without repeats the spread is not known: compare {several} for intervals."


def _failed_requests(cells: Sequence[CellComparison]) -> Iterator[str]:
    shares = [cell.failed_shares for cell in cells if cell.failed_shares is not None]
    first, second = (max((each[side] for each in shares), default=0.0) for side in (0, 1))
    if first or second:
        most = "at most " if len(shares) > 1 else ""
        both = f"{most}{number(100 * first, '%')} in A, {most}{number(100 * second, '%')} in B"
        yield f"Requests failed ({both}): latencies are those of the answered requests."


def _energy(cells: Sequence[CellComparison]) -> Iterator[str]:
    """Which energy is not compared and why, and which is no measurement."""
    by_kinds = Counter(cell.energy_kinds for cell in cells if not any(each.energy for each in cell.metrics))
    for (first, second), count in by_kinds.items():
        if (first, second) != (NOT_MEASURED, NOT_MEASURED):
            where = "" if count == len(cells) else f" in {count} of {len(cells)} cells"
            yield f"Energy is not compared{where}: it was {first} in A and {second} in B."
    sources = {each.energy for cell in cells for each in cell.metrics}
    if "estimated" in sources:
        yield "Energy is an estimate in A and in B, and not a measurement: its ratio compares two estimates."
    if "replayed" in sources:
        yield "Energy is simulated in A and in B: recorded joules were replayed."


def _unequal(comparison: Comparison) -> Iterator[str]:
    tokens = [cell.tokens_per_request for cell in comparison.cells if cell.tokens_per_request is not None]
    if any(abs(second / first - 1) > EQUAL_WORK for first, second in tokens if first):
        yield "Output tokens per request differ by more than 1 %: compare energy per token, not totals or energy per request."
    for name, labels in (("A", comparison.only_first), ("B", comparison.only_second)):
        if labels:
            yield f"Only in {name}: {'; '.join(labels)}."


def _differences(comparison: Comparison) -> Iterator[str]:
    for title, found in (
        ("work", comparison.work),
        ("configuration", comparison.configuration),
        ("effective settings", comparison.settings),
        ("environment", comparison.environment),
    ):
        if found:
            rest = [f"  and {len(found) - MOST_LINES} more; --json has all"] if len(found) > MOST_LINES else []
            yield "\n".join([f"{title} that differs", *map(_line, found[:MOST_LINES]), *rest])
    if not (comparison.work or comparison.configuration or comparison.settings or comparison.environment):
        yield "No difference of configuration, settings or environment is known."


def _line(each: Difference) -> str:
    return f"  {each.name}: {each.first} -> {each.second}"
