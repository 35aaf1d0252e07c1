"""A study of two backends with precisions of their own, so that precision is a factor inside each of them."""

from __future__ import annotations

import math
import random

from benchmarks.simulated_study import Machine, Simulation, design_of, protocol

from llenergymeasure.domain.study.design import Factor
from llenergymeasure.domain.study.result import StudyData
from llenergymeasure.study.analysis.analyse import analyse
from llenergymeasure.study.analysis.words.summary import summary

FACTORS = (
    Factor(name="backend", fields=("backend",), levels=("pytorch", "vllm")),
    Factor(name="precision", fields=("precision",), levels=("bf16", "fp16", "int8")),
    Factor(name="pytorch.batch_size", fields=("pytorch.batch_size",), levels=(1, 8), within="pytorch"),
    Factor(name="vllm.max_num_seqs", fields=("vllm.max_num_seqs",), levels=(16, 64), within="vllm"),
)
CELLS = [
    *({"backend": 0, "precision": p, "pytorch.batch_size": b} for p in (0, 1, 2) for b in (0, 1)),
    *({"backend": 1, "precision": p, "vllm.max_num_seqs": b} for p in (0, 1) for b in (0, 1)),
]


def true_log(levels) -> float:
    """In pytorch int8 needs four times as much at batch size 8 only; in vllm fp16 needs half of bf16."""
    if levels["backend"] == 0:
        return math.log(4) * (levels["precision"] == 2) * levels["pytorch.batch_size"]
    return -math.log(2) * levels["precision"] - math.log(1.1) * levels["vllm.max_num_seqs"]


def a_nested_study(n_cycles: int = 3, cv: float = 0.01, effect=true_log) -> StudyData:
    """The study, run and analysed."""
    design, how = design_of(FACTORS, CELLS), protocol(n_cycles)
    runs = tuple(Simulation(design, effect, Machine(cv=cv), n_cycles=n_cycles).rows(random.Random(1)))
    effects = analyse(design, runs, how)
    assert effects is not None
    return StudyData(
        study_id="nested", design=design, protocol=how, runs=runs, effects=effects, summary=summary(design, effects)
    )
