"""Experiments one after another."""

from __future__ import annotations

import pytest

from a_result import a_result
from llenergymeasure import ExperimentConfig, StudyConfig
from llenergymeasure.exceptions import BackendError, ExperimentError, Finding, PreFlightError, StudyError
from llenergymeasure.state.machine import StateManager
from llenergymeasure.study.runner import followed, run_all

STUDY = StudyConfig(experiments=tuple(ExperimentConfig(model=name) for name in "abc"))


def test_results_come_in_order_and_each_is_kept_at_once():
    events: list[str] = []

    def measure(config):
        events.append(f"measure {config.model}")
        return a_result()

    def keep(result):
        events.append("keep")
        return result.model_copy(update={"timeseries_file": "there"})

    results = run_all(STUDY, measure, keep)
    assert [result.timeseries_file for result in results] == ["there"] * 3  # as they were stored
    assert events == ["measure a", "keep", "measure b", "keep", "measure c", "keep"]


def test_one_failure_does_not_end_the_others():
    def measure(config):
        if config.model == "b":
            raise BackendError("out of memory; lower pytorch.batch_size")
        return a_result()

    with pytest.raises(StudyError, match="1 of 3 experiments failed") as caught:
        run_all(STUDY, measure)
    assert len(caught.value.succeeded) == 2
    assert caught.value.failed[0].config.model == "b"
    assert "lower pytorch.batch_size" in str(caught.value)


def test_a_result_that_cannot_be_stored_is_still_handed_over():
    def full_disk(result):
        raise BackendError("disk full")

    with pytest.raises(StudyError) as caught:
        run_all(StudyConfig(experiments=STUDY.experiments[:1]), lambda config: a_result(), full_disk)
    assert len(caught.value.succeeded) == 1


def test_findings_speak_for_themselves_and_other_causes_name_their_experiment():
    findings = PreFlightError([Finding("no GPU", "buy one")])
    assert ExperimentError(STUDY.experiments[0], findings).cause_for_user is findings
    failure = ExperimentError(STUDY.experiments[0], BackendError("boom"))
    assert failure.cause_for_user is failure


def test_an_interrupt_is_not_swallowed():
    def measure(config):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_all(STUDY, measure)


class InterruptedWhileWriting(StateManager):
    """The interrupt comes when the file is there and the call has not returned."""

    def keep(self, state):
        super().keep(state)
        raise KeyboardInterrupt


def test_an_interrupt_while_the_state_is_written_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), followed(InterruptedWhileWriting(tmp_path / "out"), STUDY.experiments[0]):
        pytest.fail("the experiment must not begin")
    assert list(tmp_path.iterdir()) == []
