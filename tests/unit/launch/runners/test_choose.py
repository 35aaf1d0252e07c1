"""Which runner a backend has, and where a path of an interpreter begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.launch.runners.choose import runner_for, runner_notes
from llenergymeasure.launch.runners.local import LOCAL

SET = UserConfig.model_validate({"runners": {"vllm": "python:/opt/vllm/bin/python"}})


def test_without_a_setting_a_backend_runs_here():
    assert runner_for("pytorch", SET, {}) is LOCAL
    assert list(runner_notes("pytorch", SET, {})) == []


def test_the_user_config_names_an_interpreter():
    runner = runner_for("vllm", SET, {})
    assert (runner.name, runner.interpreter) == ("python:/opt/vllm/bin/python", Path("/opt/vllm/bin/python"))
    assert not runner.is_local
    assert list(runner_notes("vllm", SET, {})) == ["backend 'vllm' runs in python:/opt/vllm/bin/python"]


def test_the_variable_wins():
    assert runner_for("vllm", SET, {"LLEM_RUNNER_VLLM": "local"}) is LOCAL


def test_a_relative_path_in_the_variable_begins_in_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runner = runner_for("vllm", UserConfig(), {"LLEM_RUNNER_VLLM": "python:.venv/bin/python"})
    assert (runner.name, runner.interpreter) == ("python:.venv/bin/python", tmp_path / ".venv/bin/python")


def test_a_tilde_is_the_home_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    user = UserConfig.model_validate({"runners": {"vllm": "python:~/v/bin/python"}})
    assert runner_for("vllm", user, {}).interpreter == tmp_path / "v/bin/python"


def test_a_relative_path_in_the_user_config_is_refused():
    user = UserConfig.model_validate({"runners": {"vllm": "python:v/bin/python"}})
    with pytest.raises(ConfigError, match="depend on the working directory; write the full path"):
        runner_for("vllm", user, {})


def test_two_names_of_one_interpreter_with_one_spelling_are_one_runner():
    environ = {"LLEM_RUNNER_VLLM": "python:/p", "LLEM_RUNNER_PYTORCH": "python:/p"}
    assert runner_for("vllm", UserConfig(), environ) == runner_for("pytorch", UserConfig(), environ)
