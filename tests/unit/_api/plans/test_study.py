"""The dry run of a study."""

from __future__ import annotations

import pytest

from fakes_study import a_study_config
from llenergymeasure import ExperimentConfig, StudyConfig
from llenergymeasure._api.duration import duration
from llenergymeasure._api.executors import ExecutorOptions
from llenergymeasure._api.plans.study import plan_study
from llenergymeasure._api.plans.study_text import plan_text
from llenergymeasure.exceptions import ConfigError


@pytest.fixture(autouse=True)
def empty_home(tmp_path, monkeypatch):
    """No settings of the user."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.mark.torch
def test_the_waits_of_two_cycles_of_three_cells(tmp_path):
    config = a_study_config(1, 8, 32, experiment_gap_seconds=None, cycle_gap_seconds=None)
    waits = plan_study(config, tmp_path).waits
    assert waits.experiment_gaps_s == 4 * 60
    assert waits.cycle_gaps_s == 300
    assert waits.thermal_floors_s == 6 * 60  # the default between warm-up and window
    assert plan_study(config, tmp_path, gaps=False).waits.gaps_s == 0


@pytest.mark.torch
def test_the_plan_shows_what_would_run_and_what_it_could_find(tmp_path):
    plan = plan_study(a_study_config(1, 8, n_cycles=5, cooldown_celsius=5.0), tmp_path)
    text = plan_text(plan)
    assert "pytorch.batch_size: 1, 8" in text
    assert "01: batch_size 1, reference; memory on the device about" in text
    assert f"10 runs: 5 cycles, order interleaved, seed {int(plan.design_hash, 16)}" in text
    assert plan.detectable[0.01] < plan.detectable[0.03] < plan.detectable[0.1]
    assert f"results would go to: {tmp_path}, about 0.32 MB" in text
    assert list(tmp_path.iterdir()) == []


def test_the_windows_of_rates_have_about_a_duration(tmp_path):
    server = {"launch": ["sh", "{port}"]}
    cells = [
        ExperimentConfig(model="m", backend="server", n=100, server=server, traffic=traffic)
        for traffic in ({"mode": "constant", "rate": 1}, {"mode": "constant", "rate": 4}, {"concurrency": 2})
    ]
    plan = plan_study(StudyConfig(experiments=cells, execution={"n_cycles": 3}), tmp_path)
    assert plan.rate_windows_s == 3 * (100 + 25)
    assert (
        "windows at a rate: about 6 min together; each run also has the start of its server, warm-up, ramp-up and drain"
        in plan_text(plan)
    )


@pytest.mark.torch
def test_a_model_that_is_not_on_this_machine_is_noted_once(tmp_path):
    config = StudyConfig(experiments=[ExperimentConfig(model="org/not-here", n=n) for n in (1, 2)])
    assert plan_text(plan_study(config, tmp_path)).count("note: model 'org/not-here' is not on this machine") == 1


@pytest.mark.torch
def test_one_cycle_shows_no_differences(tmp_path):
    plan = plan_study(a_study_config(1, 8, n_cycles=1), tmp_path)
    assert set(plan.detectable.values()) == {None}
    assert "one cycle or one cell shows no differences" in plan_text(plan)


@pytest.mark.torch
def test_a_long_list_of_cells_is_cut_in_the_text_and_whole_in_the_data(tmp_path):
    cells = [ExperimentConfig(model="builtin/tiny-llama", n=n) for n in range(1, 51)]
    plan = plan_study(StudyConfig(experiments=cells), tmp_path)
    assert "... and 10 more, see --json" in plan_text(plan)
    assert len(plan.model_dump(mode="json")["cells"]) == 50


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (119.4, "119 s"), (120, "2 min"), (7100, "118 min"), (7200, "2.0 h")]
)
def test_a_duration_has_the_unit_that_fits(seconds, text):
    assert duration(seconds) == text


@pytest.mark.torch
def test_cycles_on_several_device_groups_wait_at_the_same_time(tmp_path):
    config = a_study_config(1, 8, 32, n_cycles=5, experiment_gap_seconds=None, cycle_gap_seconds=None)
    plan = plan_study(config, tmp_path, executor=ExecutorOptions(parallel=2))
    assert (plan.executor, plan.n_groups) == ("local", 2)
    assert plan.waits_of_group.experiment_gaps_s == 3 * 2 * 60
    assert plan.waits_of_group.cycle_gaps_s == 2 * 300
    text = plan_text(plan)
    assert (
        "executor local: 2 cycles at the same time, at most 3 per device group; waits of a group: 25 min; each cycle"
        in text
    )
    assert plan_study(config, tmp_path, executor=ExecutorOptions(parallel=9)).n_groups == 5
    assert "executor" not in plan_text(plan_study(config, tmp_path))
    with pytest.raises(ConfigError, match="cycle_order sequential has none in time"):
        plan_study(a_study_config(1, 8, cycle_order="sequential"), tmp_path, executor=ExecutorOptions(parallel=2))
