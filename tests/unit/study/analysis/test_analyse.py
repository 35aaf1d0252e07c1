"""The analysis of a whole study."""

from __future__ import annotations

import math
import random

import pytest
from benchmarks.simulated_study import ENERGY, Machine, Simulation, design_of, grid, protocol, run_row

from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.study.design import Factor
from llenergymeasure.domain.study.effects import StudyEffects
from llenergymeasure.study.analysis.analyse import analyse

DESIGN = grid({"precision": ["bf16", "fp16"], "pytorch.batch_size": [1, 8, 32], "pytorch.use_cache": [True, False]})


def steps(levels):
    """Precision 1.25 times, batch size 1 to 0.4 to 0.2."""
    return math.log(1.25) * levels["precision"] + math.log((1, 0.4, 0.2)[levels["pytorch.batch_size"]])


def rows_of(design=DESIGN, true_log=steps, **more):
    return Simulation(design, true_log, **more).rows(random.Random(1))


def analysed(rows, design=DESIGN, n_cycles=3, order="shuffled", **more):
    return analyse(design, rows, protocol(n_cycles, order), **more)


def changed(rows, **more):
    return [row.model_copy(update=more) for row in rows]


@pytest.fixture(scope="module")
def effects():
    return analysed(rows_of())


def test_twelve_cells_in_three_cycles_leave_22_degrees_of_freedom(effects):
    found = effects.metrics[0]
    assert (found.n_runs, found.n_blocks, found.freedom, found.method) == (36, 3, 22, "factorial")
    assert found.residual_cv == pytest.approx(0.02, rel=0.3)


def test_effects_are_those_that_were_put_in(effects):
    batch, precision, cache = effects.metrics[0].factors
    assert (batch.factor, precision.factor, cache.factor) == ("pytorch.batch_size", "precision", "pytorch.use_cache")
    assert batch.span.low < 5 < batch.span.high
    assert (batch.lowest, batch.highest) == (32, 1)
    assert precision.span.low < 1.25 < precision.span.high
    assert [each.finding for each in (batch, precision, cache)] == ["matters", "matters", "undecided"]


def test_ratios_of_levels_are_to_the_reference(effects):
    levels = effects.metrics[0].factor("pytorch.batch_size").levels
    assert [each.level for each in levels] == [1, 8, 32]
    assert [each.ratio.value for each in levels] == pytest.approx([1, 0.4, 0.2], rel=0.03)
    assert (levels[0].ratio.low, levels[0].ratio.high) == (1, 1)


def test_shares_add_up_to_one_and_hold_half_of_the_interactions(effects):
    found = effects.metrics[0]
    assert sum(each.share for each in found.factors) == pytest.approx(1)
    assert all(each.share_low <= each.share <= each.share_high for each in found.factors[:2])


def test_the_way_to_the_best_cell_multiplies_to_its_ratio(effects):
    found = effects.metrics[0]
    best = next(cell for cell in found.cells if cell.cell == found.best)
    assert math.prod(step.ratio for step in found.path) == pytest.approx(best.ratio.value)
    assert {(step.factor, step.level) for step in found.path} >= {("pytorch.batch_size", 32)}


def test_it_survives_json(effects):
    assert StudyEffects.model_validate_json(effects.model_dump_json()) == effects


def test_a_study_without_a_completed_run_has_no_effects():
    assert analysed(changed(rows_of(), state="failed")) is None


def test_control_runs_and_failed_runs_are_in_no_fit(effects):
    control = [run_row("01", 1, 90, {ENERGY: 50.0}, role="control_first")]
    failed = [run_row("02", 1, 91, {}, state="failed")]
    assert analysed(rows_of() + control + failed).metrics == effects.metrics


def test_a_single_cycle_has_no_intervals_and_no_order_of_factors():
    found = analysed(rows_of(n_cycles=1), n_cycles=1)
    metric = found.metrics[0]
    assert (metric.freedom, metric.residual_cv, metric.notes) == (0, None, ("one_cycle",))
    assert [each.factor for each in metric.factors] == [factor.name for factor in DESIGN.factors]
    assert {each.finding for each in metric.factors} == {"not_tested"}
    assert {(each.span.low, each.p_value, each.p_ranks, each.share) for each in metric.factors} == {(None,) * 4}
    assert {each.share for each in metric.interactions} == {None}
    assert [each.code for each in found.warnings] == ["single_cycle"]


def test_a_hole_leaves_the_largest_full_grid_and_names_what_is_not_compared():
    found = analysed(rows_of(lost=frozenset(f"12.c{cycle}" for cycle in (1, 2, 3))))
    metric = found.metrics[0]
    assert (metric.method, metric.notes) == ("factorial", ("cells_missing",))
    assert metric.factor("pytorch.batch_size").missing == (32,)
    assert len(metric.cells) == 11
    assert [(each.code, each.values) for each in found.warnings] == [("cells_missing", {"n_cells": 1})]


