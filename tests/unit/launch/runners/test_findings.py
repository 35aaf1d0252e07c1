"""Experiments of several backends are checked together, each where it will be measured."""

from __future__ import annotations

import os

import pytest

from another_environment import environment
from llenergymeasure import ExperimentConfig
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.core.backends.registry import importable
from llenergymeasure.exceptions import Finding
from llenergymeasure.launch.runners.findings import findings_where_measured
from llenergymeasure.launch.runners.question import Question
from llenergymeasure.progress import Silent

HERE = ExperimentConfig(model="builtin/tiny-llama", n=2)
THERE = ExperimentConfig(model="builtin/tiny-llama", backend="vllm", n=2)


class Steps(Silent):
    """Keeps the steps."""

    def __init__(self):
        self.seen = []

    def step(self, text, seconds=None):
        self.seen.append(text)


def found(configs, runner, output_dir=None, steps=None, here=lambda config: (Finding("found here", "repair it"),)):
    user_config, environ = UserConfig(), {**os.environ, "LLEM_RUNNER_VLLM": runner}

    def question(there):
        return Question(configs=there, with_torch=False, user_config=user_config)

    return findings_where_measured(configs, here, question, user_config, output_dir, environ, steps or Silent())


def test_experiments_here_are_checked_here():
    assert found([HERE, THERE], "local") == [(Finding("found here", "repair it"),)] * 2


def test_an_environment_that_is_not_there_is_a_finding_of_each_of_its_experiments(tmp_path):
    here, first, second = found([HERE, THERE, THERE], f"python:{tmp_path}/python")
    assert here == (Finding("found here", "repair it"),)
    assert "there is no file" in first[0].problem
    assert first == second


def test_the_folder_for_results_is_checked_here(tmp_path):
    (tmp_path / "file").touch()
    (findings,) = found([THERE], f"python:{tmp_path}/python", tmp_path / "file")
    assert ["there is no file" in findings[0].problem, "is not a directory" in findings[1].problem] == [True, True]


@pytest.mark.skipif(importable("vllm"), reason="vLLM is installed")
def test_an_engine_that_is_not_installed_there_is_found_there_and_named_with_its_runner(tmp_path):
    python, steps = environment(tmp_path / "v"), Steps()
    (findings, _) = found([THERE, HERE], f"python:{python}", steps=steps)
    assert findings[0].problem.startswith(f"runner python:{python}: backend 'vllm' needs vllm")
    assert steps.seen == [f"checking the experiments in python:{python}"]
