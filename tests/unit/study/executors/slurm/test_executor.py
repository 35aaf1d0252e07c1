"""The executor for Slurm, with a cluster in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from fake_slurm import NO_CONTROLLER, FakeSlurm, options_of
from fakes import RecordingProgress
from llenergymeasure.exceptions import ConfigError, LLEMError
from llenergymeasure.study.executors.executor import Executor, ExecutorContext
from llenergymeasure.study.executors.slurm.executor import ASK_EVERY_S, SlurmExecutor
from llenergymeasure.study.executors.slurm.programs import Answer
from llenergymeasure.testing import FakeClock


@pytest.fixture
def tasks(tmp_path):
    folder = tmp_path / "sizes" / "tasks"
    folder.mkdir(parents=True)
    return [folder / f"c{cycle}.1.json" for cycle in (1, 2, 3)]


@pytest.fixture
def slurm():
    return FakeSlurm()


def an_executor(slurm: FakeSlurm, clock: FakeClock | None = None, **fields) -> SlurmExecutor:
    context = ExecutorContext(
        **{"options": {"partition": "gpu"}, "gpus_per_run": 0, "progress": RecordingProgress(), **fields}
    )
    return SlurmExecutor(context, slurm, clock or FakeClock())


def test_the_cycles_of_a_study_are_one_array(slurm, tasks):
    executor = an_executor(slurm)
    assert executor.submit(tasks) == ["70_1", "70_2", "70_3"]
    (command,) = slurm.called("sbatch")
    assert command[0] == "--parsable"
    assert "--partition=gpu" in command
    script = Path(command[-1])
    assert script == tasks[0].with_name("c1.1.sh")
    assert options_of(script.read_text())["array"] == "1,2,3"


def test_a_submission_that_an_earlier_process_made_is_found_again(slurm, tasks):
    assert an_executor(slurm).submit(tasks[:2]) == ["70_1", "70_2"]
    slurm.states["70_2"] = "CANCELLED"
    assert an_executor(slurm).submit(tasks) == ["70_1", "71_2", "71_3"]


def test_the_jobs_of_another_study_are_not_taken(slurm, tasks, tmp_path):
    an_executor(slurm).submit(tasks)
    other = tmp_path / "other" / "tasks" / "c1.1.json"
    other.parent.mkdir(parents=True)
    assert an_executor(slurm).submit([other]) == ["71_1"]


def test_what_sbatch_refuses_is_an_error_with_its_message(slurm, tasks):
    slurm.answers["sbatch"] = Answer(1, errors="sbatch: error: Batch job submission failed: Invalid account\n")
    with pytest.raises(LLEMError, match=r"sbatch did not submit .*c1\.1\.sh: sbatch: error: .* Invalid account"):
        an_executor(slurm).submit(tasks)


def test_nothing_is_submitted_while_the_controller_does_not_answer(slurm, tasks):
    slurm.answers["squeue"] = NO_CONTROLLER
    with pytest.raises(LLEMError, match="Slurm did not say which jobs there are: slurm_load_jobs error"):
        an_executor(slurm).submit(tasks)
    assert slurm.called("sbatch") == []


def test_the_status_of_each_cycle_is_that_of_its_element(slurm, tasks):
    clock = FakeClock()
    executor = an_executor(slurm, clock)
    handles = executor.submit(tasks)
    assert executor.poll(handles) == dict.fromkeys(handles, "waiting")
    slurm.states |= {"70_1": "COMPLETED", "70_2": "RUNNING"}
    del slurm.states["70_3"]  # some minutes after its end
    clock.sleep(ASK_EVERY_S)
    assert executor.poll(handles) == {"70_1": "ended", "70_2": "running", "70_3": "lost"}


def test_the_controller_is_not_asked_at_every_look(slurm, tasks):
    clock = FakeClock()
    executor = an_executor(slurm, clock)
    handles = executor.submit(tasks)
    before = len(slurm.called("squeue"))
    for _ in range(10):
        executor.poll(handles)
        clock.sleep(ASK_EVERY_S / 5)
    assert len(slurm.called("squeue")) == before + 2


def test_while_the_controller_does_not_answer_no_cycle_is_lost(slurm, tasks):
    progress, clock = RecordingProgress(), FakeClock()
    executor = an_executor(slurm, clock, progress=progress)
    handles = executor.submit(tasks)
    slurm.states["70_1"] = "RUNNING"
    executor.poll(handles)
    slurm.answers["squeue"] = NO_CONTROLLER
    clock.sleep(ASK_EVERY_S)
    assert executor.poll(handles) == {"70_1": "running", "70_2": "waiting", "70_3": "waiting"}
    assert an_executor(slurm).poll(["70_1"]) == {"70_1": "waiting"}  # a later process, which has seen nothing yet
    assert any("Slurm does not answer" in note for note in progress.notes)


def test_cycles_are_cancelled_also_where_some_have_ended(slurm, tasks):
    executor = an_executor(slurm)
    handles = executor.submit(tasks)
    slurm.states["70_1"] = "COMPLETED"
    executor.cancel(handles)
    assert slurm.states == {"70_1": "COMPLETED", "70_2": "CANCELLED", "70_3": "CANCELLED"}
    executor.cancel([])
    assert len(slurm.called("scancel")) == 1


def test_a_cycle_that_was_not_cancelled_is_an_error(slurm, tasks):
    executor = an_executor(slurm)
    handles = executor.submit(tasks)
    slurm.answers["scancel"] = Answer(1, errors="scancel: error: Access denied\n")
    with pytest.raises(LLEMError, match="scancel did not cancel 70_1 70_2 70_3: scancel: error: Access denied"):
        executor.cancel(handles)


def test_what_has_ended_stays_so(slurm, tasks):
    clock = FakeClock()
    executor = an_executor(slurm, clock)
    handles = executor.submit(tasks)
    slurm.states |= {"70_1": "COMPLETED", "70_2": "FAILED"}
    clock.sleep(ASK_EVERY_S)
    executor.poll(handles)
    slurm.states |= {"70_1": "PENDING", "70_2": "PENDING"}
    clock.sleep(ASK_EVERY_S)
    assert executor.poll(handles) == {"70_1": "ended", "70_2": "lost", "70_3": "waiting"}


def test_a_study_asks_for_its_gpus_and_limits_its_cycles(slurm, tasks):
    executor = an_executor(slurm, gpus_per_run=2, parallel=3)
    text = executor.script_of(tasks)
    assert options_of(text)["gres"] == "gpu:2"
    assert options_of(text)["array"] == "1,2,3%3"
    executor.submit(tasks)
    assert tasks[0].with_name("c1.1.sh").read_text() == text


def test_an_option_that_sbatch_cannot_have_is_refused_at_once(slurm):
    with pytest.raises(ConfigError, match="--executor-option array is not possible"):
        an_executor(slurm, options={"array": "1-3"})


def test_its_tasks_go_on_without_it(slurm):
    executor = an_executor(slurm)
    executor.close()
    assert isinstance(executor, Executor)
    assert (executor.name, executor.outlives) == ("slurm", True)
