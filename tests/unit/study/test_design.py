"""From a configuration to design and protocol."""

from __future__ import annotations

import pytest

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.study.models import StudyConfig
from llenergymeasure.config.user_config import ExecutionSettings
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.study.design import MAX_RUNS, protocol_of

MACHINE = ExecutionSettings(config_gap_seconds=7, cycle_gap_seconds=70)


def a_study(n_cells=1, **execution):
    cells = [ExperimentConfig(model="m", n=n) for n in range(1, n_cells + 1)]
    return StudyConfig(experiments=cells, execution=execution)


def test_gaps_that_the_study_leaves_open_are_those_of_the_user_config():
    protocol = protocol_of(a_study(experiment_gap_seconds=3), MACHINE)
    assert (protocol.experiment_gap_s, protocol.cycle_gap_s) == (3, 70)


def test_without_gaps_the_cool_down_stays():
    protocol = protocol_of(a_study(experiment_gap_seconds=3), MACHINE, gaps=False)
    assert (protocol.experiment_gap_s, protocol.cycle_gap_s, protocol.cooldown_celsius) == (0, 0, 5)


def test_a_study_of_more_runs_than_a_run_table_may_have_is_refused():
    assert protocol_of(a_study(6, n_cycles=10_000), MACHINE).n_cycles * 6 == MAX_RUNS
    with pytest.raises(
        ConfigError, match=r"7 cells in 10,000 cycles are 70,000 runs, more than 60,000; lower execution\.n_cycles"
    ):
        protocol_of(a_study(7, n_cycles=10_000), MACHINE)
