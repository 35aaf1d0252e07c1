"""`pytorch.num_processes: 2` is two processes, whichever way an experiment is started."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from llenergymeasure import ExperimentConfig, StudyConfig, _plugin_api, run_study
from llenergymeasure.cli.app import app
from pytest_llem.measure.measuring import Measuring
from tiny import TINY

pytestmark = [pytest.mark.torch, pytest.mark.slow]
pytest.importorskip("torch")

TWO = {
    **TINY, "n": 2, "energy": {"backend": "null"},
    "pytorch": {"device": "cpu", "load_format": "dummy", "num_processes": 2},
}  # fmt: skip


@pytest.fixture
def measuring():
    """What measures in a pytest run without a sensor."""
    made = Measuring(SimpleNamespace(energy="null", replay_path=None, min_window_s=0.0))
    yield made
    made.close()


def ranks(result):
    return [part["rank"] for part in result.process_results or ()]


def test_llem_run(tmp_path):
    config = tmp_path / "two.yaml"
    config.write_text(json.dumps(TWO))
    ran = CliRunner().invoke(app, ["run", str(config), "--json", "--output", str(tmp_path / "out")])
    assert ran.exit_code == 0, ran.stderr
    assert [part["rank"] for part in json.loads(ran.stdout)["process_results"]] == [0, 1]


def test_run_study():
    study = run_study(StudyConfig(experiments=(ExperimentConfig(**TWO),)))
    assert ranks(study.results[0]) == [0, 1]


def test_an_open_experiment_measures_as_often_as_wanted_in_processes_that_stay():
    with _plugin_api.open_experiment(ExperimentConfig(**TWO)) as experiment:
        results = [experiment.measure() for _ in range(3)]
    assert [ranks(result) for result in results] == [[0, 1]] * 3
    assert len({result.started_at for result in results}) == 1  # loaded once
    assert len({result.window_utc for result in results}) == 3


def test_a_test_and_its_second_look(measuring, request):
    config, kept = ExperimentConfig(**TWO), []
    first = measuring.measure(config, request.node, 1, kept.append)
    again, how = measuring.measure_again(config, request.node, 1, kept.append)
    assert [ranks(result) for result in (*first, *again, *kept)] == [[0, 1]] * 4
    assert how == "measured again in a fresh process"
