"""Cycles that are handed out, with workers that measure nothing."""

from __future__ import annotations

import json

import pytest

from fake_workers import FakeWorkers, Fate, a_handed_out_study, machine, work
from fakes_study import FakeMachine, a_study_config, texts_of
from llenergymeasure.config.user_config import ExecutionSettings, UserConfig
from llenergymeasure.domain.results import StudyResult
from llenergymeasure.domain.study.runs import RunFailure
from llenergymeasure.exceptions import ConfigError, LLEMError
from llenergymeasure.study.design import design_of, protocol_of
from llenergymeasure.study.executors.handout import Handout
from llenergymeasure.study.files.manifest import StudyEnvironment, read_manifest
from llenergymeasure.study.runner import run_in_folder, run_new

A, B = machine(0), machine(1)


def planned(config):
    design = design_of(config)
    return design, protocol_of(config, design, ExecutionSettings())


def parts_of(workers, detach=False, emit=None, **changes):
    fake = FakeMachine()
    handout = Handout(workers, UserConfig(), is_checked=True, detach=detach, emit=emit)
    parts = fake.parts(environment=None, measure=None, clock=workers.clock, handout=handout, **changes)
    return fake, parts


def new(workers, base, config, **options):
    fake, parts = parts_of(workers, **options)
    return fake, run_new(*planned(config), parts, base, texts_of(config))


def again(workers, folder, config, other_environment=False, **options):
    fake, parts = parts_of(workers, **options)
    return fake, run_in_folder(folder, *planned(config), parts, other_environment)


def the_folder(base):
    (folder,) = base.iterdir()
    return folder


def rows(study):
    return [(row.run_id, row.state, row.block, row.gpus[0][-2:-1] if row.gpus else None) for row in study.runs]


def codes(study):
    return [text.partition(":")[0] for text in study.warnings]


def test_each_cycle_is_a_task_and_its_rows_are_in_one_block_on_one_gpu(tmp_path):
    workers = FakeWorkers([A, B])
    fake, study = new(workers, tmp_path, a_handed_out_study())
    assert rows(study) == [
        ("01.c1", "completed", "cycle 1", "0"), ("02.c1", "completed", "cycle 1", "0"),
        ("01.c2", "completed", "cycle 2", "1"), ("02.c2", "completed", "cycle 2", "1"),
    ]  # fmt: skip
    assert {(row.task, row.host, row.clock_offset_s) for row in study.runs} == {
        ("c1.1", "node-1", 0.25),
        ("c2.1", "node-1", 0.25),
    }
    folder = the_folder(tmp_path)
    assert sorted(path.name for path in (folder / "tasks").iterdir()) == [
        "c1.1.json",
        "c1.1.jsonl",
        "c2.1.json",
        "c2.1.jsonl",
    ]
    assert not list(folder.glob(".reserve*"))
    assert StudyResult.from_dir(folder) == study
    assert workers.closed
    assert [line[0].run_id for line in fake.lines] == ["01.c1", "02.c1", "01.c2", "02.c2"]
    assert all(line[1] is not None for line in fake.lines)
    assert fake.lines[-1][2].done == fake.lines[-1][2].total == 4


def test_the_manifest_has_the_environments_and_first_temperatures_of_the_workers(tmp_path):
    new(FakeWorkers([A, B]), tmp_path, a_handed_out_study())
    manifest = read_manifest(the_folder(tmp_path))
    assert manifest.environments == (A.environment, B.environment)
    assert manifest.temperatures_c == {"GPU-0": 30.0, "GPU-1": 31.0}


def test_a_cycle_that_is_lost_starts_again_on_another_gpu_as_a_new_block(tmp_path):
    workers = FakeWorkers([A, B, B], fates={"c1.1": Fate(runs=1, end="killed")})
    fake, study = new(workers, tmp_path, a_handed_out_study())
    assert workers.submitted == ["c1.1", "c2.1", "c1.2"]
    assert rows(study) == [
        ("01.c1.a2", "completed", "cycle 1, started again", "1"), ("02.c1.a2", "completed", "cycle 1, started again", "1"),
        ("01.c2", "completed", "cycle 2", "1"), ("02.c2", "completed", "cycle 2", "1"),
    ]  # fmt: skip
    assert "cycle 1 was lost: its worker on node-1 ended; it starts again (1 of 3)" in fake.progress.notes
    assert fake.lines[-1][2].done == 4