def test_one_lost_run_loses_no_cell():
    metric = analysed(rows_of(lost=frozenset({"12.c2"}))).metrics[0]
    assert (metric.n_runs, metric.freedom, metric.notes) == (35, 21, ())
    assert metric.factor("pytorch.batch_size").missing == ()


STAR = tuple(Factor(name=name, fields=(name,), levels=("old", "new")) for name in ("x", "y"))


def test_changes_one_at_a_time_are_estimated_as_if_they_did_not_interact():
    design = design_of(STAR, [{"x": 0, "y": 0}, {"x": 1, "y": 0}, {"x": 0, "y": 1}])
    found = analysed(rows_of(design, lambda levels: 0.3 * levels["x"], n_cycles=4), design, 4).metrics[0]
    assert (found.method, found.notes) == ("main_effects", ("no_grid", "additive"))
    assert [(each.factor, each.finding) for each in found.factors] == [("x", "matters"), ("y", "undecided")]
    assert found.factor("x").span.low < math.exp(0.3) < found.factor("x").span.high


def test_a_list_whose_factors_cannot_be_separated_compares_cells():
    design = design_of(STAR, [{"x": 0, "y": 0}, {"x": 1, "y": 1}])
    found = analysed(rows_of(design, lambda levels: 0.3 * levels["x"], n_cycles=4), design, 4).metrics[0]
    assert (found.method, found.factors, found.notes) == ("cells", (), ("no_grid",))
    assert found.cells[1].p_holm < 0.01
    assert found.cells[0].p_holm is None


def test_the_energy_of_another_meter_is_not_in_the_fit():
    rows = rows_of()
    rows[0] = rows[0].model_copy(update={"meter": "zeus"})
    found = analysed(rows)
    assert found.metrics[0].left_out == {rows[0].run_id: "its energy is from zeus"}
    assert [each.code for each in found.warnings] == ["runs_left_out"]


def test_replayed_energy_is_not_in_the_fit_of_measured_energy_and_is_called_simulated():
    rows = [*changed(rows_of(), energy_method="replayed")[:12], *rows_of()[12:]]
    found = analysed(rows)
    assert set(found.metrics[0].left_out.values()) == {"its energy is simulated, from nvml"}


def test_estimated_energy_is_analysed_apart_and_called_so():
    found = analysed(changed(rows_of(), meter="codecarbon", energy_estimated=True))
    assert (found.energy, found.metrics[0].notes) == ("estimated", ("estimated",))
    rows = [*changed(rows_of(), energy_estimated=True)[:12], *rows_of()[12:]]
    mixed = analysed(rows)
    assert mixed.energy == "measured"
    assert set(mixed.metrics[0].left_out.values()) == {"its energy is an estimate from nvml"}


def test_without_energy_the_headline_is_throughput():
    rows = [
        row.model_copy(update={"meter": None, "values": {"tokens_per_second": 1 / row.values[ENERGY], ENERGY: None}})
        for row in rows_of()
    ]
    found = analysed(rows)
    assert (found.headline, found.energy, found.metric(ENERGY)) == ("tokens_per_second", "not_measured", None)
    assert found.pareto == ()
    best = found.metrics[0]
    assert best.best == min(analysed(rows_of()).metrics[0].cells, key=lambda cell: cell.mean).cell


def test_a_cell_with_a_value_that_is_not_above_zero_is_left_out_as_a_whole():
    rows = [
        row.model_copy(update={"values": {**row.values, "energy_adjusted_j": -1.0 if row.run_id == "03.c2" else 5.0}})
        for row in rows_of()
    ]
    found = analysed(rows).metric("energy_adjusted_j")
    assert set(found.left_out) == {"03.c1", "03.c2", "03.c3"}
    assert "03" not in {cell.cell for cell in found.cells}


def test_totals_are_compared_per_pass():
    rows = [
        row.model_copy(
            update={
                "n_passes": 4 if row.cell == "01" else 1,
                "values": {"duration_sec": 8.0 if row.cell == "01" else 2.0},
            }
        )
        for row in rows_of()
    ]
    found = analysed(rows).metric("duration_sec")
    assert [cell.mean for cell in found.cells] == pytest.approx([2.0] * 12)
    assert found.notes == ("per_pass", "exact", "constant")


def test_counts_that_do_not_vary_give_exact_ratios():
    rows = [
        row.model_copy(update={"values": {"input_tokens": 100.0 * (1 + (row.cell > "06"))}, "meter": None})
        for row in rows_of()
    ]
    precision = analysed(rows).metric("input_tokens").factor("precision")
    assert (precision.span.low, precision.span.high) == (pytest.approx(2), pytest.approx(2))
    assert (precision.p_value, precision.finding) == (0.0, "matters")


