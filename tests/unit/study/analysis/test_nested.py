"""Backends with factors of their own."""

from __future__ import annotations

import math
import random

import pytest
from benchmarks.simulated_study import Simulation, design_of, protocol

from a_nested_study import a_nested_study
from llenergymeasure.domain.study.design import Factor
from llenergymeasure.study.analysis.analyse import analyse

FACTORS = (
    Factor(name="backend", fields=("backend",), levels=("pytorch", "vllm")),
    Factor(name="precision", fields=("precision",), levels=("bf16", "fp16")),
    Factor(name="pytorch.batch_size", fields=("pytorch.batch_size",), levels=(1, 8, 32), within="pytorch"),
    Factor(name="vllm.max_num_seqs", fields=("vllm.max_num_seqs",), levels=(16, 64), within="vllm"),
)
CELLS = [
    *({"backend": 0, "precision": p, "pytorch.batch_size": b} for p in (0, 1) for b in (0, 1, 2)),
    *({"backend": 1, "precision": p, "vllm.max_num_seqs": b} for p in (0, 1) for b in (0, 1)),
]


def true_log(levels):
    """vllm needs a quarter at the reference, batch 32 a fifth of batch 1, 64 sequences 10 % less, fp16 a fifth more."""
    own = math.log((1, 0.4, 0.2)[levels["pytorch.batch_size"]]) if levels["backend"] == 0 else 0.0
    other = math.log(0.25) + math.log(0.9) * levels["vllm.max_num_seqs"] if levels["backend"] == 1 else 0.0
    return own + other + math.log(1.2) * levels["precision"]


@pytest.fixture(scope="module")
def found():
    design = design_of(FACTORS, CELLS)
    return analyse(design, Simulation(design, true_log).rows(random.Random(1)), protocol(3)).metrics[0]


def test_the_ten_cells_are_one_fit(found):
    assert (len(found.cells), found.freedom, found.method) == (10, 18, "factorial")


@pytest.mark.parametrize(
    ("name", "within", "ratio"),
    [
        ("pytorch.batch_size", "pytorch", 5.0),
        ("vllm.max_num_seqs", "vllm", 1 / 0.9),
        ("precision", None, 1.2),
        ("backend", None, 4.0),
    ],
)
def test_each_factor_has_the_effect_that_was_put_in_where_it_applies(found, name, within, ratio):
    effect = found.factor(name)
    assert (effect.within, effect.finding) == (within, "matters")
    assert effect.span.low < ratio < effect.span.high


def test_backends_are_compared_at_their_best_too(found):
    """pytorch at 0.2, vllm at 0.225."""
    pytorch, vllm = found.factor("backend").at_best
    assert (pytorch.level, vllm.level) == ("pytorch", "vllm")
    assert vllm.ratio.low < 1.125 < vllm.ratio.high


def test_shares_of_different_backends_are_not_added(found):
    assert found.factor("backend").share is None
    assert found.factor("pytorch.batch_size").share == pytest.approx(0.97, abs=0.03)


def test_interactions_name_their_backend(found):
    assert {each.within for each in found.interactions} == {"pytorch", "vllm"}


def test_a_lost_reference_cell_leaves_its_backend_comparable():
    design = design_of(FACTORS, CELLS)
    rows = [row for row in Simulation(design, true_log).rows(random.Random(1)) if row.cell != "07"]
    found = analyse(design, rows, protocol(3)).metrics[0]
    assert found.notes == ("cells_missing",)
    effect = found.factor("backend")
    assert effect is not None
    assert len(effect.levels) == 2


def test_a_level_that_another_backend_has_is_not_missing():
    study = a_nested_study()
    assert {effect.missing for effect in study.effects.metrics[0].factors} == {()}
    assert "cells are missing" not in study.answer


def test_a_level_that_a_backend_lost_is_missing():
    """01 to 06 are pytorch, with int8 in 05 and 06."""
    study = a_nested_study()
    runs = [run for run in study.runs if run.cell not in ("05", "06")]
    found = analyse(study.design, runs, study.protocol).metrics[0]
    assert found.factor("precision").missing == ("int8",)
