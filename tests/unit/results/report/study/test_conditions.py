"""How a study was run, on its page."""

from __future__ import annotations

from a_study import a_study
from llenergymeasure.results.report.study.conditions import control_rows, machine_rows
from llenergymeasure.results.report.study.methods import paragraphs


def test_totals_of_control_runs_are_per_pass_as_their_drift_is():
    """Both control runs need 10 s for each pass; the second one made three times as many."""
    study = a_study(control=True, n_cycles=1)
    passes = {"control_first": 1, "control_last": 3}
    runs = tuple(
        run.model_copy(update={"n_passes": passes[run.role], "values": {"cpu_seconds": 10.0 * passes[run.role]}})
        for run in study.runs
        if run.role != "cell"
    )
    effects = study.effects.model_copy(update={"headline": "cpu_seconds", "control_drift": None})
    rows = control_rows(study.model_copy(update={"runs": runs}), effects)
    assert rows == [("cycle 1", "10.0", "10.0", "1.000")]


def test_a_cycle_without_a_control_run_has_no_row():
    study = a_study(control=True, n_cycles=2)
    runs = tuple(
        run.model_copy(update={"values": {}}) if run.cycle == 2 and run.role != "cell" else run for run in study.runs
    )
    rows = control_rows(study.model_copy(update={"runs": runs}), study.effects)
    assert [row[0] for row in rows] == ["cycle 1", "all cycles"]


def test_a_control_run_of_nothing_has_no_ratio():
    study = a_study(control=True, n_cycles=1)
    values = {"control_first": 0.0, "control_last": 3.0}
    runs = tuple(
        run.model_copy(update={"values": {"energy_per_output_token": values[run.role]}})
        for run in study.runs
        if run.role != "cell"
    )
    effects = study.effects.model_copy(update={"control_drift": None})
    assert control_rows(study.model_copy(update={"runs": runs}), effects)[0][3] == "-"


def test_device_groups_are_named_with_their_most_runs_at_once():
    study = a_study()
    assert "device groups" not in dict(machine_rows(study))
    runs = tuple(
        run.model_copy(
            update={
                "task": f"c{run.cycle}.1",
                "gpus": (f"GPU-{run.cycle % 2}",),
                "neighbours": 1,
                "clock_offset_s": 0.002,
            }
        )
        for run in study.runs
    )
    handed_out = study.model_copy(update={"runs": runs})
    rows = dict(machine_rows(handed_out))
    assert rows["device groups"] == "2, each cycle on one of them; at most 2 runs at once on a machine"
    assert rows["clock of the disk minus clocks of the machines"] == "0.002 to 0.002 s"
    assert "Each cycle ran on one of 2 device groups, with at most 2 runs at the same time" in " ".join(
        paragraphs(handed_out)
    )
