"""The run table, and its fixed waits."""

from __future__ import annotations

from a_study import a_config, a_design, a_protocol
from llenergymeasure.study.plan import FixedWaits, fixed_waits, gap_before, loads, pending_row, plan_runs

DESIGN = a_design()


def test_places_are_numbered_and_every_run_has_cell_cycle_and_configuration():
    runs = plan_runs(DESIGN, a_protocol(), [1, 2])
    assert [run.place for run in runs] == list(range(1, 25))
    assert {run.cycle for run in runs[:12]} == {1}
    assert all(run.config_hash == DESIGN.cell(run.cell).config_hash for run in runs)


def test_added_cycles_do_not_change_earlier_ones():
    three = plan_runs(DESIGN, a_protocol(), [1, 2, 3])
    assert three[:24] == plan_runs(DESIGN, a_protocol(), [1, 2])
    assert three[24:] == plan_runs(DESIGN, a_protocol(), [3], first_place=25)


def test_control_runs_are_part_of_the_table():
    runs = plan_runs(DESIGN, a_protocol(control=True), [1])
    assert [runs[0].role, runs[-1].role] == ["control_first", "control_last"]
    assert len(runs) == 14


def test_the_waits_of_two_cycles_of_twelve_cells():
    protocol = a_protocol(experiment_gap_s=60.0, cycle_gap_s=300.0)
    waits = fixed_waits(plan_runs(DESIGN, protocol, [1, 2]), protocol)
    assert (waits.experiment_gap_s, waits.cycle_gap_s) == (22 * 60, 300)


def test_a_sequential_order_has_no_gaps_between_cycles():
    protocol = a_protocol(order="sequential", experiment_gap_s=60.0, cycle_gap_s=300.0)
    runs = plan_runs(DESIGN, protocol, [1, 2])
    assert fixed_waits(runs, protocol) == FixedWaits(experiment_gap_s=23 * 60, cycle_gap_s=0)
    assert gap_before(runs[0], runs[1], protocol) == 60


def test_there_is_no_gap_before_the_first_run():
    (first, *_) = plan_runs(DESIGN, a_protocol(), [1])
    assert gap_before(None, first, a_protocol(experiment_gap_s=60.0)) == 0


def test_batch_size_is_not_loaded_and_precision_is():
    small, large = a_config({"pytorch.batch_size": 1}), a_config({"pytorch.batch_size": 8})
    assert loads(small) == loads(large)
    assert loads(small) != loads(a_config({"pytorch.batch_size": 1, "precision": "fp16"}))
    assert loads(small) != loads(a_config({"pytorch.attn_implementation": "eager"}))


def test_a_planned_run_is_pending_in_the_block_of_its_cycle():
    row = pending_row(plan_runs(DESIGN, a_protocol(), [2])[0])
    assert (row.state, row.attempt, row.block) == ("pending", 0, "cycle 2")
