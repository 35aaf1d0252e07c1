"""The numbers at the top of the page of a study."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from benchmarks.simulated_study import Machine, Simulation, grid, protocol

from a_study import a_study
from llenergymeasure.domain.study.result import StudyData
from llenergymeasure.results.report.headline import Headline
from llenergymeasure.results.report.study.answer import headlines
from llenergymeasure.study.analysis.analyse import analyse


def cards(study: StudyData) -> dict[str, Headline]:
    return {card.name: card for card in headlines(study, study.effects)}


def simulated(simulation: Simulation) -> StudyData:
    runs, how = tuple(simulation.rows(random.Random(1))), protocol(simulation.n_cycles, simulation.order)
    effects = analyse(simulation.design, runs, how)
    return StudyData(study_id="simulated", design=simulation.design, protocol=how, runs=runs, effects=effects)


def test_several_cycles_have_a_spread_and_a_detectable_ratio():
    spread = cards(a_study())["spread of a run (CV)"]
    assert spread.value.endswith("%")
    assert spread.note.startswith("ratios above 1.0")


def test_one_cycle_has_a_reason_for_no_spread_and_no_interval():
    found = cards(a_study(n_cycles=1))
    assert (found["spread of a run (CV)"].value, found["spread of a run (CV)"].note) == (
        "not known",
        "too few runs to estimate the spread",
    )
    assert found["best over reference"].note == "no interval: too few runs to estimate the spread"
    assert found["completed runs"].note == "12 cells, 1 cycle"


def test_a_single_cell_has_a_spread_but_nothing_to_compare():
    spread = cards(simulated(Simulation(grid({"precision": ["bf16"]}), n_cycles=4)))["spread of a run (CV)"]
    assert spread.value != "not known"
    assert spread.note == ""


def test_a_best_cell_in_another_group_of_the_order_has_no_interval_for_that_reason():
    design = grid({"precision": ["bf16", "fp16"], "batch": [1, 8, 32]})
    grouped = Simulation(
        design, lambda levels: -levels["precision"], Machine(cv=0.01), order="grouped", grouped=("precision",)
    )
    note = cards(simulated(grouped))["best over reference"].note
    assert note == "no interval: the order of the runs groups these cells"


def test_a_spread_that_hides_everything_has_no_detectable_ratio():
    study = a_study()
    analysis = study.effects.metrics[0].model_copy(update={"detectable": 2920.0})
    effects = study.effects.model_copy(update={"metrics": (analysis, *study.effects.metrics[1:])})
    found = {card.name: card.note for card in headlines(study, effects)}
    assert found["spread of a run (CV)"] == "even a ratio of 10 could be missed"
