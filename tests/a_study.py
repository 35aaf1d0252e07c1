"""A study with known effects: runs drawn from a seed, and its effects by closed forms of the balanced grid.

True energy per token: 12 J at batch size 1, a third at 8, a sixth at 32; bf16 needs 1 / 1.3 of fp32, sdpa 1 / 1.02 of eager.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from itertools import combinations, permutations, product
from statistics import fmean
from typing import Any

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.domain.study.design import Cell, Factor, Protocol, Skipped, StudyDesign
from llenergymeasure.domain.study.effects import (
    CellEffect,
    FactorEffect,
    Interaction,
    LevelEffect,
    MetricAnalysis,
    ParetoPoint,
    PathStep,
    Ratio,
    StudyEffects,
)
from llenergymeasure.domain.study.result import StudyData
from llenergymeasure.domain.study.runs import RunFailure, RunRow
from llenergymeasure.stats.intervals import StandardError

BATCH, PRECISION, ATTENTION = "pytorch.batch_size", "precision", "pytorch.attn_implementation"
FACTORS = (
    Factor(name=BATCH, fields=(BATCH,), levels=(1, 8, 32)),
    Factor(name=PRECISION, fields=(PRECISION,), levels=("fp32", "bf16")),
    Factor(name=ATTENTION, fields=(ATTENTION,), levels=("eager", "sdpa")),
)
TRUE = {
    BATCH: {1: 1.0, 8: 1 / 3, 32: 1 / 6},
    PRECISION: {"fp32": 1.0, "bf16": 1 / 1.3},
    ATTENTION: {"eager": 1.0, "sdpa": 1 / 1.02},
}
CV = 0.02


def a_config(levels: dict[str, Any], model: str = "acme/some-model-8b") -> ExperimentConfig:
    """The experiment of a cell."""
    pytorch = {name.split(".")[1]: value for name, value in levels.items() if name.startswith("pytorch.")}
    plain = {name: value for name, value in levels.items() if "." not in name}
    return ExperimentConfig(model=model, n=64, max_output_tokens=64, pytorch=pytorch or None, **plain)


def a_design(factors: Sequence[Factor] = FACTORS, name: str | None = "batch-and-precision", **fields) -> StudyDesign:
    """The full grid of the factors; the first cell is the reference."""
    cells = []
    for index, chosen in enumerate(product(*(range(len(factor.levels)) for factor in factors)), 1):
        values = {factor.name: factor.levels[at] for factor, at in zip(factors, chosen)}
        config = a_config(values, **fields)
        label = ", ".join(f"{key.rsplit('.', 1)[-1]}={value}" for key, value in values.items())
        levels = {factor.name: at for factor, at in zip(factors, chosen)}
        cells.append(Cell(id=f"{index:02}", label=label, levels=levels, config=config, config_hash=config.config_hash))
    skipped = (Skipped(fields={"precision": "fp16"}, reason="fp16 needs a GPU"),)
    return StudyDesign(
        name=name, factors=tuple(factors), cells=tuple(cells), reference="01", skipped=skipped,
        design_hash="0123456789abcdef",
    )  # fmt: skip


def a_protocol(**changes) -> Protocol:
    """Three shuffled cycles with cool-down."""
    fields = {
        "n_cycles": 3, "order": "shuffled", "seed": 7, "isolation": "process", "experiment_gap_s": 0.0, "cycle_gap_s": 60.0,
        "cooldown_celsius": 5.0, "cooldown_max_s": 600.0, "timeout_s": None, "control": False,
    }  # fmt: skip
    return Protocol(**{**fields, **changes})


def a_study(
    design: StudyDesign | None = None, *, failed: str | None = None, measured: bool = True, **protocol
) -> StudyData:
    """The study, run and analysed.

    Args:
        design: what it measures.
        failed: id of a cell whose runs fail.
        measured: whether the energy was measured.
        **protocol: changes of the protocol.
    """
    design, how = design or a_design(), a_protocol(**protocol)
    runs = tuple(_runs(design, how, failed, measured))
    study = StudyData(
        study_id="batch-and-precision_2026-11-29T06-52-40", design=design, protocol=how, runs=runs,
        warnings=("short_measurement_duration: 12 of 36 windows lasted less than 10 s",),
    )  # fmt: skip
    effects = effects_of(study)
    return study.model_copy(update={"effects": effects, "answer": _sentence(effects)})


def _runs(design: StudyDesign, how: Protocol, failed: str | None, measured: bool):
    chance, place = random.Random(how.seed), 0
    for cycle in range(1, how.n_cycles + 1):
        order: list[tuple[Cell, Any]] = [(cell, "cell") for cell in design.cells]
        chance.shuffle(order)
        reference = design.cell(design.reference)
        if how.control:
            order = [(reference, "control_first"), *order, (reference, "control_last")]
        for cell, role in order:
            place += 1
            yield _run(cell, cycle, role, place, chance, cell.id == failed, measured)


def _run(cell: Cell, cycle: int, role: Any, place: int, chance: random.Random, fails: bool, measured: bool) -> RunRow:
    part = {"cell": "", "control_first": ".first", "control_last": ".last"}[role]
    common = dict(
        run_id=f"{cell.id}.c{cycle}{part}", place=place, cell=cell.id, cycle=cycle, role=role, attempt=1,
        block=f"cycle {cycle}", started_at=f"2026-11-29T06:{52 + place // 60:02}:{place % 60:02}+00:00", waited_s=12.5,
        host="node-1", gpus=("NVIDIA A100 (GPU-0)",), environment="e0e0e0e0", temperature_c=48 + 4 * math.sin(place / 5),
    )  # fmt: skip
    if fails:
        message = "CUDA ran out of memory; lower pytorch.batch_size"
        failure = RunFailure(kind="out_of_memory", message=message, last_lines=("Traceback", "OutOfMemoryError: 80 GB"))
        return RunRow(state="failed", failure=failure, **{**common, "temperature_c": None})
    joules, speed = true_values(cell, cycle) if cell.levels else (9.0, 300.0)
    joules *= math.exp(chance.gauss(0, CV))
    speed *= math.exp(chance.gauss(0, CV))
    values = {
        "energy_per_output_token": joules if measured else None, "energy_total_j": joules * 4096 if measured else None,
        "tokens_per_second": speed, "output_tokens": 4096.0, "ttft_p95_ms": 9e4 / speed, "peak_memory_mb": 2e4,
    }  # fmt: skip
    return RunRow(
        state="completed", result=f"runs/{cell.id}.c{cycle}{part}/result.json", values=values,
        uncertainties={"energy_per_output_token": joules * 0.01} if measured else {},
        meter="nvml" if measured else None, n_passes=2, **common,
    )  # fmt: skip


def true_values(cell: Cell, cycle: int) -> tuple[float, float]:
    """J/token and tokens/s without noise; each cycle is 1 % above the one before."""
    factor = 1.0
    for name, at in cell.levels.items():
        levels = list(TRUE.get(name, {}).values())
        factor *= levels[at] if at < len(levels) else 1 / (1 + at)
    joules = 12.0 * factor * 1.01**cycle
    if cell.levels.get(BATCH) == 2 and cell.levels.get(PRECISION) == 1:
        joules *= 0.9  # an interaction
    return joules, 25.0 / factor**0.8


def effects_of(study: StudyData) -> StudyEffects:
    """The effects, by closed forms for a balanced grid; a cell without a run is left out."""
    names = [name for name in ("energy_per_output_token", "tokens_per_second", "ttft_p95_ms") if _values(study, name)]
    metrics = tuple(_analysis(study, name) for name in names)
    points = _points(study) if "energy_per_output_token" in names else ()
    return StudyEffects(headline=names[0], metrics=metrics, pareto=points)


def _values(study: StudyData, name: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for row in study.completed:
        value = row.values.get(name)
        if value is not None:
            found.setdefault(row.cell, []).append(math.log(value))
    return found


def _analysis(study: StudyData, name: str) -> MetricAnalysis:
    design, logs = study.design, _values(study, name)
    means = {cell: fmean(values) for cell, values in logs.items()}
    cycles = len(next(iter(logs.values())))
    df = (len(logs) - 1) * (cycles - 1)
    by_cycle = [fmean(values[c] for values in logs.values()) for c in range(cycles)]
    grand = fmean(by_cycle)
    squares = sum(
        (values[c] - means[cell] - by_cycle[c] + grand) ** 2 for cell, values in logs.items() for c in range(cycles)
    )
    sigma = math.sqrt(squares / df) if df else None
    reference = means[design.reference]
    cells = tuple(
        CellEffect(
            cell=cell, n_runs=cycles, mean=math.exp(mean), ratio=_ratio(mean - reference, sigma, cycles, cycles, df)
        )
        for cell, mean in means.items()
    )
    best = (max if name == "tokens_per_second" else min)(means, key=lambda cell: means[cell])
    factors = tuple(_factor(design, factor, means, sigma, cycles, df) for factor in design.factors)
    shares = _shares(design, means)
    factors = tuple(each.model_copy(update=_share(shares[each.factor])) for each in factors)
    pairs = tuple(
        Interaction(factors=(a, b), share=shares[a, b], p_value=0.2)
        for a, b in combinations([factor.name for factor in design.factors], 2)
    )
    full = len(means) == len(design.cells)
    return MetricAnalysis(
        metric=name, n_runs=len(logs) * cycles, n_blocks=cycles, method="factorial" if sigma else "none", freedom=df,
        residual_cv=sigma, detectable=1 + 3 * sigma if sigma else None, cells=cells,
        factors=tuple(sorted(factors, key=lambda each: -each.span.value)),
        interactions=tuple(sorted(pairs, key=lambda each: -each.share)), reference=design.reference, best=best,
        path=_path(design, means, best) if full else (),
    )  # fmt: skip


def _share(share: float) -> dict[str, float]:
    return {"share": share, "share_low": 0.9 * share, "share_high": min(1.0, 1.1 * share)}


def _ratio(log: float, sigma: float | None, n: int, m: int, df: int) -> Ratio:
    if sigma is None or log == 0:
        return Ratio(value=math.exp(log))
    margin = StandardError(sigma * math.sqrt(1 / n + 1 / m), df).margin(0.975)
    return Ratio(value=math.exp(log), low=math.exp(log - margin), high=math.exp(log + margin))


def _level_means(design: StudyDesign, factor: Factor, means: dict[str, float]) -> list[float]:
    return [
        fmean(means[cell.id] for cell in design.cells if cell.levels[factor.name] == at and cell.id in means)
        for at in range(len(factor.levels))
    ]


def _factor(design, factor, means, sigma, cycles, df) -> FactorEffect:
    logs = _level_means(design, factor, means)
    runs = cycles * len(design.cells) // len(factor.levels)
    reference = design.cell(design.reference).levels[factor.name]
    low, high = logs.index(min(logs)), logs.index(max(logs))
    return FactorEffect(
        factor=factor.name,
        levels=tuple(
            LevelEffect(level=level, mean=math.exp(log), ratio=_ratio(log - logs[reference], sigma, runs, runs, df))
            for level, log in zip(factor.levels, logs)
        ),
        span=_ratio(logs[high] - logs[low], sigma, runs, runs, df), lowest=factor.levels[low], highest=factor.levels[high],
        p_value=1e-9 if sigma else None, p_holm=3e-9 if sigma else None, p_ranks=1e-6 if sigma else None,
    )  # fmt: skip


def _shares(design: StudyDesign, means: dict[str, float]) -> dict[Any, float]:
    """Shares of the sum of squares of main effects and two-way interactions; half of each interaction goes to each factor."""
    grand, squares = fmean(means.values()), {}
    levels = {factor.name: _level_means(design, factor, means) for factor in design.factors}
    present = [cell for cell in design.cells if cell.id in means]
    for name, logs in levels.items():
        squares[name] = sum((logs[cell.levels[name]] - grand) ** 2 for cell in present)
    for a, b in combinations(levels, 2):
        both = {}
        for cell in present:
            both.setdefault((cell.levels[a], cell.levels[b]), []).append(means[cell.id])
        squares[a, b] = sum(
            (
                fmean(both[cell.levels[a], cell.levels[b]])
                - levels[a][cell.levels[a]]
                - levels[b][cell.levels[b]]
                + grand
            )
            ** 2
            for cell in present
        )
    total = sum(squares.values()) or 1.0
    shares = {key: value / total for key, value in squares.items()}
    for a, b in combinations(levels, 2):
        for name in (a, b):
            shares[name] += shares[a, b] / 2
    return shares


def _path(design: StudyDesign, means: dict[str, float], best: str) -> tuple[PathStep, ...]:
    start, end = design.cell(design.reference).levels, design.cell(best).levels
    moved = [name for name in start if start[name] != end[name]]
    index = {tuple(cell.levels.values()): means[cell.id] for cell in design.cells}
    steps = dict.fromkeys(moved, 0.0)
    orders = list(permutations(moved))
    for order in orders:
        now = dict(start)
        for name in order:
            before = index[tuple(now.values())]
            now[name] = end[name]
            steps[name] += (index[tuple(now.values())] - before) / len(orders)
    level = {factor.name: factor.levels for factor in design.factors}
    return tuple(
        PathStep(factor=name, level=level[name][end[name]], ratio=math.exp(step)) for name, step in steps.items()
    )


def _points(study: StudyData) -> tuple[ParetoPoint, ...]:
    energy, speed = _values(study, "energy_per_output_token"), _values(study, "tokens_per_second")
    at = {cell: (math.exp(fmean(speed[cell])), math.exp(fmean(energy[cell]))) for cell in energy}
    return tuple(
        ParetoPoint(cell=cell, x=x, y=y, efficient=not any(p > x and q < y for p, q in at.values()))
        for cell, (x, y) in at.items()
    )


def _sentence(effects: StudyEffects) -> str:
    first = effects.metrics[0].factors[0]
    return f"{first.factor} matters most: {first.lowest} against {first.highest} is {first.span.value:.2g} times."
