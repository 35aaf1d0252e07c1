"""One experiment, measured in this process."""

from __future__ import annotations

import pytest

from a_result import a_result
from llenergymeasure import ExperimentConfig, StudyConfig
from llenergymeasure.exceptions import BackendError, ExperimentError, Finding, PreFlightError
from llenergymeasure.state.machine import StateManager
from llenergymeasure.study.one import followed, run_one, study_of_one

CONFIG = ExperimentConfig(model="builtin/tiny-llama")


def as_it_is(result):
    return result


def test_the_result_is_returned_as_it_was_kept():
    kept = run_one(
        CONFIG, lambda config: a_result(), lambda result: result.model_copy(update={"timeseries_file": "there"})
    )
    assert kept.timeseries_file == "there"


def test_a_failure_names_its_experiment():
    def measure(config):
        raise BackendError("boom")

    with pytest.raises(ExperimentError, match="builtin/tiny-llama failed: boom"):
        run_one(CONFIG, measure, as_it_is)


def test_a_result_that_cannot_be_stored_is_a_failure():
    def full_disk(result):
        raise BackendError("disk full")

    with pytest.raises(ExperimentError, match="disk full"):
        run_one(CONFIG, lambda config: a_result(), full_disk)


def test_findings_are_shown_by_themselves_and_other_causes_name_their_experiment():
    findings = PreFlightError([Finding("no GPU", "buy one")])
    assert ExperimentError(CONFIG, findings).cause_for_user is findings
    failure = ExperimentError(CONFIG, BackendError("boom"))
    assert failure.cause_for_user is failure


def test_an_interrupt_is_not_swallowed():
    def measure(config):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_one(CONFIG, measure, as_it_is)


class InterruptedWhileWriting(StateManager):
    """The interrupt comes when the file is there and the call has not returned."""

    def keep(self, state):
        super().keep(state)
        raise KeyboardInterrupt


def test_an_interrupt_while_the_state_is_written_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), followed(InterruptedWhileWriting(tmp_path / "out"), CONFIG):
        pytest.fail("the experiment must not begin")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("cells", "execution", "one"),
    [(1, {}, True), (2, {}, False), (1, {"n_cycles": 2}, False), (1, {"control": True}, False)],
)
def test_one_experiment_in_one_cycle_without_control_runs_is_one_run(cells, execution, one):
    configs = [ExperimentConfig(model="a", n=n) for n in range(1, cells + 1)]
    assert StudyConfig(experiments=configs, execution=execution).is_one_run is one


def test_its_study_has_one_completed_row_with_the_result_in_memory():
    result = a_result()
    study = study_of_one(StudyConfig(experiments=[result.config]), result)
    (row,) = study.runs
    assert (row.state, row.run_id, row.values["output_tokens"]) == ("completed", "01.c1", 20)
    assert study.results == (result,)
