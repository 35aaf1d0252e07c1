"""From a configuration to design and protocol."""

from __future__ import annotations

import hashlib

import pytest

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.study.models import StudyConfig
from llenergymeasure.config.user_config import ExecutionSettings
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.study.design import MAX_RUNS, design_of, protocol_of

MACHINE = ExecutionSettings(config_gap_seconds=7, cycle_gap_seconds=70)


def a_study(n_cells=1, **execution):
    cells = [ExperimentConfig(model="m", n=n) for n in range(1, n_cells + 1)]
    return StudyConfig(experiments=cells, execution=execution)


def protocol(study, **options):
    return protocol_of(study, design_of(study), MACHINE, **options)


def test_gaps_that_the_study_leaves_open_are_those_of_the_user_config():
    found = protocol(a_study(experiment_gap_seconds=3))
    assert (found.experiment_gap_s, found.cycle_gap_s) == (3, 70)


def test_without_gaps_the_cool_down_stays():
    found = protocol(a_study(experiment_gap_seconds=3), gaps=False)
    assert (found.experiment_gap_s, found.cycle_gap_s, found.cooldown_celsius) == (0, 0, 5)


def test_a_study_of_more_runs_than_a_run_table_may_have_is_refused():
    assert protocol(a_study(6, n_cycles=10_000)).n_cycles * 6 == MAX_RUNS
    with pytest.raises(
        ConfigError, match=r"7 cells in 10,000 cycles are 70,000 runs, more than 60,000; lower execution\.n_cycles"
    ):
        protocol(a_study(7, n_cycles=10_000))


def test_the_seed_of_the_order_comes_from_the_design_hash_unless_it_is_set():
    assert protocol(a_study()).seed == int(design_of(a_study()).design_hash, 16)
    assert protocol(a_study(shuffle_seed=0)).seed == 0


def test_prompts_are_read_once_so_that_hash_and_digests_belong_together(tmp_path):
    file = tmp_path / "own.jsonl"
    file.write_text('{"prompt": "one"}\n')
    study = StudyConfig(experiments=[ExperimentConfig(model="m", dataset=str(file))])
    design = design_of(study)
    assert design.prompts == {str(file): hashlib.sha256(file.read_bytes()).hexdigest()}
    file.write_text('{"prompt": "two"}\n')
    assert study.hash_with(design.prompts) == design.design_hash != design_of(study).design_hash
