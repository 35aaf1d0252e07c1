"""A study as a whole, with a machine that measures nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from fakes_study import FakeMachine, a_study_config, texts_of
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.user_config import ExecutionSettings
from llenergymeasure.domain.results import StudyResult
from llenergymeasure.exceptions import BackendError, ConfigError, LLEMError, OutOfMemory, ProcessFailed
from llenergymeasure.results.report.study.methods import paragraphs
from llenergymeasure.study.design import design_of, protocol_of
from llenergymeasure.study.files.folder import Memory, StudyFolder
from llenergymeasure.study.files.journal import Journal
from llenergymeasure.study.files.manifest import StudyEnvironment, read_manifest
from llenergymeasure.study.files.resume import newest_folder
from llenergymeasure.study.gaps import NoSkip, Waits
from llenergymeasure.study.plan import pending_row, plan_runs
from llenergymeasure.study.rows import Where
from llenergymeasure.study.runner import run_in_folder, run_in_memory, run_new
from llenergymeasure.study.table import RunParts, RunTable


def planned(config):
    design = design_of(config)
    return design, protocol_of(config, design, ExecutionSettings())


def new(machine, base, config, **changes):
    return run_new(*planned(config), machine.parts(**changes), base, texts_of(config))


def again(machine, folder, config, other_environment=False, **changes):
    return run_in_folder(folder, *planned(config), machine.parts(**changes), other_environment)


def states(study):
    return {row.run_id: row.state for row in study.runs}


def the_folder(base):
    (folder,) = base.iterdir()
    return folder


def test_every_cell_runs_in_every_cycle_and_the_files_are_there(tmp_path):
    machine = FakeMachine()
    study = new(machine, tmp_path, a_study_config(1, 8))
    assert machine.measured == [1, 8, 1, 8]
    assert states(study) == dict.fromkeys(["01.c1", "02.c1", "01.c2", "02.c2"], "completed")
    folder = the_folder(tmp_path)
    assert folder.name == "sizes_2026-01-02T03-04-05"
    assert sorted(path.name for path in folder.iterdir()) == [
        "journal.jsonl", "manifest.json", "resolved.json", "runs", "runs.csv", "runs.parquet", "study.json", "study.yaml",
    ]  # fmt: skip
    assert (folder / "runs" / "02.c1" / "log.txt").read_text() == "batch size 8\n"
    assert len((folder / "runs.csv").read_text().splitlines()) == 5


def test_the_folder_is_read_back_with_its_results(tmp_path):
    study = new(FakeMachine(), tmp_path, a_study_config(1, 8))
    found = StudyResult.from_dir(the_folder(tmp_path))
    assert found == study
    assert [result.output_tokens for result in found.results] == [20] * 4
    assert [result.experiment_id for result in found.results] == ["01.c1", "01.c2", "02.c1", "02.c2"]
    document = json.loads((the_folder(tmp_path) / "study.json").read_text())
    assert document["study_design_hash"] == study.design.design_hash
    assert document["summary"] == study.answer != ""
    assert "tokens" not in document["runs"][0]  # paths, not copies


def test_in_memory_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = run_in_memory(*planned(a_study_config(1, 8)), FakeMachine().parts())
    assert list(tmp_path.iterdir()) == []
    assert len(study.results) == 4
    assert study.folder is None
    saved = study.save(tmp_path / "kept")
    assert StudyResult.from_dir(saved).results == study.results


def test_results_come_cell_by_cell_and_of_a_cell_by_cycle():
    study = run_in_memory(*planned(a_study_config(1, 8, cycle_order="shuffled", n_cycles=5)), FakeMachine().parts())
    rows = [row for row in study.runs if row.cell == "01"]
    assert [row.cycle for row in rows] == [1, 2, 3, 4, 5]
    assert len(study.results) == 10


def test_the_run_table_is_written_before_the_first_run(tmp_path):
    machine = FakeMachine()

    def look():
        manifest = read_manifest(the_folder(tmp_path))
        assert [(run.cell, run.cycle) for run in manifest.runs] == [("01", 1), ("02", 1), ("01", 2), ("02", 2)]
        assert (the_folder(tmp_path) / "journal.jsonl").read_text().count("running") == len(machine.measured) + 1

    machine.before = look
    new(machine, tmp_path, a_study_config(1, 8))
    assert len(machine.measured) == 4


def test_a_failed_run_does_not_end_the_study_and_its_cell_is_tried_in_the_next_cycle():
    killed = ProcessFailed("the process of the experiment exited without a result (killed): last words", "killed", 137)
    machine = FakeMachine(fails={8: killed})
    study = run_in_memory(*planned(a_study_config(1, 8)), machine.parts())
    assert machine.measured == [1, 8, 1, 8]
    assert states(study) == {"01.c1": "completed", "02.c1": "failed", "01.c2": "completed", "02.c2": "failed"}
    assert study.failed[0].failure.kind == "killed"
    assert "02.c1 (batch_size 8): the process of the experiment exited without a result" in study.summary()


def test_a_run_that_would_fail_again_is_not_tried_again():
    machine = FakeMachine(fails={8: OutOfMemory("out of memory; lower pytorch.batch_size")})
    study = run_in_memory(*planned(a_study_config(1, 8, n_cycles=3)), machine.parts())
    assert machine.measured == [1, 8, 1, 1]
    assert [states(study)[run] for run in ("02.c1", "02.c2", "02.c3")] == ["failed", "skipped", "skipped"]
    assert [row.run_id for row in study.failed] == ["02.c1"]
    assert study.runs[3].failure.message == "not tried: 02.c1 failed for a reason that applies to this run too"


def test_an_interrupt_keeps_what_was_measured_and_the_study_continues(tmp_path):
    config = a_study_config(1, 8)
    with pytest.raises(KeyboardInterrupt):
        new(FakeMachine(stops=2), tmp_path, config)
    folder = the_folder(tmp_path)
    left = StudyResult.from_dir(folder)
    assert [row.state for row in left.runs] == ["completed", "completed", "interrupted", "pending"]
    machine = FakeMachine()
    study = again(machine, folder, config)
    assert machine.measured == [1, 8]
    assert [row.run_id for row in study.runs] == ["01.c1", "02.c1", "01.c2.a2", "02.c2"]
    assert {row.state for row in study.runs} == {"completed"}
    assert machine.started[0].left == 2


def test_failed_and_skipped_runs_are_made_again(tmp_path):
    config = a_study_config(1, 8)
    new(FakeMachine(fails={8: OutOfMemory("no memory")}), tmp_path, config)
    machine = FakeMachine()
    study = again(machine, the_folder(tmp_path), config)
    assert machine.measured == [8, 8]
    assert [row.run_id for row in study.runs] == ["01.c1", "02.c1.a2", "01.c2", "02.c2"]
    assert not study.failed


def test_a_run_whose_result_was_written_but_not_recorded_is_not_measured_again(tmp_path):
    config = a_study_config(1, 8)
    new(FakeMachine(), tmp_path, config)
    journal = the_folder(tmp_path) / "journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))  # killed between both
    machine = FakeMachine()
    study = again(machine, the_folder(tmp_path), config)
    assert machine.measured == []
    assert study.runs[-1].values["output_tokens"] == 20


def test_a_run_whose_result_was_removed_is_measured_again(tmp_path):
    config = a_study_config(1, 8)
    new(FakeMachine(), tmp_path, config)
    (the_folder(tmp_path) / "runs" / "02.c1" / "result.json").unlink()
    machine = FakeMachine()
    study = again(machine, the_folder(tmp_path), config)
    assert machine.measured == [8]
    assert study.runs[1].run_id == "02.c1.a2"


def test_a_study_continued_with_another_gap_keeps_both_and_warns(tmp_path):
    new(FakeMachine(), tmp_path, a_study_config(1, 8, experiment_gap_seconds=60))
    for _ in range(2):
        study = again(FakeMachine(), the_folder(tmp_path), a_study_config(1, 8, experiment_gap_seconds=0, n_cycles=3))
    assert [each.experiment_gap_s for each in (*study.earlier_protocols, study.protocol)] == [60, 0]
    (found,) = (text for text in study.warnings if text.startswith("protocol_changed"))
    assert "continued with other settings: experiment_gap_s 60.0 before and 0.0 after; continue" in found
    assert "runs before that had other settings (experiment_gap_s 60.0)." in " ".join(paragraphs(study))
    assert StudyResult.from_dir(the_folder(tmp_path)).earlier_protocols == study.earlier_protocols


def test_more_cycles_alone_are_the_same_protocol(tmp_path):
    new(FakeMachine(), tmp_path, a_study_config(1, 8))
    assert again(FakeMachine(), the_folder(tmp_path), a_study_config(1, 8, n_cycles=3)).earlier_protocols == ()


def test_cycles_are_added_at_the_end_and_the_design_stays(tmp_path):
    new(FakeMachine(), tmp_path, a_study_config(1, 8))
    before = read_manifest(the_folder(tmp_path))
    machine = FakeMachine()
    study = again(machine, the_folder(tmp_path), a_study_config(1, 8, n_cycles=3))
    assert machine.measured == [1, 8]
    after = read_manifest(the_folder(tmp_path))
    assert after.runs[:4] == before.runs
    assert [(run.place, run.cycle) for run in after.runs[4:]] == [(5, 3), (6, 3)]
    assert study.protocol.n_cycles == 3


def test_fewer_cycles_or_another_order_do_not_change_the_run_table(tmp_path):
    new(FakeMachine(), tmp_path, a_study_config(1, 8))
    before = read_manifest(the_folder(tmp_path))
    again(FakeMachine(), the_folder(tmp_path), a_study_config(1, 8, n_cycles=1, cycle_order="sequential"))
    assert read_manifest(the_folder(tmp_path)).runs == before.runs


def with_prompts(file, *sizes):
    config = a_study_config(*sizes)
    cells = [each.model_copy(update={"dataset": str(file)}) for each in config.experiments]
    return config.model_copy(update={"experiments": tuple(cells)})


def test_a_study_is_not_continued_with_other_prompts(tmp_path):
    file, base = tmp_path / "own.jsonl", tmp_path / "results"
    file.write_text('{"prompt": "one"}\n')
    base.mkdir()
    with pytest.raises(KeyboardInterrupt):
        new(FakeMachine(stops=2), base, with_prompts(file, 1, 8))
    folder = the_folder(base)
    file.write_text('{"prompt": "two"}\n')
    changed = with_prompts(file, 1, 8)
    assert newest_folder(base, design_of(changed)) == folder
    with pytest.raises(ConfigError, match=rf"the prompts of {file} have changed; restore"):
        again(FakeMachine(), folder, changed)
    file.unlink()
    with pytest.raises(ConfigError, match=rf"the prompts of {file} cannot be read from here; restore"):
        again(FakeMachine(), folder, with_prompts(file, 1, 8))
    file.write_text('{"prompt": "one"}\n')
    assert len(again(FakeMachine(), folder, with_prompts(file, 1, 8)).completed) == 4


def test_a_run_with_prompts_that_changed_during_it_has_no_result_and_the_study_stops(tmp_path):
    file, base = tmp_path / "own.jsonl", tmp_path / "results"
    file.write_text('{"prompt": "one"}\n')
    base.mkdir()
    machine = FakeMachine()
    machine.before = lambda: machine.measured[1:] and file.write_text('{"prompt": "two"}\n')
    with pytest.raises(LLEMError, match=rf"stopped before its next run: the prompts of {file} have changed"):
        new(machine, base, with_prompts(file, 1, 8))
    study = StudyResult.from_dir(the_folder(base))
    assert [row.state for row in study.runs] == ["completed", "completed", "failed", "pending"]
    assert study.failed[0].failure.message.startswith(f"the prompts of {file} changed while the study ran; restore")


@pytest.mark.parametrize("change", [lambda file: file.write_text('{"prompt": "two"}\n'), Path.unlink])
def test_a_study_whose_prompts_changed_stops_before_the_next_run_is_measured(tmp_path, change):
    file, base = tmp_path / "own.jsonl", tmp_path / "results"
    file.write_text('{"prompt": "one"}\n')
    base.mkdir()
    machine = FakeMachine()
    with pytest.raises(LLEMError, match=rf"the prompts of {file} have changed, .*; restore the file, and resume"):
        new(machine, base, with_prompts(file, 1, 8), on_row=lambda *_: machine.measured[1:] and change(file))
    assert machine.measured == [1, 8]
    file.write_text('{"prompt": "one"}\n')
    again(machine, the_folder(base), with_prompts(file, 1, 8))
    assert machine.measured == [1, 8, 1, 8]


def test_a_folder_with_the_present_prompts_is_found_before_a_newer_one_with_others(tmp_path):
    file, base = tmp_path / "own.jsonl", tmp_path / "results"
    base.mkdir()
    folders = []
    for text in ("one", "two"):
        file.write_text(f'{{"prompt": "{text}"}}\n')
        new(FakeMachine(), base, with_prompts(file, 1))
        folders.append(next(path for path in base.iterdir() if path not in folders))
    file.write_text('{"prompt": "one"}\n')
    assert newest_folder(base, design_of(with_prompts(file, 1))) == folders[0]


def test_cells_in_another_order_are_refused_with_that_reason(tmp_path):
    new(FakeMachine(), tmp_path, of_cells((1, 4), (1, 8), (2, 4), (2, 8)))
    with pytest.raises(ConfigError, match="its cells have another order"):
        again(FakeMachine(), the_folder(tmp_path), of_cells((1, 4), (2, 4), (1, 8), (2, 8)))
    with pytest.raises(ConfigError, match="its cells combine the values in another way"):
        again(FakeMachine(), the_folder(tmp_path), of_cells((1, 4), (1, 8), (2, 4), (2, 4)))


def of_cells(*values):
    config = a_study_config(1)
    cells = [ExperimentConfig(model="builtin/tiny-llama", n=n, pytorch={"batch_size": size}) for n, size in values]
    return config.model_copy(update={"experiments": tuple(cells)})


def test_a_gpu_that_joins_later_cools_down_to_its_own_first_temperature(tmp_path):
    config, other = a_study_config(1, 8, cooldown_celsius=5), StudyEnvironment(facts={"GPUs": "B", "torch": "2.6"})
    with pytest.raises(KeyboardInterrupt):
        new(FakeMachine(stops=3), tmp_path, config, thermometer=lambda: {"GPU-A": 30.0})
    folder = the_folder(tmp_path)
    again(FakeMachine(), folder, config, other_environment=True, environment=other, thermometer=lambda: {"GPU-B": 40.0})
    assert read_manifest(folder).temperatures_c == {"GPU-A": 30.0, "GPU-B": 40.0}


def test_the_folder_of_another_study_is_refused_with_the_fields_that_differ(tmp_path):
    new(FakeMachine(), tmp_path, a_study_config(1, 8))
    with pytest.raises(ConfigError, match=r"pytorch\.batch_size is 1 and 8 there and 1 and 16 in the configuration"):
        again(FakeMachine(), the_folder(tmp_path), a_study_config(1, 16))


def test_another_environment_is_refused_with_what_differs_and_allowed_as_a_block_of_its_own(tmp_path):
    config, other = a_study_config(1, 8), StudyEnvironment(facts={"GPUs": "none", "torch": "2.7"})
    with pytest.raises(KeyboardInterrupt):
        new(FakeMachine(stops=3), tmp_path, config)
    with pytest.raises(ConfigError, match=r"torch was 2\.6 and is 2\.7"):
        again(FakeMachine(), the_folder(tmp_path), config, environment=other)
    study = again(FakeMachine(), the_folder(tmp_path), config, other_environment=True, environment=other)
    assert [row.block for row in study.runs] == ["cycle 1", "cycle 1", "cycle 2", "cycle 2, environment 2"]
    assert study.runs[3].environment == other.digest != study.runs[2].environment


def test_two_processes_do_not_run_one_folder(tmp_path):
    config = a_study_config(1, 8)
    new(FakeMachine(), tmp_path, config)
    with Journal(the_folder(tmp_path) / "journal.jsonl"), pytest.raises(ConfigError, match="another process"):
        again(FakeMachine(), the_folder(tmp_path), config)


def test_waits_are_in_the_rows_and_a_run_has_its_host_and_environment():
    config = a_study_config(1, 8, experiment_gap_seconds=60, cycle_gap_seconds=300)
    study = run_in_memory(*planned(config), FakeMachine().parts())
    assert [row.waited_s for row in study.runs] == pytest.approx([0, 60, 300, 60])
    assert [row.took_s for row in study.runs] == pytest.approx([10] * 4)
    assert {row.host for row in study.runs} == {"node-1"}
    assert study.runs[1].started_at == "2026-01-02T03:05:15.000+00:00"  # 10 s and 60 s later


def test_the_remaining_time_comes_from_earlier_runs():
    machine = FakeMachine()
    run_in_memory(*planned(a_study_config(1, 8)), machine.parts())
    assert [(line[2].done, line[2].total, line[2].left_s) for line in machine.lines] == [
        (1, 4, pytest.approx(30)), (2, 4, pytest.approx(20)), (3, 4, pytest.approx(10)), (4, 4, pytest.approx(0)),
    ]  # fmt: skip


def run_parts(machine, design, protocol, store):
    waits = Waits(protocol, machine.clock, machine.progress, dict, {}, NoSkip())
    return RunParts(design, machine.measure, store, waits, machine.clock, Where(), lambda *line: None)


class FullDisk(Journal):
    """The disk becomes full after some lines."""

    def __init__(self, path, lines):
        super().__init__(path)
        self._lines = lines

    def append(self, row):
        if self._lines == 0:
            raise LLEMError("the disk is full")
        self._lines -= 1
        super().append(row)


def test_a_run_that_cannot_be_recorded_does_not_begin(tmp_path):
    machine, (design, protocol) = FakeMachine(), planned(a_study_config(1, 8))
    (tmp_path / "runs").mkdir()
    table = RunTable([pending_row(run) for run in plan_runs(design, protocol, [1])])
    with FullDisk(tmp_path / "journal.jsonl", lines=2) as journal, pytest.raises(LLEMError, match="disk is full"):
        table.run(run_parts(machine, design, protocol, StudyFolder(tmp_path, journal)))
    assert machine.measured == [1]
    assert (tmp_path / "runs" / "01.c1" / "result.json").exists()


def test_a_result_that_cannot_be_stored_is_shown_before_the_study_stops():
    class NoStore:
        def prepare(self, run_id):
            return None

        def record(self, row):
            pass

        def keep(self, run_id, result):
            raise BackendError("the disk is full")

    machine, (design, protocol) = FakeMachine(), planned(a_study_config(1, 8))
    shown = []
    table = RunTable([pending_row(run) for run in plan_runs(design, protocol, [1])])
    with pytest.raises(BackendError, match="disk is full"):
        parts = run_parts(machine, design, protocol, NoStore())
        table.run(replace(parts, on_row=lambda row, result: shown.append((row.run_id, row.result, result))))
    assert [(run_id, path) for run_id, path, _ in shown] == [("01.c1", None)]
    assert shown[0][2] is not None


def test_a_stored_result_whose_state_cannot_be_recorded_is_shown_with_its_path(tmp_path):
    machine, (design, protocol) = FakeMachine(), planned(a_study_config(1, 8))
    shown = []
    (tmp_path / "runs").mkdir()
    table = RunTable([pending_row(run) for run in plan_runs(design, protocol, [1])])
    with FullDisk(tmp_path / "journal.jsonl", lines=1) as journal, pytest.raises(LLEMError, match="disk is full"):
        parts = run_parts(machine, design, protocol, StudyFolder(tmp_path, journal))
        table.run(replace(parts, on_row=lambda row, _result: shown.append((row.run_id, row.result))))
    assert shown == [("01.c1", "runs/01.c1/result.json")]
    assert (tmp_path / "runs" / "01.c1" / "result.json").exists()


def test_a_folder_that_cannot_be_written_any_more_is_a_failure_and_no_wrong_option(tmp_path):
    def taken_away(*_line):
        shutil.rmtree(the_folder(tmp_path) / "runs")
        (the_folder(tmp_path) / "runs").touch()

    with pytest.raises(LLEMError, match=r"runs/02\.c1 cannot be written") as failure:
        new(FakeMachine(), tmp_path, a_study_config(1, 8), on_row=taken_away)
    assert not isinstance(failure.value, ConfigError)


class InterruptedWhileWriting(Memory):
    """The interrupt comes when the line is written and the call has not returned."""

    def record(self, row):
        self.recorded = [*getattr(self, "recorded", []), row.state]
        if row.state == "running":
            raise KeyboardInterrupt


def test_an_interrupt_while_the_beginning_is_recorded_is_recorded_too():
    machine, (design, protocol) = FakeMachine(), planned(a_study_config(1, 8))
    table = RunTable([pending_row(run) for run in plan_runs(design, protocol, [1])])
    store = InterruptedWhileWriting()
    with pytest.raises(KeyboardInterrupt):
        table.run(run_parts(machine, design, protocol, store))
    assert store.recorded == ["running", "interrupted"]
    assert [row.state for row in table.rows] == ["interrupted", "pending"]
    assert machine.measured == []


def interrupted_at_each_sync(monkeypatch):
    """From now on every write to the disk is interrupted in its middle, as if Ctrl-C were held down."""
    sync = os.fsync

    def interrupting(file):
        sync(file)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(os, "fsync", interrupting)


def test_further_interrupts_leave_a_whole_study_file(tmp_path, monkeypatch):
    machine = FakeMachine(stops=2)
    machine.before = lambda: len(machine.measured) == 2 and interrupted_at_each_sync(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        new(machine, tmp_path, a_study_config(1, 8))
    left = StudyResult.from_dir(the_folder(tmp_path))
    assert [row.state for row in left.runs] == ["completed", "completed", "interrupted", "pending"]


def test_a_result_that_is_being_stored_when_the_interrupt_comes_is_kept(tmp_path, monkeypatch):
    machine = FakeMachine()
    machine.before = lambda: len(machine.measured) == 1 and interrupted_at_each_sync(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        new(machine, tmp_path, a_study_config(1, 8))
    left = StudyResult.from_dir(the_folder(tmp_path))
    assert [row.state for row in left.runs] == ["completed", "completed", "pending", "pending"]
    assert len(left.results) == 2


def test_a_damaged_result_does_not_take_away_the_answer(tmp_path):
    config = a_study_config(1, 8)
    new(FakeMachine(), tmp_path, config)
    folder = the_folder(tmp_path)
    for path in folder.glob("runs/*/result.json"):
        path.write_text("{")
    study = again(FakeMachine(), folder, config)
    assert study.answer
    assert "cpu_inference: 4 of 4 runs" in study.warnings


def test_a_run_whose_result_was_removed_and_that_was_not_made_again_has_no_warnings(tmp_path):
    config = a_study_config(1, 8)
    new(FakeMachine(), tmp_path, config)
    for path in the_folder(tmp_path).glob("runs/*/result.json"):
        path.unlink()
    with pytest.raises(KeyboardInterrupt):
        again(FakeMachine(stops=0), the_folder(tmp_path), config)
    assert StudyResult.from_dir(the_folder(tmp_path)).warnings == ()


def test_results_are_kept_when_the_journal_was_lost(tmp_path):
    new(FakeMachine(), tmp_path, a_study_config(1, 8))
    folder = the_folder(tmp_path)
    (folder / "journal.jsonl").unlink()
    machine = FakeMachine()
    study = again(machine, folder, a_study_config(1, 8))
    assert machine.measured == []
    assert len(study.completed) == 4


def test_a_second_attempt_is_kept_too_when_the_journal_was_lost(tmp_path):
    config = a_study_config(1, 8)
    with pytest.raises(KeyboardInterrupt):
        new(FakeMachine(stops=1), tmp_path, config)
    folder = the_folder(tmp_path)
    assert again(FakeMachine(), folder, config).runs[1].run_id == "02.c1.a2"
    (folder / "journal.jsonl").unlink()
    machine = FakeMachine()
    study = again(machine, folder, config)
    assert machine.measured == []
    assert study.runs[1].run_id == "02.c1.a2"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cell": "77"}, r"cell of the run at place 1 is 77, not 01; restore both files"),
        ({"run_id": "../../x"}, r"run_id of the run at place 1 is \.\./\.\./x, not 01\.c1"),
        ({"result": "../../secret.json"}, r"the result of 01\.c1 is \.\./\.\./secret\.json"),
    ],
)
def test_a_journal_of_another_run_table_is_refused_with_what_differs(tmp_path, change, words):
    study = new(FakeMachine(), tmp_path, a_study_config(1, 8))
    with Journal(the_folder(tmp_path) / "journal.jsonl") as journal:
        journal.append(study.runs[0].model_copy(update=change))
    with pytest.raises(ConfigError, match=rf"journal\.jsonl does not belong to manifest\.json: {words}"):
        again(FakeMachine(), the_folder(tmp_path), a_study_config(1, 8))


def test_a_damaged_result_that_was_not_recorded_is_named_with_the_fix(tmp_path):
    new(FakeMachine(), tmp_path, a_study_config(1, 8))
    folder = the_folder(tmp_path)
    (folder / "journal.jsonl").unlink()
    (folder / "runs" / "01.c1" / "result.json").write_text("{")
    with pytest.raises(ConfigError, match=r"01\.c1/result\.json is not JSON.*remove it; the run is then repeated"):
        again(FakeMachine(), folder, a_study_config(1, 8))
