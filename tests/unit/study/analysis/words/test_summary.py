"""The answer in a few sentences, for every kind of study."""

from __future__ import annotations

import math
import random
import re

import pytest
from benchmarks.simulated_study import ENERGY, Machine, Simulation, design_of, grid, protocol

from a_nested_study import a_nested_study
from llenergymeasure.domain.study.design import Factor
from llenergymeasure.study.analysis.analyse import analyse
from llenergymeasure.study.analysis.words.summary import summary

DESIGN = grid({"precision": ["bf16", "fp16"], "pytorch.batch_size": [1, 8, 32]})
EXACT = Machine(cv=0.003)


def steps(levels):
    """Precision 1.3 times, batch size 1 to 0.4 to 1/6."""
    return math.log(1.3) * levels["precision"] + math.log((1, 0.4, 1 / 6)[levels["pytorch.batch_size"]])


def said(true_log=steps, design=DESIGN, n_cycles=3, order="shuffled", change=lambda row: row, machine=EXACT, **more):
    simulation = Simulation(design, true_log, machine, n_cycles=n_cycles, order=order)
    rows = [change(row) for row in simulation.rows(random.Random(2))]
    return summary(design, analyse(design, rows, protocol(n_cycles, order), **more))


def without_energy(row):
    values = {"tokens_per_second": 1 / row.values[ENERGY], "cpu_seconds": 3 * row.values[ENERGY]}
    return row.model_copy(update={"meter": None, "values": values})


def estimated(row):
    values = {"tokens_per_second": 1 / row.values[ENERGY], ENERGY: row.values[ENERGY]}
    return row.model_copy(update={"meter": "codecarbon", "energy_estimated": True, "values": values})


def only_estimated(row):
    return row.model_copy(update={"meter": "codecarbon", "energy_estimated": True})


def test_the_answer():
    assert said() == (
        "Batch size matters most: 32 needs 6.0 times less energy per output token than 1 (95 % interval 5.98 to 6.02); "
        "precision 1.3 times (1.30 to 1.31). Together they explain more than 99 % of the variation, for these levels and "
        "this work."
    )


def test_small_effects_are_in_percent_and_undecided_ones_are_reported():
    text = said(lambda levels: math.log(1.05) * levels["precision"])
    assert text.startswith(
        "Precision matters most: bf16 needs 5.0 % less energy per output token than fp16 (95 % interval "
    )
    assert "Batch size is undecided: a difference above 0." in text
    assert "the same" not in text


def test_nothing_found():
    text = said(lambda levels: 0.0)
    assert re.match(
        r"No factor has a significant effect: p below 0\.01 after Holm's correction is needed, and the smallest is "
        r"0\.\d+ \((precision|batch size)\)\. ",
        text,
    )
    assert "are undecided: a difference above" in text


def test_a_stated_margin():
    assert "Batch size makes no difference above 2.0 %." in said(lambda levels: 0.5 * levels["precision"], margin=0.02)


def test_one_cycle_ranks_nothing_and_reports_how_many_are_needed():
    text = said(n_cycles=1)
    assert text.startswith(
        "Precision: bf16 needs 1.3 times less energy per output token than fp16; batch size: 32 needs "
    )
    assert "interval " not in text
    assert text.endswith("so there are no intervals and no ranking: run at least 3 cycles.")


def test_a_large_interaction_comes_first():
    def depends(levels):
        return -levels["pytorch.batch_size"] * (1.0 if levels["precision"] else 0.2)

    assert said(depends).startswith(
        "Batch size matters most, and how much depends on precision: with precision fp16, 32 needs 7.4 times less energy per "
        "output token than 1 (95 % interval "
    )
    assert "; with precision bf16, 1.5 times (1." in said(depends)


def test_an_effect_that_changes_direction_is_reported():
    def turns(levels):
        return -levels["pytorch.batch_size"] * (1.0 if levels["precision"] else -0.4) + levels["precision"]

    assert "with precision bf16, it needs 2.2 times more energy per output token than 1" in said(turns)


def test_two_effects_of_one_size_have_no_order():
    text = said(lambda levels: 0.1 * levels["precision"] - 0.05 * levels["pytorch.batch_size"])
    assert "matter most, in an undecided order: " in text


def test_energy_that_was_not_measured_is_throughput_and_cpu_time():
    text = said(change=without_energy)
    assert text.startswith(
        "Energy was not measured, so this is about throughput. Batch size matters most: 32 gives 6.0 times as many tokens per "
        "second as 1 ("
    )
    assert "Batch size 32 needs 6.0 times less CPU time than 1 (" in text


def test_energy_that_is_an_estimate_is_called_so_and_is_not_the_answer():
    start = "Energy is an estimate here and was not measured, so this is about throughput. Batch size matters most: 32 gives "
    assert said(change=estimated).startswith(start)


def test_an_estimate_is_the_answer_where_nothing_else_is_there():
    start = "Energy is an estimate here and was not measured. Batch size matters most: 32 needs 6.0 times less energy "
    assert said(change=only_estimated).startswith(start)


