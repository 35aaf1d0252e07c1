"""The executor of a study, from options and user config."""

from __future__ import annotations

import pytest

from fakes import RecordingProgress
from fakes_study import a_study_config
from llenergymeasure._api.executors import ExecutorOptions, gpus_for, gpus_of_a_run, handed_out, options_of
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.user_config import ExecutionSettings, ExecutorSettings, UserConfig
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.orchestration.orchestrator import Session
from llenergymeasure.study.design import design_of, protocol_of


def test_without_name_and_number_this_process_makes_the_runs():
    assert ExecutorOptions().with_settings(ExecutorSettings()) is None


def test_a_number_alone_is_the_local_executor():
    assert ExecutorOptions(parallel=2).with_settings(ExecutorSettings()) == ExecutorOptions("local", 2)
    assert ExecutorOptions().with_settings(ExecutorSettings(parallel=2)) == ExecutorOptions("local", 2)


def test_the_command_line_counts_more_than_the_user_config():
    settings = ExecutorSettings(
        name="local", parallel=4, gpus_per_run=2, options={"partition": "gpu", "nodes": 2, "exclusive": True}
    )
    chosen = ExecutorOptions(parallel=1, options={"partition": "big"}).with_settings(settings)
    assert chosen == ExecutorOptions("local", 1, 2, {"partition": "big", "nodes": "2", "exclusive": "true"})


def test_options_of_a_caller_may_be_numbers_and_switches():
    chosen = ExecutorOptions("slurm", options={"time": 60, "exclusive": True}).with_settings(ExecutorSettings())  # type: ignore[dict-item]
    assert chosen == ExecutorOptions("slurm", options={"time": "60", "exclusive": "true"})


def test_options_of_another_executor_are_not_taken_over():
    settings = ExecutorSettings(name="local", options={"partition": "gpu"})
    chosen = ExecutorOptions("other").with_settings(settings)
    assert chosen is not None
    assert chosen.options == {}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (ExecutorOptions(gpus_per_run=2), "--gpus-per-run has no effect without --executor or --parallel"),
        (ExecutorOptions(options={"a": "b"}), "--executor-option has no effect without --executor; add it, or remove"),
        (ExecutorOptions(detach=True), "--detach has no effect without --executor; add --executor slurm, or remove"),
        (ExecutorOptions(emit="sbatch"), "--emit has no effect without --executor; add --executor slurm, or remove"),
        (ExecutorOptions(parallel=0), "--parallel is 0; it must be at least 1"),
        (ExecutorOptions("local", gpus_per_run=-1), "--gpus-per-run is -1; it must be at least 1"),
        (ExecutorOptions(parallel="2"), "parallel is '2'; give a whole number"),  # type: ignore[arg-type]
    ],
)
def test_options_without_effect_and_impossible_numbers_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        options.with_settings(ExecutorSettings())


def test_options_are_read_from_texts():
    assert options_of(["partition=gpu", "comment=a=b", "empty="]) == {"partition": "gpu", "comment": "a=b", "empty": ""}
    for text in ("partition", "=gpu"):
        with pytest.raises(
            ConfigError, match=f"'{text}' is not KEY=VALUE; for example --executor-option partition=gpu"
        ):
            options_of([text])


def experiment(**section):
    return ExperimentConfig(model="builtin/tiny-llama", pytorch=section)


def test_the_gpus_of_a_run_follow_from_the_configurations():
    assert gpus_of_a_run([experiment(device="cpu")]) == 0
    assert gpus_of_a_run([experiment(), experiment(device="cpu")]) == 1
    assert gpus_of_a_run([experiment(num_processes=2), experiment()]) == 2
    assert gpus_of_a_run([experiment(device_map="auto"), experiment()]) is None


@pytest.fixture
def prepared(tmp_path):
    def prepare(chosen, place=tmp_path, devices=1, **execution):
        study = a_study_config(1, 8, **execution)
        cells = [experiment(num_processes=devices), *study.experiments]
        session = Session(progress=RecordingProgress(), user_config=UserConfig())
        return handed_out(chosen, cells, protocol_of(study, design_of(study), ExecutionSettings()), session, place)

    return prepare


@pytest.mark.torch
@pytest.mark.parametrize(
    ("chosen", "changes", "words"),
    [
        (ExecutorOptions("").with_settings(ExecutorSettings(name="local")), {}, "'' is not an executor"),
        (ExecutorOptions("loca"), {}, "'loca' is not an executor; use one of: local"),
        (
            ExecutorOptions("local"),
            {"cycle_order": "sequential"},
            "cycle_order sequential has none in time; use shuffled",
        ),
        (
            ExecutorOptions("local", emit="sbatch"),
            {},
            "--emit sbatch is not possible with --executor local: it has no script; use --executor slurm, or remove --emit",
        ),
        (ExecutorOptions("slurm", emit="srun"), {}, "--emit srun is not possible .* slurm: it has a script for sbatch"),
        (ExecutorOptions("slurm", emit="sbatch", detach=True), {}, "--emit submits nothing, and --detach submits"),
        (
            ExecutorOptions("local"),
            {"place": None},
            "an executor needs a folder that its workers share; give output_dir",
        ),
        (
            ExecutorOptions("local", detach=True),
            {},
            "--detach: workers of local end with this process; use --executor slurm, or remove --detach",
        ),
        (
            ExecutorOptions("slurm", gpus_per_run=1),
            {"devices": 2},
            "a run of this study uses 2 GPUs, and gpus_per_run is 1; raise it with --gpus-per-run, or leave it out",
        ),
        (ExecutorOptions("local", options={"a": "b"}), {}, "'a' is not an option of this executor"),
    ],
)
def test_a_study_that_cannot_be_handed_out_is_refused_before_anything_is_written(
    prepared, tmp_path, chosen, changes, words
):
    with pytest.raises(ConfigError, match=words):
        prepared(chosen, **changes)
    assert list(tmp_path.iterdir()) == []


SERVER = {"url": "http://127.0.0.1:8000/v1", "gpus": [0]}


@pytest.mark.parametrize("chosen", [ExecutorOptions(parallel=2), ExecutorOptions("slurm"), ExecutorOptions("ray", 3)])
def test_cycles_at_the_same_time_do_not_share_a_running_server(chosen):
    running, launched = (
        ExperimentConfig(model="m", backend="server", server=section)
        for section in (SERVER, {"launch": ["s", "{port}"], "gpus": [0]})
    )
    with pytest.raises(ConfigError, match=r"would share the server at http://127\.0\.0\.1:8000/v1"):
        gpus_for(chosen, [launched, running])
    assert gpus_for(chosen, [launched]) == 1


@pytest.mark.parametrize("chosen", [ExecutorOptions("local"), ExecutorOptions("local", 1), ExecutorOptions("slurm", 1)])
def test_one_cycle_after_another_may_use_a_running_server(chosen):
    assert gpus_for(chosen, [ExperimentConfig(model="m", backend="server", server=SERVER)]) == 1
