"""A plan: what would run, as values."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from llenergymeasure._api.plans.experiment import Plan, plan, plan_json
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.sections import EnergyConfig
from llenergymeasure.config.study.models import StudyConfig
from llenergymeasure.exceptions import PreFlightError
from llenergymeasure.orchestration.model.vram import VramEstimate

TINY = ExperimentConfig(model="builtin/tiny-llama", n=4, pytorch={"load_format": "dummy"})


@pytest.fixture(autouse=True)
def no_user_config(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.mark.torch
def test_each_experiment_shows_what_it_would_use():
    found = plan(StudyConfig(experiments=(TINY, TINY.model_copy(update={"n": 2}))))
    assert [each.prompts.n_used for each in found.experiments] == [4, 2]
    assert found.experiments[0].fields["pytorch.load_format"] == "dummy"
    assert found.output_dir == Path("results")


@pytest.mark.torch
def test_a_plan_is_json_with_the_configuration_that_would_run():
    data = json.loads(plan_json(plan(StudyConfig(experiments=(TINY,)))))
    (one,) = data["experiments"]
    assert ExperimentConfig.model_validate(one["config"]) == TINY
    assert one["measurement_config_hash"] == TINY.config_hash
    assert (one["prompts"]["n_used"], one["prompts"]["n_available"]) == (4, 1000)
    assert one["memory"]["total_mb"] > one["memory"]["weights_mb"] > 0
    assert data["output_dir"] == "results"


@pytest.mark.torch
def test_memory_beyond_every_number_is_null_in_json():
    (one,) = plan(StudyConfig(experiments=(TINY,))).experiments
    endless = one._replace(memory=VramEstimate(math.inf, 1.0, None, None, ()))
    data = json.loads(plan_json(Plan((endless,), Path("results"))))
    assert data["experiments"][0]["memory"]["weights_mb"] is None


@pytest.mark.torch
def test_a_plan_writes_nothing(tmp_path):
    plan(StudyConfig(experiments=(TINY,)), tmp_path / "there")
    assert not (tmp_path / "there").exists()


def test_what_cannot_run_here_is_refused(tmp_path):
    missing = ExperimentConfig(model="builtin/tiny-llama", n=4, dataset=str(tmp_path / "nowhere.jsonl"))
    with pytest.raises(PreFlightError, match="nowhere"):
        plan(StudyConfig(experiments=(TINY, missing)))


def test_a_plan_waits_for_nothing_that_only_a_run_needs():
    program = "import sys, llenergymeasure._api.plans.experiment; print([name for name in sys.argv[1:] if name in sys.modules])"
    heavy = [
        "llenergymeasure.core.harness", "llenergymeasure.domain.result_data", "llenergymeasure.domain.environment", "pynvml",
        "pyarrow", "torch",
    ]  # fmt: skip
    assert subprocess.check_output([sys.executable, "-c", program, *heavy], text=True).strip() == "[]"


@pytest.mark.torch
def test_settings_of_a_study_are_noted_for_one_experiment():
    study = StudyConfig(experiments=(TINY,), execution={"isolation": "spawn"})
    (note,) = plan(study).experiments[0].notes
    assert note.startswith("execution.isolation: without effect on a single experiment")


@pytest.mark.torch
def test_a_plan_foresees_the_meter():
    off = TINY.model_copy(update={"energy": EnergyConfig(backend="null")})
    (found,) = plan(StudyConfig(experiments=(off,))).experiments
    assert (found.energy.meter, found.energy.source, found.server) == ("null", None, None)
    data = json.loads(plan_json(Plan((found,), Path("results"))))["experiments"][0]
    assert data["energy"] == {"meter": "null", "source": None, "reason": found.energy.reason}
    assert data["server"] is None


def test_a_server_is_in_the_plan_with_its_command_and_without_memory():
    pytest.importorskip("httptools")
    config = ExperimentConfig(model="m", backend="server", n=4, server={"launch": ["sh", "{port}"]})
    (found,) = plan(StudyConfig(experiments=(config,))).experiments
    assert found.memory.total_mb is None
    data = json.loads(plan_json(Plan((found,), Path("results"))))["experiments"][0]
    assert data["server"]["command"] == ["sh", "{port}"]
    assert data["server"]["url"] is None