def test_a_cycle_that_is_lost_and_continues_on_the_same_gpu_keeps_its_runs(tmp_path):
    workers = FakeWorkers([A], fates={"c1.1": Fate(runs=1, end="killed")})
    _, study = new(workers, tmp_path, a_handed_out_study())
    assert [row[0] for row in rows(study)] == ["01.c1", "02.c1.a2", "01.c2", "02.c2"]
    assert {row.block for row in study.runs if row.cycle == 1} == {"cycle 1"}
    assert workers.measured == ["01.c1", "01.c2", "02.c2", "02.c1.a2"]


def test_results_that_a_lost_worker_writes_later_are_kept_apart_and_named(tmp_path):
    workers = FakeWorkers([A, B, B], fates={"c1.1": Fate(runs=1, end="lost")})
    workers.before_poll = lambda: len(workers.submitted) == 3 and workers.write_late()
    _, study = new(workers, tmp_path, a_handed_out_study())
    assert [row[0] for row in rows(study)][:2] == ["01.c1.a2", "02.c1.a2"]
    (found,) = (text for text in study.warnings if text.startswith("late_results"))
    assert "results of workers that were given up are in the folder and not in the study (1): 02.c1" in found
    assert len(list(the_folder(tmp_path).glob("runs/*/result.json"))) == 6


def test_a_cycle_that_is_lost_four_times_stops_the_study_with_the_last_lines_of_its_log(tmp_path):
    fates = {f"c1.{number}": Fate(runs=0, end="killed") for number in range(1, 5)}
    workers = FakeWorkers([A], fates=fates)
    workers.before_poll = lambda: [
        path.with_suffix(".log").write_text("out of luck\n") for path in tmp_path.glob("*/tasks/c1.*.json")
    ]
    with pytest.raises(LLEMError, match=r"cycle 1 was lost 4 times; the last lines of .*c1\.4\.log:\nout of luck"):
        new(workers, tmp_path, a_handed_out_study())
    study = StudyResult.from_dir(the_folder(tmp_path))
    assert {row.cycle for row in study.completed} == {2}
    _, study = again(FakeWorkers([A]), the_folder(tmp_path), a_handed_out_study())
    assert len(study.completed) == 4


def test_a_worker_that_stops_ends_the_study_with_its_reason(tmp_path):
    failure = RunFailure(kind="invalid", message="no CUDA here; install the driver")
    workers = FakeWorkers([A], fates={"c1.1": Fate(failure=failure)})
    with pytest.raises(LLEMError, match="cycle 1: its worker on node-1 stopped: no CUDA here; install the driver"):
        new(workers, tmp_path, a_handed_out_study())
    assert workers.cancelled == ["c2.1"]
    assert workers.closed


def test_unlike_gpus_are_refused_with_both_names_and_nothing_of_the_other_is_merged(tmp_path):
    other = machine(1, host="node-2", model="NVIDIA A100")
    config = a_handed_out_study()
    with pytest.raises(ConfigError, match="GPU model NVIDIA H100 and, on node-2, NVIDIA A100; run a study for each"):
        new(FakeWorkers([A, other]), tmp_path, config)
    folder = the_folder(tmp_path)
    assert {row.cycle for row in StudyResult.from_dir(folder).completed} == {1}
    workers = FakeWorkers([A])
    _, study = again(workers, folder, config)
    assert len(study.completed) == 4
    assert {row.gpus for row in study.runs} == {A.gpus}
    assert "late_results" in codes(study)


