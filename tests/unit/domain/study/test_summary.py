"""A study and its runs in plain text."""

from __future__ import annotations

from a_study import a_study
from llenergymeasure.domain.study.runs import RunFailure, RunRow
from llenergymeasure.domain.study.summary import energy_of, outcome_of, summarise_study


def a_row(**fields):
    values = {"run_id": "01.c1", "place": 1, "cell": "01", "cycle": 1, "block": "cycle 1", **fields}
    return RunRow(**values)


def completed(joules, **fields):
    values = {"energy_per_output_token": joules, "tokens_per_second": 456.7}
    return a_row(state="completed", values=values, **fields)


def test_a_completed_run_shows_energy_with_its_error_bar_and_throughput():
    row = completed(0.1234, uncertainties={"energy_per_output_token": 0.002})
    assert outcome_of(row) == "0.123 J/token +- 0.004 J/token, 457 tokens/s"


def test_an_estimate_is_called_one_and_no_energy_is_not_zero():
    assert energy_of(completed(0.1234, energy_estimated=True)) == "0.123 J/token, an estimate"
    assert energy_of(completed(None)) == "energy not measured"


def test_replayed_joules_are_called_simulated():
    row = completed(0.1234, meter="replay", energy_method="replayed", uncertainties={"energy_per_output_token": 0.002})
    assert energy_of(row) == "0.123 J/token, simulated"


def test_a_run_without_a_result_has_the_reason():
    failure = RunFailure(kind="timeout", message="it took longer than 60 s")
    assert outcome_of(a_row(state="failed", failure=failure)) == "failed: it took longer than 60 s"


def test_the_text_has_the_answer_the_failed_runs_and_what_was_left_out():
    text = summarise_study(a_study(failed="03"), tables=["cells of the study"])
    lines = text.splitlines()
    assert lines[0] == "cells of the study"
    assert lines[3] == "12 cells in 3 cycles: 33 of 36 runs have a result"
    assert sum(line.startswith("- 03.c") and "CUDA ran out of memory" in line for line in lines) == 3
    assert any("fp16 needs a GPU" in line for line in lines)


def test_the_answer_can_be_emphasised():
    study = a_study()
    assert f"<{study.answer}>\n12 cells" in summarise_study(study, emphasis=lambda text: f"<{text}>")


def test_at_most_ten_failed_runs_are_listed():
    failure = RunFailure(kind="crash", message="CUDA was lost")
    study = a_study()
    rows = tuple(row.model_copy(update={"state": "failed", "failure": failure}) for row in study.runs)
    text = summarise_study(study.model_copy(update={"runs": rows}))
    assert text.count("CUDA was lost") == 10
    assert "\n- and 26 more" in text


def test_runs_that_were_not_tried_are_counted():
    study = a_study(failed="03")
    rows = [row.model_copy(update={"state": "skipped"}) if row.failure and row.cycle > 1 else row for row in study.runs]
    text = summarise_study(study.model_copy(update={"runs": tuple(rows)}))
    assert "33 of 36 runs have a result, 2 were not tried after a failure that would occur again" in text
    assert text.count("CUDA ran out of memory") == 1


def test_one_cycle_is_singular():
    assert "12 cells in 1 cycle: " in summarise_study(a_study(n_cycles=1))
