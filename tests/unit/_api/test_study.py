"""`run_study` on this machine, with a model of a megabyte."""

from __future__ import annotations

import gc
import os

import pytest

from fakes_study import a_study_config
from llenergymeasure import ExperimentConfig, StudyConfig, StudyResult, run_experiment, run_study
from llenergymeasure._api.study import StudyOptions, configuration_of, run_cells
from llenergymeasure.config.study.load import load_study_config
from llenergymeasure.config.study.models import ExecutionConfig
from llenergymeasure.exceptions import ConfigError, PreFlightError, StudyError
from llenergymeasure.orchestration.orchestrator import Session
from tiny import TINY

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

TOO_LARGE = {"decoding_strategy": "beam", "num_beams": 1_000_000_000}


def tiny(*cells, n_cycles=1):
    """Cells of the smallest experiment in this process."""
    how = {"n_cycles": n_cycles, "isolation": "none", "experiment_gap_seconds": 0, "cycle_gap_seconds": 0}
    configs = [ExperimentConfig(**{**TINY, "energy": {"backend": "null"}, **cell}) for cell in cells]
    return StudyConfig(experiments=configs, execution=how)


def test_without_a_directory_the_results_are_in_memory_and_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = run_study(tiny({"n": 1}, {"n": 2}))
    assert [result.n_prompts for result in study.results] == [1, 2]
    assert study.folder is None
    assert list(tmp_path.iterdir()) == []


def test_with_a_directory_a_study_continues(tmp_path):
    first = run_study(tiny({"n": 1}, {"n": 2}), output_dir=tmp_path)
    again = run_study(tiny({"n": 1}, {"n": 2}, n_cycles=2), output_dir=tmp_path, resume=True)
    assert again.folder == first.folder
    assert len(again.results) == 4
    named = run_study(tiny({"n": 1}, {"n": 2}, n_cycles=3), output_dir=tmp_path, resume=first.folder)
    assert len(named.results) == 6
    assert StudyResult.from_dir(first.folder) == named


def test_a_study_that_is_continued_keeps_the_gaps_that_its_configuration_leaves_open(tmp_path):
    open_gaps = {"n_cycles": 1, "isolation": "none"}
    config = tiny({"n": 1}).model_copy(update={"execution": ExecutionConfig(**open_gaps)})
    session = Session(environ={"XDG_CONFIG_HOME": str(tmp_path)})
    first = run_cells(config, session, tmp_path, StudyOptions(gaps=False))
    again = run_cells(config, session, tmp_path, StudyOptions(resume=first.folder))
    assert (again.protocol.experiment_gap_s, again.protocol.cycle_gap_s) == (0, 0)
    assert [line for line in again.warnings if "protocol_changed" in line] == []


def test_the_file_is_kept_as_it_was_given(tmp_path):
    file = tmp_path / "study.yaml"
    lines = ["# mine", *(f"{name}: {value}" for name, value in TINY.items() if name not in ("n", "warmup", "baseline"))]
    lines += ["warmup: {enabled: false}", "baseline: {enabled: false}", "energy: {backend: null}", "sweep: {n: [1, 2]}"]
    lines += ["execution: {n_cycles: 1, isolation: none, experiment_gap_seconds: 0}"]
    file.write_text("\n".join(lines))
    study = run_study(file, output_dir=tmp_path / "out")
    assert (study.folder / "study.yaml").read_text() == file.read_text()


@pytest.mark.parametrize("reference", [{}, {"execution.control": True}])
def test_a_study_without_a_file_is_kept_as_one_that_can_be_run_again(tmp_path, reference):
    sweeps = ["n=1,2", "decoder.temperature=0.5,0.7"]  # without sampling a temperature has no effect
    study = load_study_config(overrides={"model": "builtin/tiny-llama", **reference}, sweeps=sweeps)
    assert len(study.merged) == 2
    (tmp_path / "study.yaml").write_text(configuration_of(study, None).given)
    again = load_study_config(tmp_path / "study.yaml")
    assert again.study_design_hash == study.study_design_hash
    assert again.execution == study.execution


def test_a_study_with_a_failed_run_is_returned_and_one_without_a_result_is_an_error():
    study = run_study(tiny({}, {"decoder": TOO_LARGE}))
    assert [row.state for row in sorted(study.runs, key=lambda row: row.cell)] == ["completed", "failed"]
    assert study.failed[0].failure.kind == "out_of_memory"
    with pytest.raises(StudyError, match="2 of 2 experiments failed") as caught:
        run_study(tiny({"decoder": TOO_LARGE}, {"n": 2, "decoder": TOO_LARGE}))
    assert caught.value.failed[0].config.decoder.num_beams == 1_000_000_000


def test_nothing_can_be_resumed_without_a_directory():
    with pytest.raises(ConfigError, match="resume needs output_dir"):
        run_study(a_study_config(1, 8), resume=True)


def test_a_named_folder_needs_no_directory(tmp_path):
    first = run_study(tiny({"n": 1}, {"n": 2}), output_dir=tmp_path)
    again = run_study(tiny({"n": 1}, {"n": 2}), resume=first.folder)
    assert again.folder == first.folder
    assert again.runs == first.runs


@pytest.mark.parametrize("place", ["", " ", b"x", 5])
def test_what_is_no_directory_is_refused(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"output_dir must be a directory, not .*; give a path, or '\.' for"):
        run_study(tiny({"n": 1}, {"n": 2}), output_dir=place)
    with pytest.raises(ConfigError, match="output_dir must be a directory"):
        run_experiment(ExperimentConfig(**TINY), output_dir=place)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("resume", [1, 0, None, "", " ", b"x"])
def test_what_does_not_say_which_study_to_continue_is_refused(tmp_path, resume):
    with pytest.raises(ConfigError, match=r"resume must be True, False or a folder, not "):
        run_study(tiny({"n": 1}, {"n": 2}), output_dir=tmp_path, resume=resume)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_to_continue_and_another_directory_contradict_each_other(tmp_path):
    first = run_study(tiny({"n": 1}, {"n": 2}), output_dir=tmp_path)
    with pytest.raises(ConfigError, match=r"is continued in its own folder, which is not in .*other"):
        run_study(tiny({"n": 1}, {"n": 2}), output_dir=tmp_path / "other", resume=first.folder)
    assert not (tmp_path / "other").exists()


def test_a_folder_that_is_no_study_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"manifest\.json"):
        run_study(tiny({"n": 1}, {"n": 2}), resume=tmp_path)


def test_a_study_leaves_no_open_file(tmp_path):
    run_study(tiny({"n": 1}, {"n": 2}), output_dir=tmp_path)
    before = open_files()
    run_study(tiny({"n": 1}, {"n": 2}), output_dir=tmp_path)
    assert open_files() <= before


def open_files():
    gc.collect()  # what an earlier test left is closed now, and not in between
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names suffice


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_a_study_is_not_one_of_several_ranks_of_a_launcher(monkeypatch, isolation):
    launched = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}
    for name, value in launched.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(PreFlightError, match=r"run without the launcher, and set pytorch\.num_processes"):
        run_study(a_study_config(1, 8, isolation=isolation))