def test_an_interrupt_cancels_the_tasks_and_the_study_goes_on_later(tmp_path):
    workers, config = FakeWorkers([A, B], fates={"c1.1": Fate(runs=1, end="interrupted")}), a_handed_out_study()

    def interrupt():
        if workers.measured:
            workers.before_poll = lambda: None
            raise KeyboardInterrupt

    workers.before_poll = interrupt
    with pytest.raises(KeyboardInterrupt):
        new(workers, tmp_path, config)
    folder = the_folder(tmp_path)
    assert set(workers.cancelled) >= {"c2.1"}
    left = StudyResult.from_dir(folder)
    assert [row.state for row in left.runs][:2] == ["completed", "interrupted"]
    later = FakeWorkers([A])
    fake, study = again(later, folder, config)
    assert fake.started[0].left == 3
    assert later.measured == ["02.c1.a2", "01.c2", "02.c2"]
    assert len(study.completed) == 4


def test_a_head_that_was_killed_loses_nothing_that_a_worker_recorded(tmp_path):
    config, workers = a_handed_out_study(), FakeWorkers([A])
    workers.fates = {"c1.1": Fate(runs=1, end="interrupted"), "c2.1": Fate(runs=1, end="killed")}
    _, parts = parts_of(workers, detach=True)  # submits, and goes: as a head that is killed
    run_new(*planned(config), parts, tmp_path, texts_of(config))
    folder = the_folder(tmp_path)
    workers.poll([str(path) for path in sorted(folder.glob("tasks/*.json"))])
    workers.poll([str(path) for path in sorted(folder.glob("tasks/*.json"))])
    assert workers.measured == ["01.c1", "01.c2"]
    later = FakeWorkers([A])
    fake, study = again(later, folder, config)
    assert fake.started[0].left == 2
    assert [row.run_id for row in study.runs] == ["01.c1", "02.c1.a2", "01.c2", "02.c2.a2"]
    assert len(study.completed) == 4
    assert later.submitted == ["c1.2", "c2.2"]


def test_a_result_that_a_killed_worker_stored_and_did_not_record_counts(tmp_path):
    config, workers = a_handed_out_study(1), FakeWorkers([A])
    new(workers, tmp_path, config)
    folder = the_folder(tmp_path)
    journal = folder / "tasks" / "c1.1.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-2]))  # the last run is running, and the worker did not end
    (folder / "journal.jsonl").write_bytes(b"")
    later = FakeWorkers([A])
    _, study = again(later, folder, config)
    assert later.measured == []
    assert len(study.completed) == 2


@pytest.fixture
def detached(tmp_path):
    """A study whose cycles were submitted to a cluster, of which one has ended."""
    config, workers = a_handed_out_study(), FakeWorkers([A], name="slurm", outlives=True)
    _, study = new(workers, tmp_path, config, detach=True)
    assert [row.state for row in study.runs] == ["pending"] * 4
    return config, workers, the_folder(tmp_path)


def test_detached_tasks_are_adopted_and_not_submitted_again(detached):
    config, workers, folder = detached
    assert workers.submitted == ["c1.1", "c2.1"]
    _, study = again(workers, folder, config)
    assert workers.submitted == ["c1.1", "c2.1"]
    assert [row.run_id for row in study.runs] == ["01.c1", "02.c1", "01.c2", "02.c2"]
    assert len(study.completed) == 4


def test_an_interrupt_leaves_detached_tasks_alone(detached):
    config, workers, folder = detached

    def interrupt():
        workers.before_poll = lambda: None
        raise KeyboardInterrupt

    workers.before_poll = interrupt
    with pytest.raises(KeyboardInterrupt):
        again(workers, folder, config)
    assert workers.cancelled == []
    assert json.loads((folder / "tasks" / "c1.1.json").read_text())["is_given_up"] is False


def test_tasks_that_go_on_are_not_left_to_another_executor(detached):
    config, _, folder = detached
    with pytest.raises(ConfigError, match=r"task c1\.1 of this study may still run on slurm; .* --executor slurm"):
        again(FakeWorkers([A]), folder, config)
    with pytest.raises(ConfigError, match="may still run on slurm"):
        run_in_folder(folder, *planned(config), FakeMachine().parts())