def test_every_metric_that_was_measured_is_analysed():
    rows = [row.model_copy(update={"values": dict.fromkeys(METRICS, row.values[ENERGY])}) for row in rows_of()]
    found = analysed(rows)
    assert {each.metric for each in found.metrics} == set(METRICS)
    assert found.metrics[0].metric == ENERGY
    assert len(found.pareto) == 12


def test_cells_that_share_no_cycle_with_the_others_are_left_out():
    rows = [row.model_copy(update={"block": "elsewhere"}) if row.cell == "12" else row for row in rows_of()]
    found = analysed(rows).metrics[0]
    assert set(found.left_out.values()) == {"its cell shares no cycle with the other cells"}
    assert len(found.cells) == 11


def test_without_the_reference_cells_have_no_ratio():
    found = analysed([row for row in rows_of() if row.cell != "01"])
    assert "no_reference" in found.metrics[0].notes
    assert {cell.ratio for cell in found.metrics[0].cells} == {None}
    assert "reference_missing" in {each.code for each in found.warnings}


def test_a_margin_makes_a_factor_negligible():
    found = analysed(rows_of(machine=Machine(cv=0.002)), margin=0.02).metrics[0]
    assert found.factor("pytorch.use_cache").finding == "negligible"
    assert found.factor("precision").finding == "matters"


def test_the_best_cell_inside_a_limit_is_not_the_best_of_all():
    def latency(row):
        return 100.0 * (1 + DESIGN.cell(row.cell).levels["pytorch.batch_size"])

    rows = [row.model_copy(update={"values": {**row.values, "ttft_p95_ms": latency(row)}}) for row in rows_of()]
    found = analysed(rows, limits={"ttft_p95_ms": 250.0})
    assert DESIGN.cell(found.best_within).levels["pytorch.batch_size"] == 1
    assert analysed(rows, limits={"ttft_p95_ms": 50.0}).best_within is None


def test_an_order_that_is_not_shuffled_is_a_warning():
    assert [each.code for each in analysed(rows_of(order="sequential"), order="sequential").warnings] == [
        "order_not_shuffled"
    ]
    assert analysed(rows_of()).warnings == ()


def test_a_cell_whose_runs_vary_more_than_the_others_is_a_warning():
    design = grid({"batch": [1, 8, 16, 32]})
    factors = {"04.c1": 1.15, "04.c2": 0.85, "04.c3": 1.13}
    rows = [
        row.model_copy(update={"values": {ENERGY: row.values[ENERGY] * factors.get(row.run_id, 1.0)}})
        for row in rows_of(design, lambda levels: 0.1 * levels["batch"])
    ]
    found = analysed(rows, design)
    assert found.metrics[0].outliers == ()
    assert found.metrics[0].unequal_spread.keys() == {"04"}
    assert "unequal_spread" in [each.code for each in found.warnings]


def test_a_cell_with_an_outlier_is_named_once():
    rows = [
        row.model_copy(update={"values": {ENERGY: row.values[ENERGY] * (1.6 if row.run_id == "08.c2" else 1)}})
        for row in rows_of()
    ]
    found = analysed(rows)
    assert found.metrics[0].outliers == ("08.c2",)
    assert found.metrics[0].unequal_spread == {}


def test_the_runs_behind_a_disagreement_of_logs_and_ranks_are_named():
    rows = [
        row.model_copy(
            update={"values": {ENERGY: row.values[ENERGY] * (1.6 if row.run_id in ("01.c1", "08.c2") else 1)}}
        )
        for row in rows_of(true_log=lambda levels: math.log(1.05) * levels["precision"])
    ]
    found = analysed(rows)
    assert set(found.metrics[0].outliers) == {"01.c1", "08.c2"}
    assert "methods_disagree" in found.metrics[0].notes
    [told] = [each for each in found.warnings if each.code == "methods_disagree"]
    assert "01.c1" in told.sentence
    assert told.values == {"n_runs": 2}


@pytest.mark.parametrize(("uncertainty", "codes"), [(0.001, []), (0.05, ["uncertain_readings"])])
def test_readings_that_are_less_certain_than_runs_are_equal_are_a_warning(uncertainty, codes):
    found = analysed(changed(rows_of(), reading_uncertainty=uncertainty))
    assert [each.code for each in found.warnings] == codes


@pytest.mark.parametrize("noise", [0.02, 5.0])
def test_two_cells_in_two_cycles_have_wide_intervals_and_no_overflow(noise):
    design = grid({"precision": ["bf16", "fp16"]})
    found = analysed(rows_of(design, lambda levels: 0.0, n_cycles=2, machine=Machine(cv=noise)), design, 2).metrics[0]
    assert found.freedom == 1
    assert found.factor("precision").finding == "undecided"
    assert math.isfinite(found.factor("precision").span.high)
    assert math.isfinite(found.detectable)
