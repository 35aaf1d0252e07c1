"""Where an experiment runs, as far as that is decided without starting a process."""

from __future__ import annotations

import pytest

from llenergymeasure import ExperimentConfig
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.exceptions import ConfigError, PreFlightError
from llenergymeasure.launch.open import open_experiment
from llenergymeasure.orchestration.orchestrator import Session
from llenergymeasure.testing import FakeMeter, metering

CONFIG = ExperimentConfig(model="builtin/tiny-llama", n=4, pytorch={"device": "cpu", "num_processes": 2})


def test_a_meter_of_the_caller_cannot_measure_in_other_processes():
    with pytest.raises(
        PreFlightError, match="the meter 'fake' is an object of this process and cannot measure in 2 other processes"
    ):
        open_experiment(CONFIG, Session(environ={}, user_config=UserConfig()), metering=metering(FakeMeter()))


def test_a_meter_of_the_caller_cannot_measure_in_a_fresh_process():
    config = ExperimentConfig(model="builtin/tiny-llama", n=4)
    session = Session(environ={}, user_config=UserConfig())
    with pytest.raises(PreFlightError, match="cannot measure in another process") as caught:
        open_experiment(config, session, metering=metering(FakeMeter()), fresh=True)
    assert [finding.fix for finding in caught.value.findings] == ["name a meter with energy.backend"]


def test_a_process_of_a_launcher_is_not_measured_again_in_a_fresh_one():
    launched = {
        "WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500",
    }  # fmt: skip
    with pytest.raises(PreFlightError, match="a launcher started this process as rank 1 of 2"):
        open_experiment(CONFIG, Session(environ=launched, user_config=UserConfig()), fresh=True)


ELSEWHERE = {"LLEM_RUNNER_PYTORCH": "python:/opt/torch/bin/python"}


def test_a_meter_of_the_caller_cannot_measure_in_another_environment():
    config = ExperimentConfig(model="builtin/tiny-llama", n=4)
    session = Session(environ=ELSEWHERE, user_config=UserConfig())
    with pytest.raises(PreFlightError, match="the meter 'fake' is an object of this process"):
        open_experiment(config, session, metering=metering(FakeMeter()))


def test_a_process_of_a_launcher_does_not_measure_in_another_environment():
    launched = {
        "WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500",
    }  # fmt: skip
    with pytest.raises(PreFlightError, match="or set the runner, which is python:/opt/torch/bin/python, to local"):
        open_experiment(CONFIG, Session(environ={**launched, **ELSEWHERE}, user_config=UserConfig()))


def test_half_a_launcher_is_an_error_before_anything_starts():
    with pytest.raises(ConfigError, match="torchrun"):
        open_experiment(CONFIG, Session(environ={"WORLD_SIZE": "2"}, user_config=UserConfig()))
