"""A study with known effects: random runs from a seed, analysed as a real study.

True energy per token: 12 J at batch size 1, a third at 8, a sixth at 32; bf16 needs 1 / 1.3 of fp32, sdpa 1 / 1.02 of eager.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from itertools import product
from typing import Any

from llenergymeasure.config.messages.fields import shown
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.domain.study.design import Cell, Factor, Protocol, Skipped, StudyDesign
from llenergymeasure.domain.study.result import StudyData
from llenergymeasure.domain.study.runs import RunFailure, RunRow
from llenergymeasure.study.analysis.analyse import analyse
from llenergymeasure.study.analysis.words.summary import summary

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
    return ExperimentConfig(**{"model": model, "n": 64, "max_output_tokens": 64, "pytorch": pytorch or None, **plain})


def a_design(factors: Sequence[Factor] = FACTORS, name: str | None = "batch-and-precision", **fields) -> StudyDesign:
    """The full grid of the factors; the first cell is the reference."""
    cells = []
    for index, chosen in enumerate(product(*(range(len(factor.levels)) for factor in factors)), 1):
        values = {factor.name: factor.levels[at] for factor, at in zip(factors, chosen)}
        config = a_config(
            {
                field: value
                for factor in factors
                for field, value in zip(
                    factor.fields, values[factor.name] if len(factor.fields) > 1 else [values[factor.name]]
                )
            },
            **fields,
        )
        label = ", ".join(f"{key.rsplit('.', 1)[-1]}={shown(value)}" for key, value in values.items())
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
    study = StudyData(study_id="batch-and-precision_2026-11-29T06-52-40", design=design, protocol=how, runs=runs)
    effects = analyse(design, runs, how)
    if effects is None:
        return study
    warnings = tuple(map(str, effects.warnings))
    return study.model_copy(update={"effects": effects, "answer": summary(design, effects), "warnings": warnings})


def without(study: StudyData, metric: str, *runs: str) -> StudyData:
    """The study, analysed again after a metric was not measured in these runs."""
    rows = tuple(
        row.model_copy(update={"values": {**row.values, metric: None}}) if row.run_id in runs else row
        for row in study.runs
    )
    return study.model_copy(update={"runs": rows, "effects": analyse(study.design, rows, study.protocol)})


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
