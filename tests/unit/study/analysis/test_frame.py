"""Which runs are in a fit."""

from __future__ import annotations

import math

from benchmarks.simulated_study import ENERGY, grid, run_row

from a_traffic_study import a_served_config, a_served_design
from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.study.analysis.frame import Frames, completed, energy_kind

DESIGN = grid({"precision": ["bf16", "fp16", "fp32"]})


def rows_of(*cells, **more):
    """Two cycles of each cell, with 2 J/token."""
    return [
        run_row(cell, cycle, place, {ENERGY: 2.0, "tokens_per_second": 50.0}, **more)
        for place, (cycle, cell) in enumerate(((cycle, cell) for cycle in (1, 2) for cell in cells), 1)
    ]


def test_logs_are_in_the_order_of_the_rows_and_cells_in_that_of_the_design():
    rows = rows_of("02", "01")
    found = Frames(DESIGN, rows).of(METRICS[ENERGY])
    assert [cell.id for cell in found.cells] == ["01", "02"]
    assert [row.run_id for row in found.runs.rows] == [row.run_id for row in rows]
    assert found.logs == (math.log(2),) * 4
    assert found.left_out == {}


def test_metrics_with_the_same_runs_share_them():
    frames = Frames(DESIGN, rows_of("01", "02"))
    assert frames.of(METRICS[ENERGY]).runs is frames.of(METRICS["tokens_per_second"]).runs


def test_a_metric_that_was_not_measured_has_no_frame():
    assert Frames(DESIGN, rows_of("01")).of(METRICS["peak_memory_mb"]) is None


def test_a_run_without_the_metric_has_a_reason():
    rows = rows_of("01", "02")
    rows[1] = rows[1].model_copy(update={"values": {ENERGY: None}})
    assert Frames(DESIGN, rows).of(METRICS[ENERGY]).left_out == {"02.c1": "the metric was not measured in this run"}


def test_totals_of_windows_inside_traffic_are_not_compared():
    """A window at 6 requests/s has fewer tokens than one at 0.75, so it needs less CPU time without being better."""

    def compared(**traffic):
        design = a_served_design([a_served_config({"mode": "poisson", "rate": rate, **traffic}) for rate in (1.0, 4.0)])
        rows = [
            row.model_copy(update={"values": {"cpu_seconds": 6.0, "energy_total_j": 9.0, "tokens_per_second": 50.0}})
            for row in rows_of("01", "02")
        ]
        frames = Frames(design, rows)
        return [name for name, metric in METRICS.items() if frames.of(metric)]

    assert compared() == ["tokens_per_second"]
    assert compared(window="total") == ["energy_total_j", "tokens_per_second", "cpu_seconds"]


def test_the_total_of_a_window_inside_traffic_has_its_reason_beside_other_backends():
    other = DESIGN.cells[0].model_copy(update={"id": "03"})
    design = a_served_design([a_served_config({"rate": 1.0, "mode": "poisson"})])
    design = design.model_copy(update={"cells": (*design.cells, other)})
    rows = [row.model_copy(update={"values": {"cpu_seconds": 6.0}}) for row in rows_of("01", "03")]
    found = Frames(design, rows).of(METRICS["cpu_seconds"])
    reason = "a total of a window inside the traffic of a server: windows hold different amounts of work"
    assert found.left_out == {"01.c1": reason, "01.c2": reason}


def test_the_kind_of_energy_of_most_cells_is_analysed_and_measured_before_estimated():
    few, many = rows_of("01", meter="zeus"), rows_of("01", "02", meter="codecarbon", energy_estimated=True)
    assert energy_kind(few + many) == ("codecarbon", "estimated")
    assert energy_kind(rows_of("01") + rows_of("02", energy_estimated=True)) == ("nvml", "measured")
    assert energy_kind([]) is None


def test_a_single_cell_has_one_block():
    """Nothing is compared within a cycle, so cycles are repeats."""
    assert Frames(DESIGN, rows_of("01")).of(METRICS[ENERGY]).runs.blocks == ("all", "all")
    assert Frames(DESIGN, rows_of("01", "02")).of(METRICS[ENERGY]).runs.blocks == ("c1", "c1", "c2", "c2")


def test_cells_are_linked_through_others():
    """01 and 02 share a block, 02 and 03 another one."""
    rows = [
        run_row(cell, 1, place, {ENERGY: 1.0}, block=block)
        for place, (cell, block) in enumerate([("01", "a"), ("02", "a"), ("02", "b"), ("03", "b")], 1)
    ]
    assert len(Frames(DESIGN, rows).of(METRICS[ENERGY]).cells) == 3
    apart = Frames(DESIGN, rows[:2] + rows[3:]).of(METRICS[ENERGY])
    assert [cell.id for cell in apart.cells] == ["01", "02"]
    assert apart.runs.apart == ("03.c1",)


def test_the_median_uncertainty_of_readings_is_that_of_energy():
    frames = Frames(DESIGN, rows_of("01", "02", reading_uncertainty=0.05))
    assert frames.of(METRICS[ENERGY]).uncertainty == 0.05
    assert frames.of(METRICS["tokens_per_second"]).uncertainty is None
    assert Frames(DESIGN, rows_of("01")).of(METRICS[ENERGY]).uncertainty is None


def test_only_runs_of_the_grid_with_a_result_are_completed():
    kinds = [{}, {"state": "failed"}, {"role": "control_last"}, {"state": "pending"}]
    assert len(completed([run_row("01", 1, 1, {}, **kind) for kind in kinds])) == 1
