"""The analysis of one metric."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from llenergymeasure.domain.study.design import StudyDesign
from llenergymeasure.domain.study.effects import ALPHA, FactorEffect, Finding, Interaction, MetricAnalysis, NoteCode
from llenergymeasure.stats.factorial.inference import detectable, holm
from llenergymeasure.stats.factorial.layout import ROUNDING
from llenergymeasure.stats.factorial.outliers import strong_outliers
from llenergymeasure.stats.factorial.spread import cells_that_vary_more
from llenergymeasure.study.analysis.additive import additive_effects
from llenergymeasure.study.analysis.build import linear
from llenergymeasure.study.analysis.cells import best_cell, cell_effects, path_to
from llenergymeasure.study.analysis.factorial import grid_effects
from llenergymeasure.study.analysis.frame import Frame
from llenergymeasure.study.analysis.holes import full_grid
from llenergymeasure.study.analysis.model import FullGrid, Model, Placement
from llenergymeasure.study.analysis.nested import nested_effects, nesting

Method = Literal["factorial", "main_effects", "cells", "none"]


@dataclass(frozen=True)
class Found:
    """What is estimated beside the cells."""

    method: Method
    factors: Sequence[FactorEffect] = ()
    interactions: Sequence[Interaction] = ()
    notes: tuple[NoteCode, ...] = ()


def analyse_metric(
    design: StudyDesign, frame: Frame, placement: Placement, grouped: frozenset[str], margin: float | None
) -> MetricAnalysis:
    """Analyse one metric.

    Args:
        design: factors and reference.
        frame: its runs.
        placement: their cells and blocks.
        grouped: names of the factors whose runs stand together in the order.
        margin: largest difference that counts as none, as a fraction; None = not stated.
    """
    model = Model(design, frame, placement, placement.layout.fit_all(frame.logs), grouped, margin)
    found = _found(model)
    factors = _ranked(model, found.factors)
    best, outliers = best_cell(model), [frame.runs.rows[place] for place in strong_outliers(model.fit)]
    return MetricAnalysis(
        metric=frame.metric.name,
        n_runs=len(frame.runs.rows),
        n_blocks=len(set(frame.runs.blocks)),
        method=found.method,
        freedom=model.error.freedom,
        residual_cv=math.sqrt(math.expm1(model.error.variance)) if model.error.freedom else None,
        detectable=_detectable(model, factors),
        explained=model.fit.explained if model.error.freedom and len(frame.cells) > 1 else None,
        cells=cell_effects(model, corrected=found.method == "cells"),
        factors=tuple(factors),
        interactions=tuple(sorted(found.interactions, key=lambda each: -(each.share or 0.0))),
        reference=frame.cells[model.reference].id,
        best=None if best is None else frame.cells[best].id,
        path=path_to(model, best),
        outliers=tuple(row.run_id for row in outliers),
        unequal_spread=_unequal_spread(model, {row.cell for row in outliers}),
        left_out=frame.left_out,
        notes=(*found.notes, *_notes(model, factors)),
    )


def _found(model: Model) -> Found:
    places = range(len(model.frame.cells))
    if len(places) < 2:
        return Found("none")
    if (backends := nesting(model)) is not None:
        return Found("factorial", *nested_effects(model, backends), _missing(model))
    factors = model.varying(places)
    full = full_grid(model, places, factors)
    if full is not None:
        return Found("factorial", *grid_effects(model, full), _missing(model) or _holes(full))
    if model.grouped or not factors:
        return Found("cells", notes=("no_grid",))
    effects = additive_effects(model, factors)
    if effects is None:
        return Found("cells", notes=("no_grid", "interacting"))
    return (
        Found("main_effects", effects, notes=("no_grid", "additive")) if effects else Found("cells", notes=("no_grid",))
    )


def _missing(model: Model) -> tuple[NoteCode, ...]:
    return ("cells_missing",) if len(model.frame.cells) < len(model.design.cells) else ()


def _holes(full: FullGrid) -> tuple[NoteCode, ...]:
    return () if full.complete else ("cells_missing",)


def _ranked(model: Model, factors: Sequence[FactorEffect]) -> list[FactorEffect]:
    """The factors with corrected p and finding, the largest span first; as in the design without a test."""
    tested = [effect for effect in factors if effect.p_value is not None]
    corrected = iter(holm([effect.p_value or 0.0 for effect in tested]))
    found = [_with_finding(effect, next(corrected) if effect in tested else None, model.margin) for effect in factors]
    return sorted(found, key=lambda effect: -effect.span.value) if tested else found


def _with_finding(effect: FactorEffect, p_holm: float | None, margin: float | None) -> FactorEffect:
    return effect.model_copy(update={"p_holm": p_holm, "finding": _finding(effect, p_holm, margin)})


def _finding(effect: FactorEffect, p_holm: float | None, margin: float | None) -> Finding:
    if p_holm is None:
        return "not_tested"
    low, high = effect.span.low or 0.0, effect.span.high or math.inf
    if margin is not None and 1 / (1 + margin) < low and high < 1 + margin:
        return "negligible"
    return "matters" if p_holm < ALPHA else "undecided"


def _detectable(model: Model, factors: Sequence[FactorEffect]) -> float | None:
    of_factors = [effect.detectable for effect in factors if effect.detectable is not None]
    if of_factors:
        return max(of_factors)
    n_others = len(model.frame.cells) - 1
    if not n_others or model.grouped:
        return None
    step = detectable(2 / min(model.fit.layout.per_cell.tolist()), model.error, ALPHA / n_others)
    return None if step is None else linear(step)


def _unequal_spread(model: Model, explained: Collection[str]) -> dict[str, float]:
    """The cells that vary more than the others, without those in which an outlier explains it."""
    found = {model.frame.cells[place].id: ratio for place, ratio in cells_that_vary_more(model.fit).items()}
    return {cell: ratio for cell, ratio in found.items() if cell not in explained}


def _notes(model: Model, factors: Sequence[FactorEffect]) -> list[NoteCode]:
    freedom, deviation, uncertainty = model.error.freedom, model.error.deviation, model.frame.uncertainty
    spread = max(model.fit.means.tolist()) - min(model.fit.means.tolist())
    states: dict[NoteCode, bool] = {
        "one_cycle": not freedom,
        "grouped": bool(model.grouped),
        "estimated": model.frame.estimated,
        "per_pass": model.frame.per_pass,
        "exact": bool(freedom) and deviation < ROUNDING,
        "constant": spread < ROUNDING and deviation < ROUNDING and len(model.frame.cells) > 1,
        "no_reference": model.design.reference not in model.frame.runs.position,
        "methods_disagree": any(effect.tests_disagree for effect in factors),
        "uncertain_readings": bool(freedom) and uncertainty is not None and uncertainty > max(deviation, ROUNDING),
    }
    return [code for code, applies in states.items() if applies]