def test_a_new_task_makes_no_attempt_of_a_lost_worker_that_its_cluster_had_started_again(detached):
    config, _, folder = detached
    path = folder / "tasks" / "c1.1.json"
    clock, measured = FakeWorkers([A]).clock, []
    work(path, A, Fate(runs=1, end="killed"), clock, measured)  # makes 01.c1, and begins 02.c1
    work(path, B, Fate(runs=0, end="killed"), clock, measured)  # begins 01.c1.a2, and will make 02.c1.a2
    later = FakeWorkers([A], name="slurm", outlives=True)
    later._statuses[str(path)] = "lost"
    _, study = again(later, folder, config)
    assert [row.run_id for row in study.runs if row.cycle == 1] == ["01.c1.a4", "02.c1.a3"]


class _KilledAfterSubmit(FakeWorkers):
    """Its process is killed when the cluster has the cycles, and before anything is written down."""

    def submit(self, tasks):
        super().submit(tasks)
        raise _Killed

    def cancel(self, handles):
        raise _Killed


class _Killed(BaseException):
    pass


def test_tasks_without_a_handle_are_handed_to_the_executor_under_their_names(tmp_path):
    config = a_handed_out_study()
    killed = _KilledAfterSubmit([A], name="slurm", outlives=True)
    with pytest.raises(_Killed):
        new(killed, tmp_path, config)
    workers = FakeWorkers([A], name="slurm", outlives=True)
    _, study = again(workers, the_folder(tmp_path), config)
    assert killed.submitted == workers.submitted == ["c1.1", "c2.1"]
    assert len(study.completed) == 4


def test_tasks_that_the_user_submits_are_written_and_not_submitted(tmp_path):
    config, workers, emitted = a_handed_out_study(), FakeWorkers([A], name="slurm", outlives=True), []
    _, study = new(workers, tmp_path, config, emit=emitted.append)
    assert [[path.name for path in paths] for paths in emitted] == [["c1.1.json", "c2.1.json"]]
    assert all(path.is_file() for path in emitted[0])
    assert workers.submitted == []
    assert [row.state for row in study.runs] == ["pending"] * 4
    assert len(again(workers, the_folder(tmp_path), config)[1].completed) == 4


def test_a_cycle_whose_journal_is_complete_needs_no_status(tmp_path):
    """An engine may take long to notice that a worker has ended."""
    config, workers = a_handed_out_study(), FakeWorkers([A], fates={})
    poll, asked = workers.poll, []

    def late(handles):
        asked.append(list(handles))
        return dict.fromkeys(poll(handles), "running")

    workers.poll = late
    _, study = new(workers, tmp_path, config)
    assert len(study.completed) == 4
    assert [len(handles) for handles in asked] == [2, 1]


def test_a_cell_that_failed_for_good_is_tried_again_when_the_study_is_continued(tmp_path):
    config = a_handed_out_study()
    new(FakeWorkers([A]), tmp_path, config)
    folder = the_folder(tmp_path)
    (folder / "runs" / "02.c1" / "result.json").unlink()
    workers = FakeWorkers([B])
    _, study = again(workers, folder, config)
    assert workers.measured == ["01.c1.a2", "02.c1.a2"]  # the whole cycle, as it is another GPU
    assert {row.block for row in study.runs if row.cycle == 1} == {"cycle 1, started again"}


def test_a_handed_out_study_is_continued_by_one_process(tmp_path):
    config, workers = a_handed_out_study(), FakeWorkers([A], fates={"c1.1": Fate(runs=1, end="interrupted")})
    workers.before_poll = lambda: (
        workers.measured and workers.fates.update({"c1.2": Fate(failure=RunFailure(kind="error", message="x"))})
    )
    with pytest.raises(LLEMError):
        new(workers, tmp_path, config)
    fake = FakeMachine()
    folder = the_folder(tmp_path)
    study = run_in_folder(folder, *planned(config), fake.parts(environment=A.environment))
    assert len(study.completed) == 4
    assert fake.measured


