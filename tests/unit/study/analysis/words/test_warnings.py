"""What limits the answer."""

from __future__ import annotations

import pytest
from benchmarks.simulated_study import grid, protocol

from llenergymeasure.domain.study.effects import CellEffect, MetricAnalysis, Ratio
from llenergymeasure.study.analysis.words.warnings import study_warnings

DESIGN = grid({"precision": ["bf16", "fp16"], "batch": [1, 8]})
CELLS = tuple(CellEffect(cell=cell.id, n_runs=3, mean=1.0) for cell in DESIGN.cells)


def warnings_of(order="shuffled", limited=(), unequal=(), drift=None, n_cycles=3, **more):
    fields = {"metric": "energy_per_output_token", "n_runs": 12, "n_blocks": 3, "method": "factorial", "cells": CELLS}
    analysis = MetricAnalysis(**{**fields, "reference": "01", **more})
    return study_warnings(DESIGN, protocol(n_cycles, order), analysis, limited, unequal, drift)


def test_a_study_without_limits_has_no_warning():
    assert warnings_of(drift=Ratio(value=1.0, low=0.99, high=1.01)) == ()


@pytest.mark.parametrize(
    ("code", "case", "words"),
    [
        ("order_not_shuffled", {"order": "sequential"}, "cycle_order: shuffled"),
        ("order_not_shuffled", {"order": "interleaved"}, "cells that run late"),
        ("single_cycle", {"notes": ("one_cycle",)}, "run at least 3 cycles"),
        ("cells_missing", {"cells": CELLS[:2]}, "cells 03 and 04 are not in the analysis"),
        ("reference_missing", {"notes": ("no_reference",)}, "another reference"),
        ("unequal_work", {"unequal": ("02",)}, "min_output_tokens"),
        ("methods_disagree", {"notes": ("methods_disagree",), "outliers": ("03.c1",)}, "disagree; outlier 03.c1"),
        ("methods_disagree", {"notes": ("methods_disagree",)}, "run more cycles"),
        ("outlying_runs", {"outliers": ("03.c1", "02.c2")}, "runs 03.c1 and 02.c2 differ"),
        ("unequal_spread", {"unequal_spread": {"02": 3.25, "04": 7.4}}, "cells 02 and 04 vary more"),
        ("unequal_spread", {"unequal_spread": {"04": 7.4}}, "up to 7.4 times as large"),
        ("runs_left_out", {"left_out": {"03.c1": "its energy is from zeus"}}, "its energy is from zeus"),
        ("control_drift", {"drift": Ratio(value=1.05, low=1.02, high=1.08)}, "1.050"),
        ("uncertain_readings", {"notes": ("uncertain_readings",), "residual_cv": 0.01}, "longer windows"),
    ],
)
def test_each_limit_is_one_warning_with_its_fix(code, case, words):
    [found] = warnings_of(**case)
    assert found.code == code
    assert words in str(found)
    assert found.remedy


def test_the_spread_of_a_metric_with_a_limit_is_a_warning_too():
    limited = MetricAnalysis(
        metric="ttft_p99_ms",
        n_runs=12,
        n_blocks=3,
        method="factorial",
        cells=CELLS,
        reference="01",
        unequal_spread={"04": 101.0},
    )
    [found] = warnings_of(limited=(limited,))
    assert found.code == "unequal_spread"
    assert "the runs of cell 04 vary more than those of the other cells in time to first token, p99" in found.sentence


def test_many_runs_are_counted_and_not_listed():
    [found] = warnings_of(outliers=tuple(f"{number:02}.c1" for number in range(12)))
    assert found.sentence.startswith("12 runs differ")
    assert found.values == {"n_runs": 12}


def test_the_order_of_a_single_cycle_is_no_limit():
    assert warnings_of(order="interleaved", n_cycles=1) == ()
