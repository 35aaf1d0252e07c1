"""What the probe answers, asked in this process."""

from __future__ import annotations

import pytest

from llenergymeasure import ExperimentConfig
from llenergymeasure._version import __version__
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.launch.runners.probe import answer_to, main
from llenergymeasure.launch.runners.question import Answer, Question, read, write

GOOD = ExperimentConfig(model="builtin/tiny-llama", n=2, pytorch={"device": "cpu"})
WRONG = ExperimentConfig(model="builtin/no-such", n=2, pytorch={"device": "cpu"})


def question(**fields):
    return Question(user_config=UserConfig(), with_torch=False, **fields)


@pytest.mark.torch
def test_each_experiment_has_its_own_findings():
    good, wrong = answer_to(question(configs=(GOOD, WRONG))).findings
    assert good == ()
    assert "there is no built-in model 'builtin/no-such'" in wrong[0].problem


@pytest.mark.torch
def test_the_backends_that_are_installed_are_named():
    assert "pytorch" in answer_to(question()).backends


def test_question_and_answer_are_files(quick_folder):
    write(question(), quick_folder)
    assert read(Question, quick_folder) == question()
    write(answer_to(question()), quick_folder)
    assert read(Answer, quick_folder).snapshot.tool_version == __version__


@pytest.fixture
def quick_folder(tmp_path):
    return tmp_path


def test_a_missing_question_is_an_error(tmp_path):
    with pytest.raises(OSError, match="question"):
        main(tmp_path)
