"""The top of the page of a study: what was compared, restrictions of the answer, and its most important numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llenergymeasure._format import number
from llenergymeasure.domain.study.curves import TrafficCurve
from llenergymeasure.domain.study.effects import LARGEST_USEFUL, MetricAnalysis, Ratio, StudyEffects
from llenergymeasure.domain.study.result import StudyData
from llenergymeasure.domain.study.runs import RunState
from llenergymeasure.results.report.headline import Headline
from llenergymeasure.results.report.study.machine import gpu_texts
from llenergymeasure.results.study_tables.texts import (
    TIMES,
    interval_text,
    limit_text,
    named,
    plain,
    unit_of,
    value_text,
)

NOT_ENDED: frozenset[RunState] = frozenset({"pending", "running", "interrupted"})
TOO_FEW = "too few runs to estimate the spread"


def title(study: StudyData) -> str:
    """The name of the study, or of its folder."""
    return study.design.name or study.study_id


def subtitle(study: StudyData) -> str:
    """What was compared, when and where."""
    models = _each(cell.config.model for cell in study.cells)
    backends = _each(cell.config.backend for cell in study.cells)
    parts = [
        f"{_count(len(study.cells), 'cell')} of {models} with {backends}",
        _count(study.protocol.n_cycles, "cycle"),
        _runs(study),
    ]
    return "; ".join([", ".join(parts), *gpu_texts(study.runs), *_period(study)])


def _runs(study: StudyData) -> str:
    """The number of runs, and how many of them have a result if not all have one."""
    planned, done = _planned(study), len(study.completed)
    return _count(planned, "run") if done == planned else f"{done} of {_count(planned, 'run')} with a result"


def _planned(study: StudyData) -> int:
    return sum(run.role == "cell" for run in study.runs)


def _each(values: Iterator[str] | Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(values))


def _period(study: StudyData) -> Iterator[str]:
    started = sorted(run.started_at for run in study.runs if run.started_at)
    if started:
        yield f"first run {_minute(started[0])}, last run {_minute(started[-1])} UTC"


def _minute(utc: str) -> str:
    return utc[:16].replace("T", " ")


def banner(study: StudyData) -> str:
    """That the study is not finished, and why there is no answer; an answer says its restrictions itself."""
    return " ".join([*_unfinished(study), *_without_answer(study)])


def _unfinished(study: StudyData) -> Iterator[str]:
    left = sum(run.state in NOT_ENDED for run in study.runs)
    if left:
        yield f"The study is not finished: {left} of {_count(len(study.runs), 'run')} have not ended."


def _without_answer(study: StudyData) -> Iterator[str]:
    if study.effects is None:
        yield "No run was completed, so there is no answer."
    elif not study.answer:
        yield "The runs were not analysed, so there is no answer."


def headlines(study: StudyData, effects: StudyEffects) -> Iterator[Headline]:
    """The numbers at the top of the page."""
    analysis = effects.metrics[0]
    for curve in effects.curves:
        yield from _traffic(effects, curve)
    if analysis.best is not None:
        yield from _best(study, effects, analysis)
    if effects.limits and not effects.curves:
        yield _within(study, effects, analysis)
    yield Headline(
        "completed runs", f"{len(study.completed)} of {_planned(study)}", "",
        f"{_count(len(study.cells), 'cell')}, {_count(study.protocol.n_cycles, 'cycle')}",
    )  # fmt: skip
    yield _spread(analysis)


def _spread(analysis: MetricAnalysis) -> Headline:
    name = "spread of a run (CV)"
    if analysis.residual_cv is None:
        return Headline(name, "not known", "", TOO_FEW)
    note = "" if analysis.detectable is None else _found(analysis.detectable)
    return Headline(name, number(100 * analysis.residual_cv, "%", 2), "", note)


def _found(detectable: float) -> str:
    if detectable > LARGEST_USEFUL:
        return f"even a ratio of {LARGEST_USEFUL:g} could be missed"
    return f"ratios above {plain(detectable)} would be found with probability 0.8"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _best(study: StudyData, effects: StudyEffects, analysis: MetricAnalysis) -> Iterator[Headline]:
    cells = {cell.cell: cell for cell in analysis.cells}
    best, metric = cells[str(analysis.best)], analysis.metric
    unit = unit_of(effects, metric)
    note = study.design.cell(best.cell).label
    yield Headline(
        f"best cell in {named(analysis)}", f"{value_text(best.mean, metric)} {unit}", f"cell {best.cell}", note
    )
    if best.ratio is not None and best.cell != analysis.reference:
        note = _interval(best.ratio, analysis.freedom)
        yield Headline("best over reference", f"{TIMES} {plain(best.ratio.value)}", "", note)


def _interval(ratio: Ratio, freedom: int) -> str:
    if interval := interval_text(ratio):
        return f"95 % interval {interval}"
    return f"no interval: {'the order of the runs groups these cells' if freedom else TOO_FEW}"


def _traffic(effects: StudyEffects, curve: TrafficCurve) -> Iterator[Headline]:
    """The best point of a curve inside its limits, and the most traffic that keeps them where it is another."""
    if not curve.limits:
        return
    limits = ", ".join([*filter(None, [curve.settings]), *(limit_text(*limit) for limit in curve.limits.items())])
    note = "; ".join([limits, *_undecided(curve)])
    if curve.best is None or curve.highest is None:
        value = "none is known" if curve.undecided else "none"
        yield Headline(f"{curve.name} inside the limits", value, "", note)
        return
    best, unit = curve.point(curve.best), unit_of(effects, curve.cost)
    spread = f"{value_text(best.means[curve.cost].value, curve.cost)} {unit}"
    yield Headline(f"best {curve.name} inside the limits", curve.amount(best.traffic), spread, note)
    if curve.highest != curve.best:
        highest = curve.point(curve.highest)
        yield Headline(
            f"highest {curve.name} inside the limits", curve.amount(highest.traffic), f"cell {highest.cell}", note
        )


def _undecided(curve: TrafficCurve) -> Iterator[str]:
    if curve.undecided:
        amounts = ", ".join(curve.amount(point.traffic) for point in curve.undecided)
        yield f"undecided, because runs failed: {amounts}"


def _within(study: StudyData, effects: StudyEffects, analysis: MetricAnalysis) -> Headline:
    limits = ", ".join(limit_text(name, value) for name, value in effects.limits.items())
    if effects.best_within is None:
        return Headline("best cell inside the limits", "none", "", f"no cell has {limits}")
    mean = next(cell.mean for cell in analysis.cells if cell.cell == effects.best_within)
    value = f"{value_text(mean, analysis.metric)} {unit_of(effects, analysis.metric)}"
    label = study.design.cell(effects.best_within).label
    return Headline("best cell inside the limits", value, f"cell {effects.best_within}", f"{label}; {limits}")
