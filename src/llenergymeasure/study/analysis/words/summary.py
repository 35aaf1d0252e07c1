"""The answer of a study in a few plain sentences."""

from __future__ import annotations

from collections.abc import Iterator

from llenergymeasure._format import number
from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.study.design import StudyDesign
from llenergymeasure.domain.study.effects import ALPHA, CellEffect, MetricAnalysis, StudyEffects
from llenergymeasure.domain.study.names import level_text, listed
from llenergymeasure.study.analysis.words.amounts import USUAL_CYCLES, comparison, could_be_found, inverse, limits_text
from llenergymeasure.study.analysis.words.curves import curve_sentences
from llenergymeasure.study.analysis.words.factors import answer, capital, few_runs, name_of, without_ranking

# Runs that the answer names; of more, it gives the number.
_MOST_NAMED = 5


def summary(design: StudyDesign, effects: StudyEffects) -> str:
    """The answer: what matters most, by how much, and what limits this."""
    analysis = effects.metrics[0]
    about = [*_answer(design, effects, analysis), *_limits(design, effects, analysis)]
    return " ".join([*_energy_first(effects), *curve_sentences(effects), *about])


def _energy_first(effects: StudyEffects) -> Iterator[str]:
    if effects.energy == "measured":
        return
    known = "was not measured"
    if effects.energy == "estimated":
        known = f"is an estimate here and {known}"
    elif any(METRICS[each.metric].joules for each in effects.metrics):
        known = "was measured in fewer than half of the cells"
    so = "" if METRICS[effects.headline].joules else f", so this is about {METRICS[effects.headline].title}"
    yield f"Energy {known}{so}."


def _answer(design: StudyDesign, effects: StudyEffects, analysis: MetricAnalysis) -> Iterator[str]:
    if analysis.method == "none":
        yield _only_cell(analysis)
    elif not analysis.factors:
        yield _cells(design, analysis)
    elif not analysis.freedom:
        yield from without_ranking(design, analysis)
    else:
        yield from answer(design, analysis, effects.margin)
        yield from _cpu_time(design, effects)


def _only_cell(analysis: MetricAnalysis) -> str:
    metric, cell = METRICS[analysis.metric], analysis.cells[0]
    runs = f"{cell.n_runs} runs" if cell.n_runs > 1 else "a single run"
    interval = ""
    if cell.low is not None and cell.high is not None:
        interval = f" (95 % interval {number(cell.low, '')} to {number(cell.high, '')})"
    return f"One cell was measured, in {runs}: {metric.title} {number(cell.mean, metric.unit)}{interval}."


def _cells(design: StudyDesign, analysis: MetricAnalysis) -> str:
    """The cells against the reference, where no factor is estimated."""
    others = [cell for cell in analysis.cells if cell.cell != analysis.reference and cell.ratio is not None]
    if not others:
        return "The reference has no completed run, so no cell is compared with it."
    best = next((cell for cell in others if cell.cell == analysis.best), None)
    if not analysis.freedom:
        return f"{_best(design, analysis, best)} {few_runs(analysis)}: run at least {USUAL_CYCLES} cycles."
    differing = [cell for cell in others if cell.p_holm is not None and cell.p_holm < ALPHA]
    if not differing:
        return f"No cell differs significantly from the reference{_found(analysis)}."
    return f"{len(differing)} of {len(others)} cells differ from the reference. {_best(design, analysis, best)}"


def _best(design: StudyDesign, analysis: MetricAnalysis, best: CellEffect | None) -> str:
    reference = f"the reference ({design.cell(analysis.reference).label})"
    if best is None or best.ratio is None:
        return f"No cell has a better mean than {reference}."
    advantage = inverse(best.ratio) if METRICS[analysis.metric].better == "lower" else best.ratio
    said = comparison(analysis.metric, "it", reference, advantage)
    return f"The best cell is {design.cell(best.cell).label}: {said}."


def _cpu_time(design: StudyDesign, effects: StudyEffects) -> Iterator[str]:
    """The factor with the largest effect on the CPU time, where energy was not measured."""
    found = effects.metric("cpu_seconds")
    if effects.energy == "measured" or effects.headline == "cpu_seconds" or found is None:
        return
    clear = [effect for effect in found.factors if effect.finding == "matters"]
    if clear:
        less, more = level_text(clear[0].lowest), level_text(clear[0].highest)
        yield f"{comparison('cpu_seconds', f'{capital(name_of(design, clear[0]))} {less}', more, clear[0].span)}."


def _found(analysis: MetricAnalysis) -> str:
    if analysis.detectable is None:
        return ""
    return f"; {could_be_found(analysis.detectable)}"


def _limits(design: StudyDesign, effects: StudyEffects, analysis: MetricAnalysis) -> Iterator[str]:
    unsure = [name_of(design, effect) for effect in analysis.factors if effect.tests_disagree]
    if unsure:
        yield f"The tests on logs and on ranks disagree about {listed(unsure)}{_with_outliers(analysis)}."
    missing = [
        f"{name_of(design, effect)} {listed([level_text(level) for level in effect.missing])}"
        for effect in analysis.factors
        if effect.missing
    ]
    if missing:
        yield f"Not compared, because cells are missing: {listed(missing)}."
    if effects.limits and not effects.curves:
        yield _best_within(design, effects)


def _with_outliers(analysis: MetricAnalysis) -> str:
    runs = analysis.outliers
    if not runs:
        return ""
    named = listed(list(runs)) if len(runs) <= _MOST_NAMED else f"{len(runs)} runs"
    return f"; {named} {'are outliers' if len(runs) > 1 else 'is an outlier'}"


def _best_within(design: StudyDesign, effects: StudyEffects) -> str:
    limits = limits_text(effects.limits)
    if effects.best_within is None:
        return f"No cell has {limits}."
    return f"Of the cells with {limits}, {design.cell(effects.best_within).label} is best."