def test_a_process_that_sees_other_gpus_than_a_worker_learns_both_fixes(tmp_path):
    config = a_handed_out_study()
    new(FakeWorkers([A]), tmp_path, config)
    parts = FakeMachine().parts(environment=machine(2).environment)
    with pytest.raises(
        ConfigError, match="continue it with --parallel or --executor, as it began, or add --allow-other-env"
    ):
        run_in_folder(the_folder(tmp_path), *planned(config), parts)


def _interrupt_after(workers, run_id):
    """The user interrupts the head when a run was measured."""

    def interrupt():
        if run_id in workers.measured:
            workers.before_poll = lambda: None
            raise KeyboardInterrupt

    workers.before_poll = interrupt


def test_one_process_on_another_gpu_continues_a_cycle_in_a_block_of_its_own(tmp_path):
    config, workers = a_handed_out_study(), FakeWorkers([A, B], fates={"c2.1": Fate(runs=1, end="interrupted")})
    _interrupt_after(workers, "01.c2")
    with pytest.raises(KeyboardInterrupt):
        new(workers, tmp_path, config)
    study = run_in_folder(the_folder(tmp_path), *planned(config), FakeMachine().parts(environment=A.environment))
    assert [(row.run_id, row.block) for row in study.runs if row.cycle == 2] == [
        ("01.c2", "cycle 2"),
        ("02.c2.a2", "cycle 2, started again"),
    ]


def test_one_process_makes_no_attempt_that_a_lost_worker_may_still_make(tmp_path):
    config = a_study_config(1, 8, 16, n_cycles=1)
    stops = Fate(failure=RunFailure(kind="error", message="x"))
    workers = FakeWorkers([A], fates={"c1.1": Fate(runs=1, end="lost"), "c1.2": stops})
    with pytest.raises(LLEMError, match="stopped: x"):
        new(workers, tmp_path, config)
    study = run_in_folder(the_folder(tmp_path), *planned(config), FakeMachine().parts(environment=A.environment))
    assert [row.run_id for row in study.runs] == ["01.c1", "02.c1.a2", "03.c1.a2"]


def test_a_task_that_the_user_submitted_and_that_runs_is_not_left_to_one_process(tmp_path):
    config, workers = a_handed_out_study(), FakeWorkers([A], name="slurm", outlives=True)
    new(workers, tmp_path, config, emit=lambda paths: None)
    folder = the_folder(tmp_path)
    work(folder / "tasks" / "c1.1.json", A, Fate(runs=1, end="killed"), workers.clock, [])
    with pytest.raises(ConfigError, match=r"task c1\.1 of this study may still run on slurm; .* --executor slurm"):
        run_in_folder(folder, *planned(config), FakeMachine().parts(environment=A.environment))


def test_the_executor_is_closed_also_when_the_study_cannot_begin(tmp_path):
    config, workers, others = a_handed_out_study(), FakeWorkers([A]), FakeWorkers([A])
    new(workers, tmp_path, config)
    with pytest.raises(ConfigError, match="differs from the configuration"):
        again(others, the_folder(tmp_path), a_study_config(1, 16))
    assert others.closed
    unwritable = FakeWorkers([A])
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError):
        new(unwritable, tmp_path / "file", config)
    assert unwritable.closed


def test_without_an_executor_there_are_no_tasks(tmp_path):
    config = a_handed_out_study()
    study = run_new(
        *planned(config), FakeMachine().parts(environment=StudyEnvironment(facts={})), tmp_path, texts_of(config)
    )
    assert not (the_folder(tmp_path) / "tasks").exists()
    assert {(row.task, row.neighbours, row.clock_offset_s) for row in study.runs} == {(None, None, None)}


def test_cycles_are_added_on_another_gpu(tmp_path):
    new(FakeWorkers([A]), tmp_path, a_handed_out_study(1))
    workers = FakeWorkers([B])
    _, study = again(workers, the_folder(tmp_path), a_handed_out_study(2))
    assert workers.submitted == ["c2.1"]
    assert [row.block for row in study.runs] == ["cycle 1", "cycle 1", "cycle 2", "cycle 2"]