def test_a_single_factor():
    text = said(lambda levels: 0.3 * levels["precision"], grid({"precision": ["bf16", "fp16"]}), n_cycles=5)
    assert text.startswith("Precision matters: bf16 needs 1.3 times less energy per output token than fp16 (")
    assert "It explains" in text


@pytest.mark.parametrize(("n_cycles", "runs"), [(1, "a single run"), (4, "4 runs")])
def test_a_single_cell(n_cycles, runs):
    text = said(lambda levels: 0.0, grid({"precision": ["bf16"]}), n_cycles=n_cycles)
    assert text.startswith(f"One cell was measured, in {runs}: energy per output token ")
    assert ("95 % interval" in text) == (n_cycles > 1)


LIST = tuple(Factor(name=name, fields=(name,), levels=("a", "b")) for name in ("x", "y"))


@pytest.mark.parametrize(
    ("effect", "start"),
    [
        (-0.5, "1 of 1 cells differ from the reference. The best cell is x=b, y=b: it"),
        (0.0, "No cell differs significantly from the reference; a difference above"),
    ],
)
def test_a_list_compares_cells_with_the_reference(effect, start):
    design = design_of(LIST, [{"x": 0, "y": 0}, {"x": 1, "y": 1}])
    assert said(lambda levels: effect * levels["x"], design, n_cycles=6).startswith(start)


def test_a_missing_level_is_named():
    simulation = Simulation(DESIGN, steps, EXACT, lost=frozenset(f"06.c{cycle}" for cycle in (1, 2, 3)))
    effects = analyse(DESIGN, simulation.rows(random.Random(1)), protocol(3))
    assert summary(DESIGN, effects).endswith("Not compared, because cells are missing: batch size 32.")


def test_the_best_cell_inside_limits():
    assert said(limits={ENERGY: 0.5}).endswith(
        "Of the cells with energy per output token of at most 0.5 J/token, precision=bf16, pytorch.batch_size=32 is best."
    )
    assert said(limits={ENERGY: 0.001}).endswith("No cell has energy per output token of at most 0.001 J/token.")


def test_tests_that_disagree_are_reported_with_the_outliers():
    def with_outliers(row):
        factor = 1.6 if row.run_id in ("01.c1", "05.c2") else 1.0
        return row.model_copy(update={"values": {ENERGY: row.values[ENERGY] * factor}})

    text = said(lambda levels: 0.05 * levels["precision"], n_cycles=6, change=with_outliers)
    assert text.endswith("The tests on logs and on ranks disagree about precision; 05.c2 and 01.c1 are outliers.")


def test_an_interaction_inside_one_backend_is_not_that_of_another():
    def depends(levels):
        in_pytorch = (levels["precision"] == 2) * levels.get("pytorch.batch_size", 0)
        return in_pytorch - (levels["backend"] == 1) * 1.5 * levels["precision"]

    assert a_nested_study(effect=depends).answer.startswith(
        "Precision in vllm matters most: fp16 needs 4.4 times less energy per output token than bf16 ("
    )


def one_step(levels):
    """vllm needs the same at its reference cell, and half at its best."""
    return -math.log(2) * (levels["backend"] == 1 and levels["vllm.max_num_seqs"])


def test_one_cycle_gives_the_difference_of_the_best_cells_without_an_interval():
    text = a_nested_study(n_cycles=1, cv=0.001, effect=one_step).answer
    assert "and with each at its best vllm needs 2.0 times less energy per output token than pytorch;" in text
    assert "no difference is shown" not in text


def test_runs_without_a_spread_compare_with_the_backend_of_the_reference():
    study = a_nested_study(cv=0.0, effect=lambda levels: one_step(levels) + 0.1 * levels["backend"])
    design = study.design.model_copy(update={"reference": "07"})
    text = summary(design, analyse(design, study.runs, study.protocol))
    assert "and with each at its best pytorch needs 1.8 times more energy per output token than vllm" in text
    assert "a difference above 0.0 % would have been found" in text


def test_several_factors_without_a_difference_have_a_verb_in_the_plural():
    text = said(lambda levels: 0.0, margin=0.05)
    assert "Precision and batch size make no difference above 5.0 %." in text
    assert text.startswith("No factor has a significant effect. ")  # no p decided that


def test_energy_of_few_cells_is_not_called_unmeasured():
    """One of six cells has energy, so the answer is about throughput."""

    def few(row):
        values = {"tokens_per_second": 1 / row.values[ENERGY]}
        energy = {ENERGY: row.values[ENERGY]} if row.cell == "01" else {}
        return row.model_copy(update={"values": {**values, **energy}, "meter": "nvml" if energy else None})

    assert said(change=few).startswith(
        "Energy was measured in fewer than half of the cells, so this is about throughput. Batch size matters most: "
    )


def test_several_cycles_with_few_runs_are_not_called_one():
    """Cell 03 links both cycles, and what differs between its runs is taken for the difference of the cycles."""
    design = grid({"precision": ["bf16", "fp16"], "batch": [1, 8]})
    runs = Simulation(design, machine=EXACT, n_cycles=2, lost=frozenset({"04.c1", "01.c2", "02.c2"}))
    text = summary(design, analyse(design, runs.rows(random.Random(1)), protocol(2)))
    assert "With so few runs the spread is not known" in text
