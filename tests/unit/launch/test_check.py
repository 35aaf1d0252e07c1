"""A list of experiments is checked whole before the first of them runs."""

from __future__ import annotations

import os

import pytest

from another_environment import environment
from llenergymeasure import ExperimentConfig
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.exceptions import ConfigError, PreFlightError
from llenergymeasure.launch.check import check_experiments
from llenergymeasure.orchestration.orchestrator import Session
from llenergymeasure.progress import Silent

pytestmark = pytest.mark.torch

TORCHRUN = {
    "RANK": "0", "WORLD_SIZE": "4", "LOCAL_RANK": "0", "MASTER_ADDR": "node0", "MASTER_PORT": "29500",
}  # fmt: skip


def config(**fields):
    section = {"device": "cpu", "load_format": "dummy", **fields.pop("pytorch", {})}
    return ExperimentConfig(**{"model": "builtin/tiny-llama", "n": 4, "pytorch": section, **fields})


def session(**environ):
    return Session(environ=environ, user_config=UserConfig())


def problems(*configs, session=session(), **options):  # noqa: B008
    with pytest.raises(PreFlightError) as caught:
        check_experiments(configs, session, **options)
    return [finding.problem for finding in caught.value.findings]


def test_a_list_without_findings_passes(tmp_path):
    check_experiments([config(), config(n=8)], session(), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


class Notes(Silent):
    """Keeps the notes."""

    def __init__(self):
        self.seen = []

    def note(self, text):
        self.seen.append(text)


def test_a_backend_that_runs_elsewhere_is_named_once(tmp_path):
    runner, notes = f"python:{environment(tmp_path / 'v')}", Notes()
    elsewhere = Session(progress=notes, environ={**os.environ, "LLEM_RUNNER_PYTORCH": runner}, user_config=UserConfig())
    check_experiments([config(), config(n=8)], elsewhere)
    assert notes.seen == [f"backend 'pytorch' runs in {runner}"]


def test_every_finding_of_every_experiment_comes_at_once(tmp_path):
    missing = str(tmp_path / "nowhere.jsonl")
    first, second = problems(config(), config(dataset=missing), config(n=1001))
    assert first.startswith("experiment 2: ")
    assert missing in first
    assert second.startswith("experiment 3: ")
    assert "has 1000 prompts, but n is 1001" in second


def test_a_place_that_cannot_be_written_is_of_every_experiment(tmp_path):
    (tmp_path / "file").touch()
    (problem,) = problems(config(), config(n=8), output_dir=tmp_path / "file")
    assert problem.startswith("every experiment: output directory")


def test_the_meter_of_the_caller_is_checked_instead_of_the_configured_one():
    named = config(energy={"backend": "nvml"})
    assert "'nvml' is not available" in problems(named)[0]
    check_experiments([named], session(), meter_name="null")


def test_processes_that_a_launcher_started_are_counted():
    assert problems(config(n=3), session=session(**TORCHRUN)) == ["3 prompts are fewer than 4 processes"]


@pytest.mark.parametrize("environ", [{"LLEM_CARBON_INTENSITY": "much"}, {"WORLD_SIZE": "4"}])
def test_an_environment_that_cannot_be_understood_is_an_error_of_its_own(environ):
    with pytest.raises(ConfigError):
        check_experiments([config()], session(**environ))
